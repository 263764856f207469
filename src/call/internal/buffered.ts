import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import * as Tracer from "effect/Tracer"
import type { Frame } from "../../event/internal/frame.ts"
import type { Site } from "../../event/internal/kernel.ts"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import type { Output } from "../../middleware/internal/entry.ts"
import { withContext } from "../../middleware/internal/installer.ts"
import { siteOf, withFrame } from "../../scope/internal/current.ts"
import { type AnyFiber, Operation, performWithExit } from "../../scope/internal/operation.ts"
import { type CallError, type GuardrailRejected, InvalidOutput } from "../CallError.ts"
import { annotateResponse, blockedProfile, textOfResponse } from "./annotation.ts"
import type { Prepared } from "./carrier.ts"
import { around, checkDigest, type Executable } from "./execution.ts"
import { judgeOutput } from "./judge.ts"
import { type AnyRun, type CallSpec, Run } from "./managedCall.ts"
import { isPlain, type PlainCall, runPlain } from "./plain.ts"
import { isPending } from "./verdict.ts"

/**
 * A managed call that gives one value.
 *
 * The types of result, error and services are those of the work: an intercept that replaces the result is trusted to
 * keep its type, or checked by `output`.
 */
export const managed = <I, A, E, R>(
  spec: CallSpec,
  body: (payload: I) => Effect.Effect<A, E, R>,
  onBlocked: OnBlocked | undefined
): Effect.Effect<A, E | CallError, R | AgentRuntime> => new ManagedCall(spec, body, onBlocked)

type OnBlocked = (rejection: GuardrailRejected) => unknown

class ManagedCall<I, A, E, R> extends Operation<A, E | CallError, R | AgentRuntime> implements PlainCall<I, A, E, R> {
  readonly spec: CallSpec
  readonly body: (payload: I) => Effect.Effect<A, E, R>
  private readonly onBlocked: OnBlocked | undefined

  constructor(spec: CallSpec, body: (payload: I) => Effect.Effect<A, E, R>, onBlocked: OnBlocked | undefined) {
    super()
    this.spec = spec
    this.body = body
    this.onBlocked = onBlocked
  }

  perform(fiber: AnyFiber): Effect.Effect<A, E | CallError, R> {
    const site = siteOf(fiber)
    return isPlain(this.spec, site) ? runPlain(this, site, fiber) : this.govern(site, fiber)
  }

  govern(site: Site, fiber: AnyFiber): Effect.Effect<A, E | CallError, R> {
    const { onBlocked } = this
    const run = new BufferedRun(this.spec, site, fiber, this.body)
    const end = (exit: Exit.Exit<A, E | CallError>): undefined => {
      fiber.setContext(run.callerContext)
      run.end(exit, exit._tag === "Success" ? run.recorded(exit.value) : undefined)
    }
    return onBlocked === undefined
      ? performWithExit(fiber, run, end)
      : Effect.onExitPrimitive(answerBlock(run, onBlocked), end)
  }
}

class BufferedRun<I, A, E, R> extends Run<A, E, R> implements Executable {
  private readonly body: (payload: I) => Effect.Effect<A, E, R>
  /** Results of the work itself, kept where one that an intercept puts in their place must be told apart. */
  private produced: Set<unknown> | undefined = undefined

  /** A result that has been encoded, so that it is not encoded again. */
  private shown: { readonly value: unknown; readonly observable: unknown } | undefined = undefined

  constructor(spec: CallSpec, site: Site, fiber: AnyFiber, body: (payload: I) => Effect.Effect<A, E, R>) {
    super(spec, site, fiber)
    this.body = body
  }

  proceed(): Effect.Effect<A, E | CallError, R> {
    const { executions, outputs } = this.chains
    const result = executions.length === 0 ? this.work(this.request) : this.execute()
    return outputs.length === 0 ? result : Effect.flatMap(result, (value) => judge(this, value, this.observable(value)))
  }

  /** What the end event shows: in containers of its own, for callers add to a result that they got. */
  recorded(value: unknown): unknown {
    const observable = this.observable(value)
    return this.isListening && observable === value ? this.spec.carrier.copyResult(value) : observable
  }

  /** What policies and observers see of a result: JSON, if there is a schema that makes it. */
  observable(value: unknown): unknown {
    const { output } = this.spec
    if (output === undefined || (this.chains.outputs.length === 0 && !this.isListening)) return value
    const { shown } = this
    if (shown !== undefined && shown.value === value) return shown.observable
    const encoded = encode(output, value)
    const observable = Exit.isSuccess(encoded) ? encoded.value : value
    this.shown = { value, observable }
    return observable
  }

  workIn(request: Prepared, frame: Frame, fiber: AnyFiber): Effect.Effect<A, E | CallError> {
    const { produced } = this
    const effect = withContext(this.work(request), workContext(this, fiber, frame))
    return produced === undefined ? effect : Effect.map(effect, (value) => {
      produced.add(value)
      return value
    })
  }

  /** Step 5. A block is final whatever the intercepts make of it, and a replaced result is checked. */
  private execute(): Effect.Effect<A, E | CallError, R> {
    const { output } = this.spec
    if (output !== undefined) this.produced = new Set()
    const result = around(this, 0, this.request, this.span)
    // Each intercept passed the call on as it was: there is nothing to settle, and its scope is current already.
    if (result === undefined) return this.work(this.request)
    const settled = Effect.matchCauseEffect(result, {
      onFailure: (cause) => this.final === undefined ? Effect.failCause(cause) : Effect.fail(this.final),
      onSuccess: (value) => {
        if (this.final !== undefined) return Effect.fail(this.final)
        return output === undefined || this.produced?.has(value) === true
          ? Effect.succeed(value)
          : checkReplaced(this, output, value)
      }
    })
    return settled as Effect.Effect<A, E | CallError, R>
  }

  /** Step 6: the work, on containers of its own. */
  private work(request: Prepared): Effect.Effect<A, E | CallError, R> {
    const tampered = checkDigest(this, request)
    return tampered === undefined ? this.body(this.payloadForWork(request) as I) : Effect.fail(tampered)
  }
}

const answerBlock = <A, E, R>(
  run: Run<A, E, R>,
  onBlocked: (rejection: GuardrailRejected) => unknown
): Effect.Effect<A, E | CallError, R> =>
  Effect.catchCause(run, (cause) => {
    const reason = run.final?.reason
    return reason?._tag === "GuardrailRejected"
      ? Effect.sync(() => onBlocked(reason) as A)
      : Effect.failCause(cause)
  })

const checkReplaced = (run: AnyRun, schema: Schema.Top, value: unknown): Effect.Effect<unknown, CallError> => {
  try {
    SchemaParser.asserts(schema, value)
    return Effect.succeed(value)
  } catch (cause) {
    return Effect.fail(run.error(new InvalidOutput({ cause })))
  }
}

const encode = (schema: Schema.Top, value: unknown): Exit.Exit<unknown, unknown> => {
  try {
    return SchemaParser.encodeUnknownExit(schema as Schema.Codec<unknown, unknown>)(value)
  } catch (defect) {
    return Exit.die(defect)
  }
}

/** Step 7 for a value. */
const judge = <A>(run: AnyRun, value: A, observable: unknown): Effect.Effect<A, CallError> => {
  const { outputs } = run.chains
  const { codec } = run.spec
  const annotated = codec === undefined ? undefined : annotateResponse(codec, observable)
  const output: Output = {
    value: observable,
    ...(typeof observable === "string" ? { text: observable } : undefined),
    ...(annotated === undefined ? undefined : { text: textOfResponse(annotated), annotated }),
    held: [],
    final: true
  }
  const verdict = judgeOutput(run, outputs, output, run.span, 0, outputs.length)
  const settle = (error: CallError | undefined) => {
    if (error === undefined) return Effect.succeed(value)
    if (annotated !== undefined && run.isListening) run.ending = { profile: blockedProfile(annotated) }
    return Effect.fail(error)
  }
  return isPending(verdict) ? Effect.flatMap(verdict, settle) : settle(verdict)
}

/** The caller's services, with the frame of this run and the span that an intercept may have opened around it. */
export const workContext = (
  run: AnyRun,
  fiber: AnyFiber,
  frame: Frame
): Context.Context<never> => {
  const context = frame === run.span ? run.context : withFrame(run.callerContext, frame)
  const { span } = fiber.cache
  const own = Context.getOrUndefined(run.context, Tracer.ParentSpan)
  return span === undefined || span === own || span === Context.getOrUndefined(run.callerContext, Tracer.ParentSpan)
    ? context
    : Context.add(context, Tracer.ParentSpan, span)
}
