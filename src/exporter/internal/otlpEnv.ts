import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { Convention } from "./otelGenAi.ts"
import type { Limits } from "./otelLimits.ts"

/* The environment variables of OpenTelemetry, as its specification has them. */

export type Signal = "traces" | "logs" | "metrics"

export type Protocol = "http/protobuf" | "http/json"

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> => Config.withDefault(config, undefined)

/** `OTEL_EXPORTER_OTLP_<SIGNAL>_<name>`, else `OTEL_EXPORTER_OTLP_<name>`. */
const forSignal = <A>(
  signal: Signal,
  name: string,
  read: (variable: string) => Config.Config<A>
): Config.Config<A | undefined> =>
  Config.flatMap(
    optional(read(`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`)),
    (own) => own === undefined ? optional(read(`OTEL_EXPORTER_OTLP_${name}`)) : Config.succeed(own)
  )

const millis = (variable: string): Config.Config<Duration.Duration> =>
  Config.map(Config.Int(variable), (value) => Duration.millis(value))

const isDisabled = Config.withDefault(Config.Boolean("OTEL_SDK_DISABLED"), false)

/** Whether the environment wants a signal to be exported: unless it says otherwise, yes. */
export const isWanted = (signal: Signal): Config.Config<boolean> =>
  Config.map(
    Config.all([isDisabled, optional(Config.String(`OTEL_${signal.toUpperCase()}_EXPORTER`))]),
    ([disabled, exporters]) =>
      !disabled && (exporters === undefined || exporters.split(",").some((name) => name.trim() === "otlp"))
  )

/** The URL for a signal: its own as it is, else the common one with `/v1/<signal>`, else a collector on this machine. */
export const endpoint = (signal: Signal): Config.Config<string> =>
  Config.flatMap(optional(Config.URL(`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`)), (own) =>
    own === undefined
      ? Config.map(
        optional(Config.URL("OTEL_EXPORTER_OTLP_ENDPOINT")),
        (base) => signalUrl(base?.toString() ?? "http://localhost:4318", signal)
      )
      : Config.succeed(own.toString()))

export const signalUrl = (base: string, signal: Signal): string => {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/${signal}`
  return url.toString()
}

export const headers = (signal: Signal): Config.Config<Readonly<Record<string, string>> | undefined> =>
  forSignal(signal, "HEADERS", (variable) => Config.Record(Schema.String, Schema.StringFromUriComponent, variable))

export const protocol = (signal: Signal): Config.Config<Protocol | undefined> =>
  forSignal(signal, "PROTOCOL", (variable) => Config.Literals(["http/protobuf", "http/json"], variable))

export const compression = (signal: Signal): Config.Config<"gzip" | "none" | undefined> =>
  forSignal(signal, "COMPRESSION", (variable) => Config.Literals(["gzip", "none"], variable))

export const timeout = (signal: Signal): Config.Config<Duration.Duration | undefined> =>
  forSignal(signal, "TIMEOUT", millis)

/** Settings of the batch processors of spans and log records. */
export const batching = (signal: "traces" | "logs") => {
  const prefix = signal === "traces" ? "OTEL_BSP" : "OTEL_BLRP"
  return Config.all({
    maxBatchSize: optional(Config.Int(`${prefix}_MAX_EXPORT_BATCH_SIZE`)),
    maxQueueSize: optional(Config.Int(`${prefix}_MAX_QUEUE_SIZE`)),
    scheduledDelay: optional(millis(`${prefix}_SCHEDULE_DELAY`)),
    exportTimeout: optional(millis(`${prefix}_EXPORT_TIMEOUT`))
  })
}

const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Limits of what a signal holds: its own variables, else those for all. */
export const limits = (signal: "traces" | "logs"): Config.Config<Limits> => {
  const prefix = signal === "traces" ? "OTEL_SPAN" : "OTEL_LOGRECORD"
  const count = (variable: string) => optional(Config.schema(Natural, variable))
  return Config.map(
    Config.all({
      commonLength: count("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
      commonCount: count("OTEL_ATTRIBUTE_COUNT_LIMIT"),
      ownLength: count(`${prefix}_ATTRIBUTE_VALUE_LENGTH_LIMIT`),
      ownCount: count(`${prefix}_ATTRIBUTE_COUNT_LIMIT`),
      eventAttributeCount: count("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
      eventCount: count("OTEL_SPAN_EVENT_COUNT_LIMIT"),
      linkCount: count("OTEL_SPAN_LINK_COUNT_LIMIT")
    }),
    ({ commonCount, commonLength, eventAttributeCount, eventCount, linkCount, ownCount, ownLength }) => ({
      attributeValueLength: ownLength ?? commonLength,
      attributeCount: ownCount ?? commonCount,
      eventAttributeCount: eventAttributeCount ?? commonCount,
      eventCount,
      linkCount
    })
  )
}

export const metricInterval: Config.Config<Duration.Duration> = Config.withDefault(
  millis("OTEL_METRIC_EXPORT_INTERVAL"),
  Duration.minutes(1)
)

export const metricTimeout: Config.Config<Duration.Duration | undefined> = optional(
  millis("OTEL_METRIC_EXPORT_TIMEOUT")
)

export const temporality: Config.Config<"cumulative" | "delta"> = Config.withDefault(
  Config.Literals(["cumulative", "delta"], "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"),
  "cumulative"
)

export const convention: Config.Config<Convention> = Config.map(
  optional(Config.String("OTEL_SEMCONV_STABILITY_OPT_IN")),
  (optIn) =>
    optIn?.split(",").some((name) => name.trim() === "gen_ai_latest_experimental") === true ? "latest" : "v1.41"
)

/** Whether instrumentations of GenAI may record messages; its values differ between languages. */
export const capturesContent: Config.Config<boolean | undefined> = Config.map(
  optional(Config.String("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")),
  (value) =>
    value === undefined ? undefined : ["true", "1", "span_only", "span_and_event"].includes(value.trim().toLowerCase())
)

/** Attributes of the resource; `service.name` included, which must be there. */
export const resourceAttributes: Config.Config<Readonly<Record<string, string>>> = Config.map(
  Config.all({
    attributes: optional(Config.Record(
      Schema.StringFromUriComponent,
      Schema.StringFromUriComponent,
      "OTEL_RESOURCE_ATTRIBUTES",
      { trim: true, keepEmptyValues: true }
    )),
    name: optional(Config.String("OTEL_SERVICE_NAME"))
  }),
  ({ attributes, name }) => ({
    "service.name": "unknown_service",
    ...attributes,
    ...(name === undefined ? undefined : { "service.name": name })
  })
)

/** Nothing is read where the code has said it. */
export const unless = <A>(said: A | undefined, config: Config.Config<A | undefined>): Config.Config<A | undefined> =>
  said === undefined ? config : Config.succeed(said)
