/**
 * Arize's converter makes OpenInference of our gen_ai spans: it has to say what our own OpenInference spans say. What
 * differs is explained below, as `explanations.ts` explains it for the reference.
 */
import * as OpenInferenceExporter from "../../../src/exporter/OpenInferenceExporter.ts"
import * as OpenTelemetryExporter from "../../../src/exporter/OpenTelemetryExporter.ts"
import { loadPeer } from "../../harness/peer.ts"
import { compare, explain, type Explanation } from "../fields/Difference.ts"
import type { Entry } from "../fields/Entry.ts"
import type { Check } from "./Check.ts"
import { agentEvents, payloadEvents } from "./events.ts"

type Attributes = Readonly<Record<string, unknown>>

interface Converter {
  readonly convertGenAISpanAttributesToOpenInferenceSpanAttributes: (attributes: Attributes) => Attributes | null
}

const only = (side: "reference" | "heddle", why: string, ...fields: ReadonlyArray<string>): Explanation => ({
  at: fields.map((field) => `openinference/*/${field}`),
  verdict: `${side} only`,
  why
})
const differs = (why: string, ...fields: ReadonlyArray<string>): Explanation => ({
  at: fields.map((field) => `openinference/*/${field}`),
  verdict: "differs",
  why
})

const text = "a message of one text is `message.content`; the converter makes a list of contents of it"
const parts = "contents are of the kinds that OpenInference has; the converter writes the GenAI parts out as text"
const wire = "the JSON that was exchanged, not the messages once more"
const parameters = "parameters as the provider names them, all of them"
const results = "each result of a tool is a message of its own; the converter keeps one of several, or none"
const raw = "a text is that text, not a JSON string"
const more = "gen_ai spans do not have it, or the converter does not read it"

/** "reference" is the converter here. */
const explanations: ReadonlyArray<Explanation> = [
  only("heddle", "ours", "heddle.*"),
  only("reference", text, "llm.*put_messages.*.message.contents.*"),
  only("heddle", text, "llm.*put_messages.*.message.content"),
  differs(parts, "llm.*put_messages.*.message_content.*"),
  only("heddle", parts, "llm.*put_messages.*.message.contents.*"),
  differs(
    results,
    "llm.input_messages.*.message.content",
    "llm.input_messages.*.message.role",
    "llm.input_messages.*.message.tool_call_id"
  ),
  only("heddle", results, "llm.input_messages.*.message.role", "llm.input_messages.*.message.tool_call_id"),
  only(
    "reference",
    "a result without a value has no content; the converter writes `undefined`",
    "llm.input_messages.*.message.content"
  ),
  only("reference", "a message without any part is no message", "llm.*put_messages.*.message.role"),
  differs(wire, "input.value", "output.value"),
  differs(raw, "input.mime_type", "output.mime_type", "llm.*.tool_call.function.arguments"),
  differs(parameters, "llm.invocation_parameters"),
  only("heddle", parameters, "llm.invocation_parameters"),
  only(
    "reference",
    "for embeddings it is `embedding.model_name`, and there are no other parameters",
    "llm.model_name",
    "llm.invocation_parameters"
  ),
  differs("definitions as the provider got them, also what GenAI has no place for", "llm.tools.*.tool.json_schema"),
  differs("`google`, as OpenInference names the provider", "llm.provider"),
  only("reference", "OpenInference has no system of that name", "llm.system"),
  only(
    "reference",
    "instructions are the first message, as OpenInference has them",
    "metadata.gen_ai.system_instructions"
  ),
  differs("the provider's own total, where it gives one", "llm.token_count.total"),
  only(
    "heddle",
    more,
    "llm.request.model_name",
    "llm.response.model_name",
    "llm.token_count.*",
    "llm.cost.total",
    "llm.input_messages.*.message.name",
    "embedding.*",
    "retrieval.documents.*",
    "tool.id",
    "tool_call.function.*",
    "*put.value",
    "*put.mime_type",
    "metadata",
    "session.id",
    "user.id",
    "graph.node.*",
    "error.type"
  )
]

export const conversion = async (): Promise<ReadonlyArray<Check>> => {
  const { convertGenAISpanAttributesToOpenInferenceSpanAttributes: convert } = await loadPeer<Converter>(
    "@arizeai/openinference-genai"
  )
  const checks: Array<Check> = []
  let idle: ReadonlyArray<string> | undefined
  for (const [what, events] of [["agent", await agentEvents()], ["payloads", await payloadEvents()]] as const) {
    const genAi = OpenTelemetryExporter.toSpans(events, { convention: "v1.41", content: true })
    const converted = genAi.filter(({ attributes }) => "gen_ai.operation.name" in attributes)
    const ids = new Set(converted.map(({ spanId }) => spanId))
    const ours = OpenInferenceExporter.toSpans(events, { content: true }).filter(({ spanId }) => ids.has(spanId))
    const explained = explain(
      compare(
        converted.map(({ attributes, spanId }) => entryOf(spanId, convert(attributes) ?? {})),
        ours.map(({ attributes, spanId }) => entryOf(spanId, attributes))
      ),
      explanations
    )
    const { rows } = explained
    idle = explained.idle.filter((pattern) => idle?.includes(pattern) ?? true)
    const same = rows.filter(({ verdict }) => verdict === "same").length
    const unexplained = rows.filter(({ verdict, why }) => verdict !== "same" && why === undefined)
    checks.push({
      name: `@arizeai/openinference-genai, spans of the ${what}`,
      seen: `${converted.length} spans, ${rows.length} attributes, ${same} the same, ` +
        `${rows.length - same - unexplained.length} differ as explained`,
      problems: unexplained.map(({ field, heddle, reference, verdict }) =>
        `${field}: ${verdict}, converted ${reference ?? "–"}, ours ${heddle ?? "–"}`
      )
    })
  }
  return [...checks, {
    name: "@arizeai/openinference-genai, explanations",
    seen: `${explanations.length}, each needed`,
    problems: (idle ?? []).map((pattern) => `${pattern} explains nothing`)
  }]
}

const entryOf = (key: string, attributes: Attributes): Entry => ({
  format: "openinference",
  key,
  fields: new Map(Object.entries(attributes).map(([name, value]) => [name, textOf(value)]))
})

/** JSON text is compared as what it says: the order of keys and the white space are nobody's promise. */
const textOf = (value: unknown): string => {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return JSON.stringify(value)
  try {
    return JSON.stringify(sorted(JSON.parse(value)))
  } catch {
    return JSON.stringify(value)
  }
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1).map(([key, field]) => [key, sorted(field)])
  )
}
