/** What everything is compared with: the same work without a runtime. */
import * as Effect from "effect/Effect"
import { casesOf } from "../harness/Case.ts"
import { bareBatch } from "../harness/program.ts"
import { search, smallInput } from "./work.ts"

const { timed } = casesOf(import.meta.url)

const asyncSearch = async (): Promise<number> => search(smallInput)

/** `Effect.suspend(() => Effect.sync(…))`: the unit of the goals. */
export const suspend = timed(
  "bare/suspend",
  "Effect.suspend(sync)",
  async () => bareBatch(() => Effect.suspend(() => Effect.sync(() => search(smallInput))))
)

export const awaited = timed("bare/await", "await fn()", async () => ({
  run: async (operations) => {
    for (let i = 0; i < operations; i++) await asyncSearch()
  }
}))

export const withSpan = timed(
  "bare/withSpan",
  "Effect.withSpan",
  async () => bareBatch(() => Effect.withSpan(Effect.suspend(() => Effect.sync(() => search(smallInput))), "search"))
)

export const cases = [suspend, awaited, withSpan]
