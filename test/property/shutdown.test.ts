import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as fc from "fast-check"
import { ExecutionScope } from "../../src/index.ts"
import { EventTree, TestRuntime } from "../../src/testing/index.ts"
import { type Program, program } from "./support/Program.ts"
import { random, run, Schedule, sometimes } from "./support/Schedule.ts"
import { World } from "./support/World.ts"

interface Circumstances {
  readonly seed: number
  readonly share: number
  readonly turns: number
}

const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  seed: fc.integer(),
  share: fc.constantFrom(0.05, 0.3, 1),
  turns: fc.nat(60)
})

/** Runs a program in a runtime that closes after some turns, whatever the program does by then. */
const check = async (program: Program, { seed, share, turns }: Circumstances): Promise<void> => {
  const schedule = new Schedule({ yields: sometimes(random(seed), share), everyone: true })
  const world = new World(program)
  const closed = Effect.gen(function*() {
    const { recorded } = yield* TestRuntime.TestRuntime
    const work = world.run.pipe(ExecutionScope.run({ name: "outer", category: "agent" }))
    const fiber = yield* Effect.forkDetach(work)
    for (let n = 0; n < turns; n++) yield* Effect.yieldNow
    return { fiber, recorded }
  }).pipe(Effect.provide(TestRuntime.layer()))

  const events = await run(
    schedule,
    Effect.gen(function*() {
      const { fiber, recorded } = yield* closed
      const atClose = recorded.length
      yield* Fiber.await(fiber)
      yield* world.settle
      assert.strictEqual(recorded.length, atClose, "events after the runtime has closed")
      return recorded
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  )
  EventTree.assertWellFormed(events, { contiguous: true })
  assert.strictEqual(schedule.alive.length, 0, "fibers that have not ended")
}

describe("a runtime that closes in the middle of any program", () => {
  it("ends what is open, each scope once, and tells nothing afterwards", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(program, circumstances, check),
      { numRuns: Number(process.env["HEDDLE_RUNS"] ?? 500), seed: Number(process.env["HEDDLE_SEED"] ?? 20_260) }
    )
  })
})
