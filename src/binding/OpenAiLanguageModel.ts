/**
 * A `LanguageModel` of `effect/ai` that speaks OpenAI's Chat Completions: OpenAI itself, and the many servers that are made
 * like it (Azure OpenAI, OpenRouter, DeepSeek, Groq, vLLM, Ollama, llama.cpp and others).
 *
 * - Text, images, audio and PDFs go in; text, reasoning, refusals, tool calls, usage and finish reasons come out, whole or
 *   as a stream. `generateObject` asks by `response_format: json_schema`.
 * - A stream is an answer only when the provider said so: one that is cut off fails, also in the middle of a character,
 *   and the tools that it was about to call are not called.
 * - Interruption aborts the HTTP request. Nothing is tried again here.
 * - Errors are `AiError`s whose reason says what can be done; none holds the key, nor do spans.
 *
 * It is a model like any other: `EffectAi` puts it under a runtime.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as OpenAiChat from "../codec/OpenAiChat.ts"
import { make as makeModel, secretHeader } from "./internal/languageModel.ts"
import { endpoint } from "./internal/languageModelHttp.ts"
import { bodyOf, type Params } from "./internal/openAiLanguageModelRequest.ts"
import { partsOf, reader } from "./internal/openAiLanguageModelResponse.ts"

/**
 * Which model, where, and what is asked besides the prompt.
 *
 * **Details**
 *
 * - `apiKey`: sent as `authorization: Bearer …`; not needed by most local servers.
 * - `baseUrl`: everything before `/chat/completions`, `https://api.openai.com/v1` unless given. A query stays behind the
 *   path.
 * - `headers`: further headers. Values that are `Redacted` stay out of errors and spans, like the key.
 * - `maxTokens`: of the answer, reasoning included. It is sent as `max_completion_tokens` to OpenAI, and as `max_tokens`
 *   where a `baseUrl` is given.
 * - `body`: further fields of the request, as the server knows them. They replace those that were made.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options extends Params {
  readonly apiKey?: Redacted.Redacted<string> | undefined
  readonly baseUrl?: string | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
}

/**
 * Makes the model.
 *
 * **Details**
 *
 * `options.openai` of a message or part in a prompt holds further fields of its JSON: `{ image_url: { url, detail: "low" } }`.
 *
 * **Gotchas**
 *
 * - Reasoning in a prompt is not sent back, and of several choices only the first is read.
 * - Tools are sent with their JSON Schema as it is; `strict` only where the tool is annotated so.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<LanguageModel.LanguageModel, never, HttpClient.HttpClient> =>
  Effect.flatMap(HttpClient.HttpClient, (client) => {
    const { apiKey, baseUrl, headers, ...params } = options
    const limitKey = baseUrl === undefined ? "max_completion_tokens" : "max_tokens"
    const target = endpoint({
      module: "OpenAiLanguageModel",
      provider: "openai",
      client,
      baseUrl: baseUrl ?? "https://api.openai.com/v1",
      path: "/chat/completions",
      headers: { ...secretHeader("authorization", apiKey, "Bearer "), ...headers }
    })
    return makeModel({
      codec: OpenAiChat.codec,
      model: params.model,
      endpoint: target,
      codecTransformer: OpenAiStructuredOutput.toCodecOpenAI,
      supportsSystemMessagesInHistory: true,
      body: (request, stream) => bodyOf(params, limitKey, request, stream),
      parts: partsOf(target.source),
      reader: reader(target.source),
      isLast: () => false
    })
  })

/**
 * The model as a layer.
 *
 * **Example** (A model on this machine)
 *
 * ```ts
 * const Model = OpenAiLanguageModel.layer({ model: "qwen3:8b", baseUrl: "http://127.0.0.1:11434/v1" }).pipe(
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<LanguageModel.LanguageModel, never, HttpClient.HttpClient> =>
  Layer.effect(LanguageModel.LanguageModel, make(options))

/**
 * The model with its name and that of its provider, for `Effect.provide` and execution plans.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const model = (
  options: Options
): Model.Model<"openai", LanguageModel.LanguageModel, HttpClient.HttpClient> =>
  Model.make("openai", options.model, layer(options))
