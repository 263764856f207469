/**
 * OTLP bodies as the JSON that protobuf prescribes, whatever they were sent as. Protobuf is read with the code that
 * OpenTelemetry generates from its definitions.
 */
import { loadPeer } from "../harness/peer.ts"
import type { Post } from "./receiver.ts"

export interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}

export interface AnyValue {
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly intValue?: string | number
  readonly doubleValue?: number
  readonly arrayValue?: { readonly values?: ReadonlyArray<AnyValue> }
  readonly kvlistValue?: { readonly values?: ReadonlyArray<KeyValue> }
}

export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes?: ReadonlyArray<KeyValue>
  readonly events?: ReadonlyArray<{
    readonly name: string
    readonly timeUnixNano: string
    readonly attributes?: ReadonlyArray<KeyValue>
  }>
  readonly links?: ReadonlyArray<object>
  readonly status?: { readonly code?: number; readonly message?: string }
  readonly flags?: number
}

export interface OtlpLog {
  readonly [field: string]: unknown
  readonly attributes?: ReadonlyArray<KeyValue>
  readonly body?: AnyValue
}

interface Resource {
  readonly attributes?: ReadonlyArray<KeyValue>
}

interface Scope {
  readonly name?: string
  readonly version?: string
}

export interface TracesData {
  readonly resourceSpans?: ReadonlyArray<{
    readonly resource?: Resource
    readonly scopeSpans?: ReadonlyArray<{ readonly scope?: Scope; readonly spans?: ReadonlyArray<OtlpSpan> }>
  }>
}

export interface LogsData {
  readonly resourceLogs?: ReadonlyArray<{
    readonly resource?: Resource
    readonly scopeLogs?: ReadonlyArray<{ readonly scope?: Scope; readonly logRecords?: ReadonlyArray<OtlpLog> }>
  }>
}

interface MessageType {
  readonly decode: (bytes: Uint8Array) => object
  readonly toObject: (message: object, options: object) => object
}

interface Collector<Name extends string> {
  readonly v1: { readonly [K in Name]: MessageType }
}

interface Definitions {
  readonly opentelemetry: {
    readonly proto: {
      readonly collector: {
        readonly trace: Collector<"ExportTraceServiceRequest">
        readonly logs: Collector<"ExportLogsServiceRequest">
        readonly metrics: Collector<"ExportMetricsServiceRequest">
      }
    }
  }
}

const { default: { opentelemetry: { proto: { collector } } } } = await loadPeer<{ readonly default: Definitions }>(
  "otlp-definitions/build/src/generated/root.js"
)

const types = {
  traces: collector.trace.v1.ExportTraceServiceRequest,
  logs: collector.logs.v1.ExportLogsServiceRequest,
  metrics: collector.metrics.v1.ExportMetricsServiceRequest
}

/** Reads a body. `Buffer`s become hexadecimal digits, which is how OTLP writes ids in JSON. */
export const decode = ({ body, contentType, path }: Post): unknown => {
  if (contentType.includes("json")) return JSON.parse(new TextDecoder().decode(body))
  const signal = /\/v1\/(traces|logs|metrics)$/.exec(path)?.[1] as keyof typeof types | undefined
  if (signal === undefined) throw new Error(`${path} is no path of OTLP`)
  return plain(
    types[signal].toObject(types[signal].decode(body), { longs: String, enums: Number, bytes: Array, arrays: true })
  )
}

const ids = new Set(["traceId", "spanId", "parentSpanId"])

const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      ids.has(key) && Array.isArray(field) ? Buffer.from(field).toString("hex") : plain(field)
    ])
  )
}

export const spansOf = (data: TracesData): ReadonlyArray<OtlpSpan> =>
  (data.resourceSpans ?? []).flatMap(({ scopeSpans = [] }) => scopeSpans.flatMap(({ spans = [] }) => spans))

export const valueOf = (value: AnyValue): unknown => {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(valueOf)
  if (value.kvlistValue !== undefined) return attributesOf(value.kvlistValue.values)
  if (value.intValue !== undefined) return Number(value.intValue)
  return value.stringValue ?? value.boolValue ?? value.doubleValue
}

export const attributesOf = (attributes: ReadonlyArray<KeyValue> | undefined): Readonly<Record<string, unknown>> =>
  Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, valueOf(value)]))
