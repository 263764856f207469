import type { TraceContext } from "./otelId.ts"

/** A value that OpenTelemetry attributes can have. Numbers are finite. */
export type AttributeValue = string | number | boolean | Array<string> | Array<number>

export type Attributes = { [key: string]: AttributeValue }

/** Something that happened within a span. Times are microseconds since the Unix epoch. */
export interface SpanEvent {
  readonly name: string
  readonly time: number
  readonly attributes: Attributes
  /** How many were over the limit; absent if none. */
  readonly droppedAttributes?: number
}

export interface SpanStatus {
  readonly code: "unset" | "ok" | "error"
  readonly message?: string | undefined
}

/**
 * A finished span. `end` is later than `start`; both are microseconds since the Unix epoch. What was over a limit is
 * counted, where there was any.
 */
export interface FinishedSpan extends TraceContext {
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: "internal" | "client"
  readonly start: number
  readonly end: number
  readonly attributes: Attributes
  readonly droppedAttributes?: number
  readonly events: ReadonlyArray<SpanEvent>
  readonly droppedEvents: number
  readonly links: ReadonlyArray<TraceContext>
  readonly droppedLinks?: number
  readonly status: SpanStatus
}

/** What a projection says of a scope: the rest of its span is the same in each of them. */
export interface SpanBody {
  readonly name: string
  readonly kind: "internal" | "client"
  readonly attributes: Attributes
}
