import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import * as HttpPropagation from "../../src/binding/HttpPropagation.ts"
import { ExecutionScope, ToolCall } from "../../src/index.ts"
import * as Propagation from "../../src/scope/Propagation.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const agent = ExecutionScope.run({ name: "agent", category: "agent" })

/** A client of a server that is not there: it keeps the headers of its requests. */
const keeping = () => {
  const sent: Array<Headers.Headers> = []
  const client = HttpClient.make((request) => {
    sent.push(request.headers)
    return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("ok")))
  })
  return { sent, client }
}

const url = "http://service.test/"

describe("a client that propagates", () => {
  it.effect("says where each of its requests comes from", () =>
    Effect.gen(function*() {
      const { client, sent } = keeping()
      const propagating = HttpPropagation.client(client)
      const context = yield* ToolCall.run({ name: "t", input: 1 }, () =>
        Effect.andThen(propagating.get(url), Propagation.capture)).pipe(
          agent,
          Propagation.withBaggage({ a: "1" })
        )
      yield* propagating.post(url).pipe(agent)
      assert.deepStrictEqual(
        Object.keys(Propagation.toHeaders(context)),
        ["traceparent", "tracestate", "baggage"]
      )
      assert.deepStrictEqual({ ...sent[0] }, Propagation.toHeaders(context))
      assert.notStrictEqual(sent[1]!["traceparent"], sent[0]!["traceparent"])
      assert.isUndefined(sent[1]!["baggage"])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("leaves other clients as they are, and says nothing of heddle where there is nothing to say", () =>
    Effect.gen(function*() {
      const { client, sent } = keeping()
      const quiet = client.pipe(
        HttpClient.transform((send) => Effect.provideService(send, HttpClient.TracerPropagationEnabled, false))
      )
      HttpPropagation.client(client)
      yield* agent(quiet.get(url))
      yield* HttpPropagation.client(quiet).get(url)
      for (const headers of sent) {
        for (const name of ["traceparent", "tracestate", "baggage", "b3"]) {
          assert.isFalse(Headers.has(headers, name), name)
        }
      }
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("lets headers win that the request has", () =>
    Effect.gen(function*() {
      const { client, sent } = keeping()
      const own = `00-${"a".repeat(32)}-${"b".repeat(16)}-00`
      const request = HttpClientRequest.get(url)
      yield* Effect.gen(function*() {
        const propagating = HttpPropagation.client(client)
        yield* propagating.execute(HttpClientRequest.setHeader(request, "Traceparent", own))
        yield* propagating.execute(HttpClientRequest.setHeaders(request, { baggage: "mine=1", tracestate: "rojo=1" }))
        // One that is set after the client was made, too.
        const later = propagating.pipe(HttpClient.mapRequest(HttpClientRequest.setHeader("traceparent", own)))
        yield* later.execute(request)
      }).pipe(agent, Propagation.withBaggage({ a: "1" }))
      assert.deepStrictEqual({ ...sent[0] }, { traceparent: own, baggage: "a=1" })
      assert.deepStrictEqual([sent[1]!["baggage"], sent[1]!["tracestate"]], ["mine=1", "rojo=1"])
      assert.match(sent[1]!["traceparent"]!, /^00-/)
      assert.deepStrictEqual({ ...sent[2] }, { traceparent: own, baggage: "a=1" })
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("says the span of the client where a tracer exports it, and that of the scope where none does", () =>
    Effect.gen(function*() {
      const { client, sent } = keeping()
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const send = Effect.andThen(HttpPropagation.client(client).get(url), Propagation.capture)
      const { trace } = yield* agent(send)
      yield* agent(send).pipe(Effect.provideService(Tracer.Tracer, tracer))
      assert.include(sent[0]!["traceparent"]!, trace!.spanId)
      assert.strictEqual(spans.length, 1)
      assert.include(sent[1]!["traceparent"]!, spans[0]!.spanId)
      assert.match(sent[1]!["tracestate"]!, /^heddle=/)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("says it again for each attempt, and needs no runtime", () =>
    Effect.gen(function*() {
      const { client, sent } = keeping()
      let attempts = 0
      const failing = client.pipe(HttpClient.transformResponse((send) =>
        Effect.flatMap(send, (response) => ++attempts < 3 ? Effect.fail("again") : Effect.succeed(response))
      ))
      yield* HttpPropagation.client(failing).get(url).pipe(
        Effect.retry({ times: 5 }),
        Propagation.withBaggage({ a: "1" })
      )
      assert.deepStrictEqual(
        sent.map((headers) =>
          headers["baggage"]
        ),
        ["a=1", "a=1", "a=1"]
      )
    }))
})

describe("a server that continues", () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
  const handler = Effect.gen(function*() {
    const baggage = yield* Propagation.baggage
    return HttpServerResponse.text(baggage.get("a")?.value ?? "none")
  }).pipe(ExecutionScope.run({ name: "handler", category: "function" }))

  const serve = Layer.build(
    HttpServer.serve(handler, HttpPropagation.server).pipe(Layer.provideMerge(NodeHttpServer.layerTest))
  )

  const starts = Effect.map(TestRuntime.events, (events) => events.filter(({ _tag }) => _tag === "ScopeStart"))

  it.live("runs each request under the scope that sent it, also many at once", () =>
    Effect.gen(function*() {
      const client = HttpPropagation.client(Context.get(yield* serve, HttpClient.HttpClient))
      const ask = (index: number) =>
        client.get("/").pipe(
          Effect.flatMap((response) => response.text),
          Effect.tap((text) => Effect.sync(() => assert.strictEqual(text, String(index)))),
          ExecutionScope.run({ name: "asks", category: "function", metadata: { index } }),
          Propagation.withBaggage({ a: String(index) })
        )
      yield* Effect.forEach([1, 2, 3, 4, 5], ask, { concurrency: "unbounded" })
      const all = yield* starts
      const asking = new Map(all.filter(({ name }) => name === "asks").map((event) => [event.uuid, event]))
      const handled = all.filter(({ name }) => name === "handler")
      assert.strictEqual(handled.length, 5)
      assert.strictEqual(new Set(handled.map(({ parentUuid }) => parentUuid)).size, 5)
      for (const { parentUuid, rootUuid } of handled) assert.strictEqual(asking.get(parentUuid!)?.rootUuid, rootUuid)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.live("continues a trace of others, and handles what says nothing or nonsense", () =>
    Effect.gen(function*() {
      const told: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => void told.push([logLevel, message]))
      yield* Effect.gen(function*() {
        const client = Context.get(yield* serve, HttpClient.HttpClient).pipe(
          HttpClient.transform((send) => Effect.provideService(send, HttpClient.TracerPropagationEnabled, false))
        )
        const get = (headers: Headers.Input) => client.execute(HttpClientRequest.get("/", { headers }))
        yield* get({ traceparent, baggage: "a=1" })
        yield* get({})
        assert.deepStrictEqual(told.filter((one) => JSON.stringify(one).includes("ignored")), [])
        const response = yield* get({ traceparent: "nonsense", baggage: "%%%;;,=" })
        assert.strictEqual(response.status, 200)
      }).pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "Debug"))
      const [continued, ...others] = yield* starts
      assert.strictEqual(continued?.metadata?.["otel.trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736")
      assert.strictEqual(continued?.metadata?.["otel.parent_span_id"], "00f067aa0ba902b7")
      assert.strictEqual(others.length, 2)
      for (const { parentUuid } of others) assert.isUndefined(parentUuid)
      const text = JSON.stringify(told.filter((one) => JSON.stringify(one).includes("ignored")))
      assert.include(text, "Debug")
      assert.include(text, "traceparent")
    }).pipe(Effect.provide(TestRuntime.layer())))
})
