import { isRecord } from "../../event/internal/openRecord.ts"
import { retrievedDocuments } from "./openInferenceDocuments.ts"
import { requestModel, requestOf, responseModel, responseOf, usageOf } from "./otelAnnotation.ts"
import { field, jsonText, put, putJson } from "./otelAttributes.ts"
import { finishReason, inputMessages, outputMessages, partsOf } from "./otelMessages.ts"
import { providerOf } from "./otelProvider.ts"
import { errorType, type FinishedScope, scalar, text, textAround } from "./otelScope.ts"
import type { Attributes, SpanBody } from "./otelSpan.ts"

/**
 * - `v1.41`: the last GenAI conventions within the OpenTelemetry semantic conventions, which most back ends chart.
 * - `latest`: those of the repository that they have moved to (`semantic-conventions-genai`, in development), as of
 *   August 2026.
 */
export type Convention = "v1.41" | "latest"

export interface GenAiOptions {
  readonly convention: Convention
  /** Whether messages, tool arguments and results, and queries are told. */
  readonly content: boolean
}

export type Operation =
  | "chat"
  | "generate_content"
  | "text_completion"
  | "execute_tool"
  | "invoke_agent"
  | "invoke_workflow"
  | "embeddings"
  | "retrieval"

/** The operation that a scope is, if the conventions have one for it. */
export const operationOf = ({ end, start }: FinishedScope): Operation | undefined => {
  switch (start.category) {
    case "llm": {
      const name = start.name.toLowerCase()
      if (/generate_?content/.test(name)) return "generate_content"
      return name.includes("completion") && !name.includes("chat") ? "text_completion" : "chat"
    }
    case "tool":
      return "execute_tool"
    case "agent":
      return "invoke_agent"
    case "embedder":
      return "embeddings"
    case "retriever":
      return "retrieval"
    default:
      return (start.profile?.subtype ?? end.profile?.subtype) === "workflow" ? "invoke_workflow" : undefined
  }
}

/** A scope in the GenAI conventions. Kinds of scopes that they do not know are plain internal spans. */
export const genAiBody = (scope: FinishedScope, options: GenAiOptions): SpanBody => {
  const operation = operationOf(scope)
  const attributes: Attributes = {}
  if (operation === undefined) return { name: scope.start.name, kind: "internal", attributes }
  put(attributes, "gen_ai.operation.name", operation)
  const subject = describe[operation](attributes, scope, options)
  put(attributes, "error.type", errorType(scope.end.outcome))
  const isRemote = operation !== "execute_tool" && operation !== "invoke_agent" && operation !== "invoke_workflow"
  return {
    name: subject === undefined ? operation : `${operation} ${subject}`,
    kind: isRemote ? "client" : "internal",
    attributes
  }
}

/** Sets what is particular to an operation, and says what its span is named after. */
type Describe = (attributes: Attributes, scope: FinishedScope, options: GenAiOptions) => string | undefined

const inference: Describe = (attributes, scope, { content, convention }) => {
  const model = requestModel(scope)
  remote(attributes, scope, model, convention)
  conversation(attributes, scope)
  put(attributes, "gen_ai.request.model", model)
  const request = requestOf(scope)
  const body = field(scope.start.data, "body")
  const parameter = (key: string, annotated: unknown, raw: string) =>
    put(attributes, `gen_ai.request.${key}`, request === undefined ? field(body, raw) : annotated)
  parameter("temperature", request?.temperature, "temperature")
  parameter("top_p", request?.topP, "top_p")
  parameter("top_k", request?.topK, "top_k")
  parameter("max_tokens", request?.maxTokens, "max_tokens")
  parameter("seed", request?.seed, "seed")
  parameter("frequency_penalty", request?.frequencyPenalty, "frequency_penalty")
  parameter("presence_penalty", request?.presencePenalty, "presence_penalty")
  parameter("stop_sequences", request?.stop, "stop")
  if (request?.choiceCount !== undefined && request.choiceCount !== 1) {
    put(attributes, "gen_ai.request.choice.count", request.choiceCount)
  }
  if (request?.stream === true || scope.start.attributes.includes("streaming")) {
    put(attributes, "gen_ai.request.stream", true)
  }
  if (convention === "latest") {
    put(attributes, "gen_ai.request.reasoning.level", request?.reasoning?.effort)
    put(attributes, "gen_ai.request.previous_response.id", request?.previousResponseId)
  }
  answer(attributes, scope, convention)
  if (content) messages(attributes, scope, convention)
  return model
}

/** What the response says, content apart. */
const answer = (attributes: Attributes, scope: FinishedScope, convention: Convention): void => {
  const response = responseOf(scope)
  put(attributes, "gen_ai.response.id", response?.id ?? field(scope.end.data, "id"))
  put(attributes, "gen_ai.response.model", responseModel(scope))
  put(attributes, "gen_ai.response.finish_reasons", response?.finishReasons.map(finishReason))
  put(attributes, "gen_ai.response.time_to_first_chunk", scope.end.profile?.timeToFirstChunk)
  const usage = usageOf(scope)
  const written = convention === "latest" ? "cache_write" : "cache_creation"
  put(attributes, "gen_ai.usage.input_tokens", usage?.inputTokens)
  put(attributes, "gen_ai.usage.output_tokens", usage?.outputTokens)
  put(attributes, "gen_ai.usage.cache_read.input_tokens", usage?.cacheReadTokens)
  put(attributes, `gen_ai.usage.${written}.input_tokens`, usage?.cacheWriteTokens)
  put(attributes, "gen_ai.usage.reasoning.output_tokens", usage?.reasoningTokens)
}

const messages = (attributes: Attributes, scope: FinishedScope, convention: Convention): void => {
  const request = requestOf(scope)
  const response = responseOf(scope)
  if (request !== undefined) {
    if (request.instructions !== undefined) {
      putJson(attributes, "gen_ai.system_instructions", partsOf(request.instructions))
    }
    putJson(attributes, "gen_ai.input.messages", inputMessages(request.messages))
    putJson(attributes, "gen_ai.tool.definitions", request.tools)
  }
  if (response !== undefined) {
    putJson(attributes, "gen_ai.output.messages", outputMessages(response, convention === "v1.41"))
  }
}

const tool: Describe = (attributes, scope, { content }) => {
  const { end, start } = scope
  put(attributes, "gen_ai.tool.name", start.name)
  put(attributes, "gen_ai.tool.type", textAround(scope, "gen_ai.tool.type", "tool_type") ?? "function")
  put(attributes, "gen_ai.tool.call.id", start.profile?.toolCallId)
  put(attributes, "gen_ai.tool.description", textAround(scope, "gen_ai.tool.description", "tool_description"))
  if (content) {
    putJson(attributes, "gen_ai.tool.call.arguments", start.data)
    putJson(attributes, "gen_ai.tool.call.result", end.data)
  }
  return start.name
}

const agent: Describe = (attributes, scope, { content, convention }) => {
  const { end, start } = scope
  const said = (...keys: ReadonlyArray<string>): unknown => keys.map((key) => field(start.metadata, key)).find(isSaid)
  const name = agentName(scope)
  put(attributes, "gen_ai.agent.name", name)
  put(attributes, "gen_ai.agent.description", said("gen_ai.agent.description", "agent_description"))
  // In the newer convention an agent within the process has neither id nor version.
  if (convention === "v1.41") put(attributes, "gen_ai.agent.id", said("gen_ai.agent.id", "agent_id"))
  conversation(attributes, scope)
  put(attributes, "gen_ai.request.model", start.profile?.modelName)
  if (content) {
    putJson(attributes, "gen_ai.input.messages", spoken("user", start.data))
    putJson(attributes, "gen_ai.output.messages", spoken("assistant", end.data, convention))
  }
  return name
}

/** The name of an agent: that of its scope, unless its metadata has another one. */
export const agentName = ({ start }: FinishedScope): string => {
  const said = field(start.metadata, "gen_ai.agent.name") ?? field(start.metadata, "agent_name")
  return typeof said === "string" && said !== "" ? said : start.name
}

const isSaid = (value: unknown): boolean => value !== undefined

const workflow: Describe = (attributes, { start }) => {
  put(attributes, "gen_ai.workflow.name", start.name)
  return start.name
}

const embeddings: Describe = (attributes, scope, { convention }) => {
  const model = requestModel(scope)
  remote(attributes, scope, model, convention)
  put(attributes, "gen_ai.request.model", model)
  put(attributes, "gen_ai.response.model", responseModel(scope))
  put(attributes, "gen_ai.usage.input_tokens", usageOf(scope)?.inputTokens)
  put(attributes, "gen_ai.embeddings.dimension.count", scalar(scope, "dimensions", "dimension_count"))
  return model
}

const retrieval: Describe = (attributes, scope, { content, convention }) => {
  remote(attributes, scope, undefined, convention)
  const source = text(scope, "gen_ai.data_source.id", "data_source_id", "index_name", "collection_name")
  put(attributes, "gen_ai.data_source.id", source)
  const limit = scalar(scope, "gen_ai.retrieval.top_k", "top_k", "topK")
  if (convention === "latest") put(attributes, "gen_ai.retrieval.top_k", limit)
  if (content) {
    const { data } = scope.start
    put(attributes, "gen_ai.retrieval.query.text", typeof data === "string" ? data : text(scope, "query", "question"))
    putJson(attributes, "gen_ai.retrieval.documents", retrievedDocuments(scope.end.data))
  }
  return source
}

const describe: { readonly [K in Operation]: Describe } = {
  chat: inference,
  generate_content: inference,
  text_completion: inference,
  execute_tool: tool,
  invoke_agent: agent,
  invoke_workflow: workflow,
  embeddings,
  retrieval
}

const remote = (
  attributes: Attributes,
  scope: FinishedScope,
  model: string | undefined,
  convention: Convention
): void => {
  const provider = providerOf(scope, model)
  put(attributes, "gen_ai.provider.name", provider)
  // The name of the same thing before 1.37, on which back ends still group.
  if (convention === "v1.41") put(attributes, "gen_ai.system", provider)
  put(attributes, "server.address", text(scope, "server.address", "server_address"))
  put(attributes, "server.port", scalar(scope, "server.port", "server_port"))
}

const conversation = (attributes: Attributes, scope: FinishedScope): void =>
  put(
    attributes,
    "gen_ai.conversation.id",
    requestOf(scope)?.conversationId ??
      text(scope, "gen_ai.conversation.id", "conversation_id", "session_id", "thread_id")
  )

const spoken = (role: string, data: unknown, convention?: Convention): ReadonlyArray<object> | undefined => {
  if (data === undefined) return undefined
  const content = typeof data === "string"
    ? data
    : isRecord(data) || Array.isArray(data)
    ? jsonText(data)
    : String(data)
  return [{
    role,
    parts: [{ type: "text", content }],
    ...(convention === "v1.41" ? { finish_reason: "stop" } : undefined)
  }]
}
