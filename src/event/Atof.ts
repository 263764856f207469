/**
 * ATOF 0.1, the wire form of lifecycle events: one JSON object each, snake_case, as NVIDIA NeMo Relay writes it.
 *
 * Both directions lose nothing. An event whose payloads are JSON comes back equal; a record, ours or foreign, comes
 * back with the same fields and values, since what the model has no place for travels in the event's `wire`. What
 * `wire` holds counts only as long as it says the same as the fields of the event: change a timestamp and the new one
 * is written.
 *
 * Encoding never fails: payloads that are no JSON are degraded visibly, and cut where they exceed its limits
 * (128 levels, 200,000 values, 1 Mi characters in one string, 16 Mi in one field).
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { decodeMetadata, encodeMetadata } from "./internal/atofMetadata.ts"
import { decodeProfile, encodeProfile } from "./internal/atofProfile.ts"
import { degrade } from "./internal/degrade.ts"
import { isRecord, jsonEqual, put } from "./internal/openRecord.ts"
import { formatTimestamp, parseTimestamp } from "./internal/timestamp.ts"
import type { DataSchema, EventFields, Json, LifecycleEvent } from "./LifecycleEvent.ts"

/**
 * A record of the format.
 *
 * **Details**
 *
 * - `timestamp`: RFC 3339 with six fractional digits and `+00:00`, unless the record was read in another form.
 * - `metadata`: the event's own, and `heddle.sequence`; on a scope's end `heddle.outcome`, `heddle.decisions`,
 *   `otel.status_code` (`"OK"` or `"ERROR"`), `otel.status_description`, `error.type` and `exception.type`; on a mark
 *   `nemo_relay.log.severity`. What the event itself had under these names stands in `heddle.metadata`.
 * - `data` of the start of an `llm` scope: `{ headers, content }`, where the event has `{ headers, body }`.
 *
 * Fields that the event does not have are left out, not null.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface AtofRecord {
  readonly kind: "scope" | "mark"
  readonly atof_version: string
  readonly uuid: string
  readonly timestamp: string | number
  readonly name: string
  readonly [field: string]: Json
}

/**
 * Error raised for text or a value that is no ATOF 0.y record: where in it (`metadata`, `data_schema.version`; empty
 * for the record itself), what was expected there and what was found, never payloads.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class AtofError extends Data.TaggedError("AtofError")<{
  readonly path: string
  readonly expected: string
  readonly actual: string
}> {
  override get message(): string {
    return `ATOF record${this.path === "" ? "" : `, field ${this.path}`}: expected ${this.expected}, got ${this.actual}`
  }
}

/**
 * Version that is written, unless the event was read from a record with another one.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export const version = "0.1"

/**
 * Writes an event as a record.
 *
 * @see {@link decode} for the way back
 * @stability experimental
 * @category encoding
 * @since 0.1.0
 */
export const encode = (event: LifecycleEvent): AtofRecord => {
  const wire = event.wire ?? {}
  const record: Record<string, Json> & AtofRecord = {
    kind: event._tag === "Mark" ? "mark" : "scope",
    atof_version: typeof wire.version === "string" ? wire.version : version,
    uuid: event.uuid,
    timestamp: encodeTimestamp(event.timestamp, wire.timestamp),
    name: event.name
  }
  if (event.parentUuid !== undefined) record.parent_uuid = event.parentUuid
  if (event.rootUuid !== wire.assumedRoot) record.propagation_root_uuid = event.rootUuid
  if (event._tag !== "Mark") {
    record.scope_category = event._tag === "ScopeStart" ? "start" : "end"
    const attributes = encodeAttributes(event.attributes, wire.attributes)
    if (attributes !== undefined) record.attributes = attributes
  }
  if (event.category !== undefined) record.category = event.category
  const profile = encodeProfile(event.profile, wire.profile)
  if (profile !== undefined) record.category_profile = profile
  if (event.data !== undefined) record.data = encodeData(event, degrade(event.data))
  if (event.dataSchema !== undefined) record.data_schema = degrade(event.dataSchema)
  const metadata = encodeMetadata(event, isRecord(wire.stated) ? wire.stated : undefined)
  if (metadata !== undefined) record.metadata = metadata
  if (isRecord(wire.fields)) {
    for (const [key, value] of Object.entries(wire.fields)) {
      if (!Object.hasOwn(record, key)) put(record, key, degrade(value))
    }
  }
  return record
}

/**
 * Writes an event as one line of JSON, without a line feed.
 *
 * @see {@link decodeLine} for the way back
 * @stability experimental
 * @category encoding
 * @since 0.1.0
 */
export const encodeLine = (event: LifecycleEvent): string => JSON.stringify(encode(event))

/**
 * Reads a record: of any version `0.y`, with fields left out or null, with a timestamp in RFC 3339 of any offset and
 * up to nine fractional digits or in integer microseconds since the epoch.
 *
 * **Details**
 *
 * - A record that does not state its sequence and outcome as ours do has sequence 0. Its scope's outcome is read from
 *   `otel.status_code`: a `Failure` if that is `"ERROR"`, otherwise a `Success`.
 * - Entries of metadata that became fields of the event are no longer among its metadata.
 * - Without `propagation_root_uuid` the parent, or else the event itself, is taken as the root.
 *
 * @see {@link decodeLine} for text
 * @stability experimental
 * @category decoding
 * @since 0.1.0
 */
export const decode = (record: unknown): Result.Result<LifecycleEvent, AtofError> =>
  Result.try({
    try: () => decodeRecord(record),
    catch: (error) => error instanceof AtofError ? error : mismatch("", "a readable JSON object", record)
  })

/**
 * Reads one line of JSON. A torn line is an `AtofError`.
 *
 * @stability experimental
 * @category decoding
 * @since 0.1.0
 */
export const decodeLine = (line: string): Result.Result<LifecycleEvent, AtofError> =>
  Result.flatMap(
    Result.try({
      try: (): unknown => JSON.parse(line),
      catch: () =>
        new AtofError({ path: "", expected: "one JSON object", actual: `${line.length} characters that are no JSON` })
    }),
    decode
  )

// encoding

const encodeTimestamp = (timestamp: number, form: unknown): string | number =>
  (typeof form === "string" || typeof form === "number") && parseTimestamp(form) === timestamp
    ? form
    : formatTimestamp(timestamp)

/** `form` is the record's own order, or null if it had none. */
const encodeAttributes = (attributes: ReadonlyArray<string>, form: unknown): ReadonlyArray<string> | undefined => {
  const sorted = attributes.toSorted()
  if (form === null && sorted.length === 0) return undefined
  return isStrings(form) && jsonEqual(form.toSorted(), sorted) ? form : sorted
}

const encodeData = (event: LifecycleEvent, data: Json): Json => {
  if (!isLlmStart(event._tag, event.category)) return data
  const request = rename(data, "body", "content")
  if (request !== undefined) return event.wire?.literalBody === true ? data : request
  return rename(data, "content", "body") ?? data
}

// decoding

const scopeFields = new Set([
  "kind",
  "atof_version",
  "uuid",
  "parent_uuid",
  "propagation_root_uuid",
  "timestamp",
  "name",
  "data",
  "data_schema",
  "metadata",
  "category",
  "category_profile",
  "scope_category",
  "attributes"
])

type Source = Readonly<Record<string, unknown>>

const decodeRecord = (record: unknown): LifecycleEvent => {
  if (!isRecord(record)) throw mismatch("", "a JSON object", record)
  const tag = decodeTag(record)
  const wire: Record<string, unknown> = {}
  const atofVersion = decodeVersion(record)
  if (atofVersion !== version) wire.version = atofVersion

  const uuid = text(record, "uuid")
  const parentUuid = optionalText(record, "parent_uuid")
  const rootUuid = optionalText(record, "propagation_root_uuid")
  const assumedRoot = parentUuid ?? uuid
  if (rootUuid === undefined) wire.assumedRoot = assumedRoot

  const timestamp = parseTimestamp(record.timestamp)
  if (timestamp === undefined) {
    throw mismatch("timestamp", "RFC 3339 text or integer microseconds since the epoch", record.timestamp)
  }
  if (formatTimestamp(timestamp) !== record.timestamp) wire.timestamp = record.timestamp

  const profile = decodeProfileField(record)
  if (profile?.odd !== undefined) wire.profile = profile.odd
  const metadata = decodeMetadata(tag, isRecord(record.metadata) ? record.metadata : undefined)
  if (metadata.stated !== undefined) wire.stated = metadata.stated

  const category = optionalText(record, "category")
  let data = record.data
  if (isLlmStart(tag, category)) {
    const literal = rename(data, "body", "content")
    if (literal === undefined) data = rename(data, "content", "body") ?? data
    else if (metadata.stated === undefined) data = literal
    else wire.literalBody = true
  }

  const attributes = tag === "Mark" ? [] : decodeAttributes(record)
  const sorted = attributes?.toSorted() ?? []
  if (attributes === undefined) wire.attributes = null
  else if (!jsonEqual(attributes, sorted)) wire.attributes = attributes

  const fields = decodeFields(record, tag)
  if (fields !== undefined) wire.fields = fields

  const common: Omit<EventFields, "category"> = {
    uuid,
    ...(parentUuid === undefined ? {} : { parentUuid }),
    rootUuid: rootUuid ?? assumedRoot,
    sequence: metadata.facts.sequence,
    timestamp,
    name: text(record, "name"),
    profile: profile?.profile,
    data,
    dataSchema: decodeDataSchema(record.data_schema),
    metadata: metadata.metadata,
    ...(Object.keys(wire).length === 0 ? {} : { wire })
  }
  if (tag === "Mark") {
    const { severity } = metadata.facts
    return { _tag: tag, ...common, category, ...(severity === undefined ? {} : { severity }) }
  }
  const scope = { ...common, category: text(record, "category"), attributes: sorted }
  if (tag === "ScopeStart") return { _tag: tag, ...scope }
  return { _tag: tag, ...scope, outcome: metadata.facts.outcome, decisions: metadata.facts.decisions }
}

const decodeTag = (record: Source): LifecycleEvent["_tag"] => {
  if (record.kind === "mark") return "Mark"
  if (record.kind !== "scope") throw mismatch("kind", `"scope" or "mark"`, record.kind)
  if (record.scope_category === "start") return "ScopeStart"
  if (record.scope_category === "end") return "ScopeEnd"
  throw mismatch("scope_category", `"start" or "end"`, record.scope_category)
}

const decodeVersion = (record: Source): string => {
  const value = record.atof_version
  if (typeof value === "string" && /^0\.\d+(?:[.+-]|$)/.test(value)) return value
  throw mismatch("atof_version", `"0.y"`, value)
}

const decodeAttributes = (record: Source): ReadonlyArray<string> | undefined => {
  const value = record.attributes
  if (value === undefined || value === null) return undefined
  if (isStrings(value)) return value
  throw mismatch("attributes", "an array of strings", value)
}

const decodeProfileField = (record: Source): ReturnType<typeof decodeProfile> | undefined => {
  const value = record.category_profile
  if (value === undefined || value === null) return undefined
  if (isRecord(value)) return decodeProfile(value)
  throw mismatch("category_profile", "an object or null", value)
}

const decodeDataSchema = (value: unknown): DataSchema | undefined => {
  if (value === undefined || value === null) return undefined
  if (!isRecord(value)) throw mismatch("data_schema", "an object with name and version, or null", value)
  const name = text(value, "name", "data_schema.name")
  return { ...value, name, version: text(value, "version", "data_schema.version") }
}

/** What the model has no place for: fields unknown to the format, nulls that it reads as absent, odd metadata. */
const decodeFields = (record: Source, tag: LifecycleEvent["_tag"]): Source | undefined => {
  const fields: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(record)) {
    const isKnown = scopeFields.has(key) && !(tag === "Mark" && (key === "attributes" || key === "scope_category"))
    const isKept = !isKnown || (value === null && key !== "data") ||
      (key === "metadata" && value !== undefined && !isRecord(value))
    if (isKept && value !== undefined) put(fields, key, value)
  }
  return Object.keys(fields).length === 0 ? undefined : fields
}

// shared

const isLlmStart = (tag: LifecycleEvent["_tag"], category: string | undefined): boolean =>
  tag === "ScopeStart" && category === "llm"

/** `{ headers, [from] }`, exactly, as `{ headers, [to] }`. */
function rename(data: Json, from: string, to: string): Json | undefined
function rename(data: unknown, from: string, to: string): unknown
function rename(data: unknown, from: string, to: string): unknown {
  return isRecord(data) && Object.keys(data).length === 2 && Object.hasOwn(data, "headers") && Object.hasOwn(data, from)
    ? { headers: data.headers, [to]: data[from] }
    : undefined
}

const isStrings = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === "string")

const text = (record: Source, key: string, path = key): string => {
  const value = record[key]
  if (typeof value === "string") return value
  throw mismatch(path, "a string", value)
}

const optionalText = (record: Source, key: string): string | undefined => {
  const value = record[key]
  if (value === undefined || value === null) return undefined
  if (typeof value === "string") return value
  throw mismatch(key, "a string or null", value)
}

const mismatch = (path: string, expected: string, actual: unknown): AtofError =>
  new AtofError({ path, expected, actual: describe(actual) })

const describe = (value: unknown): string => {
  if (value === undefined) return "nothing"
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value)
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  return `a value of type ${typeof value}`
}
