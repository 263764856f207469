import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

export type AnyFiber = Fiber.Fiber<unknown, unknown>

const prototype = Effectable.Prototype<Operation<unknown, unknown, unknown>>({
  label: "heddle",
  evaluate(fiber) {
    return this.perform(fiber)
  }
})

// Effect's own `Effectable.Class` hands no fiber to its subclasses; this base does. It is one object where
// `Effect.withFiber` would be an object and a closure.
const Base: new<A, E, R>() => Effect.Effect<A, E, R> = (() => {
  const constructor = function() {}
  constructor.prototype = prototype
  return constructor as unknown as new<A, E, R>() => Effect.Effect<A, E, R>
})()

/** An Effect of our own: performing it on a fiber gives the effect to go on with. */
export abstract class Operation<A, E, R> extends Base<A, E, R> {
  abstract perform(fiber: AnyFiber): Effect.Effect<A, E, R>
}

type Evaluable = { readonly [key: string]: ((fiber: AnyFiber) => Effect.Effect<unknown, unknown, unknown>) | undefined }

/** What Effect calls the method that evaluates an effect by one step: the one that the prototype above was given. */
const evaluate = Object.getOwnPropertyNames(prototype).find((name) => name.endsWith("/evaluate")) ?? ""

/** What runs when an operation has ended, however it did. */
type OnExit<A, E> = (exit: Exit.Exit<A, E>) => Effect.Effect<void> | undefined

/**
 * Performs an operation with a callback on its exit, within the step of the run loop that asks for it. It is what
 * returning `Effect.onExitPrimitive(operation, onExit)` leads to, two turns of the loop later, and falls back to that
 * where an effect does not evaluate as it does in Effect 4.1.
 *
 * Only for the end of `perform`: what this gives is what the operation goes on with.
 */
export const performWithExit = <A, E, R>(
  fiber: AnyFiber,
  operation: Operation<A, E, R>,
  onExit: OnExit<A, E>
): Effect.Effect<A, E, R> => performInFrame(fiber, operation, Effect.onExitPrimitive(operation, onExit))

/** An operation with a callback on each of its exits: for one that is performed again and again, since it has one frame. */
export class Framed<A, E, R> extends Operation<A, E, R> {
  private readonly operation: Operation<A, E, R>
  private readonly frame: Effect.Effect<A, E, R>

  constructor(operation: Operation<A, E, R>, onExit: OnExit<A, E>) {
    super()
    this.operation = operation
    this.frame = Effect.onExitPrimitive(operation, onExit)
  }

  perform(fiber: AnyFiber): Effect.Effect<A, E, R> {
    return performInFrame(fiber, this.operation, this.frame)
  }
}

const performInFrame = <A, E, R>(
  fiber: AnyFiber,
  operation: Operation<A, E, R>,
  frame: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const step = (frame as unknown as Evaluable)[evaluate]
  if (step === undefined) return frame
  const next = step.call(frame, fiber)
  return next === operation ? operation.perform(fiber) : next as Effect.Effect<A, E, R>
}
