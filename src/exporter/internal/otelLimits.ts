import type { Attributes, AttributeValue, FinishedSpan, SpanEvent } from "./otelSpan.ts"

/**
 * How much a span or a log record may hold; see "Attribute Limits" and "Span Limits" in the OpenTelemetry specification.
 *
 * **Details**
 *
 * - `attributeValueLength`: characters of a text, or of each text in a list; the rest is cut off. No limit unless set.
 * - `attributeCount`: attributes of a span or log record. No limit unless set: OpenTelemetry's own default of 128 would
 *   cut conversations in half, which some projections spread over attributes.
 * - `eventAttributeCount`: attributes of an event of a span. No limit unless set.
 * - `eventCount`: events of a span, 128 unless set. Marks are left out before decisions of guardrails and failures.
 * - `linkCount`: links of a span, 128 unless set.
 *
 * What comes first is kept, and what is left out is counted, on the wire too.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly attributeValueLength?: number | undefined
  readonly attributeCount?: number | undefined
  readonly eventAttributeCount?: number | undefined
  readonly eventCount?: number | undefined
  readonly linkCount?: number | undefined
}

/** Every limit, with its default. */
export type KnownLimits = { readonly [K in keyof Limits]-?: number }

export const limitsOf = (limits: Limits | undefined): KnownLimits => ({
  attributeValueLength: atLeastNone(limits?.attributeValueLength ?? Number.POSITIVE_INFINITY),
  attributeCount: atLeastNone(limits?.attributeCount ?? Number.POSITIVE_INFINITY),
  eventAttributeCount: atLeastNone(limits?.eventAttributeCount ?? Number.POSITIVE_INFINITY),
  eventCount: atLeastNone(limits?.eventCount ?? 128),
  linkCount: atLeastNone(limits?.linkCount ?? 128)
})

const atLeastNone = (limit: number): number => Math.max(0, limit)

/** What the code says, over what the environment says. */
export const limitsOver = (limits: Limits | undefined, environment: Limits): Limits => ({
  attributeValueLength: limits?.attributeValueLength ?? environment.attributeValueLength,
  attributeCount: limits?.attributeCount ?? environment.attributeCount,
  eventAttributeCount: limits?.eventAttributeCount ?? environment.eventAttributeCount,
  eventCount: limits?.eventCount ?? environment.eventCount,
  linkCount: limits?.linkCount ?? environment.linkCount
})

/** Attributes within a limit, and how many were left out if any were. */
export interface LimitedAttributes {
  readonly attributes: Attributes
  readonly droppedAttributes?: number
}

/** The first `count` of the attributes, with values of at most `length` characters. */
export const limitAttributes = (attributes: Attributes, count: number, length: number): LimitedAttributes => {
  if (count === Number.POSITIVE_INFINITY && length === Number.POSITIVE_INFINITY) return { attributes }
  const entries = Object.entries(attributes)
  const kept = entries.slice(0, count).map(([key, value]) => [key, cut(value, length)] as const)
  const dropped = entries.length - kept.length
  const limited = { attributes: Object.fromEntries(kept) }
  return dropped === 0 ? limited : { ...limited, droppedAttributes: dropped }
}

/** The events that a span keeps, in the order of their times, and how many it does not: of its marks first. */
export const limitEvents = (
  marks: ReadonlyArray<SpanEvent>,
  others: ReadonlyArray<SpanEvent>,
  { attributeValueLength, eventAttributeCount, eventCount }: KnownLimits
): { readonly events: ReadonlyArray<SpanEvent>; readonly dropped: number } => {
  const room = Math.max(0, eventCount - others.length)
  const kept = [...marks.slice(0, room), ...others.slice(0, eventCount)]
  return {
    events: kept
      .map((event) => ({ ...event, ...limitAttributes(event.attributes, eventAttributeCount, attributeValueLength) }))
      .toSorted((a, b) => a.time - b.time),
    dropped: marks.length + others.length - kept.length
  }
}

/** The links that a span keeps, and how many were left out if any were. */
export const limitLinks = (
  links: FinishedSpan["links"],
  { linkCount }: KnownLimits
): Pick<FinishedSpan, "links" | "droppedLinks"> =>
  links.length <= linkCount ? { links } : { links: links.slice(0, linkCount), droppedLinks: links.length - linkCount }

const cut = (value: AttributeValue, length: number): AttributeValue => {
  if (typeof value === "string") return cutText(value, length)
  if (!Array.isArray(value)) return value
  return isTexts(value) ? value.map((text) => cutText(text, length)) : value
}

const isTexts = (values: Array<string> | Array<number>): values is Array<string> => typeof values[0] === "string"

/** A pair of surrogates is one character: half of it would be none. */
const cutText = (text: string, length: number): string => {
  if (text.length <= length) return text
  const last = text.charCodeAt(length - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length)
}
