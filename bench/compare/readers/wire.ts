/**
 * OpenTelemetry's own code reads and writes what we do: our protobuf, decoded with its definitions, says what our JSON
 * says; and its serialiser makes of the spans that a span processor gets what our own exporter sends.
 */
import * as Layer from "effect/Layer"
import * as OpenTelemetryExporter from "../../../src/exporter/OpenTelemetryExporter.ts"
import { loadPeer } from "../../harness/peer.ts"
import { runWith } from "../agent/heddle.ts"
import { decode, type OtlpSpan, spansOf, type TracesData } from "../otlp.ts"
import { type Post, receive } from "../receiver.ts"
import { type Check, differences } from "./Check.ts"

interface Serialiser {
  readonly serializeRequest: (spans: ReadonlyArray<OpenTelemetryExporter.ReadableSpan>) => Uint8Array
}

interface Transformer {
  readonly ProtobufTraceSerializer: Serialiser
  readonly JsonTraceSerializer: Serialiser
}

const signals = ["traces", "logs", "metrics"] as const

export const wire = async (): Promise<ReadonlyArray<Check>> => {
  const { JsonTraceSerializer, ProtobufTraceSerializer } = await loadPeer<Transformer>(
    "@opentelemetry/otlp-transformer"
  )
  const receiver = await receive()
  const made: Array<OpenTelemetryExporter.ReadableSpan> = []
  const otlp = { content: true, signals, resource: { serviceName: "compare" } } as const
  const resource = { "service.name": "compare" }
  await runWith(Layer.mergeAll(
    OpenTelemetryExporter.layerOtlp({ ...otlp, name: "json", url: `${receiver.url}/json`, protocol: "http/json" }),
    OpenTelemetryExporter.layerOtlp({
      ...otlp,
      name: "bytes",
      url: `${receiver.url}/bytes`,
      protocol: "http/protobuf"
    }),
    OpenTelemetryExporter.layerSpanProcessor({ onEnd: (span) => made.push(span) }, { content: true, resource })
  ))
  receiver.close()

  const bodies = (protocol: string, signal: string) =>
    receiver.posts.filter(({ path }) => path === `/${protocol}/v1/${signal}`).map(decode)
  const official = (serialiser: Serialiser, contentType: string) => {
    const post: Post = { path: "/v1/traces", contentType, body: serialiser.serializeRequest(made) }
    return [decode(post)]
  }
  const ours = spansIn(bodies("json", "traces"))

  return [
    ...signals.map((signal) => {
      const read = (protocol: string) => recordsIn(bodies(protocol, signal), signal === "metrics")
      const [json, bytes] = [read("json"), read("bytes")]
      return {
        name: `protobuf and JSON of ${signal}, decoded with OpenTelemetry's definitions`,
        seen: `${json.length} records`,
        problems: json.length === 0 ? ["nothing was sent"] : differences(json, bytes)
      }
    }),
    {
      name: "@opentelemetry/otlp-transformer, spans of the span processor as protobuf",
      seen: `${made.length} spans`,
      problems: differences(ours, spansIn(official(ProtobufTraceSerializer, "application/x-protobuf")))
    },
    {
      name: "@opentelemetry/otlp-transformer, spans of the span processor as JSON",
      seen: `${made.length} spans`,
      problems: differences(ours, spansIn(official(JsonTraceSerializer, "application/json")))
    }
  ]
}

/**
 * Spans, log records and metrics in an order of their own, whatever the batches that they came in. Each exporter reads its
 * metrics at a time of its own.
 */
const recordsIn = (data: ReadonlyArray<unknown>, isTimeless: boolean): ReadonlyArray<unknown> =>
  data.flatMap((body) => everyList(body, ["spans", "logRecords", "metrics"]))
    .map((record) => said(isTimeless ? withoutTimes(record) : record))
    .toSorted((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

const withoutTimes = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, field: unknown) => key.endsWith("UnixNano") ? undefined : field))

const everyList = (value: unknown, names: ReadonlyArray<string>): ReadonlyArray<unknown> =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, field]) =>
      names.includes(key) && Array.isArray(field) ? field : everyList(field, names)
    )

/**
 * Spans by their ids. The SDK's serialiser adds flags, which are optional, and the order of attributes is nobody's promise.
 */
const spansIn = (data: ReadonlyArray<unknown>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    (data as ReadonlyArray<TracesData>).flatMap(spansOf).map((
      span
    ): [string, unknown] => [span.spanId, said(inOrder(span))])
  )

const inOrder = (span: OtlpSpan): object => ({
  ...span,
  flags: undefined,
  attributes: (span.attributes ?? []).toSorted((a, b) => a.key < b.key ? -1 : 1)
})

/**
 * One spelling of what protobuf lets one spell in several ways: a default is absent, a 64-bit integer is text, and keys of
 * objects come in the order of the alphabet.
 */
const said = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(said)
  if (typeof value !== "object" || value === null) return value
  const fields = Object.entries(value).flatMap(([key, field]): ReadonlyArray<[string, unknown]> => {
    if (valueKeys.has(key)) return [[key, key === "intValue" ? String(field) : field]]
    const one = integers.test(key) ? textOf(field) : said(field)
    return isDefault(one) ? [] : [[key, one]]
  })
  return Object.fromEntries(fields.toSorted(([a], [b]) => a < b ? -1 : 1))
}

/** Of these one is set, also to a default. */
const valueKeys = new Set(["stringValue", "boolValue", "intValue", "doubleValue"])

const integers = /UnixNano$|^count$|^asInt$|^bucketCounts$/

const textOf = (value: unknown): unknown => Array.isArray(value) ? value.map(String) : String(value)

const isDefault = (value: unknown): boolean =>
  value === undefined || value === 0 || value === "" || value === "0" || value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === "object" && value !== null && Object.keys(value).length === 0)
