/** What both providers do when something goes wrong, over real connections. */
import { assert, describe, it } from "@effect/vitest"
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import * as AnthropicLanguageModel from "../../src/binding/AnthropicLanguageModel.ts"
import * as OpenAiLanguageModel from "../../src/binding/OpenAiLanguageModel.ts"
import { apiKey, events, json, key, type Reply, run, serve } from "./languageModelServer.ts"

interface Provider {
  readonly name: string
  readonly layer: (url: string) => Layer.Layer<LanguageModel.LanguageModel, never, HttpClient.HttpClient>
  readonly complaint: (type: string, message: string) => unknown
  /** A stream: a piece of text, a call of the tool `pay`, and the end. */
  readonly text: ReadonlyArray<unknown>
  readonly call: ReadonlyArray<unknown>
}

/** A secret in a header whose name says nothing. */
const headers = { "x-team": apiKey }

const chunk = (delta: object) => ({ id: "c", model: "m", choices: [{ index: 0, delta, finish_reason: null }] })

const providers: ReadonlyArray<Provider> = [
  {
    name: "OpenAiLanguageModel",
    layer: (baseUrl) => OpenAiLanguageModel.layer({ model: "m", apiKey, baseUrl, headers }),
    complaint: (type, message) => ({ error: { type, message, code: null, param: null } }),
    text: [chunk({ content: "grün" })],
    call: [chunk({ tool_calls: [{ index: 0, id: "t", function: { name: "pay", arguments: "{}" } }] })]
  },
  {
    name: "AnthropicLanguageModel",
    layer: (baseUrl) => AnthropicLanguageModel.layer({ model: "m", apiKey, baseUrl, headers }),
    complaint: (type, message) => ({ type: "error", error: { type, message } }),
    text: [
      { type: "message_start", message: { id: "c", type: "message", role: "assistant", model: "m", content: [] } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "grün" } }
    ],
    call: [
      { type: "content_block_start", index: 1, content_block: { type: "tool_use", id: "t", name: "pay", input: {} } },
      { type: "content_block_stop", index: 1 }
    ]
  }
]

const ask = LanguageModel.generateText({ prompt: "hi" })
const stream = LanguageModel.streamText({ prompt: "hi" })

describe.each(providers)("$name", ({ call, complaint, layer, text }) => {
  /** The error of a call, for which holds whatever else: the key is nowhere in it. */
  const fails = (reply: Reply) =>
    Effect.gen(function*() {
      const server = yield* serve(reply)
      const exit = yield* Effect.exit(run(ask, layer(server.url)))
      return failureOf(exit)
    })

  const failureOf = (exit: Exit.Exit<unknown, AiError.AiError>): AiError.AiError => {
    assert.isTrue(Exit.isFailure(exit))
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    assert.instanceOf(error, Error)
    for (const told of [inspect(exit, { depth: 20, showHidden: true }), JSON.stringify(exit), error.message]) {
      assert.notInclude(told, key)
    }
    return error as AiError.AiError
  }

  it.live("tells what a provider refuses apart", () =>
    Effect.gen(function*() {
      const cases = [
        [401, "authentication_error", "AuthenticationError", false],
        [403, "permission_error", "AuthenticationError", false],
        [429, "rate_limit_error", "RateLimitError", true],
        [429, "insufficient_quota", "QuotaExhaustedError", false],
        [400, "invalid_request_error", "InvalidRequestError", false],
        [404, "not_found_error", "InvalidRequestError", false],
        [413, "request_too_large", "InvalidRequestError", false],
        [400, "content_policy_violation", "ContentPolicyError", false],
        [500, "api_error", "InternalProviderError", true],
        [529, "overloaded_error", "InternalProviderError", true],
        [408, "unheard_of", "InternalProviderError", true],
        [302, "unheard_of", "UnknownError", false]
      ] as const
      for (const [status, type, reason, isRetryable] of cases) {
        const error = yield* fails(json(complaint(type, `no, ${key}`), status, { "request-id": `req_${key}` }))
        assert.strictEqual(error.reason._tag, reason, `${status} ${type}`)
        assert.strictEqual(error.isRetryable, isRetryable, `${status} ${type}`)
        assert.strictEqual(error.method, "generateText")
        const { http } = error.reason as { readonly http?: typeof AiError.HttpContext.Type }
        assert.strictEqual(http?.response?.status, status)
        assert.strictEqual(http?.response?.headers["request-id"], "req_[key]")
        assert.include(http?.body, "no, [key]")
      }
    }))

  it.live("says how long to wait", () =>
    Effect.gen(function*() {
      const limited = (headers: Record<string, string>) =>
        fails(json(complaint("rate_limit_error", "slow"), 429, headers))
      const after = (error: AiError.AiError) =>
        error.retryAfter === undefined ? undefined : Duration.toMillis(error.retryAfter)
      assert.strictEqual(after(yield* limited({ "retry-after": "7" })), 7000)
      assert.strictEqual(after(yield* limited({ "retry-after-ms": "250.5", "retry-after": "7" })), 250.5)
      assert.strictEqual(after(yield* limited({ "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" })), 0)
      const future = after(yield* limited({ "retry-after": "Fri, 01 Jan 2999 00:00:00 GMT" }))
      assert.isAbove(future ?? 0, 1e12)
      assert.isUndefined(after(yield* limited({ "retry-after": "soon" })))
      assert.isUndefined(after(yield* limited({})))
    }))

  it.live("understands complaints of any form, and those with status 200", () =>
    Effect.gen(function*() {
      const html = yield* fails({ status: 502, headers: { "content-type": "text/html" }, pieces: ["<h1>Bad Gateway"] })
      assert.strictEqual(html.reason._tag, "InternalProviderError")
      assert.include(html.message, "<h1>Bad Gateway")
      const silent = yield* fails({ status: 503, pieces: [] })
      assert.include(silent.message, "HTTP 503")
      const words = yield* fails(json({ error: "model is loading" }, 503))
      assert.include(words.message, "model is loading")
      const fine = yield* fails(json(complaint("overloaded_error", "busy")))
      assert.strictEqual(fine.reason._tag, "InternalProviderError")
    }))

  it.live("is not reached where nobody listens, and the answer that breaks is none", () =>
    Effect.gen(function*() {
      const url = yield* Effect.scoped(Effect.map(serve({ pieces: [] }), ({ url }) => url))
      const refused = failureOf(yield* Effect.exit(run(ask, layer(url))))
      assert.strictEqual(refused.reason._tag, "NetworkError")
      assert.include(refused.message, "ECONNREFUSED")
      assert.isTrue(refused.isRetryable)
      const broken = yield* fails({
        headers: { "content-type": "application/json" },
        pieces: ["{\"id\":"],
        last: "break"
      })
      assert.strictEqual(broken.reason._tag, "NetworkError")
    }))

  it.live("has no key in its errors, also where the key cannot be sent or the address holds another", () =>
    Effect.gen(function*() {
      const secret = Redacted.make(`${key}\nhost: evil`)
      const models = [
        OpenAiLanguageModel.layer({ model: "m", apiKey: secret, baseUrl: "http://127.0.0.1:9" }),
        AnthropicLanguageModel.layer({ model: "m", apiKey: secret, baseUrl: "http://127.0.0.1:9" }),
        layer(`http://user:${key}@127.0.0.1:9/v1`),
        layer(`not an address ${key}`)
      ]
      for (const model of models) {
        const error = failureOf(yield* Effect.exit(run(ask, model)))
        assert.strictEqual(error.reason._tag, "NetworkError")
      }
    }))

  it.live("has no key in its spans", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(complaint("api_error", "no"), 500))
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      yield* Effect.exit(run(ask, layer(server.url))).pipe(
        Effect.provideService(Tracer.Tracer, tracer),
        Effect.provideService(HttpClient.TracerHeaderFilter, () => true)
      )
      assert.include(spans.map(({ name }) => name), "LanguageModel.generateText")
      const client = spans.find(({ attributes }) => attributes.has("http.request.method"))
      assert.isDefined(client)
      for (const span of spans) assert.notInclude(inspect([...span.attributes, span.status], { depth: 20 }), key)
    }))

  it.live("fails a stream that is cut off: between events, in an event, in a character", () =>
    Effect.gen(function*() {
      const whole = text.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")
      const bytes = new TextEncoder().encode(whole)
      const middle = bytes.findLastIndex((byte) => byte === 0xc3) + 1
      const cuts = [bytes.slice(0, middle), bytes.slice(0, middle + 2), bytes.slice(0, -1), bytes]
      for (const [index, cut] of cuts.entries()) {
        for (const last of ["end", "break"] as const) {
          const server = yield* serve({ headers: { "content-type": "text/event-stream" }, pieces: [cut], last })
          const error = failureOf(yield* Effect.exit(run(Stream.runDrain(stream), layer(server.url))))
          assert.strictEqual(error.reason._tag, "NetworkError", `${index} ${last}: ${error.message}`)
          assert.strictEqual(error.method, "streamText")
        }
      }
    }))

  it.live("delivers what came before, and calls no tool of an answer that is not complete", () =>
    Effect.gen(function*() {
      let paid = 0
      const tools = Toolkit.make(Tool.make("pay", { success: Schema.String }))
      const handlers = tools.toLayer({ pay: () => Effect.sync(() => (paid++, "paid")) })
      for (const after of [[], [complaint("overloaded_error", `busy, ${key}`)], ["data: {no json\n\n"]]) {
        const server = yield* serve(events([...text, ...call, ...after]))
        const seen: Array<string> = []
        const exit = yield* LanguageModel.streamText({ prompt: "hi", toolkit: tools }).pipe(
          Stream.runForEach((part) =>
            Effect.sync(() => seen.push(part.type === "text-delta" ? part.delta : part.type))
          ),
          Effect.provide(handlers),
          Effect.exit,
          (effect) => run(effect, layer(server.url))
        )
        const { reason } = failureOf(exit)
        assert.include(["NetworkError", "InternalProviderError", "InvalidResponseError"], reason._tag)
        assert.include(seen, "grün")
        assert.include(seen, "tool-params-start")
        assert.notInclude(seen, "tool-call")
      }
      assert.strictEqual(paid, 0)
    }))

  it.live("knows the errors of events by what they say, not by the status", () =>
    Effect.gen(function*() {
      const cases = [
        ["overloaded_error", "InternalProviderError"],
        ["rate_limit_error", "RateLimitError"],
        ["invalid_request_error", "InvalidRequestError"],
        ["unheard_of", "UnknownError"]
      ] as const
      for (const [type, reason] of cases) {
        const server = yield* serve(events([...text, complaint(type, "no")], "hang"))
        const error = failureOf(yield* Effect.exit(run(Stream.runDrain(stream), layer(server.url))))
        assert.strictEqual(error.reason._tag, reason)
      }
    }))

  it.live("fails where a stream is asked for and something else comes", () =>
    Effect.gen(function*() {
      const replies: ReadonlyArray<readonly [Reply, string]> = [
        [json(complaint("rate_limit_error", "slow")), "RateLimitError"],
        [json({ hello: "world" }), "InvalidResponseError"],
        [json(complaint("rate_limit_error", "slow"), 429, { "retry-after": "1" }), "RateLimitError"],
        [{ headers: { "content-type": "text/html" }, pieces: ["<html>"] }, "InvalidResponseError"]
      ]
      for (const [reply, reason] of replies) {
        const server = yield* serve(reply)
        const error = failureOf(yield* Effect.exit(run(Stream.runDrain(stream), layer(server.url))))
        assert.strictEqual(error.reason._tag, reason)
      }
    }))

  it.live("aborts the request when nobody waits any more", () =>
    Effect.gen(function*() {
      const until = (server: { readonly asked: ReadonlyArray<unknown> }) =>
        Effect.repeat(Effect.yieldNow, { while: () => server.asked.length === 0 }).pipe(Effect.timeout("5 seconds"))
      // Before the head of the answer, and in the middle of its body.
      for (const pieces of [[], ["{\"id\":"]]) {
        const server = yield* serve({ pieces, last: "hang" })
        const fiber = yield* Effect.forkChild(run(ask, layer(server.url)))
        yield* until(server)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(server.asked[0]!.gone).pipe(Effect.timeout("5 seconds"))
      }
      // A stream whose reader has enough, and one that is interrupted.
      const server = yield* serve(events(text, "hang"))
      yield* run(Stream.runDrain(Stream.takeUntil(stream, ({ type }) => type === "text-delta")), layer(server.url))
      yield* Deferred.await(server.asked[0]!.gone).pipe(Effect.timeout("5 seconds"))
      const met = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        run(Stream.runForEach(stream, () => Deferred.succeed(met, undefined)), layer(server.url))
      )
      yield* Deferred.await(met)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(server.asked[1]!.gone).pipe(Effect.timeout("5 seconds"))
    }))
})
