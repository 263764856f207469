import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as HttpBody from "effect/http/HttpBody"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpResource from "effect/observability/OtlpResource"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Kernel } from "../../event/internal/kernel.ts"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import type { LifecycleEvent, Severity } from "../../event/LifecycleEvent.ts"
import * as Delivery from "./delivery.ts"
import { Assembler } from "./otelAssembler.ts"
import { batches } from "./otelBatch.ts"
import type { Convention } from "./otelGenAi.ts"
import { type Limits, limitsOf } from "./otelLimits.ts"
import { logOf } from "./otelLog.ts"
import { Meter } from "./otelMeter.ts"
import { measure, type Measurement } from "./otelMetrics.ts"
import { adoptSpans } from "./otelParent.ts"
import { assemblerOf, type ProjectionSettings, spanOf } from "./otelProject.ts"
import { Recorder } from "./otelRecorder.ts"
import { logsData, traceData } from "./otlpEncode.ts"
import * as Env from "./otlpEnv.ts"
import * as Http from "./otlpHttp.ts"
import { metricsData } from "./otlpMetricsData.ts"
import { inParts } from "./otlpParts.ts"

/** What the code says about where to export; the environment says the rest. */
export interface Destination {
  readonly url?: string | undefined
  readonly endpoints?: { readonly [K in Env.Signal]?: string | undefined } | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  readonly protocol?: Env.Protocol | undefined
  readonly compression?: "gzip" | "none" | undefined
  readonly resource?: {
    readonly serviceName?: string | undefined
    readonly serviceVersion?: string | undefined
    readonly attributes?: Readonly<Record<string, unknown>> | undefined
  } | undefined
}

type Services = AgentRuntime | HttpClient.HttpClient | Scope.Scope

type Deliver = Delivery.DeliveryOptions

/** Spans of scopes to `/v1/traces`. While it runs, the application's own spans stand under those of its scopes. */
export const traces = Effect.fnUntraced(function*(
  destination: Destination,
  options: Deliver,
  settings: ProjectionSettings
): Effect.fn.Return<void, Config.ConfigError, Services> {
  const { kernel } = yield* AgentRuntime
  const { resource, serialization, target } = yield* resolve(destination, "traces")
  const post = posting(target, serialization.traces)
  const project = batches(
    kernel,
    options.name,
    (done) => spanOf(done, settings),
    (spans) => inParts(spans, (part) => post(traceData(resource, part))),
    assemblerOf(settings)
  )
  yield* adoptSpans
  yield* Delivery.start(yield* withEnv(options, "traces"), { export: project })
})

/** Marks with severity to `/v1/logs`. */
export const logs = Effect.fnUntraced(function*(
  destination: Destination,
  options: Deliver,
  { limits, minimum }: { readonly minimum: Severity; readonly limits: Limits }
): Effect.fn.Return<void, Config.ConfigError, Services> {
  const { kernel } = yield* AgentRuntime
  const { resource, serialization, target } = yield* resolve(destination, "logs")
  const post = posting(target, serialization.logs)
  const known = limitsOf(limits)
  const project = batches(
    kernel,
    options.name,
    (done) => "mark" in done && done.context.sampled !== false ? logOf(done, minimum, known) : undefined,
    (records) => inParts(records, (part) => post(logsData(resource, part))),
    new Assembler({ keeps: () => false })
  )
  yield* Delivery.start(yield* withEnv(options, "logs"), { export: project })
})

/** Metrics to `/v1/metrics`: at intervals, when somebody waits for a flush, and at the end. */
export const metrics = Effect.fnUntraced(function*(
  destination: Destination,
  options: Deliver,
  convention: Convention
): Effect.fn.Return<void, Config.ConfigError, Services> {
  const { kernel } = yield* AgentRuntime
  const { resource, serialization, target } = yield* resolve(destination, "metrics")
  const now = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)
  const meter = new Meter(yield* Env.temporality, yield* now)
  const post = posting(target, serialization.metrics)
  const project = measurements(kernel, options.name, convention, (all) => meter.record(all.flat()))
  const run = Effect.flatMap(now, (until) => {
    if (meter.isEmpty) return Effect.void
    const collected = meter.collect(until)
    return Effect.onExit(
      post(metricsData(resource, collected)),
      (exit) => Effect.sync(() => Exit.isFailure(exit) ? meter.giveBack(collected) : undefined)
    )
  })
  yield* Delivery.start({ ...(yield* withTimeout(options)), filter: isNoMark }, {
    export: (events) => Effect.sync(() => project(events)),
    flush: { run, every: yield* Env.metricInterval }
  })
})

/** Records what the ends of scopes add to the metrics of the application; whoever exports those is flushed too. */
export const recordMetrics = Effect.fnUntraced(function*(
  options: Deliver,
  convention: Convention
): Effect.fn.Return<void, never, AgentRuntime | Scope.Scope> {
  const { kernel } = yield* AgentRuntime
  const flusher = yield* Effect.serviceOption(OtlpExporter.Flusher)
  const recorder = new Recorder()
  const project = measurements(kernel, options.name, convention, (all) => recorder.record(all.flat()))
  yield* Delivery.start({ ...options, filter: isNoMark }, {
    export: project,
    flush: Option.isNone(flusher) ? undefined : { run: flusher.value.flush }
  })
})

// internal

interface Resolved {
  readonly target: Http.Target
  readonly resource: OtlpResource.Resource
  readonly serialization: OtlpSerialization.OtlpSerialization["Service"]
}

const resolve = Effect.fnUntraced(function*(
  { compression, endpoints, headers, protocol, resource, url }: Destination,
  signal: Env.Signal
): Effect.fn.Return<Resolved, Config.ConfigError, Scope.Scope> {
  const own = endpoints?.[signal] ?? (url === undefined ? undefined : Env.signalUrl(url, signal))
  // Headers of the environment are for the endpoint of the environment: they may hold its credentials.
  const inherited = own === undefined ? (yield* Env.headers(signal)) ?? {} : {}
  const target: Http.Target = {
    url: own ?? (yield* Env.endpoint(signal)),
    headers: { ...inherited, ...headers },
    compression: (yield* Env.unless(compression, Env.compression(signal))) ?? "none"
  }
  const format = (yield* Env.unless(protocol, Env.protocol(signal))) ?? "http/protobuf"
  const context = yield* Layer.build(
    format === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf
  )
  const { serviceName, serviceVersion } = resource ?? {}
  return {
    target,
    resource: OtlpResource.make({
      serviceName,
      serviceVersion,
      attributes: { ...(yield* Env.resourceAttributes), ...resource?.attributes }
    }),
    serialization: Context.get(context, OtlpSerialization.OtlpSerialization)
  }
})

/** Bodies are encoded once, also if they are sent several times. */
const posting = <A>(target: Http.Target, encode: (data: A) => HttpBody.HttpBody) => (data: A) => {
  const body = encode(data)
  return Effect.flatMap(Http.request(target, body), Http.send)
}

const withEnv = (options: Deliver, signal: "traces" | "logs"): Config.Config<Deliver> =>
  Config.map(Config.all([Env.batching(signal), Env.timeout(signal)]), ([batching, timeout]) => ({
    ...options,
    maxBatchSize: options.maxBatchSize ?? batching.maxBatchSize,
    maxQueueSize: options.maxQueueSize ?? batching.maxQueueSize,
    scheduledDelay: options.scheduledDelay ?? batching.scheduledDelay,
    exportTimeout: options.exportTimeout ?? timeout ?? batching.exportTimeout
  }))

const withTimeout = (options: Deliver): Config.Config<Deliver> =>
  Config.map(Config.all([Env.timeout("metrics"), Env.metricTimeout]), ([timeout, common]) => ({
    ...options,
    exportTimeout: options.exportTimeout ?? timeout ?? common
  }))

const isNoMark = ({ _tag }: LifecycleEvent): boolean => _tag !== "Mark"

const measurements = <B>(
  kernel: Kernel,
  name: string,
  convention: Convention,
  all: (measurements: ReadonlyArray<ReadonlyArray<Measurement>>) => B
) =>
  batches(
    kernel,
    name,
    (done) => "start" in done ? measure(done, convention) : undefined,
    all,
    new Assembler({ keeps: () => false })
  )
