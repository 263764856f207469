import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import * as Tracer from "effect/Tracer"
import type { Frame } from "../../event/internal/frame.ts"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import { withContext } from "../../middleware/internal/installer.ts"
import { withFrame } from "../../scope/internal/current.ts"
import { type CallError, type GuardrailRejected, InvalidOutput } from "../CallError.ts"
import type { Prepared } from "./carrier.ts"
import { around, checkDigest, type Work } from "./execution.ts"
import { judgeOutput } from "./judge.ts"
import { type CallSpec, Run } from "./managedCall.ts"

/** How a call that gives one value is made. */
export interface BufferedSpec extends CallSpec {
  readonly onBlocked: ((rejection: GuardrailRejected) => unknown) | undefined
}

/**
 * A managed call that gives one value.
 *
 * The types of result, error and services are those of the work: an intercept that replaces the result is trusted to
 * keep its type, or checked by `output`.
 */
export const managed = <I, A, E, R>(
  spec: BufferedSpec,
  body: (payload: I) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CallError, R | AgentRuntime> =>
  Effect.withFiber<A, E | CallError, R | AgentRuntime>((fiber) => {
    const run = new Run(spec, fiber)
    const call = run.enter(() => proceed(run, body))
    return Effect.onExitPrimitive(
      spec.onBlocked === undefined ? call : answerBlock(run, call, spec.onBlocked),
      (exit) => {
        fiber.setContext(run.callerContext)
        run.end(fiber, exit, exit._tag === "Success" ? exit.value : undefined)
        return undefined
      }
    )
  })

const proceed = <I, A, E, R>(
  run: Run,
  body: (payload: I) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CallError, R> => {
  const { executions, outputs } = run.chains
  const result = executions.length === 0 ? perform(run, run.request, body) : execute(run, body)
  return outputs.length === 0 ? result : Effect.flatMap(result, (value) => judge(run, value))
}

/** Step 5. A block is final whatever the intercepts make of it, and a replaced result is checked. */
const execute = <I, A, E, R>(
  run: Run,
  body: (payload: I) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CallError, R> => {
  const produced = new Set<unknown>()
  const work: Work = (request, frame, fiber) => {
    const effect = withContext(perform(run, request, body), workContext(run, fiber, frame))
    return run.spec.output === undefined
      ? effect
      : Effect.map(effect, (value) => {
        produced.add(value)
        return value
      })
  }
  const result = Effect.matchCauseEffect(around(run, work, 0, run.request, run.span), {
    onFailure: (cause) => run.final === undefined ? Effect.failCause(cause) : Effect.fail(run.final),
    onSuccess: (value) => {
      if (run.final !== undefined) return Effect.fail(run.final)
      return run.spec.output === undefined || produced.has(value)
        ? Effect.succeed(value)
        : checkReplaced(run, run.spec.output, value)
    }
  })
  return result as Effect.Effect<A, E | CallError, R>
}

/** Step 6: the work, on containers of its own. */
const perform = <I, A, E, R>(
  run: Run,
  request: Prepared,
  body: (payload: I) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CallError, R> => {
  const tampered = checkDigest(run, request)
  return tampered === undefined ? body(run.payloadForWork(request) as I) : Effect.fail(tampered)
}

const answerBlock = <A, E, R>(
  run: Run,
  call: Effect.Effect<A, E, R>,
  onBlocked: (rejection: GuardrailRejected) => unknown
): Effect.Effect<A, E, R> =>
  Effect.catchCause(call, (cause) => {
    const reason = run.final?.reason
    return reason?._tag === "GuardrailRejected"
      ? Effect.sync(() => onBlocked(reason) as A)
      : Effect.failCause(cause)
  })

const checkReplaced = (run: Run, schema: Schema.Top, value: unknown): Effect.Effect<unknown, CallError> => {
  try {
    SchemaParser.asserts(schema, value)
    return Effect.succeed(value)
  } catch (cause) {
    return Effect.fail(run.error(new InvalidOutput({ cause })))
  }
}

/** Step 7 for a value. */
const judge = <A>(run: Run, value: A): Effect.Effect<A, CallError> => {
  const text = typeof value === "string" ? { text: value } : undefined
  const verdict = judgeOutput(run, run.chains.outputs, { value, ...text, held: [], final: true }, run.span)
  const settle = (error: CallError | undefined) => error === undefined ? Effect.succeed(value) : Effect.fail(error)
  return Effect.isEffect(verdict) ? Effect.flatMap(verdict, settle) : settle(verdict)
}

/** The caller's services, with the frame of this run and the span that an intercept may have opened around it. */
export const workContext = (
  run: Run,
  fiber: Fiber.Fiber<unknown, unknown>,
  frame: Frame
): Context.Context<never> => {
  const context = withFrame(run.callerContext, frame)
  const { span } = fiber.cache
  return span === undefined || span === Context.getOrUndefined(run.callerContext, Tracer.ParentSpan)
    ? context
    : Context.add(context, Tracer.ParentSpan, span)
}
