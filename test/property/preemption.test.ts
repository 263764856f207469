import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Mark } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { random, run, Schedule, sometimes } from "./support/Schedule.ts"

describe("a dispatcher and subscribers that lose their turn anywhere", () => {
  it("still handle every event, in order", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const next = random(seed)
      const schedule = new Schedule({ yields: sometimes(next, 0.1 + (seed % 9) / 10), everyone: true })
      const program = Effect.gen(function*() {
        for (let n = 1; n <= 30; n++) {
          yield* Mark.emit(`mark ${n}`)
          if (next() < 0.3) {
            const events = yield* TestRuntime.events
            assert.strictEqual(events.length, n, `seed ${seed}: handled after a flush`)
          }
          for (let yields = Math.floor(next() * 4); yields > 0; yields--) yield* Effect.yieldNow
        }
        return yield* TestRuntime.events
      }).pipe(Effect.provide(TestRuntime.layer()))
      const events = await run(schedule, Effect.orDie(program)).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error })
      })
      assert.deepStrictEqual(events.map(({ sequence }) => sequence), Array.from({ length: 30 }, (_, n) => n + 1))
      assert.strictEqual(schedule.alive.length, 0, `seed ${seed}: fibers left`)
    }
  })
})
