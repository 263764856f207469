import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Within } from "../../src/call/internal/within.ts"

const Place = Context.Reference<string>("test/Place", { defaultValue: () => "nowhere" })
const inside = Context.make(Place, "inside")
const at = (place: string) => <A, E>(effect: Effect.Effect<A, E>) => Effect.provideService(effect, Place, place)

/** What an effect gives, and where it leaves the fiber. */
const andPlace = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(effect)
    return [exit, yield* Place] as const
  })

describe("a pull within a context", () => {
  it.effect("runs in it, and leaves the fiber where it was", () =>
    Effect.gen(function*() {
      const pull = new Within(Place, inside)
      assert.deepStrictEqual(yield* andPlace(pull).pipe(at("a")), [Exit.succeed("inside"), "a"])
      assert.deepStrictEqual(yield* andPlace(pull).pipe(at("b")), [Exit.succeed("inside"), "b"])
      const failing = new Within(Effect.fail("no"), inside)
      assert.deepStrictEqual(yield* andPlace(failing).pipe(at("a")), [Exit.fail("no"), "a"])
    }))

  it.effect("leaves each fiber where it was, should two take a step at a time", () =>
    Effect.gen(function*() {
      const [first, second] = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
      const waits = [first, second]
      const pull = new Within(Effect.suspend(() => Effect.andThen(Deferred.await(waits.shift()!), Place)), inside)
      const take = (place: string) => Effect.forkChild(andPlace(pull).pipe(at(place)), { startImmediately: true })
      const a = yield* take("a")
      const b = yield* take("b")
      yield* Deferred.succeed(first, undefined)
      assert.deepStrictEqual(yield* Fiber.join(a), [Exit.succeed("inside"), "a"])
      yield* Deferred.succeed(second, undefined)
      assert.deepStrictEqual(yield* Fiber.join(b), [Exit.succeed("inside"), "b"])
    }))

  it.effect("leaves a fiber that is interrupted where it was, and tells its exit", () =>
    Effect.gen(function*() {
      const exits: Array<string> = []
      const pull = new Within<never, never>(Effect.never, inside, (exit) => exits.push(exit._tag))
      const places: Array<string> = []
      const note = Effect.map(Place, (place) => void places.push(place))
      const fiber = yield* Effect.forkChild(Effect.ensuring(pull, note).pipe(at("a")), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(places, ["a"])
      assert.deepStrictEqual(exits, ["Failure"])
    }))
})
