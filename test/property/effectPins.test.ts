/**
 * Facts about Effect's low-level public API that the core relies on, each pinned by itself, so that an upgrade that
 * changes one of them says which.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { always, type Interruption, never, run, Schedule } from "./support/Schedule.ts"

const Place = Context.Reference<string>("test/Place", { defaultValue: () => "nowhere" })
const here = Effect.withFiber((fiber) => Effect.succeed(Context.get(fiber.context, Place)))
const moveTo = (place: string) =>
  Effect.withFiber((fiber) => {
    fiber.setContext(Context.addUnsafe(fiber.context, Place.key, place))
    return Effect.void
  })

/** Runs what `make` makes, interrupted at every step in turn, and looks at the notes after each run. */
const atEveryStep = async (
  make: (note: (text: string) => void) => Effect.Effect<unknown, unknown>,
  look: (notes: ReadonlyArray<string>, exit: Exit.Exit<unknown, unknown>) => void
): Promise<number> => {
  let interleavings = 0
  for (const [how, yields] of [["parked", always], ["running", always], ["running", never]] as const) {
    for (let at = 0, done = false; !done; at++) {
      const interruption: Interruption = { at, how }
      const notes: Array<string> = []
      const schedule = new Schedule({ yields, interruption })
      const exit = await run(schedule, schedule.watch(make((text) => notes.push(text))))
      look(notes, exit)
      interleavings++
      done = !schedule.interrupted
    }
  }
  return interleavings
}

describe("Effect.onExitPrimitive", () => {
  const framed = (note: (text: string) => void) =>
    Effect.onExitPrimitive(
      Effect.flatMap(Effect.sync(() => note("operation")), () => Effect.yieldNow),
      (exit) => {
        note(`exit ${exit._tag}`)
        return undefined
      }
    )

  it("runs its callback exactly once, after the operation or instead of it, wherever it is interrupted", async () => {
    const seen = new Set<string>()
    const interleavings = await atEveryStep(framed, (notes) => seen.add(notes.join(", ")))
    assert.isAbove(interleavings, 10)
    assert.deepStrictEqual(
      seen,
      new Set([
        // Interrupted before the frame stood: neither ran.
        "",
        // Interrupted between frame and operation: the callback runs, and the operation never does.
        "exit Failure",
        "operation, exit Failure",
        "operation, exit Success"
      ])
    )
  })

  it.effect("gives the callback the exit and keeps it when the callback answers undefined", () =>
    Effect.gen(function*() {
      const exits: Array<Exit.Exit<number, string>> = []
      const framed = (effect: Effect.Effect<number, string>) =>
        Effect.exit(Effect.onExitPrimitive(effect, (exit) => {
          exits.push(exit)
          return undefined
        }))
      const after = [
        yield* framed(Effect.succeed(1)),
        yield* framed(Effect.fail("no")),
        yield* framed(Effect.die("defect"))
      ]
      assert.deepStrictEqual(after, [Exit.succeed(1), Exit.fail("no"), Exit.die("defect")])
      assert.deepStrictEqual(exits, after)
    }))

  it.effect("turns a throw in the callback into a defect", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.onExitPrimitive(Effect.succeed(1), () => {
        throw "thrown"
      }))
      assert.deepStrictEqual(exit, Exit.die("thrown"))
    }))

  it("runs an effect that the callback answers without interruption, to its end", async () => {
    await atEveryStep(
      (note) =>
        Effect.onExitPrimitive(Effect.sync(() => note("operation")), () =>
          Effect.sync(() => note("begin")).pipe(
            Effect.andThen(Effect.yieldNow),
            Effect.andThen(Effect.sync(() => note("end")))
          )),
      (notes) => {
        assert.strictEqual(notes.includes("begin"), notes.includes("end"))
        assert.isFalse(notes.includes("operation") && !notes.includes("end"))
      }
    )
  })
})

describe("Fiber.setContext", () => {
  it.effect("holds for what the fiber does next, and is not undone by itself", () =>
    Effect.gen(function*() {
      yield* moveTo("there")
      assert.strictEqual(yield* here, "there")
      assert.strictEqual(yield* Place, "there")
    }))

  it.effect("is inherited by all fibers forked afterwards, and by none forked before", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      const before = yield* Effect.forkChild(Effect.andThen(Deferred.await(go), here))
      yield* Effect.yieldNow
      yield* moveTo("there")
      const child = yield* Effect.forkChild(here)
      const detached = yield* Effect.forkDetach(here)
      const scoped = yield* Effect.forkScoped(here)
      const immediate = yield* Effect.forkChild(here, { startImmediately: true })
      const parallel = yield* Effect.all([here, here], { concurrency: 2 })
      const raced = yield* Effect.race(here, Effect.never)
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual(yield* Fiber.join(before), "nowhere")
      for (const fiber of [child, detached, scoped, immediate]) assert.strictEqual(yield* Fiber.join(fiber), "there")
      assert.deepStrictEqual([...parallel, raced], ["there", "there", "there"])
    }))

  it.effect("of a forked fiber does not touch the fiber that forked it", () =>
    Effect.gen(function*() {
      yield* Effect.forkChild(moveTo("there"), { startImmediately: true })
      yield* Fiber.join(yield* Effect.forkChild(moveTo("there")))
      assert.strictEqual(yield* here, "nowhere")
    }))

  it("in an exit callback puts the context back, wherever the fiber is interrupted", async () => {
    await atEveryStep(
      (note) =>
        Effect.withFiber((fiber) => {
          const outer = fiber.context
          return Effect.onExitPrimitive(
            Effect.andThen(moveTo("inside"), Effect.andThen(Effect.yieldNow, here)),
            () => {
              fiber.setContext(outer)
              return undefined
            }
          )
        }).pipe(Effect.onExit(() => Effect.map(here, note))),
      (notes) => assert.isTrue(notes.every((place) => place === "nowhere"), notes.join())
    )
  })

  it("is undone by updateContext around it, wherever the fiber is interrupted", async () => {
    await atEveryStep(
      (note) =>
        Effect.updateContext(
          Effect.andThen(moveTo("deeper"), Effect.yieldNow),
          (context: Context.Context<never>) => Context.addUnsafe(context, Place.key, "inside")
        ).pipe(Effect.onExit(() => Effect.map(here, note))),
      (notes) => assert.isTrue(notes.every((place) => place === "nowhere"), notes.join())
    )
  })

  it.effect("keeps scheduler, clock and span of a context that was only added to", () =>
    Effect.withFiber((fiber) => {
      const { cache } = fiber
      const dispatcher = fiber.currentDispatcher
      fiber.setContext(Context.addUnsafe(fiber.context, Place.key, "there"))
      assert.strictEqual(fiber.cache, cache)
      assert.strictEqual(fiber.currentDispatcher, dispatcher)
      return Effect.void
    }))
})

describe("Context.addUnsafe", () => {
  it("adds by key and leaves the context that it was given as it was", () => {
    const one = Context.addUnsafe(Context.empty(), Place.key, "one")
    const two = Context.addUnsafe(one, Place.key, "two")
    assert.strictEqual(Context.get(one, Place), "one")
    assert.strictEqual(Context.get(two, Place), "two")
    assert.strictEqual(Context.get(Context.empty(), Place), "nowhere")
  })

  it("keeps every service however long the chain of additions gets", () => {
    const Other = Context.Reference<number>("test/Other", { defaultValue: () => 0 })
    let context: Context.Context<never> = Context.make(Other, 7)
    for (let n = 0; n < 1000; n++) context = Context.addUnsafe(context, Place.key, `place ${n}`)
    assert.strictEqual(Context.get(context, Place), "place 999")
    assert.strictEqual(Context.get(context, Other), 7)
  })
})

describe("Effect.withFiber", () => {
  it.effect("gives the fiber that runs, the same one until it ends", () =>
    Effect.gen(function*() {
      const id = Effect.withFiber((fiber) => Effect.succeed(fiber.id))
      const first = yield* id
      yield* Effect.yieldNow
      assert.strictEqual(yield* id, first)
      assert.strictEqual(yield* Effect.scoped(id), first)
      assert.notStrictEqual(yield* Fiber.join(yield* Effect.forkChild(id)), first)
    }))

  it.effect("runs its callback once, in one step with nothing in between", () =>
    Effect.gen(function*() {
      const notes: Array<string> = []
      yield* Effect.forkChild(
        Effect.forever(Effect.sync(() => notes.push("other")).pipe(Effect.andThen(Effect.yieldNow)))
      )
      yield* Effect.withFiber(() => {
        notes.push("first")
        notes.push("second")
        return Effect.yieldNow
      })
      assert.strictEqual(notes.indexOf("second"), notes.indexOf("first") + 1)
      assert.strictEqual(notes.filter((note) => note === "first").length, 1)
    }))

  it.effect("shows the span that is the parent of new ones", () =>
    Effect.gen(function*() {
      const span = Effect.withFiber((fiber) => Effect.succeed(fiber.cache.span))
      assert.isUndefined(yield* span)
      const [inside, parent] = yield* Effect.all([span, Effect.currentParentSpan]).pipe(Effect.withSpan("work"))
      assert.strictEqual(inside, parent)
      const external = Tracer.externalSpan({ traceId: "t".repeat(32), spanId: "s".repeat(16) })
      assert.strictEqual(yield* Effect.withParentSpan(span, external), external)
    }))
})

describe("Effectable.Prototype", () => {
  it.effect("makes an Effect whose evaluation gets the fiber and gives the effect to go on with", () =>
    Effect.gen(function*() {
      class Here {
        readonly suffix = "!"
      }
      Object.setPrototypeOf(
        Here.prototype,
        Effectable.Prototype<Effect.Effect<string> & Here>({
          label: "test",
          evaluate(fiber) {
            return Effect.succeed(Context.get(fiber.context, Place) + this.suffix)
          }
        })
      )
      const effect = new Here() as unknown as Effect.Effect<string>
      assert.isTrue(Effect.isEffect(effect))
      assert.strictEqual(yield* Effect.provideService(effect, Place, "there"), "there!")
      assert.strictEqual(yield* Effect.map(effect, (place) => place.length), 8)
    }))
})

describe("Fiber", () => {
  it.effect("that has ended has an empty context", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.provideService(here, Place, "there"))
      yield* Fiber.await(fiber)
      assert.strictEqual(Context.get(fiber.context, Place), "nowhere")
    }))

  it.effect("runs what its dispatcher was given later, not at once", () =>
    Effect.gen(function*() {
      const done = yield* Deferred.make<void>()
      const notes: Array<string> = []
      yield* Effect.withFiber((fiber) => {
        fiber.currentDispatcher.scheduleTask(() => {
          notes.push("task")
          Deferred.doneUnsafe(done, Effect.void)
        }, 0)
        notes.push("scheduled")
        return Effect.void
      })
      yield* Deferred.await(done)
      assert.deepStrictEqual(notes, ["scheduled", "task"])
    }))

  it.effect("says who interrupted it", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.never)
      yield* Effect.yieldNow
      fiber.interruptUnsafe(42)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      const ids = Exit.isFailure(exit)
        ? exit.cause.reasons.filter(Cause.isInterruptReason).map((reason) => reason.fiberId)
        : []
      assert.deepStrictEqual(ids, [42])
    }))
})

describe("Scope", () => {
  it.effect("runs a finalizer at once, with the exit, when it was closed before", () =>
    Effect.gen(function*() {
      const exits: Array<string> = []
      const scope = Scope.makeUnsafe()
      const add = Scope.addFinalizerExit(scope, (exit) => Effect.sync(() => exits.push(exit._tag)))
      yield* add
      yield* Scope.close(scope, Exit.fail("no"))
      assert.deepStrictEqual(exits, ["Failure"])
      yield* add
      assert.deepStrictEqual(exits, ["Failure", "Failure"])
    }))

  it.effect("runs finalizers in the context of whoever closes it", () =>
    Effect.gen(function*() {
      const places: Array<string> = []
      const scope = Scope.makeUnsafe()
      yield* Effect.provideService(
        Scope.addFinalizerExit(scope, () => Effect.map(here, (place) => places.push(place))),
        Place,
        "where it was added"
      )
      yield* Effect.provideService(Scope.close(scope, Exit.void), Place, "where it was closed")
      assert.deepStrictEqual(places, ["where it was closed"])
    }))
})
