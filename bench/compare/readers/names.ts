/** The names of our attributes and metrics, against the packages that the conventions are published as. */
import * as Layer from "effect/Layer"
import * as OpenInferenceExporter from "../../../src/exporter/OpenInferenceExporter.ts"
import * as OpenTelemetryExporter from "../../../src/exporter/OpenTelemetryExporter.ts"
import { loadPeer } from "../../harness/peer.ts"
import { runWith } from "../agent/heddle.ts"
import { decode } from "../otlp.ts"
import { receive } from "../receiver.ts"
import type { Check } from "./Check.ts"
import { agentEvents, payloadEvents } from "./events.ts"

/**
 * Names that stand in a convention that is not published as a package, each with where: `semantic-conventions-genai` is
 * the repository that the GenAI conventions have moved to.
 */
const elsewhere: Readonly<Record<string, string>> = {
  "gen_ai.retrieval.top_k": "semantic-conventions-genai, retrieval spans",
  "gen_ai.request.reasoning.level": "semantic-conventions-genai, inference spans",
  "gen_ai.request.previous_response.id": "semantic-conventions-genai, inference spans",
  "gen_ai.usage.cache_write.input_tokens": "semantic-conventions-genai, inference spans; `cache_creation` before"
}

/** Ours, and those that OpenTelemetry has for everything. */
const isOwn = (name: string): boolean => name.startsWith("heddle.")

export const names = async (): Promise<ReadonlyArray<Check>> => {
  const stable = stringsOf(await loadPeer<object>("@opentelemetry/semantic-conventions"))
  const incubating = stringsOf(await loadPeer<object>("@opentelemetry/semantic-conventions/incubating"))
  const openInference = stringsOf(await loadPeer<object>("@arizeai/openinference-semantic-conventions"))
  const events = [...await agentEvents(), ...await payloadEvents()]

  const genAi = (["v1.41", "latest"] as const).map((convention) => {
    const used = namesOf(OpenTelemetryExporter.toSpans(events, { convention, content: true, marks: true }))
    const isElsewhere = (name: string) => convention === "latest" && elsewhere[name] !== undefined
    return check(
      `@opentelemetry/semantic-conventions/incubating, gen_ai ${convention}`,
      used,
      (name) => incubating.has(name) || stable.has(name) || isOwn(name) || isElsewhere(name),
      [...used].filter((name) => !incubating.has(name) && isElsewhere(name)).length
    )
  })
  const flat = namesOf(OpenInferenceExporter.toSpans(events, { content: true, marks: true }))
  return [
    ...genAi,
    check(
      "@arizeai/openinference-semantic-conventions",
      flat,
      (name) => isFlattened(name, openInference) || stable.has(name) || isOwn(name)
    ),
    await metrics(incubating)
  ]
}

const metrics = async (known: ReadonlySet<string>): Promise<Check> => {
  const receiver = await receive()
  await runWith(Layer.mergeAll(
    OpenTelemetryExporter.layerOtlp({ url: receiver.url, signals: ["metrics"], protocol: "http/json" })
  ))
  receiver.close()
  const used = new Set<string>()
  for (const post of receiver.posts) collectMetrics(decode(post), used)
  return check(
    "@opentelemetry/semantic-conventions/incubating, metrics and their attributes",
    used,
    (name) => known.has(name) || isOwn(name) || name === "error.type"
  )
}

/** Names of metrics, and keys of their points. */
const collectMetrics = (value: unknown, into: Set<string>): void => {
  if (typeof value !== "object" || value === null) return
  for (const [key, field] of Object.entries(value)) {
    if (key === "metrics") { for (const { name } of field as ReadonlyArray<{ readonly name: string }>) into.add(name) }
    if (key === "dataPoints") {
      for (
        const { attributes = [] } of field as ReadonlyArray<{ readonly attributes?: ReadonlyArray<{ key: string }> }>
      ) {
        for (const attribute of attributes) into.add(attribute.key)
      }
    }
    collectMetrics(field, into)
  }
}

const check = (
  name: string,
  used: ReadonlySet<string>,
  isKnown: (name: string) => boolean,
  unpublished = 0
): Check => ({
  name,
  seen: `${used.size} names` + (unpublished === 0 ? "" : `, ${unpublished} of them in no package yet`),
  problems: used.size === 0
    ? ["nothing to look at"]
    : [...used].filter((one) => !isKnown(one)).map((one) => `${one} is not in it`)
})

const namesOf = (spans: ReadonlyArray<OpenTelemetryExporter.FinishedSpan>): ReadonlySet<string> =>
  new Set(spans.flatMap((span) => [
    ...Object.keys(span.attributes),
    ...span.events.flatMap(({ attributes }) => Object.keys(attributes))
  ]))

/** All that a package exports as text, also inside of objects. */
const stringsOf = (module: object): ReadonlySet<string> => {
  const found = new Set<string>()
  for (const value of Object.values(module)) {
    if (typeof value === "string") found.add(value)
    else if (typeof value === "object" && value !== null) { for (const one of stringsOf(value)) found.add(one) }
  }
  return found
}

/** OpenInference flattens lists and objects: `llm.tools.0.tool.json_schema` is `llm.tools` and `tool.json_schema`. */
const isFlattened = (name: string, known: ReadonlySet<string>): boolean =>
  name.split(/\.\d+\./).every((part) => isJoined(part, known))

const isJoined = (name: string, known: ReadonlySet<string>): boolean =>
  known.has(name) ||
  [...name.matchAll(/\./g)].some(({ index }) =>
    known.has(name.slice(0, index)) && isJoined(name.slice(index + 1), known)
  )
