import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { AgentRuntime, ExecutionScope, Guardrail, LlmCall, Middleware, ToolCall } from "../../src/index.ts"
import { settle } from "../runtime/harness.ts"
import { type Answer, collector, deadUrl, noise, silence, status } from "./collector.ts"
import { receiver } from "./otlpReceiver.ts"

interface Point {
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: Readonly<Record<string, unknown>> }>
  readonly startTimeUnixNano: string
  readonly count: number
  readonly sum: number
  readonly asInt: number
  readonly bucketCounts: ReadonlyArray<number>
  readonly explicitBounds: ReadonlyArray<number>
}

interface WireMetric {
  readonly name: string
  readonly unit: string
  readonly histogram?: { readonly aggregationTemporality: number; readonly dataPoints: ReadonlyArray<Point> }
  readonly sum?: { readonly dataPoints: ReadonlyArray<Point> }
}

interface Body {
  readonly body: Uint8Array
}

const metricsIn = (request: Body | undefined): ReadonlyArray<WireMetric> =>
  JSON.parse(new TextDecoder().decode(request?.body)).resourceMetrics[0].scopeMetrics[0].metrics

const named = (request: Body | undefined, name: string): WireMetric => {
  const found = metricsIn(request).find((metric) => metric.name === name)
  assert.isDefined(found, `no metric ${name}`)
  return found
}

const pointsOf = (request: Body | undefined, name: string): ReadonlyArray<Point> => {
  const { histogram, sum } = named(request, name)
  return (histogram ?? sum)!.dataPoints
}

const duration = "gen_ai.client.operation.duration"

const countOf = (request: Body | undefined): number =>
  pointsOf(request, duration).reduce((sum, { count }) => sum + count, 0)

const tool = (name: string) => ToolCall.run({ name, input: {} }, () => Effect.succeed("done"))

const run = <A, E>(
  effect: Effect.Effect<A, E, AgentRuntime.AgentRuntime>,
  options: OpenTelemetryExporter.OtlpOptions,
  env: Record<string, string> = {}
) =>
  Effect.provide(
    effect,
    AgentRuntime.layerWith({
      policies: OpenTelemetryExporter.layerOtlp({
        protocol: "http/json",
        signals: ["metrics"],
        scheduledDelay: 0,
        ...options
      })
    }).pipe(
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
    ),
    { local: true }
  )

const after = (seconds: number): Answer => (response) => {
  response.writeHead(429, { "retry-after": `${seconds}` }).end()
}

const endless: Answer = (response) => {
  response.writeHead(200)
  const more = () => {
    if (!response.destroyed) response.write("x".repeat(10_000), () => setImmediate(more))
  }
  more()
}

describe("a collector of metrics that", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<Answer>, OpenTelemetryExporter.OtlpOptions?]> = [
    ["refuses them", [status(400), status(413)]],
    ["is not available for a while", [status(503), status(502)]],
    ["throttles with 429", [after(0)]],
    ["answers with garbage", [noise, status(200, {}, "<html>\u0000")]],
    ["answers with a body that does not end", [endless], { exportTimeout: "1 second" }],
    ["does not answer in time", [silence], { exportTimeout: "200 millis" }]
  ]
  for (const [what, answers, options] of cases) {
    it.live(`${what} does not keep the work, nor metrics from arriving in the end`, () =>
      Effect.gen(function*() {
        const server = yield* collector
        server.answers.push(...answers)
        yield* run(
          Effect.gen(function*() {
            for (const name of ["a", "b", "c"]) {
              assert.strictEqual(yield* tool(name), "done")
              yield* AgentRuntime.flush
            }
          }),
          {
            endpoints: { metrics: server.url },
            retry: Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 200 })),
            ...options
          }
        )
        assert.strictEqual(countOf(server.taken.at(-1)), 3)
      }))
  }

  it.live("is not there does not keep the work nor the end of the runtime", () =>
    Effect.gen(function*() {
      const url = yield* deadUrl
      const result = yield* run(Effect.tap(tool("a"), () => AgentRuntime.flush), {
        endpoints: { metrics: url },
        retry: Schedule.recurs(0)
      })
      assert.strictEqual(result, "done")
    }))
})

describe("metrics", () => {
  it.live("a flush returns when the collector has them, also if nothing happened since they were measured", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(
        Effect.gen(function*() {
          yield* tool("a")
          yield* AgentRuntime.flush
          assert.strictEqual(countOf(collector.received.at(-1)), 1)
          yield* tool("b")
          yield* settle
          yield* AgentRuntime.flush
          assert.strictEqual(countOf(collector.received.at(-1)), 2)
          assert.strictEqual(collector.received.length, 2)
          yield* AgentRuntime.flush
        }),
        { url: collector.url }
      )
      assert.strictEqual(collector.received.length, 2)
    }))

  it.live("nothing is sent before somebody waits for it or the interval is over", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(
        Effect.gen(function*() {
          for (const name of ["a", "b", "c"]) {
            yield* tool(name)
            yield* settle
          }
          assert.strictEqual(collector.received.length, 0)
        }),
        { url: collector.url }
      )
      assert.strictEqual(countOf(collector.received.at(-1)), 3)
    }))

  it.live("the interval sends them again and again, since the beginning", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(
        Effect.gen(function*() {
          yield* tool("a")
          yield* collector.atLeast(2)
        }),
        { url: collector.url },
        { OTEL_METRIC_EXPORT_INTERVAL: "20" }
      )
      const [first, second] = collector.received
      assert.strictEqual(countOf(second), 1)
      assert.strictEqual(
        pointsOf(first, duration)[0]?.startTimeUnixNano,
        pointsOf(second, duration)[0]?.startTimeUnixNano
      )
    }))

  it.live("with delta temporality what was delivered is not told again, and what was not comes with the next", () =>
    Effect.gen(function*() {
      const collector = yield* receiver((_, index) => index === 1 ? { status: 400 } : undefined)
      yield* run(
        Effect.gen(function*() {
          yield* tool("a")
          yield* AgentRuntime.flush
          for (const name of ["a", "b"]) {
            yield* tool(name)
            yield* AgentRuntime.flush
          }
        }),
        { url: collector.url },
        { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta" }
      )
      const [first, refused, last] = collector.received
      assert.deepStrictEqual([first, refused, last].map(countOf), [1, 1, 2])
      assert.strictEqual(named(last, duration).histogram?.aggregationTemporality, 1)
      assert.strictEqual(
        pointsOf(refused, duration)[0]?.startTimeUnixNano,
        pointsOf(last, duration)[0]?.startTimeUnixNano
      )
      const buckets = pointsOf(last, duration).map(({ bucketCounts }) => bucketCounts.reduce((sum, n) => sum + n, 0))
      assert.deepStrictEqual(buckets, [1, 1])
    }))

  it.live("a trouble with the collector is told in the log like any other", () =>
    Effect.gen(function*() {
      const collector = yield* receiver(() => ({ status: 400 }))
      yield* run(
        Effect.gen(function*() {
          yield* tool("a")
          yield* AgentRuntime.flush
          assert.deepStrictEqual(yield* AgentRuntime.troubles, [{
            kind: "export failed",
            name: "mine metrics",
            count: 1
          }])
        }),
        { url: collector.url, name: "mine" }
      )
    }))

  it.live("names that are made up at run time do not fill the memory: what is too much is one series", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(
        Effect.gen(function*() {
          for (let n = 0; n < 2100; n++) yield* tool(`tool ${n}`)
        }),
        { url: collector.url, retry: Schedule.recurs(0) }
      )
      const points = pointsOf(collector.received.at(-1), duration)
      assert.strictEqual(points.length, 2000)
      assert.strictEqual(countOf(collector.received.at(-1)), 2100)
      const rest = points.find(({ attributes }) => attributes.some(({ key }) => key === "otel.metric.overflow"))
      assert.strictEqual(rest?.count, 101)
    }))
})

describe("what an agent does", () => {
  const no = Guardrail.make({ name: "no", applies: { name: "blocked" }, check: () => Guardrail.reject("no") })

  const ask = LlmCall.run({ name: "openai", request: { headers: {}, body: { model: "m" } } }, () => Effect.succeed({}))

  it.live("its calls are counted, those of other agents under it are theirs, and blocked ones are none", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(
        Effect.gen(function*() {
          yield* ask
          yield* ask.pipe(ExecutionScope.run({ name: "step", category: "function" }))
          yield* tool("a")
          yield* Effect.ignore(tool("blocked"))
          yield* Effect.andThen(tool("b"), tool("c")).pipe(ExecutionScope.run({ name: "inner", category: "agent" }))
        }).pipe(ExecutionScope.run({ name: "outer", category: "agent" }), Middleware.provide(no)),
        { url: collector.url, convention: "latest" }
      )
      const counts = (name: string) =>
        Object.fromEntries(
          pointsOf(collector.received.at(-1), name).map(({ attributes, sum }) => [
            attributes.find(({ key }) => key === "gen_ai.agent.name")?.value["stringValue"],
            sum
          ])
        )
      assert.deepStrictEqual(counts("gen_ai.invoke_agent.inference_calls"), { inner: 0, outer: 2 })
      assert.deepStrictEqual(counts("gen_ai.invoke_agent.tool_calls"), { inner: 2, outer: 1 })
      const [point] = pointsOf(collector.received.at(-1), "gen_ai.invoke_agent.tool_calls")
      assert.deepStrictEqual(point?.explicitBounds, [1, 2, 4, 8, 16, 32, 64, 128])
      const [time] = pointsOf(collector.received.at(-1), "gen_ai.invoke_agent.duration")
      assert.deepStrictEqual([time?.explicitBounds[0], time?.explicitBounds.at(-1)], [0.1, 409.6])
      const [blocked] = pointsOf(collector.received.at(-1), "heddle.calls.blocked")
      assert.strictEqual(blocked?.asInt, 1)
    }))

  it.effect("chunks of a stream count with their mean time, each after the first", () =>
    Effect.gen(function*() {
      const chunks = Stream.fromIterable([1, 2, 3, 4, 5]).pipe(
        Stream.mapEffect((n) => Effect.as(TestClock.adjust("1 second"), n))
      )
      yield* LlmCall.stream({ name: "openai", request: { headers: {}, body: { model: "m" } } }, () => chunks).pipe(
        Stream.runDrain,
        Effect.provide(AgentRuntime.layerWith({ policies: OpenTelemetryExporter.layerMetrics() }), { local: true })
      )
      const metric = (yield* Metric.snapshot).find(({ id }) => id === "gen_ai.client.operation.time_per_output_chunk")
      const state = metric?.type === "Histogram" ? metric.state : undefined
      assert.deepStrictEqual([state?.count, state?.sum], [4, 4])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("a flush flushes whoever exports the metrics of the application", () =>
    Effect.gen(function*() {
      const flushed = yield* Ref.make(0)
      const flusher = Layer.succeed(OtlpExporter.Flusher, {
        flush: Ref.update(flushed, (n) => n + 1),
        register: () => Effect.void
      })
      yield* Effect.gen(function*() {
        yield* tool("a")
        yield* AgentRuntime.flush
        assert.strictEqual(yield* Ref.get(flushed), 1)
      }).pipe(Effect.provide(
        AgentRuntime.layerWith({ policies: OpenTelemetryExporter.layerMetrics() }).pipe(Layer.provide(flusher)),
        { local: true }
      ))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})
