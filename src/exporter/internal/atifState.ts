/**
 * What is known of a trajectory while it grows. Payloads are snapshots: JSON that nobody else holds.
 *
 * @since 0.1.0
 */
import { degrade } from "../../event/internal/degrade.ts"
import { formatTimestamp } from "../../event/internal/timestamp.ts"
import type { Json, LifecycleEvent, ScopeEnd, ScopeStart } from "../../event/LifecycleEvent.ts"
import type { Content } from "./atifLlm.ts"
import { get, textAt } from "./atifMessage.ts"
import type { Metrics } from "./atifMetrics.ts"

export type Fields = { readonly [key: string]: Json }
export type MutableFields = { [key: string]: Json }

/** A scope that is open, and the document in which its steps stand. */
export interface Scope {
  readonly uuid: string
  readonly parentUuid: string | undefined
  readonly name: string
  readonly startedAt: number
  readonly parent: Scope | undefined
  readonly doc: Doc
  readonly tool: Tool | undefined
  readonly llm: Llm | undefined
}

/** The trajectory of one agent scope. */
export interface Doc {
  readonly uuid: string
  readonly name: string
  readonly parent: Doc | undefined
  readonly metadata: Json | undefined
  readonly input: Json | undefined
  output: Json | undefined
  /** Set when the scope has ended. */
  ending: Fields | undefined
  readonly tools: Map<string, Fields>
  model: string | undefined
  /** Calls that a model asked for and no tool scope has taken up, oldest first. */
  readonly promised: Array<Call>
  /** Tools that ran before it is known which step asked for them. */
  readonly deferred: Array<Tool>
  readonly openTools: Set<Tool>
  readonly openLlms: Set<Llm>
  /** Model calls that ended while others were open. */
  readonly recentLlms: Array<Llm>
  /** The step that unasked calls belong to. */
  current: Entry | undefined
  readonly totals: Totals
  hadSteps: boolean
  /** Cost in USD of sub-agents that were left out. */
  lostCost: number | undefined
}

interface Totals {
  prompt: number | undefined
  completion: number | undefined
  cached: number | undefined
  cost: number | undefined
  cachedAnswers: number
  blocked: number
}

/** One step. */
export interface Entry {
  readonly doc: Doc
  readonly source: "system" | "user" | "agent"
  readonly timestamp: number
  message: Content
  model: string | undefined
  effort: string | number | undefined
  reasoning: string | undefined
  metrics: Metrics | undefined
  llmCalls: number | undefined
  readonly calls: Array<Call>
  /** Results of tools whose start was not seen. */
  readonly loose: Array<Tool>
  extra: MutableFields
  bytes: number
  isDropped: boolean
}

/** A call on a step. */
export interface Call {
  readonly entry: Entry
  readonly id: string
  readonly name: string
  readonly args: Fields
  /** Whether the id is known outside of this document. */
  readonly hasId: boolean
  tool: Tool | undefined
  /** Ids of sub-agents to which it delegated. */
  refs: Array<string>
  /** The agent that it stands for, if it was made up for one. */
  agent: Doc | undefined
}

/** A tool scope. */
export interface Tool {
  readonly uuid: string
  readonly parentUuid: string | undefined
  readonly parentName: string | undefined
  readonly name: string
  readonly id: string | undefined
  readonly args: Fields
  readonly startedAt: number | undefined
  /** The model call inside of which it ran. */
  readonly within: Llm | undefined
  readonly marks: Array<Fields>
  refs: Array<string>
  end: ToolEnd | undefined
  call: Call | undefined
}

interface ToolEnd {
  readonly timestamp: number
  readonly data: Json | undefined
  readonly outcome: Fields
  readonly extra: Fields
}

/** A model call. */
export interface Llm {
  readonly uuid: string
  readonly parentUuid: string | undefined
  readonly startedAt: number | undefined
  readonly request: Json | undefined
  readonly model: string | undefined
  readonly effort: string | number | undefined
  readonly metadata: Json | undefined
  readonly marks: Array<Fields>
  readonly user: Entry | undefined
  endedAt: number | undefined
  entry: Entry | undefined
  isCached: boolean
}

export const makeDoc = (start: ScopeStart, parent: Doc | undefined, limits: Limits): Doc => ({
  uuid: start.uuid,
  name: start.name,
  parent,
  metadata: json(start.metadata, limits),
  input: json(start.data, limits),
  output: undefined,
  ending: undefined,
  tools: new Map(),
  model: undefined,
  promised: [],
  deferred: [],
  openTools: new Set(),
  openLlms: new Set(),
  recentLlms: [],
  current: undefined,
  totals: {
    prompt: undefined,
    completion: undefined,
    cached: undefined,
    cost: undefined,
    cachedAnswers: 0,
    blocked: 0
  },
  hadSteps: false,
  lostCost: undefined
})

export const makeEntry = (
  doc: Doc,
  source: Entry["source"],
  timestamp: number,
  fields: Partial<Pick<Entry, "message" | "model" | "effort" | "reasoning" | "metrics" | "llmCalls" | "extra">>
): Entry => ({
  doc,
  source,
  timestamp,
  message: "",
  model: undefined,
  effort: undefined,
  reasoning: undefined,
  metrics: undefined,
  llmCalls: undefined,
  calls: [],
  loose: [],
  extra: {},
  ...fields,
  bytes: 0,
  isDropped: false
})

/** How much of one payload is kept: what `degrade` is asked for. */
export type Limits = Parameters<typeof degrade>[1]

/** A snapshot of a payload; absent if there is none. */
export const json = (value: unknown, limits: Limits): Json | undefined =>
  value === undefined || value === null ? undefined : degrade(value, limits)

/** Rough weight in bytes of JSON in memory. */
export const weigh = (value: Json | undefined): number => {
  if (typeof value === "string") return 16 + value.length * 2
  if (typeof value !== "object" || value === null) return 8
  let total = 32
  if (Array.isArray(value)) {
    for (const item of value) total += weigh(item)
    return total
  }
  for (const [key, item] of Object.entries(value)) total += 16 + key.length * 2 + weigh(item)
  return total
}

/** How a scope ended, in the words of the format's `invocation.status`, with what is known of a bad end. */
export const outcomeOf = (end: ScopeEnd): Fields => {
  const { outcome } = end
  switch (outcome._tag) {
    case "Success":
      return { status: "completed" }
    case "Failure":
      return {
        status: "failed",
        ...(outcome.error === undefined
          ? undefined
          : {
            error: {
              type: outcome.error.tag,
              message: outcome.error.message,
              ...(outcome.error.cause === undefined ? undefined : { cause: outcome.error.cause })
            }
          }),
        ...(outcome.isDefect ? { is_defect: true } : undefined)
      }
    case "Blocked":
      return { status: "blocked", by: outcome.by, reason: outcome.reason }
    case "Interrupted":
      return { status: "interrupted", ...(outcome.origin === undefined ? undefined : { origin: outcome.origin }) }
  }
}

/** One line on a bad end. */
export const outcomeText = (outcome: Fields): string => {
  switch (outcome.status) {
    case "failed":
      return `Failed: ${
        [textAt(outcome.error, "type"), textAt(outcome.error, "message")].filter((text) => text !== undefined)
          .join(": ") || "unknown error"
      }`
    case "blocked":
      return `Blocked by ${textAt(outcome, "by") ?? "a guardrail"}: ${textAt(outcome, "reason") ?? ""}`
    case "interrupted":
      return textAt(outcome, "origin") === undefined ? "Interrupted" : `Interrupted by ${textAt(outcome, "origin")}`
    default:
      return ""
  }
}

/** What an end says besides its payload: guardrails that did more than allow, metadata, schema, stream. */
export const endExtra = (end: ScopeEnd, limits: Limits): MutableFields => {
  const { chunkCount, timeToFirstChunk } = end.profile ?? {}
  const decisions = end.decisions.filter((decision) => decision.verdict !== "allow")
  const metadata = json(end.metadata, limits)
  return {
    ...(decisions.length === 0 ? undefined : { decisions: degrade(decisions.map(decisionOf), limits) }),
    ...(metadata === undefined ? undefined : { metadata }),
    ...(end.dataSchema === undefined ? undefined : { data_schema: degrade(end.dataSchema, limits) }),
    ...(typeof chunkCount === "number" ? { chunk_count: chunkCount } : undefined),
    ...(typeof timeToFirstChunk === "number" ? { time_to_first_chunk: timeToFirstChunk } : undefined)
  }
}

/** A decision in the words of the format, which has no capitals in its names. */
const decisionOf = ({ durationMicros, ...decision }: ScopeEnd["decisions"][number]) => ({
  ...decision,
  duration_micros: durationMicros
})

/** A value of an agent's or call's metadata, or of its data, also one level down under `extra`. */
export const hint = (sources: ReadonlyArray<Json | undefined>, keys: ReadonlyArray<string>): string | undefined => {
  for (const source of sources) {
    for (const holder of [source, get(source, "extra")]) {
      for (const key of keys) {
        const value = textAt(holder, key)
        if (value !== undefined) return value
      }
    }
  }
  return undefined
}

/** A mark as it is kept. */
export const markOf = (
  event: LifecycleEvent & { readonly _tag: "Mark" },
  limits: Limits
): Fields => {
  const time = timeText(event.timestamp)
  const data = json(event.data, limits)
  const metadata = json(event.metadata, limits)
  return {
    name: event.name,
    ...(time === undefined ? undefined : { timestamp: time }),
    event_uuid: event.uuid,
    ...(event.category === undefined ? undefined : { category: event.category }),
    ...(event.severity === undefined ? undefined : { severity: event.severity }),
    ...(data === undefined ? undefined : { data }),
    ...(metadata === undefined ? undefined : { metadata })
  }
}

/** RFC 3339, unless the time is beyond what that can say. */
export const timeText = (timestamp: number): string | undefined => {
  const text = formatTimestamp(timestamp)
  return typeof text === "string" ? text : undefined
}
