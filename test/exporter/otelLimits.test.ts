import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import { limitAttributes } from "../../src/exporter/internal/otelLimits.ts"
import { readable, resourceOf } from "../../src/exporter/internal/otelReadable.ts"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { AgentRuntime, ExecutionScope, Guardrail, Mark, Middleware, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { receiver } from "./otlpReceiver.ts"

const yes = Guardrail.make({ name: "yes", applies: { kind: "tool" }, check: () => Guardrail.allow })

/** An agent with four marks and much to say, and a tool call with marks that a guardrail has judged. */
const agent = Effect.gen(function*() {
  for (const n of [1, 2, 3, 4]) {
    yield* Mark.emit(`mark ${n}`, { severity: "warn", data: n, metadata: { text: "abcdef" } })
  }
  yield* ToolCall.run(
    { name: "look", input: {} },
    () => Effect.andThen(Mark.emit("mark a"), Effect.andThen(Mark.emit("mark b"), Mark.emit("mark c")))
  )
    .pipe(Middleware.provide(yes))
}).pipe(
  ExecutionScope.run({ name: "agent", category: "agent", metadata: { a: "0123456789", b: ["xyz", "12"], c: 12345 } })
)

const spansOf = (limits: OpenTelemetryExporter.Limits) =>
  Effect.gen(function*() {
    yield* agent
    return OpenTelemetryExporter.toSpans(yield* TestRuntime.events, { projection: "full", limits })
  }).pipe(Effect.provide(TestRuntime.layer()))

const named = (spans: ReadonlyArray<OpenTelemetryExporter.FinishedSpan>, name: string) =>
  spans.find((span) => span.name === name)!

describe("limits of spans", () => {
  it.effect("without any, nothing is left out and nothing counted", () =>
    Effect.map(spansOf({}), (spans) => {
      const span = named(spans, "agent")
      assert.strictEqual(span.attributes["heddle.start.metadata.a"], "0123456789")
      assert.notProperty(span, "droppedAttributes")
      assert.strictEqual(span.droppedEvents, 0)
      assert.strictEqual(span.events.length, 4)
    }))

  it.effect("long texts are cut, also in lists and in events, and numbers are not", () =>
    Effect.map(spansOf({ attributeValueLength: 2 }), (spans) => {
      const { attributes, events } = named(spans, "agent")
      assert.strictEqual(attributes["heddle.start.metadata.a"], "01")
      assert.deepStrictEqual(attributes["heddle.start.metadata.b"], ["xy", "12"])
      assert.strictEqual(attributes["heddle.start.metadata.c"], 12345)
      assert.strictEqual(events[0]?.attributes["heddle.mark.metadata.text"], "ab")
    }))

  it("a cut does not leave half a character", () => {
    const cut = (length: number) =>
      limitAttributes({ text: "a😀b" }, Number.POSITIVE_INFINITY, length).attributes["text"]
    assert.deepStrictEqual([0, 1, 2, 3, 4].map(cut), ["", "a", "a", "a😀", "a😀b"])
  })

  it.effect("the first attributes are kept, and the others counted, on spans and on events", () =>
    Effect.map(spansOf({ attributeCount: 2, eventAttributeCount: 1 }), (spans) => {
      const span = named(spans, "agent")
      assert.deepStrictEqual(Object.keys(span.attributes), ["heddle.uuid", "heddle.scope_type"])
      assert.strictEqual(span.droppedAttributes, 3)
      assert.deepStrictEqual(Object.keys(span.events[0]!.attributes), ["heddle.mark.name"])
      assert.isAbove(span.events[0]!.droppedAttributes ?? 0, 0)
    }))

  it.effect("later marks are left out and counted", () =>
    Effect.map(spansOf({ eventCount: 3 }), (spans) => {
      const span = named(spans, "agent")
      assert.deepStrictEqual(span.events.map(({ name }) => name), ["mark 1", "mark 2", "mark 3"])
      assert.strictEqual(span.droppedEvents, 1)
    }))

  it.effect("a decision of a guardrail outlives marks", () =>
    Effect.map(spansOf({ eventCount: 2 }), (spans) => {
      const span = named(spans, "look")
      assert.deepStrictEqual(span.events.map(({ name }) => name), ["mark a", "heddle.guardrail.decision"])
      assert.strictEqual(span.droppedEvents, 2)
    }))

  it.effect("marks beyond the usual limit are there with a higher one", () =>
    Effect.gen(function*() {
      yield* Effect.forEach(Array.from({ length: 200 }), () => Mark.emit("m")).pipe(
        ExecutionScope.run({ name: "agent", category: "agent" })
      )
      const events = yield* TestRuntime.events
      const count = (limits?: OpenTelemetryExporter.Limits) => {
        const span = named(OpenTelemetryExporter.toSpans(events, { projection: "full", limits }), "agent")
        return [span.events.length, span.droppedEvents]
      }
      assert.deepStrictEqual(count(), [128, 72])
      assert.deepStrictEqual(count({ eventCount: 150 }), [150, 50])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("limits below nothing are nothing", () =>
    Effect.map(spansOf({ attributeCount: -1, eventCount: -1, attributeValueLength: -1 }), (spans) => {
      const span = named(spans, "agent")
      assert.deepStrictEqual(span.attributes, {})
      assert.strictEqual(span.droppedEvents, 4)
    }))

  it.effect("span processors get the counts too", () =>
    Effect.map(spansOf({ attributeCount: 1, eventAttributeCount: 1, eventCount: 3 }), (spans) => {
      const span = readable(named(spans, "agent"), resourceOf({}))
      assert.strictEqual(span.droppedAttributesCount, named(spans, "agent").droppedAttributes)
      assert.strictEqual(span.droppedEventsCount, 1)
      assert.isAbove(span.events[0]!.droppedAttributesCount, 0)
    }))
})

describe("limits on the wire", () => {
  const exported = (env: Record<string, string>, options?: OpenTelemetryExporter.OtlpOptions) =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      yield* Effect.provide(
        agent,
        AgentRuntime.layerWith({
          policies: OpenTelemetryExporter.layerOtlp({
            url: collector.url,
            protocol: "http/json",
            projection: "full",
            signals: ["traces", "logs"],
            ...options
          })
        }).pipe(
          Layer.provide(FetchHttpClient.layer),
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
        ),
        { local: true }
      )
      const bodies = (path: string) =>
        collector.received.filter((one) => one.path === path).map(({ body }) => JSON.parse(body.toString()))
      const spans = bodies("/v1/traces").flatMap(({ resourceSpans }) => resourceSpans[0].scopeSpans[0].spans)
      return {
        span: spans.find(({ name }) => name === "agent"),
        record: bodies("/v1/logs")[0].resourceLogs[0].scopeLogs[0].logRecords[0]
      }
    })

  it.live("the environment says them, for all signals", () =>
    Effect.map(
      exported({
        OTEL_ATTRIBUTE_COUNT_LIMIT: "2",
        OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "3",
        OTEL_SPAN_EVENT_COUNT_LIMIT: "1"
      }),
      ({ record, span }) => {
        assert.strictEqual(span.attributes.length, 2)
        assert.strictEqual(span.droppedAttributesCount, 3)
        assert.strictEqual(span.attributes[0].value.stringValue.length, 3)
        assert.strictEqual(span.events.length, 1)
        assert.strictEqual(span.droppedEventsCount, 3)
        assert.strictEqual(span.events[0].attributes.length, 2)
        assert.isAbove(span.events[0].droppedAttributesCount, 0)
        assert.strictEqual(record.attributes.length, 2)
        assert.isAbove(record.droppedAttributesCount, 0)
        assert.strictEqual(record.attributes[0].value.stringValue, "mar")
      }
    ))

  it.live("a signal's own variable is over the common one, and the code over both", () =>
    Effect.gen(function*() {
      const env = {
        OTEL_ATTRIBUTE_COUNT_LIMIT: "5",
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: "1",
        OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: "2",
        OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: "3"
      }
      const said = yield* exported(env)
      assert.strictEqual(said.span.attributes.length, 1)
      assert.strictEqual(said.span.events[0].attributes.length, 3)
      assert.strictEqual(said.record.attributes.length, 2)
      const coded = yield* exported(env, { limits: { attributeCount: 4 } })
      assert.strictEqual(coded.span.attributes.length, 4)
      assert.strictEqual(coded.span.events[0].attributes.length, 3)
      assert.strictEqual(coded.record.attributes.length, 4)
    }))
})
