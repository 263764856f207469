import type { Profile } from "../LifecycleEvent.ts"
import type { EventRecord, MarkPlace } from "./eventRecord.ts"
import type { Draft } from "./frame.ts"
import { type ErrorCapture, outcomeOf } from "./outcome.ts"
import type { Span } from "./span.ts"

type Metadata = Record<string, unknown>

const isReserved = (key: string): boolean => key.startsWith("heddle.") || key.startsWith("otel.")

/** Adds `source` to `target`; keys that only the runtime may write are renamed to `user.<key>`. Never throws. */
export const addUserMetadata = (
  target: Metadata | undefined,
  source: Readonly<Metadata> | undefined
): Metadata | undefined => {
  if (source === undefined || source === null || typeof source !== "object") return target
  let out = target
  try {
    for (const key of Object.keys(source)) {
      out ??= {}
      let value: unknown
      try {
        value = source[key]
      } catch (error) {
        value = `[Throws: ${String(error)}]`
      }
      setKey(out, isReserved(key) ? `user.${key}` : key, value)
    }
  } catch {
    out = { ...out, "heddle.metadata_unreadable": true }
  }
  return out
}

/** Sets a key as plain data, also one such as `__proto__`. */
const setKey = (target: Metadata, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}

const profileOf = (span: Span, more: Profile | undefined): Profile | undefined => {
  if (
    more === undefined && span.modelName === undefined && span.toolCallId === undefined && span.subtype === undefined
  ) return undefined
  return {
    ...(span.modelName === undefined ? undefined : { modelName: span.modelName }),
    ...(span.toolCallId === undefined ? undefined : { toolCallId: span.toolCallId }),
    ...(span.subtype === undefined ? undefined : { subtype: span.subtype }),
    ...more
  }
}

const originMetadata = (span: Span): Metadata | undefined => {
  let out: Metadata | undefined
  if (span.trace !== undefined) {
    out = { "otel.trace_id": span.trace.traceId, "otel.parent_span_id": span.trace.spanId }
  }
  if (span.link !== undefined) {
    out = { ...out, "heddle.link_uuid": span.link.uuid, "heddle.link_root_uuid": span.link.root.uuid }
  }
  return out
}

/** Makes the event of a record, as a draft that observers may still change. Never throws. */
export const buildDraft = (record: EventRecord, capture: ErrorCapture): Draft => {
  const { mark, span } = record
  if (mark !== undefined) return markDraft(record, mark)
  return record.tag === "ScopeStart" ? startDraft(record, span!) : endDraft(record, span!, capture)
}

const markDraft = (record: EventRecord, mark: MarkPlace): Draft => {
  const { span } = record
  const uuid = mark.kernel.makeId(record.timestamp, mark.ordinal)
  return {
    _tag: "Mark",
    uuid,
    parentUuid: span?.uuid,
    rootUuid: span === undefined ? uuid : span.root.uuid,
    sequence: record.sequence,
    timestamp: record.timestamp,
    name: mark.name,
    category: mark.category,
    profile: undefined,
    data: record.data,
    dataSchema: mark.dataSchema,
    metadata: addUserMetadata(undefined, mark.metadata),
    severity: mark.severity
  }
}

const startDraft = (record: EventRecord, span: Span): Draft => ({
  _tag: "ScopeStart",
  uuid: span.uuid,
  parentUuid: span.parent?.uuid,
  rootUuid: span.root.uuid,
  sequence: record.sequence,
  timestamp: record.timestamp,
  name: span.name,
  category: span.category,
  profile: profileOf(span, undefined),
  data: record.data,
  dataSchema: undefined,
  metadata: addUserMetadata(span.parent === undefined ? originMetadata(span) : undefined, span.metadata),
  attributes: span.attributes
})

const endDraft = (record: EventRecord, span: Span, capture: ErrorCapture): Draft => {
  const { end } = record
  const metadata = addUserMetadata(undefined, span.metadata)
  return {
    _tag: "ScopeEnd",
    uuid: span.uuid,
    parentUuid: span.parent?.uuid,
    rootUuid: span.root.uuid,
    sequence: record.sequence,
    timestamp: record.timestamp,
    name: span.name,
    category: span.category,
    profile: profileOf(span, end?.profile),
    data: record.data,
    dataSchema: undefined,
    metadata: end?.metadata === undefined ? metadata : { ...metadata, ...end.metadata },
    attributes: span.attributes,
    outcome: outcomeOf(record.exit, end, capture),
    decisions: end?.decisions ?? noDecisions
  }
}

const noDecisions = Object.freeze([])
