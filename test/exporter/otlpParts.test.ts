import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { inspect } from "node:util"
import * as AtofExporter from "../../src/exporter/AtofExporter.ts"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { AgentRuntime, Mark, ToolCall } from "../../src/index.ts"
import { deadUrl } from "./collector.ts"
import { counted } from "./deliverySupport.ts"
import { type Answer, type Received, receiver, spansIn } from "./otlpReceiver.ts"

const big = "x".repeat(1_500_000)

const tool = (name: string, input: string) => ToolCall.run({ name, input }, () => Effect.succeed("ok"))

const run = <A, E>(
  effect: Effect.Effect<A, E, AgentRuntime.AgentRuntime>,
  options: OpenTelemetryExporter.OtlpOptions
) =>
  Effect.provide(
    effect,
    AgentRuntime.layerWith({
      policies: OpenTelemetryExporter.layerOtlp({
        protocol: "http/json",
        projection: "full",
        retry: Schedule.recurs(3),
        ...options
      })
    }).pipe(Layer.provide(FetchHttpClient.layer)),
    { local: true }
  )

const namesIn = (requests: ReadonlyArray<Received>) => requests.map((one) => spansIn([one]).map(({ name }) => name))

/** Takes no more than so many spans at once. */
const atMost = (count: number, poison?: string) => (request: Received): Answer | undefined => {
  const spans = spansIn([request])
  return spans.length > count || spans.some(({ name }) => name === poison)
    ? { status: 413, body: "too large" }
    : undefined
}

describe("spans that are too large for one request", () => {
  it.live("are sent in several", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(Effect.forEach(["a", "b", "c", "d"], (name) => tool(name, big)), { url: collector.url })
      assert.deepStrictEqual(namesIn(collector.received), [["a", "b"], ["c", "d"]])
    }))

  it.live("are sent in several, log records too", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(
        Effect.forEach(["a", "b", "c", "d", "e", "f"], (name) =>
          Mark.emit(name, { severity: "info", data: { text: big } })),
        { url: collector.url, signals: ["logs"] }
      )
      assert.strictEqual(collector.received.length, 2)
    }))

  it.live("and are tried again, arrive once", () =>
    Effect.gen(function*() {
      const collector = yield* receiver((_, index) =>
        index === 1 ? { status: 503, headers: { "retry-after": "0" } } : undefined
      )
      yield* run(Effect.forEach(["a", "b", "c", "d"], (name) => tool(name, big)), { url: collector.url })
      assert.deepStrictEqual(namesIn(collector.received), [["a", "b"], ["c", "d"], ["c", "d"]])
    }))

  it.live("for the taste of the collector, are halved until it takes them, in order", () =>
    Effect.gen(function*() {
      const collector = yield* receiver(atMost(2))
      yield* run(Effect.forEach(["a", "b", "c", "d", "e"], (name) => tool(name, "")), {
        url: collector.url,
        name: "parts 1"
      })
      const taken = namesIn(collector.received).filter((names) => names.length <= 2)
      assert.deepStrictEqual(taken, [["a", "b"], ["c"], ["d", "e"]])
      assert.strictEqual((yield* counted("parts 1")).failed, 0)
    }))

  it.live("even alone, are lost alone, and counted", () =>
    Effect.gen(function*() {
      const collector = yield* receiver(atMost(9, "b"))
      yield* run(Effect.forEach(["a", "b", "c"], (name) => tool(name, "")), { url: collector.url, name: "parts 2" })
      const taken = namesIn(collector.received).filter((names) => !names.includes("b"))
      assert.deepStrictEqual(taken.flat(), ["a", "c"])
      assert.strictEqual((yield* counted("parts 2")).failed, 1)
    }))
})

describe("what is logged about a target", () => {
  const headers = { "x-key": Redacted.make("KEY-SECRET"), authorization: Redacted.make("Bearer KEY-SECRET") }
  const exporters = {
    OTLP: (url: string) => OpenTelemetryExporter.layerOtlp({ url, headers, retry: Schedule.recurs(0) }),
    "OTLP metrics": (url: string) =>
      OpenTelemetryExporter.layerOtlp({ url, headers, retry: Schedule.recurs(0), signals: ["metrics"] }),
    ATOF: (url: string) => AtofExporter.layerHttp({ url, headers, retry: Schedule.recurs(0) })
  }
  for (const [name, exporter] of Object.entries(exporters)) {
    it.live(`has none of the secrets of ${name}: headers, credentials and query`, () =>
      Effect.gen(function*() {
        const lines: Array<string> = []
        const logger = Logger.make<unknown, void>(({ message }) => {
          lines.push(inspect(message, { depth: 20, showHidden: true }))
        })
        const dead = new URL(yield* deadUrl)
        dead.search = "?token=KEY-SECRET"
        for (const url of [dead.toString(), dead.toString().replace("//", "//user:KEY-SECRET@")]) {
          yield* Effect.tap(tool("a", ""), () => AgentRuntime.flush).pipe(
            Effect.provide(
              AgentRuntime.layerWith({ policies: exporter(url) }).pipe(Layer.provide(FetchHttpClient.layer)),
              { local: true }
            ),
            Effect.provide(Logger.layer([logger]))
          )
        }
        assert.strictEqual(lines.length, 2)
        assert.include(lines[0], "ECONNREFUSED")
        for (const line of lines) assert.notInclude(line, "KEY-SECRET")
      }))
  }
})
