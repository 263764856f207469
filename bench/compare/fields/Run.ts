/**
 * Normalisation: what may differ between any two runs is replaced by what it stands for, and nothing else is.
 *
 * - An id of a scope or mark (UUID, trace id, span id) becomes the name of what it belongs to: `‹tool get_weather›`. Which
 *   id belongs to what is read from the ATOF file of the same run. Any other UUID becomes `‹other id›`.
 * - A time becomes `‹time›` if it lies within the run, in whatever unit its field has; another one stays as it is. How
 *   exact a time is, is not compared: the reference writes nanoseconds, heddle microseconds.
 * - A measured duration becomes `‹duration›`.
 * - `null` is an absent field, as are the defaults of protobuf's fields; another empty object or array is a value.
 * - A text that holds a JSON object or array is compared field by field, below `#json`: the order of keys is nobody's
 *   promise.
 * - In the attributes of OpenTelemetry `nemo_relay.` and `heddle.` become `‹vendor›.`.
 * - Items of lists whose order says nothing are found by their name: tool calls, results, marks, events of spans.
 */
import { isRecord, type Json } from "./json.ts"

export interface AtofLine {
  readonly kind: "scope" | "mark"
  readonly uuid: string
  readonly name: string
  readonly category?: string | null
  readonly scope_category?: "start" | "end"
  readonly propagation_root_uuid?: string | null
}

/** One run, as far as its ids and times are concerned. */
export class Run {
  private readonly labels = new Map<string, string>()
  private readonly from: number
  private readonly to: number

  constructor(atof: ReadonlyArray<AtofLine>, times: { readonly from: number; readonly to: number }) {
    this.from = times.from - 1000
    this.to = times.to + 1000
    const counts = new Map<string, number>()
    for (const { category, kind, name, uuid } of atof) {
      if (this.labels.has(uuid)) continue
      const name_ = `${kind === "mark" ? "mark" : category ?? "scope"} ${name}`
      const count = (counts.get(name_) ?? 0) + 1
      counts.set(name_, count)
      const label = count === 1 ? name_ : `${name_} #${count}`
      const hex = uuid.replaceAll("-", "")
      for (const id of [uuid, hex, hex.slice(16)]) this.labels.set(id, label)
    }
  }

  label(id: string): string {
    return this.labels.get(id) ?? "other id"
  }

  /** The fields of a value, by their paths. */
  flatten(value: Json | undefined, options?: { readonly vendor?: boolean }): Map<string, string> {
    const fields = new Map<string, string>()
    this.walk(value, "", "", options?.vendor === true, fields)
    return fields
  }

  private walk(value: Json | undefined, path: string, key: string, vendor: boolean, into: Map<string, string>): void {
    if (value === null || value === undefined) return
    if (Array.isArray(value)) {
      if (value.length === 0) into.set(path, "[]")
      const counts = new Map<string, number>()
      for (const [index, item] of value.entries()) {
        const name = this.nameOf(item, key)
        const count = (counts.get(name ?? "") ?? 0) + 1
        counts.set(name ?? "", count)
        const place = name === undefined ? String(index) : count === 1 ? name : `${name} #${count}`
        this.walk(item, `${path}[${place}]`, key, vendor, into)
      }
    } else if (isRecord(value)) {
      const entries = Object.entries(value)
      if (entries.length === 0) into.set(path, "{}")
      for (const [field, item] of entries) {
        const name = vendor ? field.replace(/^(?:nemo_relay|heddle)\./, "‹vendor›.") : field
        this.walk(item, path === "" ? name : `${path}.${name}`, field, vendor, into)
      }
    } else if (typeof value === "string" && /^[[{]/.test(value)) {
      const inner = parsed(value)
      if (inner === undefined) into.set(path, this.scalar(value, key))
      else this.walk(inner, `${path}#json`, key, vendor, into)
    } else {
      into.set(path, this.scalar(value, key))
    }
  }

  private nameOf(item: Json, list: string): string | undefined {
    const field = namedBy[list]
    if (field === undefined || !isRecord(item)) return undefined
    const name = item[field]
    return typeof name === "string" ? this.text(name) : undefined
  }

  private scalar(value: Json, key: string): string {
    if (durations.test(key) && typeof value === "number") return "‹duration›"
    if (times.test(key) && this.isWithin(value)) return "‹time›"
    return typeof value === "string" ? JSON.stringify(this.text(value)) : JSON.stringify(value)
  }

  private text(value: string): string {
    const label = this.labels.get(value)
    if (label !== undefined) return `‹${label}›`
    return value.replaceAll(uuids, (id) => `‹${this.label(id)}›`)
  }

  private isWithin(value: Json): boolean {
    const millis = typeof value === "string" && !/^\d+$/.test(value) ? Date.parse(value) : millisOf(Number(value))
    return millis >= this.from && millis <= this.to
  }
}

const uuids = /[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g
const times = /timestamp$|UnixNano$/i
const durations = /^duration_?micros$|guardrail\.duration$|time_to_first_chunk$/i

/** The field by which items of a list are found. */
const namedBy: Readonly<Record<string, string>> = {
  tool_calls: "function_name",
  results: "source_call_id",
  tool_ancestry: "function_name",
  tool_invocations: "invocation_id",
  subagent_trajectory_ref: "trajectory_id",
  marks: "name",
  events: "name"
}

/** Seconds, milliseconds, microseconds or nanoseconds since the epoch. */
const millisOf = (value: number): number =>
  value < 1e11 ? value * 1000 : value < 1e14 ? value : value < 1e17 ? value / 1000 : value / 1_000_000

const parsed = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
