/**
 * The plugin `observability`: exporters from a document. As many of each as wanted, all at once.
 *
 * ```yaml
 * - kind: observability
 *   config:
 *     atof:
 *       - { type: file, path: events.jsonl }
 *       - { type: http, url: "https://collector.example/events", headers: { authorization: { env: TOKEN } } }
 *     atif:
 *       - directory: trajectories
 *     opentelemetry:
 *       - { url: "http://localhost:4318", signals: [traces, metrics], service_name: scout }
 *       - { url: "http://localhost:6006", projection: openinference }
 * ```
 *
 * Paths are relative to the working directory at its start. HTTP goes through the `HttpClient` of the application if it
 * has one, else through `fetch`. Costs are those of the plugin `pricing`, if the document has it.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type * as Stdio from "effect/Stdio"
import { Pricing } from "../codec/Pricing.ts"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import * as AtifExporter from "../exporter/AtifExporter.ts"
import * as AtofExporter from "../exporter/AtofExporter.ts"
import * as OpenInferenceExporter from "../exporter/OpenInferenceExporter.ts"
import * as OpenTelemetryExporter from "../exporter/OpenTelemetryExporter.ts"
import * as Plugin from "./Plugin.ts"
import * as PluginConfig from "./PluginConfig.ts"

// schemas

const Url = Schema.String.check(Schema.makeFilter((text: string) => {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === ""
}, { expected: "an http or https address without user name and password" }))

const Millis = Schema.Int.check(Schema.isGreaterThan(0))

const Count = Schema.Int.check(Schema.isGreaterThan(0))

const Text = PluginConfig.env(Schema.NonEmptyString)

const Headers = Schema.Record(Schema.String, PluginConfig.secret)

const Delivery = {
  name: Schema.optionalKey(Schema.NonEmptyString.annotate({ description: "In counters and in the log." })),
  max_batch_size: Schema.optionalKey(Count),
  max_queue_size: Schema.optionalKey(
    Count.annotate({ description: "Events that wait at most; newer ones are dropped." })
  ),
  scheduled_delay_millis: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  export_timeout_millis: Schema.optionalKey(Millis),
  close_timeout_millis: Schema.optionalKey(Millis)
}

const AtofFile = Schema.Struct({
  type: Schema.Literal("file"),
  path: Text.annotate({ description: "Of the file; JSON lines, mode 0600." }),
  rotate: Schema.optionalKey(Schema.Struct({
    max_bytes: Schema.optionalKey(Count),
    max_age_millis: Schema.optionalKey(Millis),
    max_files: Schema.optionalKey(Count)
  })),
  sync: Schema.optionalKey(Schema.Boolean.annotate({ description: "Forces each batch to the disk." })),
  ...Delivery
})

const AtofHttp = Schema.Struct({
  type: Schema.Literal("http"),
  url: PluginConfig.env(Url),
  headers: Schema.optionalKey(Headers),
  max_batch_bytes: Schema.optionalKey(Count),
  ...Delivery
})

const AtofStdout = Schema.Struct({ type: Schema.Literal("stdout"), ...Delivery })

const Atif = Schema.Struct({
  directory: Text.annotate({ description: "One file for each trajectory; made if it is not there." }),
  filename: Schema.optionalKey(Schema.NonEmptyString.annotate({
    description: "Name of every file; a later trajectory replaces an earlier one. Default: trajectory-<id>.json."
  })),
  version: Schema.optionalKey(Schema.Literals(["1.7", "1.8"])),
  agent_name: Schema.optionalKey(Schema.NonEmptyString),
  agent_version: Schema.optionalKey(Schema.NonEmptyString),
  payloads: Schema.optionalKey(Schema.Boolean),
  max_open: Schema.optionalKey(Count),
  ...Delivery
})

const Otlp = Schema.Struct({
  url: Schema.optionalKey(PluginConfig.env(Url).annotate({ description: "Base URL; /v1/traces and so on is added." })),
  signals: Schema.optionalKey(
    Schema.Array(Schema.Literals(["traces", "logs", "metrics"])).check(Schema.isNonEmpty(), Schema.isUnique())
  ),
  projection: Schema.optionalKey(Schema.Literals(["gen_ai", "full", "openinference"])),
  convention: Schema.optionalKey(Schema.Literals(["v1.41", "latest"])),
  content: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "Whether messages, inputs and outputs are told." })
  ),
  marks: Schema.optionalKey(Schema.Boolean),
  headers: Schema.optionalKey(Headers),
  protocol: Schema.optionalKey(Schema.Literals(["http/protobuf", "http/json"])),
  compression: Schema.optionalKey(Schema.Literals(["gzip", "none"])),
  service_name: Schema.optionalKey(Text),
  service_version: Schema.optionalKey(Text),
  resource: Schema.optionalKey(Schema.Record(Schema.String, Text)),
  project: Schema.optionalKey(Text.annotate({ description: "Of OpenInference." })),
  ...Delivery
})

/**
 * The configuration of the plugin.
 *
 * @stability experimental
 * @category schemas
 * @since 0.1.0
 */
export const Options = Schema.Struct({
  atof: Schema.optionalKey(
    Schema.Array(Schema.Union([AtofFile, AtofHttp, AtofStdout])).check(
      Schema.makeFilter((sinks: ReadonlyArray<{ readonly type: string; readonly path?: string }>) => {
        const paths = sinks.flatMap(({ path }) => path ?? [])
        return new Set(paths).size === paths.length
      }, { expected: "files of different paths" })
    )
  ),
  atif: Schema.optionalKey(Schema.Array(Atif)),
  opentelemetry: Schema.optionalKey(Schema.Array(Otlp))
})

/**
 * The configuration of the plugin, decoded.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options extends Schema.Schema.Type<typeof Options> {}

// layers

/**
 * The exporters of a configuration.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<
  never,
  Config.ConfigError,
  AgentRuntime | FileSystem.FileSystem | Path.Path | Stdio.Stdio
> =>
  Layer.unwrap(Effect.gen(function*() {
    const pricing = yield* Effect.serviceOption(Pricing)
    const client = yield* Effect.serviceOption(HttpClient.HttpClient)
    const http = Option.isSome(client)
      ? Layer.succeed(HttpClient.HttpClient, client.value)
      : FetchHttpClient.layer
    const { atif = [], atof = [], opentelemetry = [] } = options
    return Layer.mergeAll(
      Layer.empty,
      ...atof.map((sink, n) => atofLayer(sink, nameOf("atof", atof.length, n))),
      ...atif.map((target, n) => atifLayer(target, nameOf("atif", atif.length, n), pricing)),
      ...opentelemetry.map((target, n) => otlpLayer(target, nameOf("otlp", opentelemetry.length, n)))
    ).pipe(Layer.provide(http))
  }))

/**
 * The plugin.
 *
 * @stability experimental
 * @category plugins
 * @since 0.1.0
 */
export const plugin = Plugin.make({
  kind: "observability",
  version: "1.0.0",
  description: "Exports events, trajectories, spans, log records and metrics.",
  config: Options,
  layer
})

// internal

type Delivery = Partial<Pick<typeof AtofFile.Type, keyof typeof Delivery>>

const nameOf = (kind: string, count: number, n: number): string => count === 1 ? kind : `${kind} ${n + 1}`

const deliveryOf = (options: Delivery, name: string) => ({
  name: options.name ?? name,
  maxBatchSize: options.max_batch_size,
  maxQueueSize: options.max_queue_size,
  scheduledDelay: options.scheduled_delay_millis,
  exportTimeout: options.export_timeout_millis,
  closeTimeout: options.close_timeout_millis
})

const atofLayer = (
  sink: typeof AtofFile.Type | typeof AtofHttp.Type | typeof AtofStdout.Type,
  kind: string
): Layer.Layer<
  never,
  never,
  AgentRuntime | FileSystem.FileSystem | Path.Path | Stdio.Stdio | HttpClient.HttpClient
> => {
  const delivery = deliveryOf(sink, `${kind} ${sink.type}`)
  switch (sink.type) {
    case "file":
      return AtofExporter.layerFile({
        ...delivery,
        path: sink.path,
        sync: sink.sync,
        rotate: sink.rotate === undefined ? undefined : {
          maxBytes: sink.rotate.max_bytes,
          maxAge: sink.rotate.max_age_millis,
          maxFiles: sink.rotate.max_files
        }
      })
    case "http":
      return AtofExporter.layerHttp({
        ...delivery,
        url: sink.url,
        headers: sink.headers,
        maxBatchBytes: sink.max_batch_bytes
      })
    case "stdout":
      return AtofExporter.layerStdout(delivery)
  }
}

const atifLayer = (target: typeof Atif.Type, kind: string, pricing: Option.Option<Pricing["Service"]>) => {
  const { filename } = target
  return AtifExporter.layerFile({
    ...deliveryOf(target, kind),
    directory: target.directory,
    filename: filename === undefined ? undefined : () => filename,
    version: target.version === undefined ? undefined : `ATIF-v${target.version}`,
    agent: target.agent_name === undefined && target.agent_version === undefined
      ? undefined
      : { name: target.agent_name, version: target.agent_version },
    payloads: target.payloads,
    maxOpen: target.max_open,
    pricing: Option.isSome(pricing) ? pricing.value.catalogs : undefined
  })
}

const otlpLayer = (target: typeof Otlp.Type, kind: string) => {
  const options: OpenTelemetryExporter.OtlpOptions = {
    ...deliveryOf(target, kind),
    url: target.url,
    signals: target.signals,
    convention: target.convention,
    content: target.content,
    marks: target.marks,
    headers: target.headers,
    protocol: target.protocol,
    compression: target.compression,
    resource: {
      serviceName: target.service_name,
      serviceVersion: target.service_version,
      attributes: target.resource
    }
  }
  return target.projection === "openinference"
    ? OpenInferenceExporter.layerOtlp({ ...options, project: target.project })
    : OpenTelemetryExporter.layerOtlp({ ...options, projection: target.projection })
}
