import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Stream from "effect/Stream"
import type { Frame } from "../../event/internal/frame.ts"
import type { Call } from "../../middleware/Call.ts"
import type { MaybeEffect } from "../../middleware/internal/entry.ts"
import { withFrame } from "../../scope/internal/current.ts"
import { type AnyFiber, Operation } from "../../scope/internal/operation.ts"
import {
  attempt,
  Callback,
  type CallbackContext,
  type MaybePromise,
  rejectionOf,
  runningFiber,
  waitFor
} from "./promisesCallback.ts"
import { iterableOf, streamOf } from "./promisesStream.ts"
import { type Place, Task } from "./promisesTask.ts"

/** Runs the rest of a call: resolves with its result, rejects with its error. */
export type Next = (
  /** Another request to run, judged again. */
  call?: Call,
  options?: {
    /** Interrupts this run. */
    readonly signal?: AbortSignal | undefined
  }
) => Promise<unknown>

/** Runs the rest of a streamed call for each iteration. */
export type StreamNext = (
  /** Another request to run, judged again. */
  call?: Call
) => AsyncIterable<unknown>

/** Asks a callback on the fiber that asks for it: a plain value costs no step, a promise is waited for. */
export const ask = <Args extends ReadonlyArray<unknown>, A>(
  piece: (...args: [...Args, CallbackContext]) => MaybePromise<A>
) =>
(...args: Args): MaybeEffect<A, unknown> => {
  const fiber = runningFiber()
  const callback = Callback.on(fiber)
  return attempt(callback, fiber, piece, ...args, callback)
}

/** The same for a callback that looks at events: what it does itself is not observed. */
export const observe = <Args extends ReadonlyArray<unknown>, A>(
  piece: (...args: [...Args, CallbackContext]) => MaybePromise<A>
) =>
(...args: Args): MaybeEffect<A, unknown> => {
  const fiber = runningFiber()
  const callback = new Callback(fiber, undefined, withFrame(fiber.context, muted))
  return attempt(callback, fiber, piece, ...args, callback)
}

/** The handler of a subscriber. It is always an effect, so that what it does itself is known to come from inside of it. */
export const handle = <Args extends ReadonlyArray<unknown>>(
  piece: (...args: [...Args, CallbackContext]) => MaybePromise<void>
) =>
(...args: Args): Effect.Effect<void, unknown> =>
  Effect.withFiber((fiber) => {
    const callback = Callback.on(fiber)
    const answer = attempt(callback, fiber, piece, ...args, callback)
    return Effect.isEffect(answer) ? answer : Effect.void
  })

/** The callback of an execution intercept. */
export const around = (
  piece: (call: Call, next: Next, context: CallbackContext) => MaybePromise<unknown>
) =>
(
  call: Call,
  next: (call?: Call) => Effect.Effect<unknown, unknown>
): Effect.Effect<unknown, unknown> => new Around(piece, call, next)

/** The callback of an intercept of streams. */
export const aroundStream = (
  piece: (call: Call, next: StreamNext, context: CallbackContext) => MaybePromise<AsyncIterable<unknown>>
) =>
(
  call: Call,
  next: (call?: Call) => Stream.Stream<unknown, unknown>
): Stream.Stream<unknown, unknown> =>
  streamOf(undefined, (callback) => {
    const placed = (changed?: Call) => iterableOf({ place: placeIn(callback), isOwned: true }, () => next(changed))
    return piece(call, placed, callback)
  })

class Around extends Operation<unknown, unknown, never> {
  private readonly piece: (call: Call, next: Next, context: CallbackContext) => MaybePromise<unknown>
  private readonly call: Call
  private readonly rest: (call?: Call) => Effect.Effect<unknown, unknown>
  /** How runs of `next` failed, by what they rejected with. */
  private readonly failures = new Map<unknown, Exit.Exit<unknown, unknown>>()

  constructor(
    piece: (call: Call, next: Next, context: CallbackContext) => MaybePromise<unknown>,
    call: Call,
    rest: (call?: Call) => Effect.Effect<unknown, unknown>
  ) {
    super()
    this.piece = piece
    this.call = call
    this.rest = rest
  }

  perform(fiber: AnyFiber): Effect.Effect<unknown, unknown> {
    const callback = Callback.on(fiber)
    return Effect.matchEffect(waitFor(callback, this.piece, this.call, this.next(callback), callback), {
      onSuccess: (value) => Effect.as(callback.release, value),
      // An error of `next` that is passed on is what it was: a defect stays one.
      onFailure: (error) => Effect.andThen(callback.release, this.failures.get(error) ?? Effect.fail(error))
    })
  }

  private next(callback: Callback): Next {
    return (changed, options) => {
      const task = new Task<unknown>({
        place: placeIn(callback),
        signal: options?.signal,
        isOwned: true
      })
      const result = task.run(this.rest(changed), (exit) => {
        if (exit._tag === "Failure" && !task.isInterrupted) {
          this.failures.set(rejectionOf(exit.cause, undefined), exit)
        }
      })
      // Whether anybody looks at it is the intercept's affair.
      result.catch(() => undefined)
      return result
    }
  }
}

/** Where a run of `next` starts: in the scope that the intercept is in by now. It ends with the intercept. */
const placeIn = (callback: Callback): Place => ({
  context: Callback.current?.context ?? Fiber.getCurrent()?.context ?? callback.context,
  callback
})

const muted: Frame = { span: undefined, level: undefined, inside: { mailbox: undefined, parent: undefined } }
