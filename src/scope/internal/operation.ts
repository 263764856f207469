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
  onExit: (exit: Exit.Exit<A, E>) => undefined
): Effect.Effect<A, E, R> => performInFrame(fiber, operation, Effect.onExitPrimitive(operation, onExit))

/**
 * An operation that is performed again and again, one run after the other: it is entered behind an exit frame, which is
 * one for all runs.
 */
export abstract class Framed<A, E, R> extends Operation<A, E, R> {
  private readonly inner: Operation<A, E, R> = new Inner(this)
  private readonly frame = Effect.onExitPrimitive(this.inner, (exit) => this.leave(exit))

  abstract enter(fiber: AnyFiber): Effect.Effect<A, E, R>

  /** Tells how a run has ended, also one that was interrupted before it was entered. */
  abstract leave(exit: Exit.Exit<A, E>): Effect.Effect<void, E> | undefined

  perform(fiber: AnyFiber): Effect.Effect<A, E, R> {
    return performInFrame(fiber, this.inner, this.frame)
  }
}

class Inner<A, E, R> extends Operation<A, E, R> {
  private readonly framed: Framed<A, E, R>

  constructor(framed: Framed<A, E, R>) {
    super()
    this.framed = framed
  }

  perform(fiber: AnyFiber): Effect.Effect<A, E, R> {
    return this.framed.enter(fiber)
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
