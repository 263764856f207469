import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { type AnyFiber, Framed, Operation, performWithExit } from "../../src/scope/internal/operation.ts"

/** An operation that goes on with an effect, and notes when it is performed. */
class Noted<A, E> extends Operation<A, E, never> {
  private readonly notes: Array<string>
  private readonly effect: Effect.Effect<A, E>

  constructor(notes: Array<string>, effect: Effect.Effect<A, E>) {
    super()
    this.notes = notes
    this.effect = effect
  }

  perform(_fiber: AnyFiber): Effect.Effect<A, E> {
    this.notes.push("performed")
    return this.effect
  }
}

describe("performWithExit", () => {
  it.effect("performs the operation at once, within one step of the run loop", () =>
    Effect.gen(function*() {
      const notes: Array<string> = []
      const value = yield* Effect.withFiber((fiber) => {
        const next = performWithExit(fiber, new Noted(notes, Effect.succeed(1)), (exit) => {
          notes.push(exit._tag)
          return undefined
        })
        notes.push("stepped")
        return next
      })
      assert.strictEqual(value, 1)
      assert.deepStrictEqual(notes, ["performed", "stepped", "Success"])
    }))

  it.effect("has its frame when the operation throws", () =>
    Effect.gen(function*() {
      const notes: Array<string> = []
      class Throws extends Operation<never, never, never> {
        perform(): never {
          throw "boom"
        }
      }
      const exit = yield* Effect.exit(Effect.withFiber((fiber) =>
        performWithExit(fiber, new Throws(), (exit) => {
          notes.push(exit._tag)
          return undefined
        })
      ))
      assert.deepStrictEqual(exit, Exit.die("boom"))
      assert.deepStrictEqual(notes, ["Failure"])
    }))
})

/** Notes when it is entered and how it is left. */
class NotedFrame<A, E> extends Framed<A, E, never> {
  private readonly notes: Array<string>
  private readonly effect: Effect.Effect<A, E>
  private readonly last: Effect.Effect<void, E>

  constructor(notes: Array<string>, effect: Effect.Effect<A, E>, last: Effect.Effect<void, E> = Effect.void) {
    super()
    this.notes = notes
    this.effect = effect
    this.last = last
  }

  enter(_fiber: AnyFiber): Effect.Effect<A, E> {
    this.notes.push("entered")
    return this.effect
  }

  leave(exit: Exit.Exit<A, E>): Effect.Effect<void, E> {
    this.notes.push(exit._tag)
    return this.last
  }
}

describe("a framed operation", () => {
  it.effect("may be performed again and again, and tells each exit", () =>
    Effect.gen(function*() {
      const notes: Array<string> = []
      let runs = 0
      const effect = Effect.suspend(() => ++runs < 3 ? Effect.succeed(runs) : Effect.fail("enough"))
      const framed = new NotedFrame(notes, effect)
      assert.strictEqual(yield* framed, 1)
      assert.strictEqual(yield* framed, 2)
      assert.strictEqual(yield* Effect.flip(framed), "enough")
      assert.deepStrictEqual(notes, ["entered", "Success", "entered", "Success", "entered", "Failure"])
    }))

  it.effect("runs what it is left with to the end, when it is interrupted too", () =>
    Effect.gen(function*() {
      const notes: Array<string> = []
      const last = Effect.andThen(Effect.yieldNow, Effect.sync(() => void notes.push("last")))
      const framed = new NotedFrame(notes, Effect.never, last)
      const fiber = yield* Effect.forkChild(framed, { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(notes, ["entered", "Failure", "last"])
    }))

  it.effect("fails with what it is left with, though it had succeeded", () =>
    Effect.gen(function*() {
      const framed = new NotedFrame<number, string>([], Effect.succeed(1), Effect.fail("late"))
      assert.strictEqual(yield* Effect.flip(framed), "late")
    }))
})
