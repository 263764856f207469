/** Messages of LangChain as messages of OpenAI's Chat Completions, and back. */
import {
  AIMessage,
  type AIMessageChunk,
  type BaseMessage,
  ChatMessage,
  HumanMessage,
  type MessageContent,
  SystemMessage,
  ToolMessage,
  type UsageMetadata
} from "@langchain/core/messages"
import type { Json } from "../../event/LifecycleEvent.ts"

export type JsonObject = { readonly [key: string]: Json }

export const isObject = (json: unknown): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** A message as it would be sent. Content that OpenAI does not know stays as LangChain has it. */
export const toJson = (message: BaseMessage): JsonObject => ({
  role: roleOf(message),
  ...message.name === undefined ? {} : { name: message.name },
  content: contentOf(message),
  ...ToolMessage.isInstance(message) ? { tool_call_id: message.tool_call_id } : {},
  ...toolCallsOf(message)
})

/** A message that policy has written. What Chat Completions do not say of it stays as it was in `former`. */
export const fromJson = (json: unknown, former: BaseMessage | undefined): BaseMessage => {
  if (!isObject(json) || typeof json["role"] !== "string") {
    throw new TypeError("heddle: expected a message of Chat Completions, which has a role")
  }
  const { name, role } = json
  const kept = former !== undefined && roleOf(former) === role ? former : undefined
  const { function_call: _, tool_calls: __, ...additional_kwargs } = kept?.additional_kwargs ?? {}
  const fields = {
    content: (json["content"] ?? "") as MessageContent,
    additional_kwargs,
    response_metadata: kept?.response_metadata ?? {},
    ...kept?.id === undefined ? {} : { id: kept.id },
    ...typeof name === "string" ? { name } : {}
  }
  switch (role) {
    case "user":
      return new HumanMessage(fields)
    case "system":
    case "developer":
      return new SystemMessage(fields)
    case "assistant": {
      const usage = AIMessage.isInstance(kept) ? kept.usage_metadata : undefined
      const tool_calls = listOf(json["tool_calls"]).map(toolCallOf)
      return new AIMessage({ ...fields, tool_calls, ...usage === undefined ? {} : { usage_metadata: usage } })
    }
    case "tool": {
      const tool_call_id = typeof json["tool_call_id"] === "string" ? json["tool_call_id"] : ""
      const { artifact, status = "success" } = ToolMessage.isInstance(kept) ? kept : {}
      return new ToolMessage({ ...fields, tool_call_id, artifact, status })
    }
    default:
      return new ChatMessage({ ...fields, role })
  }
}

/** The messages that policy has left: the same ones, where it changed nothing. */
export const fromJsons = (
  jsons: unknown,
  before: ReadonlyArray<JsonObject>,
  messages: ReadonlyArray<BaseMessage>
): Array<BaseMessage> => {
  if (!Array.isArray(jsons)) throw new TypeError("heddle: expected `messages` of a request to be an array")
  const known = new Map<unknown, BaseMessage>()
  const byText = new Map<string, BaseMessage>()
  for (const [index, json] of before.entries()) known.set(json, messages[index]!)
  return jsons.map((json: unknown, index) => {
    const same = known.get(json)
    if (same !== undefined) return same
    if (byText.size === 0) { for (const [json, message] of known) byText.set(JSON.stringify(json), message) }
    return byText.get(JSON.stringify(json)) ?? fromJson(json, messages[index])
  })
}

/** What an assistant says in a chunk. */
export const toDelta = (message: AIMessageChunk): JsonObject => {
  const pieces = (message.tool_call_chunks ?? []).map(({ args, id, index, name }) =>
    withoutUndefined({ index, id, type: "function", function: withoutUndefined({ name, arguments: args }) })
  )
  return {
    role: "assistant",
    content: contentOf(message),
    ...pieces.length > 0 ? { tool_calls: pieces } : toolCallsOf(message)
  }
}

/** Usage, under OpenAI's names. Both count what was cached among the input. */
export const toUsage = (usage: UsageMetadata): JsonObject => {
  const { input_token_details: input, output_token_details: output } = usage
  return {
    prompt_tokens: usage.input_tokens,
    completion_tokens: usage.output_tokens,
    total_tokens: usage.total_tokens,
    ...input === undefined ? {} : {
      prompt_tokens_details: {
        ...input.cache_read === undefined ? {} : { cached_tokens: input.cache_read },
        ...input.cache_creation === undefined ? {} : { cache_write_tokens: input.cache_creation }
      }
    },
    ...output?.reasoning === undefined ? {} : { completion_tokens_details: { reasoning_tokens: output.reasoning } }
  }
}

// internal

const roles: Readonly<Record<string, string>> = { human: "user", ai: "assistant" }

const roleOf = (message: BaseMessage): string =>
  ChatMessage.isInstance(message) ? message.role : roles[message.type] ?? message.type

/** What LangChain types as content is JSON for every provider. */
const contentOf = ({ content }: BaseMessage): Json => content as Json

const toolCallsOf = (message: BaseMessage): JsonObject => {
  if (!AIMessage.isInstance(message)) return {}
  const calls = [
    ...(message.tool_calls ?? []).map(({ args, id, name }) => callOf(id, name, JSON.stringify(args))),
    ...(message.invalid_tool_calls ?? []).map(({ args, id, name }) => callOf(id, name ?? "", args ?? ""))
  ]
  return calls.length === 0 ? {} : { tool_calls: calls }
}

const withoutUndefined = (fields: { readonly [key: string]: Json | undefined }): JsonObject => {
  const json: Record<string, Json> = {}
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) json[key] = value
  return json
}

const callOf = (id: string | undefined, name: string, text: string): JsonObject =>
  withoutUndefined({ id, type: "function", function: { name, arguments: text } })

export const listOf = (json: unknown): ReadonlyArray<unknown> => Array.isArray(json) ? json : []

const toolCallOf = (json: unknown) => {
  const call = isObject(json) && isObject(json["function"]) ? json["function"] : {}
  const { arguments: text, name } = call
  const args: unknown = typeof text === "string" && text !== "" ? JSON.parse(text) : {}
  if (typeof name !== "string" || !isObject(args)) {
    throw new TypeError("heddle: expected a tool call with a name, whose arguments are the text of a JSON object")
  }
  const id = isObject(json) ? json["id"] : undefined
  return { name, args, type: "tool_call" as const, ...typeof id === "string" ? { id } : {} }
}
