import type { LogsData } from "effect/observability/OtlpLogger"
import * as OtlpResource from "effect/observability/OtlpResource"
import type { TraceData } from "effect/observability/OtlpTracer"
import type { Json } from "../../event/LifecycleEvent.ts"
import type { LogRecord } from "./otelLog.ts"
import type { Attributes, FinishedSpan, SpanStatus } from "./otelSpan.ts"

/* Spans and log records in the message types of OTLP 1, as effect's serialisers take them. */

/** The instrumentation scope of everything that heddle exports. */
export const instrumentationScope = { name: "heddle", version: "0.1.0" }

type OtlpSpan = TraceData["resourceSpans"][number]["scopeSpans"][number]["spans"][number]

type OtlpLogRecord = NonNullable<LogsData["resourceLogs"][number]["scopeLogs"][number]["logRecords"]>[number]

export const traceData = (resource: OtlpResource.Resource, spans: ReadonlyArray<FinishedSpan>): TraceData => ({
  resourceSpans: [{ resource, scopeSpans: [{ scope: instrumentationScope, spans: spans.map(encodeSpan) }] }]
})

export const logsData = (resource: OtlpResource.Resource, records: ReadonlyArray<LogRecord>): LogsData => ({
  resourceLogs: [{ resource, scopeLogs: [{ scope: instrumentationScope, logRecords: records.map(encodeLog) }] }]
})

const kinds = { internal: 1, client: 3 } as const

const statusCodes = { unset: 0, ok: 1, error: 2 } as const

const encodeSpan = (span: FinishedSpan): OtlpSpan => ({
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId,
  name: span.name,
  kind: kinds[span.kind],
  startTimeUnixNano: nanos(span.start),
  endTimeUnixNano: nanos(span.end),
  attributes: encodeAttributes(span.attributes),
  droppedAttributesCount: span.droppedAttributes ?? 0,
  events: span.events.map(({ attributes, droppedAttributes, name, time }) => ({
    name,
    timeUnixNano: nanos(time),
    attributes: encodeAttributes(attributes),
    droppedAttributesCount: droppedAttributes ?? 0
  })),
  droppedEventsCount: span.droppedEvents,
  status: encodeStatus(span.status),
  links: span.links.map(({ spanId, traceId }) => ({ traceId, spanId, attributes: [], droppedAttributesCount: 0 })),
  droppedLinksCount: span.droppedLinks ?? 0
})

const encodeStatus = ({ code, message }: SpanStatus): OtlpSpan["status"] =>
  message === undefined ? { code: statusCodes[code] } : { code: statusCodes[code], message }

const encodeLog = (record: LogRecord): OtlpLogRecord => ({
  timeUnixNano: nanos(record.time),
  observedTimeUnixNano: nanos(record.time),
  severityNumber: record.severityNumber,
  severityText: record.severity.toUpperCase(),
  body: encodeJson(record.body),
  attributes: encodeAttributes(record.attributes),
  droppedAttributesCount: record.droppedAttributes ?? 0,
  ...(record.context === undefined ? undefined : { traceId: record.context.traceId, spanId: record.context.spanId })
})

export const encodeAttributes = (attributes: Attributes): Array<OtlpResource.KeyValue> =>
  OtlpResource.entriesToAttributes(Object.entries(attributes))

/** Structured values stay structured, so that back ends can ask for their fields. */
const encodeJson = (value: Json): OtlpResource.AnyValue => {
  if (value === null) return {}
  if (typeof value !== "object") return OtlpResource.unknownToAttributeValue(value)
  return Array.isArray(value)
    ? { arrayValue: { values: value.map(encodeJson) } }
    : { kvlistValue: { values: Object.entries(value).map(([key, field]) => ({ key, value: encodeJson(field) })) } }
}

/** Nanoseconds as decimal text: they do not fit into a double. */
export const nanos = (micros: number): string => String(BigInt(Math.floor(micros)) * 1000n)
