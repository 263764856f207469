/** Opening and closing a scope, at several depths. */
import * as Effect from "effect/Effect"
import { ExecutionScope } from "../../src/index.ts"
import { casesOf } from "../harness/Case.ts"
import { managedBatch } from "../harness/program.ts"
import { search, smallInput } from "./work.ts"

const { timed } = casesOf(import.meta.url)

const body = Effect.sync(() => search(smallInput))

const scopeCase = (id: string, title: string, depth: number, subscribers: number) =>
  timed(id, title, () =>
    managedBatch({
      subscribers,
      make: () => ExecutionScope.run({ name: "step", category: "function" })(body),
      around: (effect) => {
        let nested = effect
        for (let level = 1; level < depth; level++) {
          nested = ExecutionScope.run({ name: "outer", category: "function" })(nested)
        }
        return nested
      },
      eventsAround: 2 * (depth - 1)
    }))

export const cases = [
  scopeCase("scope/1", "depth 1", 1, 0),
  scopeCase("scope/10", "depth 10", 10, 0),
  scopeCase("scope/100", "depth 100", 100, 0),
  scopeCase("scope/1+sub", "depth 1, 1 subscriber", 1, 1),
  scopeCase("scope/100+sub", "depth 100, 1 subscriber", 100, 1)
]
