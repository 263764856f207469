import type { Mark, Profile, ScopeEnd, ScopeStart } from "../LifecycleEvent.ts"
import type { MarkRecord, ScopeRecord } from "./eventRecord.ts"
import type { Draft, Mutable } from "./frame.ts"
import { type ErrorCapture, outcomeOf } from "./outcome.ts"
import { constructorOf } from "./plainObject.ts"
import type { Origin, Span, SpanSpec } from "./span.ts"

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

const profileOf = ({ modelName, subtype, toolCallId }: SpanSpec, more: Profile | undefined): Profile | undefined => {
  if (more === undefined && modelName === undefined && toolCallId === undefined && subtype === undefined) {
    return undefined
  }
  return {
    ...(modelName === undefined ? undefined : { modelName }),
    ...(toolCallId === undefined ? undefined : { toolCallId }),
    ...(subtype === undefined ? undefined : { subtype }),
    ...more
  }
}

const originMetadata = ({ link, trace }: Origin): Metadata | undefined => {
  let out: Metadata | undefined
  if (trace !== undefined) {
    out = {
      "otel.trace_id": trace.traceId,
      "otel.parent_span_id": trace.spanId,
      ...(trace.sampled ? undefined : { "otel.sampled": false })
    }
  }
  if (link !== undefined) out = { ...out, "heddle.link_uuid": link.uuid, "heddle.link_root_uuid": link.root.uuid }
  return out
}

const MarkDraft = constructorOf(function(this: Mutable<Mark>, record: MarkRecord) {
  const { detail, span } = record
  const uuid = record.kernel.makeId(record.timestamp, record.ordinal)
  this._tag = "Mark"
  this.uuid = uuid
  this.parentUuid = span?.uuid
  this.rootUuid = span === undefined ? uuid : span.root.uuid
  this.sequence = record.sequence
  this.timestamp = record.timestamp
  this.name = detail.name
  this.category = detail.category
  this.profile = undefined
  this.data = record.data
  this.dataSchema = detail.dataSchema
  // A scope of another process says its trace nowhere else.
  const origin = span?.isRemote === true ? span.origin : undefined
  this.metadata = addUserMetadata(origin === undefined ? undefined : originMetadata(origin), detail.metadata)
  this.severity = detail.severity
})

const StartDraft = constructorOf(function(this: Mutable<ScopeStart>, record: ScopeRecord) {
  const { span } = record
  const { origin, parent, spec } = span
  this._tag = "ScopeStart"
  this.uuid = span.uuid
  this.parentUuid = parent?.uuid
  this.rootUuid = span.root.uuid
  this.sequence = record.sequence
  this.timestamp = record.timestamp
  this.name = spec.name
  this.category = spec.category
  this.profile = profileOf(spec, spec.annotator?.request(record.data, span))
  this.data = record.data
  this.dataSchema = undefined
  this.metadata = addUserMetadata(origin === undefined ? undefined : originMetadata(origin), span.metadata)
  this.attributes = spec.attributes
})

const EndDraft = constructorOf(function(
  this: Mutable<ScopeEnd>,
  record: ScopeRecord,
  capture: ErrorCapture
) {
  const { end, span } = record
  const { parent, spec } = span
  const annotation = spec.annotator?.response(record.data)
  const metadata = withProblem(addUserMetadata(undefined, span.metadata), annotation?.problem)
  this._tag = "ScopeEnd"
  this.uuid = span.uuid
  this.parentUuid = parent?.uuid
  this.rootUuid = span.root.uuid
  this.sequence = record.sequence
  this.timestamp = record.timestamp
  this.name = spec.name
  this.category = spec.category
  this.profile = profileOf(spec, annotation === undefined ? end?.profile : { ...annotation.profile, ...end?.profile })
  this.data = record.data
  this.dataSchema = undefined
  this.metadata = end?.metadata === undefined ? metadata : { ...metadata, ...end.metadata }
  this.attributes = spec.attributes
  this.outcome = outcomeOf(record.exit, end, capture)
  this.decisions = end?.decisions ?? noDecisions
})

const noDecisions = Object.freeze([])

/** Makes the event of a record, as a draft that observers may still change. Never throws. */
export const buildScope = (record: ScopeRecord, capture: ErrorCapture): Draft =>
  record.tag === "ScopeStart" ? new StartDraft(record) : new EndDraft(record, capture)

export const buildMark = (record: MarkRecord): Draft => new MarkDraft(record)

const withProblem = (metadata: Metadata | undefined, problem: string | undefined): Metadata | undefined =>
  problem === undefined ? metadata : { ...metadata, "heddle.codec_problem": problem }

/** The annotation of an event while observers change its payload: what it says is made from what they left. */
export class Annotation {
  private readonly draft: Draft
  private readonly span: Span
  /** What the annotation was made from. */
  private data: unknown
  private made: unknown

  private constructor(draft: Draft, span: Span) {
    this.draft = draft
    this.span = span
    this.data = draft.data
    this.made = annotationIn(draft)
  }

  /** `undefined` where there is none. */
  static of(draft: Draft, span: Span | undefined): Annotation | undefined {
    return span?.spec.annotator === undefined || annotationIn(draft) === undefined
      ? undefined
      : new Annotation(draft, span)
  }

  /** Makes it again if the payload has changed. One that observers have replaced or removed is theirs. */
  refresh(): void {
    const { draft, made, span } = this
    const { annotator } = span.spec
    if (draft.data === this.data || annotator === undefined || made === undefined) return
    this.data = draft.data
    if (annotationIn(draft) !== made) return
    const { annotatedRequest: _request, annotatedResponse: _response, ...profile } = draft.profile ?? {}
    if (draft._tag === "ScopeEnd") {
      const again = annotator.response(draft.data)
      draft.profile = { ...profile, ...again.profile }
      draft.metadata = withProblem(draft.metadata, again.problem)
    } else draft.profile = { ...profile, ...annotator.request(draft.data, span) }
    this.made = annotationIn(draft)
  }
}

const annotationIn = ({ profile }: Draft): unknown => profile?.annotatedRequest ?? profile?.annotatedResponse
