import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { once } from "node:events"
import * as Http from "node:http"
import * as FetchPropagation from "../../src/binding/FetchPropagation.ts"
import * as HttpPropagation from "../../src/binding/HttpPropagation.ts"
import * as Promises from "../../src/binding/Promises.ts"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { AgentRuntime, ExecutionScope, type LifecycleEvent, ToolCall } from "../../src/index.ts"
import * as Propagation from "../../src/scope/Propagation.ts"
import { receiver, spansIn } from "../exporter/otlpReceiver.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const spanId = "00f067aa0ba902b7"
const traceparent = `00-${traceId}-${spanId}-01`
const url = "http://service.test/"

/** A `fetch` that keeps what it was asked for. */
const keeping = () => {
  const sent: Array<Headers> = []
  const send: typeof globalThis.fetch = async (_, init) => {
    sent.push(new Headers(init?.headers))
    return new Response("ok")
  }
  return { sent, send }
}

const recording = async () => {
  const events: Array<LifecycleEvent.LifecycleEvent> = []
  const heddle = await Promises.make({ subscribers: [{ name: "all", handle: (event) => void events.push(event) }] })
  const starts = async () => {
    await heddle.flush()
    return events.filter(({ _tag }) => _tag === "ScopeStart")
  }
  return { heddle, starts }
}

describe("a fetch that propagates", () => {
  it("says where the code is when it is called, in parallel branches too", async () => {
    await using heddle = await Promises.make()
    const { sent, send } = keeping()
    const fetch = FetchPropagation.fetch(heddle, send)
    const scopes = await Promise.all([1, 2, 3].map((index) =>
      heddle.scope(`s${index}`, async (scope) => {
        await Promise.resolve()
        await heddle.tool("t", index, async () => {
          const response = await fetch(`${url}?${index}`, { headers: { accept: "*/*" } })
          assert.strictEqual(await response.text(), "ok")
        })
        return scope
      })
    ))
    const read = sent.map((headers) => Propagation.fromHeaders(headers))
    assert.sameMembers(read.map(({ scope }) => scope?.rootUuid), scopes.map(({ uuid }) => uuid))
    for (const [index, { scope, trace }] of read.entries()) {
      assert.notStrictEqual(scope?.uuid, scope?.rootUuid)
      assert.strictEqual(trace?.traceId, scope?.rootUuid.replaceAll("-", ""))
      assert.strictEqual(sent[index]?.get("accept"), "*/*")
    }
  })

  it("lets headers win that the request has, whichever form it has", async () => {
    await using heddle = await Promises.make()
    const { sent, send } = keeping()
    const fetch = FetchPropagation.fetch(heddle, send)
    await heddle.scope("s", async () => {
      await fetch(url, { headers: { TraceParent: traceparent } })
      await fetch(new Request(url, { headers: { traceparent, "x-own": "1" } }))
      await fetch(new Request(url, { headers: { "x-own": "1" } }), { headers: [["x-other", "2"]] })
      await fetch(new URL(url))
    })
    for (const headers of sent.slice(0, 2)) {
      assert.strictEqual(headers.get("traceparent"), traceparent)
      assert.isFalse(headers.has("tracestate"))
    }
    assert.strictEqual(sent[1]?.get("x-own"), "1")
    // As with every fetch, headers beside a request replace those of the request.
    assert.deepStrictEqual([sent[2]?.get("x-own"), sent[2]?.get("x-other")], [null, "2"])
    for (const headers of sent.slice(2)) assert.isTrue(headers.has("traceparent") && headers.has("tracestate"))
  })

  it("says nothing outside of every scope, and other functions say nothing at all", async () => {
    await using heddle = await Promises.make()
    const { sent, send } = keeping()
    await FetchPropagation.fetch(heddle, send)(url)
    await heddle.scope("s", () => send(url))
    for (const headers of sent) assert.deepStrictEqual([...headers], [])
    assert.deepStrictEqual(FetchPropagation.headers(heddle), {})
    const headers = await heddle.scope("s", () => FetchPropagation.headers(heddle))
    assert.deepStrictEqual(Object.keys(headers), ["traceparent", "tracestate"])
  })

  it("rejects, and does not throw, where headers are invalid", async () => {
    await using heddle = await Promises.make()
    const answer = FetchPropagation.fetch(heddle, keeping().send)(url, { headers: { "no name": "x" } })
    assert.instanceOf(await answer.catch((error: unknown) => error), TypeError)
  })
})

describe("work that continues a request", () => {
  it("hangs under the scope that sent it, also after an await, and passes its baggage on", async () => {
    const { heddle, starts } = await recording()
    const headers = { traceparent, tracestate: "heddle=1:remote-root:remote-scope,rojo=1", baggage: "a=1;p" }
    const context = await FetchPropagation.continueFrom(heddle, { headers }, async () => {
      await Promise.resolve()
      await heddle.tool("direct", 1, () => 1)
      return heddle.scope("s", () => heddle.capture())
    })
    await heddle.scope("after", () => undefined)
    const [direct, s, after] = await starts()
    for (const event of [direct, s]) {
      assert.deepStrictEqual([event?.parentUuid, event?.rootUuid], ["remote-scope", "remote-root"])
      assert.deepStrictEqual(event?.metadata, { "otel.trace_id": traceId, "otel.parent_span_id": spanId })
    }
    assert.isUndefined(after?.parentUuid)
    assert.deepStrictEqual([...context.baggage], [["a", { value: "1", properties: ["p"] }]])
    assert.strictEqual(context.trace?.traceId, traceId)
    assert.match(Propagation.toHeaders(context)["tracestate"]!, /^heddle=1:remote-root:[^:,]+,rojo=1$/)
    await heddle.close()
  })

  it("takes headers in each form that requests have, and tells what it ignores", async () => {
    await using heddle = await Promises.make()
    const forms = [new Headers({ traceparent }), new Request(url, { headers: { traceparent } }), { traceparent }, {
      headers: { traceparent: [traceparent] }
    }]
    for (const form of forms) {
      const context = await FetchPropagation.continueFrom(heddle, form, () => heddle.capture())
      assert.strictEqual(context.trace?.spanId, spanId)
    }
    const told: Array<string> = []
    const result = await FetchPropagation.continueFrom(
      heddle,
      { headers: { traceparent: "x", baggage: "=" } },
      () => 7,
      {
        onDiagnostic: ({ field }) => told.push(field)
      }
    )
    assert.strictEqual(result, 7)
    assert.deepStrictEqual(told, ["baggage", "traceparent"])
  })

  it("rejects with what the work throws, and can be aborted", async () => {
    await using heddle = await Promises.make()
    const error = new Error("no")
    const failed = FetchPropagation.continueFrom(heddle, { traceparent }, () => Promise.reject(error))
    assert.strictEqual(await failed.catch((caught: unknown) => caught), error)
    const controller = new AbortController()
    const waiting = FetchPropagation.continueFrom(heddle, { traceparent }, () => new Promise(() => undefined), {
      signal: controller.signal
    })
    controller.abort("enough")
    assert.strictEqual(await waiting.catch((caught: unknown) => caught), "enough")
  })
})

it("continues in code of promises what a fiber has, and back, also across runtimes", async () => {
  const { heddle, starts } = await recording()
  const remote = Propagation.fromHeaders({
    traceparent,
    tracestate: "heddle=1:remote-root:remote-scope",
    baggage: "a=1"
  })
  const baggage = await Effect.runPromise(
    Promises.fromPromise(() => heddle.scope("s", () => heddle.capture().baggage.get("a")?.value)).pipe(
      Propagation.continueFrom(remote),
      Effect.provide(AgentRuntime.layer)
    )
  )
  assert.strictEqual(baggage, "1")
  const [s] = await starts()
  assert.strictEqual(s?.metadata?.["heddle.link_uuid"], "remote-scope")
  await heddle.close()
})

const exporter = (name: string, url: string) =>
  OpenTelemetryExporter.layerOtlp({ url, protocol: "http/json", resource: { serviceName: name } }).pipe(
    Layer.provide(FetchHttpClient.layer)
  )

/** A service without Effect: it asks the next one. */
const plainService = async (collector: string, next: string) => {
  const heddle = await Promises.make({ layers: [exporter("plain", collector)] })
  const fetch = FetchPropagation.fetch(heddle)
  const server = Http.createServer((request, response) => {
    const work = () => heddle.tool("plain tool", request.url, async (path) => (await fetch(`${next}${path}`)).text())
    FetchPropagation.continueFrom(heddle, request, work).then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(String(error))
    )
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const address = server.address()
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await heddle.close()
  }
  return { url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`, close }
}

it.live(
  "an agent and two services, one of Effect and one of plain promises, export one trace by OTLP",
  () =>
    Effect.gen(function*() {
      const collector = yield* receiver()
      const runtime = (name: string) => AgentRuntime.layerWith({ policies: exporter(name, collector.url) })
      yield* Effect.scoped(Effect.gen(function*() {
        const handler = ToolCall.run({ name: "effect tool", input: {} }, () => Propagation.baggage).pipe(
          Effect.map((baggage) => HttpServerResponse.text(`for ${baggage.get("team")?.value}`))
        )
        const server = yield* Layer.build(
          HttpServer.serve(handler, HttpPropagation.server).pipe(
            Layer.provide(runtime("effect")),
            Layer.provideMerge(NodeHttpServer.layerTest)
          )
        )
        const { address } = yield* Effect.provide(HttpServer.HttpServer, server)
        assert(address._tag !== "UnixPathAddress")
        const plain = yield* Effect.acquireRelease(
          Effect.promise(() => plainService(collector.url, `http://127.0.0.1:${address.port}`)),
          ({ close }) => Effect.promise(close)
        )
        const ask = ToolCall.run({ name: "ask", input: {} }, () =>
          Effect.gen(function*() {
            const client = HttpPropagation.client(yield* HttpClient.HttpClient)
            return yield* Effect.flatMap(client.get(`${plain.url}/looms`), (response) => response.text)
          }))
        const answer = yield* ask.pipe(
          ExecutionScope.run({ name: "agent", category: "agent" }),
          Propagation.withBaggage({ team: "weavers" }),
          Effect.provide(Layer.merge(runtime("agent"), FetchHttpClient.layer))
        )
        assert.strictEqual(answer, "for weavers")
      }))
      const spans = new Map(spansIn(collector.received).map((span) => [span.name, span]))
      const chain = ["invoke_agent agent", "execute_tool ask", "execute_tool plain tool", "execute_tool effect tool"]
        .map((name) => spans.get(name))
      assert.strictEqual(spans.size, 4)
      assert.strictEqual(new Set(chain.map((span) => span?.traceId)).size, 1)
      assert.deepStrictEqual(
        chain.map((span) => span?.parentSpanId),
        [undefined, ...chain.slice(0, -1).map((span) => span?.spanId)]
      )
    }),
  30_000
)
