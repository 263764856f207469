/** The two services as a user runs them: processes of their own, and a collector that gets what both export. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { receiver, spansIn } from "../exporter/otlpReceiver.ts"

const example = fileURLToPath(new URL("../../examples/two-services.ts", import.meta.url))

const run = (env: Readonly<Record<string, string>> = {}) => {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: _, ...rest } = process.env
  return promisify(execFile)(process.execPath, [example], { env: { ...rest, ...env } })
}

it("two-services prints one trace that goes through both", { timeout: 120_000 }, async () => {
  const { stderr, stdout } = await run()
  assert.strictEqual(stderr, "")
  const [found, ...lines] = stdout.trimEnd().split("\n")
  assert.strictEqual(found, "found [ 'heddles and how to thread them' ]")
  const traces = new Set(lines.map((line) => line.slice(0, 32)))
  assert.strictEqual(traces.size, 1)
  assert.deepStrictEqual(lines.map((line) => line.slice(33)), [
    "invoke_agent librarian (agent)",
    "  execute_tool ask the library (agent)",
    "    execute_tool search (search)"
  ])
})

it.live(
  "two-services exports one trace from two processes to the collector of the environment",
  () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      const { stderr } = yield* Effect.promise(() => run({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }))
      assert.strictEqual(stderr, "")
      assert.isAtLeast(collector.received.length, 2)
      const spans = spansIn(collector.received)
      const named = (name: string) => {
        const found = spans.filter((span) => span.name === name)
        assert.strictEqual(found.length, 1, name)
        return found[0]!
      }
      const agent = named("invoke_agent librarian")
      const ask = named("execute_tool ask the library")
      const search = named("execute_tool search")
      assert.strictEqual(spans.length, 3)
      assert.deepStrictEqual(spans.map(({ traceId }) => traceId), Array.from({ length: 3 }, () => agent.traceId))
      assert.isUndefined(agent.parentSpanId)
      assert.strictEqual(ask.parentSpanId, agent.spanId)
      assert.strictEqual(search.parentSpanId, ask.spanId)
    }),
  120_000
)
