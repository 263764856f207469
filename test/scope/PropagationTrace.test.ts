/** Ids that go out are those that are exported, and what comes in is exported where it belongs: across two runtimes. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { AgentRuntime, ExecutionScope, LlmCall, ToolCall } from "../../src/index.ts"
import * as Propagation from "../../src/scope/Propagation.ts"
import { TestRuntime } from "../../src/testing/index.ts"

/** A service with a runtime and an exporter of its own. */
const makeService = () => {
  const spans: Array<OpenTelemetryExporter.ReadableSpan> = []
  const processor = { onEnd: (span: OpenTelemetryExporter.ReadableSpan) => void spans.push(span) }
  const layer = AgentRuntime.layerWith({
    policies: OpenTelemetryExporter.layerSpanProcessor(processor, { projection: "full" })
  }).pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))))
  const get = (name: string) => {
    const found = spans.find((span) => span.name === name)
    assert.isDefined(found, name)
    const { spanId, traceId } = found.spanContext()
    return { traceId, spanId, parent: found.parentSpanId }
  }
  return { spans, layer, get }
}

const agent = (name: string) => ExecutionScope.run({ name, category: "agent" })

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const spanId = "00f067aa0ba902b7"

/** A tracer that counts as one that exports: its spans are none of Effect's own. */
const exporting = Tracer.make({
  span: (options): Tracer.Span => {
    const { annotations, kind, name, parent, sampled, spanId, status, traceId } = new Tracer.NativeSpan(options)
    const ignore = () => undefined
    return {
      _tag: "Span",
      annotations,
      kind,
      name,
      parent,
      sampled,
      spanId,
      status,
      traceId,
      attributes: new Map(),
      links: [],
      end: ignore,
      attribute: ignore,
      event: ignore,
      addLinks: ignore
    }
  }
})

const journeys: ReadonlyArray<
  readonly [how: string, travel: (context: Propagation.PropagationContext) => Propagation.PropagationContext]
> = [
  ["headers", (context) => Propagation.fromHeaders(new Headers(Propagation.toHeaders(context)))],
  ["JSON", (context) => Propagation.fromJson(JSON.parse(JSON.stringify(Propagation.toJson(context))))]
]

describe("two services", () => {
  it.effect.each(journeys)(
    "export one trace, with the right parents, by way of %s",
    ([, travel]) =>
      Effect.gen(function*() {
        const [a, b] = [makeService(), makeService()]
        const inB = LlmCall.run(
          { name: "model", request: { headers: {}, body: {} } },
          () => agent("b deep")(Effect.void)
        )
        const context = yield* ToolCall.run({ name: "ask", input: 1 }, () => Propagation.capture).pipe(
          agent("a"),
          Effect.provide(a.layer)
        )
        yield* Effect.andThen(inB, agent("b second")(Effect.void)).pipe(
          Propagation.continueFrom(travel(context)),
          Effect.provide(b.layer)
        )
        const ask = a.get("ask")
        assert.deepStrictEqual([context.trace?.traceId, context.trace?.spanId], [ask.traceId, ask.spanId])
        assert.strictEqual(ask.parent, a.get("a").spanId)
        for (const name of ["model", "b second"]) {
          assert.strictEqual(b.get(name).parent, ask.spanId)
          assert.strictEqual(b.get(name).traceId, ask.traceId)
        }
        assert.strictEqual(b.get("b deep").parent, b.get("model").spanId)
        assert.strictEqual(b.get("b deep").traceId, ask.traceId)
        assert.strictEqual(b.spans.length, 3)
      })
  )

  it.effect("export one trace also if it began elsewhere, and a third one continues it", () =>
    Effect.gen(function*() {
      const [a, b] = [makeService(), makeService()]
      const begun = Propagation.fromHeaders({ traceparent: `00-${traceId}-${spanId}-01`, tracestate: "rojo=1" })
      const sent = yield* Propagation.capture.pipe(agent("a"), Propagation.continueFrom(begun), Effect.provide(a.layer))
      assert.deepStrictEqual(a.get("a"), { traceId, spanId: sent.trace!.spanId, parent: spanId })
      const headers = Propagation.toHeaders(sent)
      assert.match(headers["tracestate"]!, /^heddle=1:[^,]+,rojo=1$/)
      // Somebody between the two who is no heddle has a span of its own.
      const between = { ...headers, traceparent: headers["traceparent"]!.replace(sent.trace!.spanId, "b".repeat(16)) }
      const last = yield* Propagation.capture.pipe(
        agent("b"),
        Propagation.continueFrom(Propagation.fromHeaders(between)),
        Effect.provide(b.layer)
      )
      assert.deepStrictEqual(b.get("b"), { traceId, spanId: last.trace!.spanId, parent: "b".repeat(16) })
      assert.strictEqual(last.scope?.rootUuid, sent.scope?.rootUuid)
    }))

  it.effect("export nothing of a trace that is not sampled, and pass that on", () =>
    Effect.gen(function*() {
      const [a, b] = [makeService(), makeService()]
      const unsampled = Propagation.fromHeaders({ traceparent: `00-${traceId}-${spanId}-00` })
      const sent = yield* ToolCall.run({ name: "ask", input: 1 }, () => Propagation.capture).pipe(
        agent("a"),
        Propagation.continueFrom(unsampled),
        Effect.provide(a.layer)
      )
      assert.match(Propagation.toHeaders(sent)["traceparent"]!, /-00$/)
      const last = yield* Propagation.capture.pipe(
        agent("b"),
        Propagation.continueFrom(Propagation.fromHeaders(Propagation.toHeaders(sent))),
        Effect.provide(b.layer)
      )
      assert.isFalse(last.trace?.sampled)
      yield* agent("apart")(Effect.void).pipe(Effect.provide(b.layer))
      assert.deepStrictEqual([a.spans.length, b.spans.map(({ name }) => name)], [0, ["apart"]])
    }))
})

describe("the events of a trace that is not sampled", () => {
  it.effect("are there", () =>
    Effect.gen(function*() {
      const unsampled = Propagation.fromHeaders({ traceparent: `00-${traceId}-${spanId}-00` })
      yield* agent("a")(Effect.void).pipe(Propagation.continueFrom(unsampled))
      const events = yield* TestRuntime.events
      assert.strictEqual(events.length, 2)
      assert.isFalse(events[0]?.metadata?.["otel.sampled"])
      assert.deepStrictEqual(OpenTelemetryExporter.toSpans(events), [])
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("spans of the application", () => {
  const remote: Propagation.PropagationContext = {
    ...Propagation.empty,
    scope: { uuid: "remote-scope", rootUuid: "remote-root" },
    trace: { traceId, spanId, sampled: true, random: false, state: "" }
  }

  it.effect("inside of a continuation belong to the remote trace, and scopes hang under them", () =>
    Effect.gen(function*() {
      const service = makeService()
      const [outer, inner, sent] = yield* Effect.gen(function*() {
        const outer = yield* Effect.currentSpan
        const [inner, sent] = yield* Effect.all([Effect.currentSpan, Propagation.capture]).pipe(
          Effect.withSpan("inner"),
          agent("a")
        )
        return [outer, inner, sent] as const
      }).pipe(
        Effect.withSpan("outer"),
        Propagation.continueFrom(remote),
        Effect.provideService(Tracer.Tracer, exporting),
        Effect.provide(service.layer)
      )
      assert.strictEqual(outer.traceId, traceId)
      assert.deepStrictEqual(service.get("a"), { traceId, spanId: service.get("a").spanId, parent: outer.spanId })
      assert.strictEqual(inner.traceId, traceId)
      // As a scope would that opens there.
      assert.strictEqual(sent.trace?.spanId, inner.spanId)
    }))

  it.effect("that were opened under the remote span already stay between; others do not", () =>
    Effect.gen(function*() {
      const service = makeService()
      const remoteSpan = Tracer.externalSpan({ traceId, spanId })
      const run = (name: string) => agent(name)(Effect.void).pipe(Propagation.continueFrom(remote))
      const server = yield* Effect.andThen(run("in server"), Effect.currentSpan).pipe(
        Effect.withSpan("server", { parent: remoteSpan, kind: "server" }),
        Effect.provideService(Tracer.Tracer, exporting),
        Effect.provide(service.layer)
      )
      yield* run("in another").pipe(
        Effect.withSpan("another"),
        Effect.provideService(Tracer.Tracer, exporting),
        Effect.provide(service.layer)
      )
      yield* run("untraced").pipe(Effect.withSpan("exported by nobody"), Effect.provide(service.layer))
      assert.strictEqual(service.get("in server").parent, server.spanId)
      for (const name of ["in another", "untraced"]) {
        assert.strictEqual(service.get(name).parent, spanId)
        assert.strictEqual(service.get(name).traceId, traceId)
      }
    }))

  it.effect("hang under the span that the remote scope is known by, also where its handle brings them there", () =>
    Effect.gen(function*() {
      const service = makeService()
      const inHandle = Effect.gen(function*() {
        const handle = Option.getOrThrow(yield* ExecutionScope.current.pipe(Propagation.continueFrom(remote)))
        const opened = ExecutionScope.open({ name: "opened", category: "agent", parent: handle })
        yield* Effect.scoped(opened).pipe(
          Effect.withSpan("another"),
          Effect.provideService(Tracer.Tracer, exporting)
        )
        return yield* Effect.currentParentSpan.pipe(ExecutionScope.within(handle))
      })
      for (const layer of [service.layer, AgentRuntime.layer]) {
        const span = yield* Effect.provide(inHandle, layer)
        assert.deepStrictEqual([span.traceId, span.spanId], [traceId, spanId])
      }
      assert.deepStrictEqual(service.get("opened"), { traceId, spanId: service.get("opened").spanId, parent: spanId })
    }))

  it.effect("do not come between a scope of this process and what continues it here", () =>
    Effect.gen(function*() {
      const service = makeService()
      yield* Effect.gen(function*() {
        const context = yield* Propagation.capture
        yield* agent("c")(Effect.void).pipe(Propagation.continueFrom(context), agent("b"))
      }).pipe(agent("a"), Effect.provide(service.layer))
      assert.strictEqual(service.get("c").parent, service.get("a").spanId)
      assert.strictEqual(service.get("c").traceId, service.get("a").traceId)
    }))
})
