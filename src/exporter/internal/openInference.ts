import { isRecord } from "../../event/internal/openRecord.ts"
import { putDocuments, putEmbeddings } from "./openInferenceDocuments.ts"
import { putMessages, putTools } from "./openInferenceMessages.ts"
import { requestModel, requestOf, responseModel, responseOf, usageOf } from "./otelAnnotation.ts"
import { field, jsonText, put, putAny, putJson } from "./otelAttributes.ts"
import { type CostOf, costOf } from "./otelCost.ts"
import { kindOf, putIdentity } from "./otelFull.ts"
import { finishReason } from "./otelMessages.ts"
import { openInferenceNames, providerOf } from "./otelProvider.ts"
import { errorType, type FinishedScope, scalar, text, textAround } from "./otelScope.ts"
import type { Attributes, SpanBody } from "./otelSpan.ts"

/** Kinds of spans by categories, and by the subtype of those that have no category of their own. */
const spanKinds: Readonly<Record<string, string>> = {
  agent: "AGENT",
  tool: "TOOL",
  llm: "LLM",
  retriever: "RETRIEVER",
  embedder: "EMBEDDING",
  reranker: "RERANKER",
  guardrail: "GUARDRAIL",
  evaluator: "EVALUATOR",
  prompt: "PROMPT"
}

/** Value of `openinference.span.kind`. */
const spanKind = ({ start }: FinishedScope): string => {
  for (const key of [start.category, start.profile?.subtype]) {
    if (typeof key === "string" && Object.hasOwn(spanKinds, key)) return spanKinds[key]!
  }
  return "CHAIN"
}

/** A scope in the attributes of OpenInference (`@arizeai/openinference-semantic-conventions` 2.12). */
export const openInferenceBody = (scope: FinishedScope, content: boolean, cost: CostOf): SpanBody => {
  const { end, start } = scope
  const attributes: Attributes = {}
  const kind = spanKind(scope)
  const identity = content ? text : textAround
  put(attributes, "openinference.span.kind", kind)
  putIdentity(attributes, scope)
  put(attributes, "session.id", identity(scope, "session.id", "session_id"))
  put(attributes, "user.id", identity(scope, "user.id", "user_id"))
  const metadata = { ...start.metadata, ...end.metadata }
  if (Object.keys(metadata).length > 0) putJson(attributes, "metadata", metadata)
  if (content) {
    putValue(attributes, "input", kind === "LLM" ? field(start.data, "body") ?? start.data : start.data)
    putValue(attributes, "output", end.data)
  }
  details[kind]?.(attributes, scope, content, cost)
  put(attributes, "error.type", errorType(end.outcome))
  return { name: start.name, kind: kindOf(scope), attributes }
}

type Details = (attributes: Attributes, scope: FinishedScope, content: boolean, cost: CostOf) => void

const llm: Details = (attributes, scope, content, cost) => {
  const request = requestOf(scope)
  const response = responseOf(scope)
  const asked = requestModel(scope)
  const answered = responseModel(scope)
  const provider = providerOf(scope, answered ?? asked)
  if (provider !== undefined) {
    const names = openInferenceNames(provider)
    put(attributes, "llm.system", names.system)
    put(attributes, "llm.provider", names.provider)
  }
  put(attributes, "llm.model_name", answered ?? asked)
  put(attributes, "llm.request.model_name", asked)
  put(attributes, "llm.response.model_name", answered)
  putJson(attributes, "llm.invocation_parameters", invocationParameters(scope, content))
  put(attributes, "llm.finish_reason", response?.finishReasons.map(finishReason)[0])
  if (content) {
    if (request !== undefined) {
      putMessages(attributes, "llm.input_messages", request.messages, request.instructions)
      putTools(attributes, request.tools ?? [])
    }
    if (response !== undefined) putMessages(attributes, "llm.output_messages", response.messages)
  }
  tokens(attributes, scope)
  const known = costOf(scope, cost)
  // The attributes of cost are in US dollars.
  if (known?.currency !== "USD") return
  put(attributes, "llm.cost.total", known.total)
  put(attributes, "llm.cost.completion", known.output)
  put(attributes, "llm.cost.prompt_details.input", known.input)
  put(attributes, "llm.cost.prompt_details.cache_read", known.cacheRead)
  put(attributes, "llm.cost.prompt_details.cache_write", known.cacheWrite)
  if (known.total !== undefined && known.output !== undefined) {
    put(attributes, "llm.cost.prompt", (known.input ?? 0) + (known.cacheRead ?? 0) + (known.cacheWrite ?? 0))
  }
}

const tokens = (attributes: Attributes, scope: FinishedScope): void => {
  const usage = usageOf(scope)
  if (usage === undefined) return
  const { inputTokens, outputTokens } = usage
  const sum = inputTokens === undefined || outputTokens === undefined ? undefined : inputTokens + outputTokens
  put(attributes, "llm.token_count.prompt", inputTokens)
  put(attributes, "llm.token_count.completion", outputTokens)
  put(attributes, "llm.token_count.total", usage.totalTokens ?? sum)
  put(attributes, "llm.token_count.prompt_details.cache_read", usage.cacheReadTokens)
  put(attributes, "llm.token_count.prompt_details.cache_write", usage.cacheWriteTokens)
  put(attributes, "llm.token_count.completion_details.reasoning", usage.reasoningTokens)
}

/**
 * The request without what has attributes of its own. Without content only what cannot have any: providers have many
 * names for it.
 */
const invocationParameters = (
  scope: FinishedScope,
  content: boolean
): Readonly<Record<string, unknown>> | undefined => {
  const body = field(scope.start.data, "body")
  if (!isRecord(body)) return undefined
  const parameters = Object.entries(body).filter(([key, value]) =>
    !told.has(key) && (content || key === "model" || typeof value === "number" || typeof value === "boolean")
  )
  return parameters.length === 0 ? undefined : Object.fromEntries(parameters)
}

const told: ReadonlySet<string> = new Set([
  "messages",
  "input",
  "prompt",
  "system",
  "instructions",
  "contents",
  "systemInstruction",
  "system_instruction",
  "tools"
])

const tool: Details = (attributes, scope, content) => {
  const { start } = scope
  put(attributes, "tool.name", start.name)
  put(attributes, "tool.id", start.profile?.toolCallId)
  put(attributes, "tool.description", textAround(scope, "tool_description"))
  put(attributes, "tool_call.id", start.profile?.toolCallId)
  put(attributes, "tool_call.function.name", start.name)
  if (!content) return
  putJson(attributes, "tool.parameters", start.data)
  putJson(attributes, "tool_call.function.arguments", start.data)
}

const agent: Details = (attributes, scope) => {
  put(attributes, "agent.name", text(scope, "agent_name") ?? scope.start.name)
  put(attributes, "graph.node.id", scope.start.uuid)
  put(attributes, "graph.node.name", scope.start.name)
  put(attributes, "graph.node.parent_id", scope.start.parentUuid)
}

const retriever: Details = (attributes, scope, content) => {
  if (content) putDocuments(attributes, "retrieval.documents", scope.end.data)
}

const reranker: Details = (attributes, scope, content) => {
  put(attributes, "reranker.model_name", requestModel(scope))
  put(attributes, "reranker.top_k", scalar(scope, "top_k", "topK", "top_n"))
  if (!content) return
  put(attributes, "reranker.query", text(scope, "query"))
  putDocuments(attributes, "reranker.input_documents", scope.start.data)
  putDocuments(attributes, "reranker.output_documents", scope.end.data)
}

const embedding: Details = (attributes, scope, content) => {
  put(attributes, "embedding.model_name", requestModel(scope))
  if (content) putEmbeddings(attributes, scope.start.data, scope.end.data)
  tokens(attributes, scope)
}

const prompt: Details = (attributes, scope) => {
  put(attributes, "prompt.id", text(scope, "prompt.id", "prompt_id"))
  put(attributes, "prompt.vendor", text(scope, "prompt.vendor", "prompt_vendor"))
  put(attributes, "prompt.url", text(scope, "prompt.url", "prompt_url"))
}

const details: Readonly<Record<string, Details>> = {
  LLM: llm,
  TOOL: tool,
  AGENT: agent,
  RETRIEVER: retriever,
  RERANKER: reranker,
  EMBEDDING: embedding,
  PROMPT: prompt
}

const putValue = (attributes: Attributes, side: "input" | "output", data: unknown): void => {
  if (data === undefined || data === null) return
  const isText = typeof data === "string"
  putAny(attributes, `${side}.value`, isText ? data : jsonText(data))
  put(attributes, `${side}.mime_type`, isText ? "text/plain" : "application/json")
}
