/** Requests, responses and chunks of chat models in the format of OpenAI's Chat Completions, and back. */
import type { BaseChatModel } from "@langchain/core/language_models/chat_models"
import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  mergeUsageMetadata,
  type UsageMetadata
} from "@langchain/core/messages"
import { type ChatGeneration, ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs"
import { convertToOpenAITool } from "@langchain/core/utils/function_calling"
import type { Json } from "../../event/LifecycleEvent.ts"
import {
  fromJson,
  fromJsons,
  isObject,
  type JsonObject,
  listOf,
  toDelta,
  toJson,
  toUsage
} from "./langChainMessages.ts"

// requests

/** Options of a call that policies see and may change. None of them holds a key. */
const settings: ReadonlySet<string> = new Set([
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "response_format",
  "stop",
  "seed",
  "temperature",
  "top_p",
  "max_tokens",
  "max_completion_tokens",
  "reasoning_effort",
  "frequency_penalty",
  "presence_penalty"
])

export interface Request {
  readonly model: string | undefined
  readonly body: JsonObject
  /** The messages that policies have left. */
  readonly messagesOf: (body: Json) => Array<BaseMessage>
  /** The options with what policies have changed. */
  readonly optionsOf: <O extends object>(body: Json, options: O) => O
}

/** The request of a call with these messages and options. */
export const requestOf = (
  model: string | undefined,
  messages: ReadonlyArray<BaseMessage>,
  options: object
): Request => {
  const jsons = messages.map(toJson)
  const body: JsonObject = { ...model === undefined ? {} : { model }, messages: jsons, ...settingsOf(options) }
  return {
    model,
    body,
    messagesOf: (changed) => fromJsons(isObject(changed) ? changed["messages"] : undefined, jsons, messages),
    optionsOf: (changed, options) => {
      const rest = isObject(changed) ? changed : {}
      const edits = new Map<string, unknown>()
      for (const key of new Set([...Object.keys(body), ...Object.keys(rest)])) {
        if (key === "messages" || JSON.stringify(body[key]) === JSON.stringify(rest[key])) continue
        if (!settings.has(key)) {
          throw new TypeError(
            `heddle: \`${key}\` of a LangChain model cannot be changed by a request intercept: it is set where the model ` +
              `is made. Messages can, and ${[...settings].join(", ")}`
          )
        }
        edits.set(key, rest[key])
      }
      return { ...options, ...Object.fromEntries(edits) }
    }
  }
}

/** The name that a model is asked for by its provider, where it says one. */
export const modelNameOf = (model: BaseChatModel, options: BaseChatModel["ParsedCallOptions"]): string | undefined =>
  model.getLsParams(options).ls_model_name

const settingsOf = (options: object): JsonObject =>
  Object.fromEntries(
    Object.entries(options).flatMap(([key, value]: [string, Json | undefined]) => {
      if (value === undefined || value === null || !settings.has(key)) return []
      return [[key, key === "tools" && Array.isArray(value) ? value.map(toolJson) : value]]
    })
  )

/** Models that bind tools themselves have them in their provider's form already. */
const toolJson = (tool: unknown): Json =>
  (isObject(tool) && typeof tool["invoke"] === "function"
    ? convertToOpenAITool(tool as Parameters<typeof convertToOpenAITool>[0])
    : tool) as Json

// responses

const reasons: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  STOP: "stop",
  tool_use: "tool_calls",
  max_tokens: "length",
  MAX_TOKENS: "length",
  SAFETY: "content_filter"
}

const finishOf = (...places: ReadonlyArray<Readonly<Record<string, unknown>> | undefined>): string | undefined => {
  for (const place of places) {
    const reason = place?.["finish_reason"] ?? place?.["stop_reason"] ?? place?.["finishReason"]
    if (typeof reason === "string") return reasons[reason] ?? reason
  }
  return undefined
}

const modelOf = (metadata: Readonly<Record<string, unknown>>): string | undefined => {
  const name = metadata["model_name"] ?? metadata["model"]
  return typeof name === "string" ? name : undefined
}

/** What a model answered. */
export const toResponse = (generations: ReadonlyArray<ChatGeneration>): JsonObject => {
  const messages = generations.map(({ message }) => message)
  const [first] = messages
  const model = first === undefined ? undefined : modelOf(first.response_metadata)
  let usage: UsageMetadata | undefined
  for (const message of messages) {
    if (AIMessage.isInstance(message)) usage ??= message.usage_metadata
  }
  return {
    ...first?.id === undefined ? {} : { id: first.id },
    ...model === undefined ? {} : { model },
    object: "chat.completion",
    choices: generations.map(({ generationInfo, message }, index) => ({
      index,
      message: toJson(message),
      finish_reason: finishOf(generationInfo, message.response_metadata) ?? null
    })),
    ...usage === undefined ? {} : { usage: toUsage(usage) }
  }
}

/** An answer that policy has written. */
export const fromResponse = (json: unknown, former: ChatResult | undefined): ChatResult => {
  const choices = isObject(json) ? listOf(json["choices"]) : []
  if (choices.length === 0) {
    throw new TypeError("heddle: expected a response of Chat Completions, which has choices with messages")
  }
  const generations = choices.map((choice, index): ChatGeneration => {
    const { generationInfo, message: before } = former?.generations[index] ?? {}
    const message = fromJson(isObject(choice) ? choice["message"] : undefined, before)
    const generation = { text: message.text, message }
    return generationInfo === undefined ? generation : Object.assign(generation, { generationInfo })
  })
  return { ...former, generations }
}

// streams

/** The chunk that a piece of JSON was made of; copies of the piece keep it. */
const source = Symbol("heddle/langchain/chunk")

interface Piece {
  readonly [source]?: ChatGenerationChunk | undefined
  readonly choices?: unknown
}

export type Chunk = JsonObject & Piece

/** Chunks of one stream as JSON, and back. */
export class Chunks {
  readonly #unchanged = new WeakMap<object, ChatGenerationChunk>()
  /** LangChain adds the usage of chunks up; Chat Completions say it once. */
  #usage: UsageMetadata | undefined

  to(chunk: ChatGenerationChunk): Chunk {
    const { generationInfo, message } = chunk
    const said = AIMessageChunk.isInstance(message) ? message : undefined
    if (said?.usage_metadata !== undefined) this.#usage = mergeUsageMetadata(this.#usage, said.usage_metadata)
    const model = modelOf({ ...generationInfo, ...message.response_metadata })
    const json: Chunk = {
      ...message.id === undefined ? {} : { id: message.id },
      ...model === undefined ? {} : { model },
      object: "chat.completion.chunk",
      choices: [{
        index: 0,
        delta: said === undefined ? toJson(message) : toDelta(said),
        finish_reason: finishOf(generationInfo, message.response_metadata) ?? null
      }],
      ...said?.usage_metadata === undefined || this.#usage === undefined ? {} : { usage: toUsage(this.#usage) },
      [source]: chunk
    }
    this.#unchanged.set(json, chunk)
    return json
  }

  from(json: Chunk): ChatGenerationChunk {
    return this.#unchanged.get(json) ?? rewritten(json, json[source])
  }
}

const rewritten = (json: Piece, former: ChatGenerationChunk | undefined): ChatGenerationChunk => {
  const [choice] = listOf(json.choices)
  const delta = isObject(choice) ? choice["delta"] : undefined
  const said = fromJson({ role: "assistant", ...isObject(delta) ? { content: delta["content"] ?? "" } : {} }, undefined)
  const before = former?.message
  const piece = AIMessageChunk.isInstance(before) ? before : undefined
  const message = new AIMessageChunk({
    content: said.content,
    tool_call_chunks: listOf(isObject(delta) ? delta["tool_calls"] : undefined).map(callChunkOf),
    response_metadata: before?.response_metadata ?? {},
    ...before?.id === undefined ? {} : { id: before.id },
    ...piece?.usage_metadata === undefined ? {} : { usage_metadata: piece.usage_metadata }
  })
  const { generationInfo } = former ?? {}
  return new ChatGenerationChunk({
    text: message.text,
    message,
    ...generationInfo === undefined ? {} : { generationInfo }
  })
}

const callChunkOf = (json: unknown) => {
  const call = isObject(json) ? json : {}
  const { arguments: args, name } = isObject(call["function"]) ? call["function"] : {}
  const { id, index } = call
  return {
    type: "tool_call_chunk" as const,
    ...typeof id === "string" ? { id } : {},
    ...typeof index === "number" ? { index } : {},
    ...typeof name === "string" ? { name } : {},
    ...typeof args === "string" ? { args } : {}
  }
}
