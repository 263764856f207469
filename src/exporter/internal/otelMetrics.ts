import { requestModel, responseModel, usageOf } from "./otelAnnotation.ts"
import { put } from "./otelAttributes.ts"
import { agentName, type Convention, type Operation, operationOf } from "./otelGenAi.ts"
import { providerOf } from "./otelProvider.ts"
import { errorType, type FinishedScope, scalar, text } from "./otelScope.ts"
import type { Attributes } from "./otelSpan.ts"

/* Bounds of histograms, as the conventions advise them. */

/** Durations of calls, seconds: 0.01, doubled up to 81.92. */
const secondBounds: ReadonlyArray<number> = Array.from({ length: 14 }, (_, i) => 2 ** i / 100)

/** Durations of agents, seconds: 0.1, doubled up to 409.6. */
const agentBounds: ReadonlyArray<number> = Array.from({ length: 13 }, (_, i) => 2 ** i / 10)

/** Durations of workflows, seconds. */
const workflowBounds: ReadonlyArray<number> = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200]

/** Tokens: powers of four up to 67,108,864. */
const tokenBounds: ReadonlyArray<number> = Array.from({ length: 14 }, (_, i) => 4 ** i)

/** Calls of an agent: powers of two up to 128. */
const callBounds: ReadonlyArray<number> = Array.from({ length: 8 }, (_, i) => 2 ** i)

/** An instrument as the conventions define it: a histogram if it has bounds, else a counter. */
export interface Instrument {
  readonly unit: "s" | "{token}" | "{call}" | "{inference_call}" | "{tool_call}"
  readonly description: string
  readonly bounds?: ReadonlyArray<number>
}

const seconds = (description: string, bounds = secondBounds): Instrument => ({ unit: "s", description, bounds })

const histogram = (unit: Instrument["unit"], description: string, bounds: ReadonlyArray<number>): Instrument => ({
  unit,
  description,
  bounds
})

const instruments = {
  "gen_ai.client.operation.duration": seconds("Duration of GenAI operations."),
  "gen_ai.client.inference.duration": seconds("Duration of inference operations."),
  "gen_ai.execute_tool.duration": seconds("Duration of tool executions."),
  "gen_ai.invoke_agent.duration": seconds("Duration of agent invocations.", agentBounds),
  "gen_ai.invoke_agent.inference_calls": histogram(
    "{inference_call}",
    "Inference calls of one agent invocation.",
    callBounds
  ),
  "gen_ai.invoke_agent.tool_calls": histogram("{tool_call}", "Tool calls of one agent invocation.", callBounds),
  "gen_ai.invoke_workflow.duration": seconds("Duration of workflow invocations.", workflowBounds),
  "gen_ai.client.operation.time_to_first_chunk": seconds("Time to the first chunk of a streamed operation."),
  "gen_ai.client.inference.time_to_first_chunk": seconds("Time to the first chunk of a streamed inference."),
  "gen_ai.client.operation.time_per_output_chunk": seconds("Time per chunk of a streamed operation after the first."),
  "gen_ai.client.inference.time_per_output_chunk": seconds("Time per chunk of a streamed inference after the first."),
  "gen_ai.client.token.usage": histogram("{token}", "Tokens by operation and type.", tokenBounds),
  "gen_ai.client.inference.operation.input_tokens": histogram("{token}", "Input tokens by operation.", tokenBounds),
  "gen_ai.client.inference.operation.output_tokens": histogram("{token}", "Output tokens by operation.", tokenBounds),
  "gen_ai.client.inference.usage.input_tokens": tokens("Input tokens used."),
  "gen_ai.client.inference.usage.output_tokens": tokens("Output tokens used."),
  "gen_ai.client.inference.usage.cache_read.input_tokens": tokens("Input tokens read from a cache."),
  "gen_ai.client.inference.usage.cache_write.input_tokens": tokens("Input tokens written to a cache."),
  "gen_ai.client.inference.usage.reasoning.output_tokens": tokens("Output tokens used for reasoning."),
  "heddle.calls.blocked": { unit: "{call}", description: "Calls that a guardrail rejected." }
} satisfies Record<string, Instrument>

export type InstrumentName = keyof typeof instruments

export const instrumentOf = (name: InstrumentName): Instrument => instruments[name]

/** One value for one instrument, as often as it was there: once unless said. */
export interface Measurement {
  readonly name: InstrumentName
  readonly value: number
  readonly times?: number
  readonly attributes: Attributes
}

/** What the end of a scope adds to the metrics. */
export const measure = (scope: FinishedScope, convention: Convention): ReadonlyArray<Measurement> => {
  const { end, start } = scope
  const operation = operationOf(scope)
  const measurements: Array<Measurement> = []
  const attributes = dimensions(scope, operation)
  const add = (name: InstrumentName, value: number | undefined, more?: Attributes) => {
    if (value !== undefined) measurements.push({ name, value, attributes: { ...attributes, ...more } })
  }
  const addChunks = (name: InstrumentName) => {
    const chunks = chunksOf(scope)
    if (chunks !== undefined) measurements.push({ name, ...chunks, attributes })
  }
  if (end.outcome._tag === "Blocked") add("heddle.calls.blocked", 1, { "heddle.guardrail.name": end.outcome.by })
  if (operation === undefined) return measurements
  const duration = Math.max(end.timestamp - start.timestamp, 1) / 1_000_000
  const isInference = start.category === "llm"
  const firstChunk = isInference ? end.profile?.timeToFirstChunk : undefined
  const usage = isInference || operation === "embeddings" ? usageOf(scope) : undefined
  if (convention === "v1.41") {
    add("gen_ai.client.operation.duration", duration)
    add("gen_ai.client.operation.time_to_first_chunk", firstChunk)
    addChunks("gen_ai.client.operation.time_per_output_chunk")
    add("gen_ai.client.token.usage", usage?.inputTokens, { "gen_ai.token.type": "input" })
    add("gen_ai.client.token.usage", usage?.outputTokens, { "gen_ai.token.type": "output" })
    return measurements
  }
  add(durations[operation], duration)
  if (operation === "invoke_agent") {
    add("gen_ai.invoke_agent.inference_calls", scope.calls?.inference)
    add("gen_ai.invoke_agent.tool_calls", scope.calls?.tool)
  }
  if (!isInference) return measurements
  add("gen_ai.client.inference.time_to_first_chunk", firstChunk)
  addChunks("gen_ai.client.inference.time_per_output_chunk")
  add("gen_ai.client.inference.operation.input_tokens", usage?.inputTokens)
  add("gen_ai.client.inference.operation.output_tokens", usage?.outputTokens)
  add("gen_ai.client.inference.usage.input_tokens", usage?.inputTokens)
  add("gen_ai.client.inference.usage.output_tokens", usage?.outputTokens)
  add("gen_ai.client.inference.usage.cache_read.input_tokens", usage?.cacheReadTokens)
  add("gen_ai.client.inference.usage.cache_write.input_tokens", usage?.cacheWriteTokens)
  add("gen_ai.client.inference.usage.reasoning.output_tokens", usage?.reasoningTokens)
  return measurements
}

/**
 * The time of each chunk after the first one. Events tell of the first chunk, of the end and of how many there were: each
 * of them counts with the mean. The end of a stream that failed says nothing of its last chunk.
 */
const chunksOf = ({ end, start }: FinishedScope): Pick<Measurement, "value" | "times"> | undefined => {
  const { chunkCount, timeToFirstChunk } = end.profile ?? {}
  if (start.category !== "llm" || end.outcome._tag !== "Success") return undefined
  if (chunkCount === undefined || timeToFirstChunk === undefined || !(chunkCount > 1)) return undefined
  const times = Math.min(Math.floor(chunkCount), maxChunks) - 1
  const rest = (end.timestamp - start.timestamp) / 1_000_000 - timeToFirstChunk
  return { value: Math.max(rest, 0) / (chunkCount - 1), times }
}

/** Chunks of one stream that are counted at most. */
const maxChunks = 100_000

const durations: { readonly [K in Operation]: InstrumentName } = {
  chat: "gen_ai.client.inference.duration",
  generate_content: "gen_ai.client.inference.duration",
  text_completion: "gen_ai.client.inference.duration",
  embeddings: "gen_ai.client.operation.duration",
  retrieval: "gen_ai.client.operation.duration",
  execute_tool: "gen_ai.execute_tool.duration",
  invoke_agent: "gen_ai.invoke_agent.duration",
  invoke_workflow: "gen_ai.invoke_workflow.duration"
}

/** Attributes of few values, by which the conventions group. */
const dimensions = (scope: FinishedScope, operation: Operation | undefined): Attributes => {
  const { end, start } = scope
  const attributes: Attributes = {}
  put(attributes, "gen_ai.operation.name", operation)
  if (start.category === "tool") put(attributes, "gen_ai.tool.name", start.name)
  if (start.category === "agent") put(attributes, "gen_ai.agent.name", agentName(scope))
  if (operation === "invoke_workflow") put(attributes, "gen_ai.workflow.name", start.name)
  if (start.category === "llm" || start.category === "embedder") {
    const model = requestModel(scope)
    put(attributes, "gen_ai.provider.name", providerOf(scope, model))
    put(attributes, "gen_ai.request.model", model)
    put(attributes, "gen_ai.response.model", responseModel(scope))
    const address = text(scope, "server.address", "server_address")
    put(attributes, "server.address", address)
    if (address !== undefined) put(attributes, "server.port", scalar(scope, "server.port", "server_port"))
  }
  put(attributes, "error.type", errorType(end.outcome))
  return attributes
}

function tokens(description: string): Instrument {
  return { unit: "{token}", description }
}
