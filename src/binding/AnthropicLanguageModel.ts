/**
 * A `LanguageModel` of `effect/ai` that speaks Anthropic's Messages.
 *
 * - Text, images, PDFs and plain text go in; text, thoughts, tool calls, usage and finish reasons come out, whole or as a
 *   stream. Thoughts keep their signature, so that they can go back. `generateObject` asks by a tool of its own.
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
import * as AnthropicStructuredOutput from "effect/ai/AnthropicStructuredOutput"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as AnthropicMessages from "../codec/AnthropicMessages.ts"
import { bodyOf, type Params } from "./internal/anthropicLanguageModelRequest.ts"
import { isLast, partsOf, reader } from "./internal/anthropicLanguageModelResponse.ts"
import { make as makeModel, secretHeader } from "./internal/languageModel.ts"
import { endpoint } from "./internal/languageModelHttp.ts"

/**
 * Which model, where, and what is asked besides the prompt.
 *
 * **Details**
 *
 * - `apiKey`: sent as `x-api-key`.
 * - `baseUrl`: everything before `/messages`, `https://api.anthropic.com/v1` unless given. A query stays behind the path.
 * - `headers`: further headers, such as `anthropic-beta`. Values that are `Redacted` stay out of errors and spans, like
 *   the key. The version is `2023-06-01` unless given.
 * - `maxTokens`: of the answer, thoughts included; 4096 unless given.
 * - `thinkingBudget`: tokens that the model may think: 1024 or more, and less than `maxTokens`.
 * - `body`: further fields of the request, as the API knows them. They replace those that were made.
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
 * `options.anthropic` of a message or part in a prompt holds further fields of its JSON: `{ cache_control: { type:
 * "ephemeral" } }`. That of a message counts for system messages only; others have no fields of their own.
 *
 * **Gotchas**
 *
 * - System messages stand before the conversation in this API: those in the middle are moved there.
 * - Thoughts without the signature of the model are not sent back.
 * - `generateObject` forces the model to call the tool that takes the output, unless it thinks: then the API does not
 *   allow it, and the model is only told to.
 * - With `FetchHttpClient` a redirect takes the key along; provide `FetchHttpClient.RequestInit` with `redirect: "manual"`
 *   where `baseUrl` is not trusted that far.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<LanguageModel.LanguageModel, never, HttpClient.HttpClient> =>
  Effect.flatMap(HttpClient.HttpClient, (client) => {
    const { apiKey, baseUrl, headers, ...params } = options
    const target = endpoint({
      module: "AnthropicLanguageModel",
      provider: "anthropic",
      client,
      baseUrl: baseUrl ?? "https://api.anthropic.com/v1",
      path: "/messages",
      headers: { "anthropic-version": "2023-06-01", ...secretHeader("x-api-key", apiKey), ...headers }
    })
    return makeModel({
      codec: AnthropicMessages.codec,
      model: params.model,
      endpoint: target,
      codecTransformer: AnthropicStructuredOutput.toCodecAnthropic,
      supportsSystemMessagesInHistory: false,
      body: (request, stream) => bodyOf(params, request, stream),
      parts: partsOf(target.source),
      reader: reader(target.source),
      isLast
    })
  })

/**
 * The model as a layer.
 *
 * **Example** (A model)
 *
 * ```ts
 * const Model = AnthropicLanguageModel.layer({ model: "claude-sonnet-4-5", apiKey }).pipe(
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<LanguageModel.LanguageModel, never, HttpClient.HttpClient> =>
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
): Model.Model<"anthropic", LanguageModel.LanguageModel, HttpClient.HttpClient> =>
  Model.make("anthropic", options.model, layer(options))
