import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as OpenInferenceExporter from "../../src/exporter/OpenInferenceExporter.ts"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { AgentRuntime, ExecutionScope, Guardrail, Mark, Middleware, ToolCall } from "../../src/index.ts"
import { receiver, spansIn } from "./otlpReceiver.ts"

type Options = OpenTelemetryExporter.OtlpOptions

/** A runtime that exports as told, in an environment as told. */
const runtime = (options: Options, env: Record<string, string> = {}) =>
  AgentRuntime.layerWith({
    policies: OpenTelemetryExporter.layerOtlp({ scheduledDelay: 0, protocol: "http/json", ...options })
  }).pipe(
    Layer.provide(FetchHttpClient.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
  )

const tool = (name: string) => ToolCall.run({ name, input: { q: 1 } }, () => Effect.succeed("done"))

const run = <A, E>(
  effect: Effect.Effect<A, E, AgentRuntime.AgentRuntime>,
  options: Options,
  env?: Record<string, string>
) => Effect.provide(effect, runtime(options, env), { local: true })

const flushed = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.tap(effect, () => AgentRuntime.flush)

describe("OTLP", () => {
  it.live("a flush returns when the collector has the spans, and closing sends the rest", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(
        Effect.gen(function*() {
          yield* flushed(tool("first"))
          assert.deepStrictEqual(spansIn(collector.received).map(({ name }) => name), ["execute_tool first"])
          yield* tool("second")
        }),
        { url: collector.url, scheduledDelay: "1 hour" }
      )
      assert.deepStrictEqual(
        spansIn(collector.received).map(({ name }) => name),
        ["execute_tool first", "execute_tool second"]
      )
      assert.strictEqual(collector.received[0]?.path, "/v1/traces")
      assert.strictEqual(collector.received[0]?.headers["content-type"], "application/json")
    }))

  it.live("a run without events sends nothing", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(flushed(Effect.void), { url: collector.url, signals: ["traces", "logs"] })
      assert.deepStrictEqual(collector.received, [])
    }))

  it.live("protobuf is the default, and gzip if asked", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(tool("x".repeat(2000)), { url: collector.url, protocol: undefined, compression: "gzip" })
      const [request] = collector.received
      assert.strictEqual(request?.headers["content-type"], "application/x-protobuf")
      assert.strictEqual(request?.headers["content-encoding"], "gzip")
      assert.isTrue(request?.body.includes("execute_tool xxx"))
    }))

  it.live("the environment says where, as whom and with what", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(tool("t"), { protocol: undefined }, {
        OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base/`,
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20key",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_SERVICE_NAME: "scout",
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test"
      })
      const [request] = collector.received
      assert.strictEqual(request?.path, "/base/v1/traces")
      assert.strictEqual(request?.headers["authorization"], "Bearer key")
      const { attributes } = JSON.parse(request!.body.toString()).resourceSpans[0].resource
      const resource = Object.fromEntries(
        attributes.map(({ key, value }: { key: string; value: { stringValue: string } }) => [key, value.stringValue])
      )
      assert.strictEqual(resource["service.name"], "scout")
      assert.strictEqual(resource["deployment.environment.name"], "test")
    }))

  it.live("headers of the environment do not go to an endpoint that the code names", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(tool("t"), { url: collector.url, headers: { "x-key": Redacted.make("mine") } }, {
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://elsewhere.invalid",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=secret"
      })
      const [request] = collector.received
      assert.strictEqual(request?.headers["x-key"], "mine")
      assert.isUndefined(request?.headers["authorization"])
    }))

  for (const env of [{ OTEL_SDK_DISABLED: "true" }, { OTEL_TRACES_EXPORTER: "none" }]) {
    it.live(`nothing is sent with ${Object.keys(env)[0]}`, () =>
      Effect.gen(function*() {
        const collector = yield* receiver()
        yield* run(tool("t"), { url: collector.url }, env)
        assert.deepStrictEqual(collector.received, [])
      }))
  }

  it.live("a variable that makes no sense is named when the runtime is built", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(run(tool("t"), { protocol: undefined }, { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }))
      assert.isTrue(Exit.isFailure(exit))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "OTEL_EXPORTER_OTLP_PROTOCOL")
    }))

  it.live("a batch that is tried again is the same batch, also if its scopes began in another one", () =>
    Effect.gen(function*() {
      const collector = yield* receiver((_, index) =>
        index < 2 ? { status: 503, headers: { "retry-after": "0" } } : undefined
      )
      yield* run(
        flushed(AgentRuntime.flush.pipe(ExecutionScope.run({ name: "a", category: "agent" }))),
        { url: collector.url, retry: Schedule.recurs(5) }
      )
      assert.strictEqual(collector.received.length, 3)
      const bodies = new Set(collector.received.map(({ body }) => body.toString()))
      assert.strictEqual(bodies.size, 1)
    }))

  it.live("a refused batch is not sent again, and the next one is", () =>
    Effect.gen(function*() {
      const collector = yield* receiver((_, index) => index === 0 ? { status: 400, body: "no" } : undefined)
      yield* run(
        Effect.gen(function*() {
          yield* flushed(tool("first"))
          yield* flushed(tool("second"))
          const troubles = yield* AgentRuntime.troubles
          assert.deepStrictEqual(troubles, [{ kind: "export failed", name: "otlp", count: 1 }])
        }),
        { url: collector.url }
      )
      assert.deepStrictEqual(
        spansIn(collector.received).map(({ name }) => name),
        ["execute_tool first", "execute_tool second"]
      )
    }))

  it.live("an answer that says that spans were refused is reported", () =>
    Effect.gen(function*() {
      const collector = yield* receiver(() => ({
        body: JSON.stringify({ partialSuccess: { rejectedSpans: "1", errorMessage: "too old" } })
      }))
      yield* run(
        Effect.gen(function*() {
          yield* flushed(tool("t"))
          assert.strictEqual((yield* AgentRuntime.troubles)[0]?.kind, "export failed")
        }),
        { url: collector.url }
      )
      assert.strictEqual(collector.received.length, 1)
    }))

  it.live("an answer of garbage is taken by its status", () =>
    Effect.gen(function*() {
      const collector = yield* receiver(() => ({ body: "\u0000<html>" }))
      yield* run(
        Effect.gen(function*() {
          yield* flushed(tool("t"))
          assert.deepStrictEqual(yield* AgentRuntime.troubles, [])
        }),
        { url: collector.url }
      )
    }))

  it.live("an unreachable collector changes nothing for the work", () =>
    Effect.gen(function*() {
      const { url } = yield* Effect.scoped(receiver())
      const result = yield* run(flushed(tool("t")), { url, retry: Schedule.recurs(0) })
      assert.strictEqual(result, "done")
    }))

  it.live("marks with severity go to /v1/logs with the ids of their span", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* run(
        Mark.emit("low", { data: { n: 1 }, severity: "debug" }).pipe(
          Effect.andThen(Mark.emit("high", { data: { n: 2 }, severity: "warn" })),
          Effect.andThen(Mark.emit("none")),
          ExecutionScope.run({ name: "agent", category: "agent" })
        ),
        { url: collector.url, signals: ["traces", "logs"] }
      )
      const [span] = spansIn(collector.received)
      const records = collector.received.filter(({ path }) => path === "/v1/logs")
        .flatMap(({ body }) => JSON.parse(body.toString()).resourceLogs[0].scopeLogs[0].logRecords)
      assert.strictEqual(records.length, 1)
      assert.strictEqual(records[0].severityNumber, 13)
      assert.strictEqual(records[0].severityText, "WARN")
      assert.deepStrictEqual(records[0].body, { kvlistValue: { values: [{ key: "n", value: { intValue: 2 } }] } })
      assert.strictEqual(records[0].traceId, span?.traceId)
      assert.strictEqual(records[0].spanId, span?.spanId)
    }))

  it.live("metrics go to /v1/metrics with the units and bounds of the convention", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      const no = Guardrail.make({ name: "no", applies: { name: "bad" }, check: () => Guardrail.reject("no") })
      yield* run(
        tool("good").pipe(
          Effect.andThen(Effect.ignore(tool("bad"))),
          Middleware.provide(no)
        ),
        { url: collector.url, signals: ["metrics"] }
      )
      assert.isTrue(collector.received.every(({ path }) => path === "/v1/metrics"))
      const { metrics, scope } =
        JSON.parse(collector.received.at(-1)!.body.toString()).resourceMetrics[0].scopeMetrics[0]
      assert.strictEqual(scope.name, "heddle")
      const byName = Object.fromEntries(metrics.map((metric: { name: string }) => [metric.name, metric]))
      assert.deepStrictEqual(Object.keys(byName).toSorted(), [
        "gen_ai.client.operation.duration",
        "heddle.calls.blocked"
      ])
      const { histogram, unit } = byName["gen_ai.client.operation.duration"]
      assert.strictEqual(unit, "s")
      assert.strictEqual(histogram.dataPoints.length, 2)
      assert.deepStrictEqual(histogram.dataPoints[0].explicitBounds, [
        0.01,
        0.02,
        0.04,
        0.08,
        0.16,
        0.32,
        0.64,
        1.28,
        2.56,
        5.12,
        10.24,
        20.48,
        40.96,
        81.92
      ])
      assert.deepStrictEqual(
        histogram.dataPoints[0].attributes.map(({ key }: { key: string }) => key).toSorted(),
        ["gen_ai.operation.name", "gen_ai.tool.name"]
      )
      assert.strictEqual(byName["heddle.calls.blocked"].sum.dataPoints[0].asInt, 1)
    }))

  it.effect("metrics are Effect metrics, for whoever exports those", () =>
    Effect.gen(function*() {
      yield* Effect.provide(tool("t"), AgentRuntime.layerWith({ policies: OpenTelemetryExporter.layerMetrics() }), {
        local: true
      })
      const durations = (yield* Metric.snapshot).filter(({ id }) => id === "gen_ai.client.operation.duration")
      assert.deepStrictEqual(durations.map(({ attributes, type }) => ({ attributes, type })), [{
        type: "Histogram",
        attributes: { unit: "s", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t" }
      }])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.live("OpenInference says which project it is", () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* Effect.provide(
        tool("t"),
        AgentRuntime.layerWith({
          policies: OpenInferenceExporter.layerOtlp({ url: collector.url, protocol: "http/json", project: "scout" })
        }).pipe(Layer.provide(FetchHttpClient.layer)),
        { local: true }
      )
      const [span] = spansIn(collector.received)
      assert.deepStrictEqual(
        span?.attributes.find(({ key }) => key === "openinference.span.kind")?.value,
        { stringValue: "TOOL" }
      )
      assert.include(collector.received[0]!.body.toString(), "openinference.project.name")
    }))
})
