/** A burst of marks from a fiber that never yields: what it costs in memory, and whether all of them arrive. */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as References from "effect/References"
import { AgentRuntime, Mark } from "../../src/index.ts"
import { measureBurst, payload } from "../harness/burst.ts"
import { casesOf } from "../harness/Case.ts"
import { countingSubscriber, repeat } from "../harness/program.ts"

const { probe } = casesOf(import.meta.url)

export const cases = [
  probe("burst/sub", "100,000 marks of 600 bytes, 1 subscriber", async () => {
    const counter = { events: 0, gaps: 0 }
    const runtime = ManagedRuntime.make(AgentRuntime.layerWith({ policies: countingSubscriber(counter) }))
    await runtime.runPromise(Effect.void)
    return measureBurst(
      async (marks) => {
        const before = counter.events
        await runtime.runPromise(
          repeat(marks, () => Mark.emit("burst", { data: payload() })).pipe(
            Effect.provideService(References.PreventSchedulerYield, true),
            Effect.andThen(AgentRuntime.flush)
          )
        )
        return counter.events - before
      }
    )
  })
]
