/**
 * A language model of a provider: any server that speaks the OpenAI chat API, or Anthropic's. The loop asks both in the
 * same form, so that policies and observers see no difference.
 */
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as AnthropicLanguageModel from "../../src/binding/AnthropicLanguageModel.ts"
import * as OpenAiLanguageModel from "../../src/binding/OpenAiLanguageModel.ts"
import { Annotated, OpenAiChat } from "../../src/index.ts"
import { type Completion, Model, ModelError } from "./chat.ts"
import type { ModelServer } from "./options.ts"

export const layer = (server: ModelServer): Layer.Layer<Model> =>
  Layer.effect(
    Model,
    Effect.map(LanguageModel.LanguageModel, (model) =>
      Model.of({
        name: server.model,
        // The key is the model's own affair.
        headers: {},
        complete: (_step, _messages, { body }) =>
          Effect.fromResult(OpenAiChat.codec.decodeRequest(body)).pipe(
            Effect.mapError((error) => new ModelError({ message: error.message, isTransient: false })),
            Effect.flatMap((request) =>
              model.generateText({
                prompt: promptOf(request),
                toolkit: toolkitOf(request),
                disableToolCallResolution: true,
                // The loop tells the model what is wrong with a call.
                toolCallValidation: "deferred"
              }).pipe(Effect.mapError((error) => explain(server, error)))
            ),
            Effect.map(completionOf)
          )
      }))
  ).pipe(
    Layer.provide(languageModel(server)),
    Layer.provide(FetchHttpClient.layer),
    // Data goes where it was said to go, also if the server would rather have it elsewhere.
    Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))
  )

/** Address of what is asked. */
export const endpoint = ({ baseUrl, provider }: ModelServer): string =>
  `${addressOf(baseUrl)}${provider === "openai" ? "/chat/completions" : "/messages"}`

// internal

const addressOf = (url: URL): string => `${url.origin}${url.pathname.replace(/\/+$/, "")}`

const languageModel = ({ apiKey, baseUrl, model, provider }: ModelServer) => {
  const options = { apiKey, model, baseUrl: addressOf(baseUrl) }
  return provider === "openai" ? OpenAiLanguageModel.layer(options) : AnthropicLanguageModel.layer(options)
}

const promptOf = ({ messages }: Annotated.AnnotatedRequest): Prompt.Prompt => {
  const names = new Map(Annotated.toolCalls({ messages, unmodelled: [] }).map(({ id, name }) => [id, name]))
  return Prompt.make(messages.map((message): Prompt.MessageEncoded => {
    const content = Annotated.textOf(message)
    switch (message.role) {
      case "system":
        return { role: "system", content }
      case "assistant":
        return {
          role: "assistant",
          content: [
            ...(content === "" ? [] : [{ type: "text" as const, text: content }]),
            ...message.parts.flatMap((part) =>
              part.type === "tool_call"
                ? [{ type: "tool-call" as const, id: part.id ?? part.name, name: part.name, params: part.arguments }]
                : []
            )
          ]
        }
      case "tool":
        return {
          role: "tool",
          content: message.parts.flatMap((part) =>
            part.type === "tool_call_response"
              ? [{
                type: "tool-result" as const,
                id: part.id ?? "",
                name: names.get(part.id) ?? "",
                isFailure: false,
                result: part.response
              }]
              : []
          )
        }
      default:
        return { role: "user", content }
    }
  }))
}

/** Tools that the model is told of; the loop runs them. */
const toolkitOf = ({ tools }: Annotated.AnnotatedRequest): Toolkit.WithHandler<Record<string, Tool.AnyDynamic>> => ({
  tools: Object.fromEntries(
    (tools ?? []).flatMap((tool) =>
      tool.type === "function"
        ? [[
          tool.name,
          Tool.dynamic(tool.name, { description: tool.description, parameters: { ...Object(tool.parameters) } })
        ]]
        : []
    )
  ),
  handle: (name) => Effect.die(new Error(`${name} is run by the loop`))
})

type Parts = LanguageModel.GenerateTextResponse<Record<string, Tool.AnyDynamic>, "deferred">

const completionOf = ({ content, text, toolCalls, usage }: Parts): Completion => {
  const about = content.find((part) => part.type === "response-metadata")
  const tool_calls = toolCalls.map(({ id, name, params }) => ({
    id,
    function: { name, arguments: typeof params === "string" ? params : JSON.stringify(params) }
  }))
  return {
    ...(about?.id === undefined ? {} : { id: about.id }),
    ...(about?.modelId === undefined ? {} : { model: about.modelId }),
    ...(usage.inputTokens.total === undefined
      ? {}
      : { usage: { prompt_tokens: usage.inputTokens.total, completion_tokens: usage.outputTokens.total ?? 0 } }),
    choices: [{ message: { content: text, ...(tool_calls.length === 0 ? {} : { tool_calls }) } }]
  }
}

/** One line of what went wrong. No reason holds the key. */
const explain = (server: ModelServer, { isRetryable, reason }: AiError.AiError): ModelError => {
  const url = endpoint(server)
  const http = "http" in reason ? reason.http : undefined
  const said = (http?.body ?? "").replace(/[\s\p{Cc}]+/gu, " ").trim().slice(0, 160)
  const status = http?.response?.status ?? 200
  const message = reason._tag === "NetworkError"
    ? `${url} cannot be reached (${reason.description ?? reason.reason})`
    : reason._tag === "InvalidResponseError"
    ? `${url} answered with something that is no chat completion: ${said || "nothing"}`
    : status >= 300
    ? `${url} answered HTTP ${status}${said === "" ? "" : `: ${said}`}`
    : `${url}: ${reason.message}`
  return new ModelError({ message, isTransient: isRetryable })
}
