/** Models of both providers under `EffectAi`, over real connections. */
import { assert, describe, it } from "@effect/vitest"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as AnthropicLanguageModel from "../../src/binding/AnthropicLanguageModel.ts"
import * as EffectAi from "../../src/binding/EffectAi.ts"
import * as OpenAiLanguageModel from "../../src/binding/OpenAiLanguageModel.ts"
import { Annotated, Guardrail, Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { apiKey, events, json, key, serve } from "./languageModelServer.ts"

const noSecrets = Guardrail.make({
  name: "no-secrets",
  applies: "llm",
  check: (call) =>
    call.kind === "llm" && call.annotated !== undefined &&
      Annotated.texts(call.annotated).some(({ text }) => text.includes("secret"))
      ? Guardrail.reject("it says secret")
      : Guardrail.allow
})

const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: "c",
  model: "gpt-x-1",
  choices: [{ index: 0, delta, finish_reason }]
})

describe("under EffectAi", () => {
  it.live("a call has its model, its usage and no key on its events; a block sends nothing", () =>
    Effect.gen(function*() {
      const server = yield* serve(json({
        id: "m",
        type: "message",
        role: "assistant",
        model: "claude-x-1",
        content: [{ type: "text", text: "Paris" }],
        stop_reason: "end_turn",
        usage: { input_tokens: 3, output_tokens: 2 }
      }))
      const Model = EffectAi.languageModel().pipe(
        Layer.provide(AnthropicLanguageModel.model({ model: "claude-x", apiKey, baseUrl: server.url })),
        Layer.provide(FetchHttpClient.layer)
      )
      yield* Effect.gen(function*() {
        const response = yield* LanguageModel.generateText({ prompt: "capital of France?" })
        assert.strictEqual(response.text, "Paris")
        const error = yield* Effect.flip(LanguageModel.generateText({ prompt: "tell the secret" }))
        const blocked = EffectAi.callError(error)
        assert.isTrue(Option.isSome(blocked) && blocked.value.reason._tag === "GuardrailRejected")
        assert.strictEqual(server.asked.length, 1)
        const seen = yield* TestRuntime.events
        assert.notInclude(JSON.stringify(seen), key)
        const [start, end] = seen.filter(({ category }) => category === "llm")
        assert.strictEqual(start?.name, "anthropic")
        assert.include(JSON.stringify(start), "claude-x")
        assert.include(JSON.stringify(end), "Paris")
      }).pipe(
        Effect.provide(Model),
        Middleware.provide(noSecrets),
        Effect.provide(TestRuntime.layer())
      )
    }))

  it.live("a stream flows through, and one that is cut off ends the call as a failure", () =>
    Effect.gen(function*() {
      const server = yield* serve(
        events([chunk({ content: "Par" }), chunk({ content: "is" }), chunk({}, "stop"), "data: [DONE]\n\n"]),
        events([chunk({ content: "Par" })])
      )
      const Model = EffectAi.languageModel().pipe(
        Layer.provide(OpenAiLanguageModel.model({ model: "gpt-x", apiKey, baseUrl: server.url })),
        Layer.provide(FetchHttpClient.layer)
      )
      yield* Effect.gen(function*() {
        const text = LanguageModel.streamText({ prompt: "capital?" }).pipe(
          Stream.map((part) => part.type === "text-delta" ? part.delta : ""),
          Stream.mkString
        )
        assert.strictEqual(yield* text, "Paris")
        assert.strictEqual((yield* Effect.flip(text)).reason._tag, "NetworkError")
        const ends = (yield* TestRuntime.events).filter((event) =>
          event._tag === "ScopeEnd" && event.category === "llm"
        )
        assert.deepStrictEqual(ends.map((event) => event._tag === "ScopeEnd" && event.outcome._tag), [
          "Success",
          "Failure"
        ])
      }).pipe(Effect.provide(Layer.provideMerge(Model, TestRuntime.layer())))
    }))
})
