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

describe("a mark whose scope is one of another process", () => {
  const place = (metadata: Readonly<Record<string, unknown>> | undefined) => {
    const run = log()
    run.mark("early", "remote")
    const placed = new Assembler().add({ ...run.events[0]!, metadata })
    assert.isTrue(placed !== undefined && "mark" in placed && placed.isOrphan)
    return placed?.context
  }
  const trace = { "otel.trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "otel.parent_span_id": "00f067aa0ba902b7" }
  const context = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" }

  it("is in the trace that it says, under the span that it says", () => {
    assert.deepStrictEqual(place(trace), context)
    assert.deepStrictEqual(place({ ...trace, "otel.sampled": false }), { ...context, sampled: false })
  })

  it("is in that of the root's id if it says none, or what is none", () => {
    const derived = place(undefined)
    assert.notStrictEqual(derived?.traceId, context.traceId)
    assert.deepStrictEqual(place({ ...trace, "otel.trace_id": "x" }), derived)
    assert.deepStrictEqual(place({ ...trace, "otel.parent_span_id": "0000000000000000" }), derived)
  })
})
