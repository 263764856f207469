import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Frame } from "../../event/internal/frame.ts"
import { appliesTo } from "../../middleware/internal/applies.ts"
import type { ExecutionInterceptEntry } from "../../middleware/internal/entry.ts"
import { callbackContext, withContext } from "../../middleware/internal/installer.ts"
import { isPromise } from "../../middleware/internal/promise.ts"
import { currentClock } from "../../scope/internal/current.ts"
import type { AnyFiber } from "../../scope/internal/operation.ts"
import { InterceptFailed } from "../CallError.ts"
import { workContext } from "./buffered.ts"
import type { Prepared } from "./carrier.ts"
import { attemptSpan, checkDigest, frameOfNext, inherit, ownCause, refusalOf, requestOfNext } from "./execution.ts"
import type { AnyRun } from "./managedCall.ts"
import { Within } from "./within.ts"

export type AnyPull = Effect.Effect<NonEmptyReadonlyArray<unknown>, unknown>

export type Provider = (payload: unknown) => Stream.Stream<unknown, unknown, unknown>

/** A call whose work is a stream. */
export interface Streamable extends AnyRun {
  readonly provider: Provider
  /** Whether an intercept has put something around the provider's stream. */
  isWrapped: boolean
}

/** Step 5 for a stream: the intercepts from `index` on, around the provider's stream, as one pull. */
export const pullAround = (
  run: Streamable,
  index: number,
  request: Prepared,
  frame: Frame,
  scope: Scope.Scope
): Effect.Effect<AnyPull, unknown> =>
  Effect.withFiber((fiber) => {
    warnOfUnwrapped(run)
    const steps = run.chains.streams
    for (let i = index; i < steps.length; i++) {
      const { context, entry } = steps[i]!
      const view = run.viewOf(request)
      const turn = new Turn(run, i, request, frame)
      let stream: Stream.Stream<unknown, unknown, unknown>
      try {
        if (!appliesTo(entry.applies, view.kind, view.name, view)) continue
        const answer: unknown = entry.stream?.(view, turn.next)
        // It returned `next()` itself: nothing of its own runs around it, so neither its services nor a frame are needed.
        if (turn.isPassedOn(answer)) continue
        if (!Stream.isStream(answer)) {
          const cause = `it must return a Stream, not ${isPromise(answer) ? "a Promise" : typeof answer}`
          return Effect.fail(run.error(new InterceptFailed({ intercept: entry.name, cause })))
        }
        stream = answer
      } catch (defect) {
        return Effect.fail(run.error(new InterceptFailed({ intercept: entry.name, cause: Cause.die(defect) })))
      }
      run.isWrapped = true
      const inside = callbackContext(context, fiber, frame)
      return Effect.map(
        openStream(() => stream, inside, scope),
        (pull) =>
          Effect.catchCause(new Within(pull, inside), (cause) => {
            // A block is final whatever the outermost intercept makes of it.
            if (index === 0 && run.final !== undefined) return Effect.fail(run.final)
            return Effect.failCause(Pull.isDoneCause(cause) ? cause : ownCause(run, entry.name, cause))
          })
      )
    }
    const tampered = checkDigest(run, request)
    if (tampered !== undefined) return Effect.fail(tampered)
    const context = workContext(run, fiber, frame)
    const open = openStream(() => run.provider(run.payloadForWork(request)), context, scope)
    // Without intercepts around it the call's own context, which has the provider's services, is current at each pull.
    return !run.isWrapped && context === run.context
      ? open as Effect.Effect<AnyPull, unknown>
      : Effect.map(open, (pull) => new Within(pull, context, (exit) => inherit(run, exit)))
  })

/**
 * Opens a stream in a scope of its own and in this context. Its finalizers run in that context too, not in that of
 * whoever closes the stream.
 *
 * What makes the stream is no stream itself: V8 allocates the closure inside of each channel old, so that a channel that
 * refers to its call keeps all of it, chunks included, until the next full collection.
 */
const openStream = (
  stream: () => Stream.Stream<unknown, unknown, unknown>,
  context: Context.Context<never>,
  outer: Scope.Scope
): Effect.Effect<Effect.Effect<NonEmptyReadonlyArray<unknown>, unknown, unknown>, unknown> =>
  Effect.suspend(() => {
    const scope = Scope.makeUnsafe()
    return Effect.andThen(
      Scope.addFinalizerExit(outer, (exit) => withContext(Scope.close(scope, exit), context)),
      withContext(Effect.suspend(() => Channel.toPullScoped(Stream.toChannel(stream()), scope)), context)
    )
  })

/** One turn of one intercept: what its `next` gives, and how often that was run. */
class Turn {
  private readonly run: Streamable
  /** Position of the intercept. */
  private readonly index: number
  private readonly request: Prepared
  private readonly frame: Frame
  private attempts = 0
  /** The last stream of the call as it was. */
  private given: Stream.Stream<unknown, unknown> | undefined = undefined

  constructor(run: Streamable, index: number, request: Prepared, frame: Frame) {
    this.run = run
    this.index = index
    this.request = request
    this.frame = frame
  }

  readonly next = (call?: unknown): Stream.Stream<unknown, unknown> => {
    const stream = Stream.fromChannel(
      Channel.fromTransform((_upstream, scope) =>
        Effect.withFiber((fiber) =>
          Effect.onExitPrimitive(this.open(call, fiber, scope), (exit) => inherit(this.run, exit))
        )
      )
    )
    if (call === undefined) this.given = stream
    return stream
  }

  /** Whether this is what `next()` gave, and was not run yet; it counts as run from now on. */
  isPassedOn(answer: unknown): boolean {
    if (answer === undefined || answer !== this.given || this.attempts > 0) return false
    this.attempts = 1
    return true
  }

  private open(call: unknown, fiber: AnyFiber, scope: Scope.Scope): Effect.Effect<AnyPull, unknown> {
    const { frame, index, request, run } = this
    const intercept = run.chains.streams[index]!.entry.name
    const refusal = refusalOf(run, intercept)
    if (refusal !== undefined) return Effect.fail(refusal)
    const parent = frameOfNext(run, fiber, frame)
    const attempt = ++this.attempts
    return Effect.flatMap(requestOfNext(run, request, call, intercept, parent), (next) =>
      attempt === 1
        ? pullAround(run, index + 1, next, parent, scope)
        : openAttempt(run, fiber, parent, attempt, scope, (frame, inner) =>
          pullAround(run, index + 1, next, frame, inner)))
  }
}

/** A further run of `next` in a scope `attempt`, which ends when that stream ends or is closed. */
const openAttempt = (
  run: AnyRun,
  fiber: AnyFiber,
  parent: Frame,
  attempt: number,
  outer: Scope.Scope,
  open: (frame: Frame, scope: Scope.Scope) => Effect.Effect<AnyPull, unknown>
): Effect.Effect<AnyPull, unknown> =>
  Effect.suspend(() => {
    const span = attemptSpan(run, fiber, parent)
    const scope = Scope.makeUnsafe()
    const finish = (exit: Exit.Exit<unknown, unknown>) =>
      Effect.suspend(() => {
        const isComplete = Exit.isFailure(exit) && Pull.isDoneCause(exit.cause)
        const end = isComplete ? Exit.void : Exit.isSuccess(exit) ? Exit.interrupt() : exit
        return Effect.andThen(
          Scope.close(scope, end),
          Effect.sync(() => run.kernel.endSpan(span, end, undefined, undefined))
        )
      })
    return Effect.andThen(
      Scope.addFinalizerExit(outer, finish),
      Effect.onExitPrimitive(
        Effect.withFiber((fiber) => {
          run.kernel.startSpan(span, currentClock(fiber), { attempt })
          return Effect.map(open(span, scope), (pull) =>
            Effect.onExitPrimitive(pull, (exit) =>
              Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? finish(exit) : undefined))
        }),
        (exit) =>
          Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? finish(exit) : undefined
      )
    )
  })

/** An execution intercept without a `stream` side does not wrap streams: a warning says so, once. */
const warnOfUnwrapped = (run: AnyRun): void => {
  const { executions, streams } = run.chains
  if (executions.length === 0) return
  for (const { entry } of executions) {
    if (entry.stream === undefined && !run.kernel.warned.has(entry) && mayWrap(run, entry)) {
      run.kernel.warned.add(entry)
      run.kernel.trouble("execution intercept without a stream side", entry.name, {
        effect: "it does not wrap streamed calls",
        wrapping: streams.map((step) => step.entry.name)
      })
    }
  }
}

const mayWrap = (run: AnyRun, entry: ExecutionInterceptEntry): boolean => {
  const view = run.viewOf(run.request)
  try {
    return appliesTo(entry.applies, view.kind, view.name, view)
  } catch {
    return true
  }
}
