import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Assembler } from "../../src/exporter/internal/otelAssembler.ts"
import { batches } from "../../src/exporter/internal/otelBatch.ts"
import { AgentRuntime } from "../../src/index.ts"
import { settle } from "../runtime/harness.ts"
import { log } from "./atifSupport.ts"

describe("scopes whose end does not come", () => {
  it.effect("are given up when there are too many, and that is told", () =>
    Effect.gen(function*() {
      const { kernel } = yield* AgentRuntime.AgentRuntime
      const names: Array<string> = []
      const project = batches(
        kernel,
        "spans",
        (done) => "start" in done ? done.start.uuid : undefined,
        (ended) => names.push(...ended),
        new Assembler({ maxOpen: 2 })
      )
      const run = log()
      for (const uuid of ["a", "b", "c"]) run.start("tool", "look", uuid)
      for (const uuid of ["a", "b", "c"]) run.end(uuid)
      const [first, ...others] = run.events
      project([first!, ...others])
      assert.deepStrictEqual(names, ["b", "c"])
      yield* settle
      assert.deepStrictEqual(yield* AgentRuntime.troubles, [{ kind: "scopes given up", name: "spans", count: 1 }])
    }).pipe(Effect.provide(AgentRuntime.layer)))
})
