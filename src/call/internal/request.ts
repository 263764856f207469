import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as SchemaParser from "effect/SchemaParser"
import type { AnnotatedRequest } from "../../codec/Annotated.ts"
import type { Codec } from "../../codec/Codec.ts"
import type { Call } from "../../middleware/Call.ts"
import { appliesTo } from "../../middleware/internal/applies.ts"
import { asInstaller, withContext } from "../../middleware/internal/installer.ts"
import { isPromise } from "../../middleware/internal/promise.ts"
import { type CallError, CodecFailed, InterceptFailed, InvalidInput } from "../CallError.ts"
import { annotateRequest, bodyOf, patchRequest, requestProfile } from "./annotation.ts"
import type { Prepared } from "./carrier.ts"
import { copyContainer, freezeCopy } from "./containers.ts"
import type { AnyRun } from "./managedCall.ts"
import { isPending, type Verdict } from "./verdict.ts"

/** Step 2: request intercepts in order, then the schema. Leaves the result in `run.request`. */
export const prepare = (run: AnyRun): Verdict => {
  const { codec } = run.spec
  if (codec !== undefined) {
    const annotated = withAnnotation(run, codec, run.request)
    if (annotated instanceof CodecFailed) return run.fail(annotated)
    run.request = annotated
  }
  const rewritten = rewrite(run, 0, undefined)
  if (run.spec.schema === undefined) return rewritten
  if (isPending(rewritten)) {
    return Effect.flatMap(rewritten, (error) => error === undefined ? decode(run) : Effect.succeed(error))
  }
  return rewritten === undefined ? decode(run) : rewritten
}

const rewrite = (
  run: AnyRun,
  from: number,
  brokenBefore: Set<number> | undefined
): Verdict => {
  let broken = brokenBefore
  const steps = run.chains.requests
  for (let i = from; i < steps.length; i++) {
    const { context, entry, level } = steps[i]!
    if (broken?.has(level) === true) continue
    let result: unknown
    let isEffect = false
    try {
      const view = run.viewOf(run.request)
      if (!appliesTo(entry.applies, view.kind, view.name, view)) continue
      result = entry.transform(view)
      if (result === view) {
        if (entry.breakChain) (broken ??= new Set()).add(level)
        continue
      }
      isEffect = Effect.isEffect(result)
    } catch (defect) {
      return run.fail(new InterceptFailed({ intercept: entry.name, cause: Cause.die(defect) }))
    }
    if (entry.breakChain) (broken ??= new Set()).add(level)
    if (isEffect && Effect.isEffect(result)) {
      return asInstaller(result, context, run.frame).pipe(
        Effect.exit,
        Effect.flatMap((exit) => {
          const error = Exit.isFailure(exit)
            ? run.fail(new InterceptFailed({ intercept: entry.name, cause: exit.cause }))
            : adopt(run, entry.name, exit.value)
          if (error !== undefined) return Effect.succeed(error)
          const rest = rewrite(run, i + 1, broken)
          return isPending(rest) ? rest : Effect.succeed(rest)
        })
      )
    }
    const error = adopt(run, entry.name, result)
    if (error !== undefined) return error
  }
  return undefined
}

const adopt = (run: AnyRun, intercept: string, result: unknown): CallError | undefined => {
  const changed = change(run, run.request, intercept, result)
  if (isReason(changed)) return run.fail(changed)
  run.request = changed
  return undefined
}

/**
 * The request that an intercept made of another one, or what is wrong with it: only `input`, `request`, `annotated` and
 * `metadata` may change.
 */
export const change = (
  run: AnyRun,
  request: Prepared,
  intercept: string,
  result: unknown
): Prepared | InterceptFailed | CodecFailed => {
  const changed = changedOf(run, request, result)
  return typeof changed === "string" ? new InterceptFailed({ intercept, cause: changed }) : changed
}

export const isReason = (
  changed: Prepared | InterceptFailed | CodecFailed
): changed is InterceptFailed | CodecFailed => changed instanceof InterceptFailed || changed instanceof CodecFailed

const changedOf = (run: AnyRun, request: Prepared, result: unknown): Prepared | CodecFailed | string => {
  const before = run.viewOf(request)
  if (result === before) return request
  try {
    if (isPromise(result)) return "it must return a call or an Effect of one, not a Promise"
    if (!isCall(result)) return `it must return a call, not ${result === null ? "null" : typeof result}`
    for (const key of fixed) {
      if (result[key as keyof Call] !== before[key as keyof Call]) return `it changed "${key}" of the call`
    }
    if (result.scope !== undefined && result.scope !== before.scope) return `it changed "scope" of the call`
    const payload = run.spec.carrier.payloadOf(result)
    if (result.kind === "llm" && !isLlmRequest(payload)) return `"request" must be { headers, body }`
    const annotated = result.kind === "llm" ? result.annotated : undefined
    if (payload === request.payload && annotated === request.annotated) {
      return result.metadata === request.metadata
        ? request
        : run.prepared(payload, request.decoded, result.metadata, annotated)
    }
    const { codec } = run.spec
    if (codec === undefined) {
      if (annotated !== undefined) return `it changed "annotated" of a call without a codec`
      return run.prepared(payload, request.decoded, result.metadata)
    }
    return annotatedAgain(run, codec, request, payload, annotated, result.metadata)
  } catch {
    return "the call that it returned cannot be read"
  }
}

/** A changed body is annotated again; a changed annotation is patched into the body first. */
const annotatedAgain = (
  run: AnyRun,
  codec: Codec,
  request: Prepared,
  payload: unknown,
  annotated: AnnotatedRequest | undefined,
  metadata: Readonly<Record<string, unknown>> | undefined
): Prepared | CodecFailed | string => {
  if (!isLlmRequest(payload)) return `"request" must be { headers, body }`
  if (typeof annotated !== "object" || annotated === null) return `"annotated" must be an annotated request`
  const patched = annotated === request.annotated ? payload : patchRequest(codec, payload, request.annotated, annotated)
  if (patched instanceof CodecFailed) return patched
  return withAnnotation(run, codec, run.prepared(patched, request.decoded, metadata))
}

const withAnnotation = (run: AnyRun, codec: Codec, request: Prepared): Prepared | CodecFailed => {
  const annotated = annotateRequest(codec, request.payload)
  if (annotated instanceof CodecFailed) return annotated
  run.span.annotation = { body: bodyOf(request.payload), profile: requestProfile(codec, annotated, run.spec) }
  return request.withAnnotation(annotated)
}

const fixed = ["kind", "name", "toolCallId", "model", "streaming", "decoded"] as const

const isCall = (value: unknown): value is Call =>
  typeof value === "object" && value !== null && "kind" in value && (value.kind === "tool" || value.kind === "llm")

const isLlmRequest = (payload: unknown): payload is object =>
  typeof payload === "object" && payload !== null && "body" in payload && "headers" in payload &&
  typeof payload.headers === "object" && payload.headers !== null

const decode = (run: AnyRun): Effect.Effect<CallError | undefined> =>
  Effect.map(Effect.exit(decodeRequest(run, run.request)), (exit) => {
    if (Exit.isFailure(exit)) return run.fail(new InvalidInput({ cause: exit.cause }))
    run.request = exit.value
    return undefined
  })

/** Applies the call's schema, with the services of the caller. */
export const decodeRequest = (run: AnyRun, request: Prepared): Effect.Effect<Prepared, unknown> => {
  const { schema } = run.spec
  if (schema === undefined) return Effect.succeed(request)
  const context: Context.Context<never> = run.callerContext
  return Effect.map(
    withContext(SchemaParser.decodeUnknownEffect(schema)(run.spec.carrier.decodable(request.payload)), context),
    (value): Prepared => {
      const decoded = copyContainer(value)
      freezeCopy(decoded, value)
      return request.withDecoded(decoded)
    }
  )
}
