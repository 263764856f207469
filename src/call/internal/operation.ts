import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type * as Fiber from "effect/Fiber"

export type AnyFiber = Fiber.Fiber<unknown, unknown>

// Effect's own `Effectable.Class` hands no fiber to its subclasses; this base does. It is one object where
// `Effect.withFiber` would be an object and a closure.
const Base: new<A, E, R>() => Effect.Effect<A, E, R> = (() => {
  const constructor = function() {}
  constructor.prototype = Effectable.Prototype<Operation<unknown, unknown, unknown>>({
    label: "heddle",
    evaluate(fiber) {
      return this.perform(fiber)
    }
  })
  return constructor as unknown as new<A, E, R>() => Effect.Effect<A, E, R>
})()

/** An Effect of our own: performing it on a fiber gives the effect to go on with. */
export abstract class Operation<A, E, R> extends Base<A, E, R> {
  abstract perform(fiber: AnyFiber): Effect.Effect<A, E, R>
}
