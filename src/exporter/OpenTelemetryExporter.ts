/**
 * Scopes and calls as OpenTelemetry spans, marks as log records, and metrics.
 *
 * Spans are built from the events when a scope has ended. Their ids follow from those of the scopes: the trace is that of
 * the root, or the one under which the root was opened; the span id is the last half of the scope's UUID. Nothing that
 * happens here is felt by the work: batches are sent by a fiber of their own, tried again, and dropped when there is no
 * more room; see the counters `heddle.exporter.*`.
 *
 * While an exporter of spans is installed, the Effect span inside a scope or call is the scope's: what the application
 * traces with `Effect.withSpan`, and the HTTP requests that it sends, hang under it, in the same trace.
 *
 * Exporters belong into the `policies` of the runtime, so that they see its last events.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { Pricing } from "../codec/Pricing.ts"
import { AgentRuntime } from "../event/internal/runtime.ts"
import type { LifecycleEvent, Severity } from "../event/LifecycleEvent.ts"
import { ExportError } from "./ExportError.ts"
import * as Delivery from "./internal/delivery.ts"
import { put } from "./internal/otelAttributes.ts"
import { batches } from "./internal/otelBatch.ts"
import type { Convention } from "./internal/otelGenAi.ts"
import { type Limits, limitsOver } from "./internal/otelLimits.ts"
import { adoptSpans } from "./internal/otelParent.ts"
import * as Project from "./internal/otelProject.ts"
import { readable, type ReadableSpan, resourceOf, type SpanResource } from "./internal/otelReadable.ts"
import type { Attributes, FinishedSpan } from "./internal/otelSpan.ts"
import * as Env from "./internal/otlpEnv.ts"
import * as Otlp from "./internal/otlpSignals.ts"

export type {
  /**
   * Which version of the GenAI conventions names what is exported.
   *
   * **Details**
   *
   * - `"v1.41"`: the last one within the OpenTelemetry semantic conventions, which most back ends chart. `gen_ai.system`
   *   is there too, for those that chart what came before 1.37.
   * - `"latest"`: the repository `semantic-conventions-genai` that they have moved to, as of August 2026; in development.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Convention
} from "./internal/otelGenAi.ts"
export type {
  /**
   * How much a span or a log record may hold: attributes, characters of their texts, events, links.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Limits
} from "./internal/otelLimits.ts"
export type {
  /**
   * A finished span in the shape of the OpenTelemetry SDK's.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  ReadableSpan,
  /**
   * The shape of the OpenTelemetry SDK's `Resource`.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  SpanResource
} from "./internal/otelReadable.ts"
export type {
  /**
   * A finished span, as plain data. Times are microseconds since the Unix epoch.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  FinishedSpan
} from "./internal/otelSpan.ts"

/**
 * What spans say of scopes.
 *
 * **Details**
 *
 * - `projection`: `"gen_ai"` (the default) has the attributes of the GenAI conventions for agents, models, tools,
 *   retrievers, embedders and workflows, and plain spans for the rest; `"full"` has everything that the events say, under
 *   `heddle.`; `"openinference"` has those of OpenInference, for Phoenix and others.
 * - `convention`: of `"gen_ai"` and of the metrics. Default: `"latest"` if `OTEL_SEMCONV_STABILITY_OPT_IN` has
 *   `gen_ai_latest_experimental`, else `"v1.41"`.
 * - `content`: whether messages, inputs and outputs are told. Default for `"gen_ai"`: only if
 *   `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says so; for the other two: yes. Sanitizers come first.
 * - `marks`: whether marks are span events. Default: not with `"gen_ai"`.
 * - `cost`: puts a price on a call. Default: that of the `Pricing` service if there is one, else what the provider
 *   reported.
 * - `limits`: how much a span may hold. What is not said, the variables `OTEL_ATTRIBUTE_*`, `OTEL_SPAN_*` and
 *   `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT` say.
 *
 * In each of them decisions of guardrails are span events `heddle.guardrail.decision`, a failure is an event `exception`,
 * and a blocked call is an error of type `guardrail_rejected` with `heddle.blocked_by`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ProjectionOptions {
  readonly projection?: "gen_ai" | "full" | "openinference" | undefined
  readonly convention?: Convention | undefined
  readonly content?: boolean | undefined
  readonly marks?: boolean | undefined
  readonly cost?: Pricing["Service"]["cost"] | undefined
  readonly limits?: Limits | undefined
}

/**
 * How events are delivered. `name` tells exporters of one runtime apart, in counters and in the log; `layerOtlp` adds the
 * signal to it for log records and metrics.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DeliveryOptions extends Partial<Omit<Delivery.DeliveryOptions, "filter">> {}

/**
 * Where and how OTLP is sent. What is not said here, the environment variables of OpenTelemetry say.
 *
 * **Details**
 *
 * - `signals`: default `["traces"]`. Signals that `OTEL_SDK_DISABLED` or `OTEL_<SIGNAL>_EXPORTER` turn off are not sent.
 * - `url`: base URL, to which `/v1/<signal>` is added; `endpoints`: whole URLs. Default `OTEL_EXPORTER_OTLP_ENDPOINT` and
 *   `OTEL_EXPORTER_OTLP_<SIGNAL>_ENDPOINT`, else `http://localhost:4318`.
 * - `headers`: values may be `Redacted`. Those of `OTEL_EXPORTER_OTLP_HEADERS` are sent only to an endpoint that the
 *   environment names too.
 * - `protocol`: `"http/protobuf"` unless `OTEL_EXPORTER_OTLP_PROTOCOL` says `http/json`. There is no gRPC.
 * - `compression`: `"none"` unless `OTEL_EXPORTER_OTLP_COMPRESSION` says `gzip`.
 * - `resource`: over `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
 * - `logLevel`: the least severity of marks that become log records. Default `"info"`.
 * - `limits`: for log records too, those of attributes; the environment has `OTEL_LOGRECORD_*` for them.
 *
 * Batching follows `OTEL_BSP_*`, `OTEL_BLRP_*`, `OTEL_METRIC_EXPORT_INTERVAL` and `OTEL_METRIC_EXPORT_TIMEOUT`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface OtlpOptions extends ProjectionOptions, DeliveryOptions {
  readonly signals?: ReadonlyArray<"traces" | "logs" | "metrics"> | undefined
  readonly url?: string | undefined
  readonly endpoints?: {
    readonly traces?: string | undefined
    readonly logs?: string | undefined
    readonly metrics?: string | undefined
  } | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  readonly protocol?: "http/protobuf" | "http/json" | undefined
  readonly compression?: "gzip" | "none" | undefined
  readonly resource?: {
    readonly serviceName?: string | undefined
    readonly serviceVersion?: string | undefined
    readonly attributes?: Readonly<Record<string, unknown>> | undefined
  } | undefined
  readonly logLevel?: Severity | undefined
}

/**
 * The spans of these events, in the order in which their scopes ended.
 *
 * **Details**
 *
 * A scope without its end gives none. A mark whose scope is not open gives a span of its own, if marks are wanted.
 *
 * @stability experimental
 * @category projections
 * @since 0.1.0
 */
export const toSpans = (
  events: Iterable<LifecycleEvent>,
  options?: ProjectionOptions
): ReadonlyArray<FinishedSpan> => Project.project(events, Project.settingsOf(options))

/**
 * Exports by OTLP over HTTP, with the `HttpClient` of the application.
 *
 * **Details**
 *
 * `AgentRuntime.flush` waits for spans, log records and metrics. Metrics are also sent at their own interval, and what
 * could not be delivered comes with the next. Requests have some 4 MiB at most, and are halved for a target that answers
 * 413. A target that is away for three seconds while a flush waits is not waited
 * for any longer: spans and log records that it could not take are lost then, and counted.
 *
 * **Example** (Sending spans to a collector)
 *
 * ```ts
 * const Runtime = AgentRuntime.layerWith({
 *   policies: OpenTelemetryExporter.layerOtlp({ url: "http://localhost:4318", resource: { serviceName: "scout" } })
 * }).pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerOtlp = (
  options?: OtlpOptions
): Layer.Layer<never, Config.ConfigError, AgentRuntime | HttpClient.HttpClient> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const settings = yield* settingsFromEnv(options)
    const name = options?.name ?? "otlp"
    for (const signal of new Set(options?.signals ?? ["traces"] as const)) {
      if (!(yield* Env.isWanted(signal))) continue
      const delivery = { ...deliveryOf(options), name: signal === "traces" ? name : `${name} ${signal}` }
      if (signal === "traces") yield* Otlp.traces(options ?? {}, delivery, settings)
      else if (signal === "logs") {
        yield* Otlp.logs(options ?? {}, delivery, {
          minimum: options?.logLevel ?? "info",
          limits: limitsOver(options?.limits, yield* Env.limits("logs"))
        })
      } else yield* Otlp.metrics(options ?? {}, delivery, settings.convention)
    }
  }))

/**
 * What is needed of a span processor. Those of the OpenTelemetry SDK fit.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface SpanProcessor {
  onEnd(span: ReadableSpan): void
  forceFlush?(): Promise<void>
}

/**
 * Hands finished spans to a span processor.
 *
 * **Details**
 *
 * `onEnd` gets each span; `onStart` is not called, since there is no span before the end. After each batch `forceFlush` is
 * awaited, so that a processor with a small buffer loses nothing and `AgentRuntime.flush` holds. The processor belongs to
 * the application: it is not shut down.
 *
 * `resource` is that of the spans: an SDK `Resource`, or attributes.
 *
 * **Example** (The processor of an SDK)
 *
 * ```ts
 * const exporter = OpenTelemetryExporter.layerSpanProcessor(new BatchSpanProcessor(new OTLPTraceExporter()), {
 *   resource: resourceFromAttributes({ "service.name": "scout" })
 * })
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerSpanProcessor = (
  processor: SpanProcessor,
  options?: ProjectionOptions & DeliveryOptions & {
    readonly resource?:
      | { readonly attributes: object }
      | Readonly<Record<string, string | number | boolean>>
      | undefined
  }
): Layer.Layer<never, Config.ConfigError, AgentRuntime> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const { kernel } = yield* AgentRuntime
    const settings = yield* settingsFromEnv(options)
    const resource = resourceFrom(options?.resource, yield* Env.resourceAttributes)
    const name = options?.name ?? "span processor"
    const project = batches(
      kernel,
      name,
      (done) => Project.spanOf(done, settings),
      (spans) => spans,
      Project.assemblerOf(settings)
    )
    yield* adoptSpans
    yield* Delivery.start({ ...deliveryOf(options), name }, {
      export: (events) => handOver(name, processor, project(events).map((span) => readable(span, resource)))
    })
  }))

/**
 * Records the metrics of the GenAI conventions as Effect metrics, for whatever exports those: durations of operations,
 * tokens, times of chunks, calls of agents (`"latest"` only), and `heddle.calls.blocked`.
 *
 * **Details**
 *
 * `AgentRuntime.flush` returns when what happened before is in the metrics, and has been exported if an
 * `OtlpExporter.Flusher` of Effect is there.
 *
 * Events do not tell when each chunk came: `time_per_output_chunk` has the mean of its stream, once for each chunk after
 * the first. An instrument has 2,000 series; what is more is one with `otel.metric.overflow`.
 *
 * Units are in the attribute `unit`, as Effect has them. Do not install it beside `layerOtlp` with the signal `"metrics"`
 * and an exporter of Effect metrics to the same collector: they would be counted twice.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerMetrics = (
  options?: DeliveryOptions & { readonly convention?: Convention | undefined }
): Layer.Layer<never, Config.ConfigError, AgentRuntime> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const convention = options?.convention ?? (yield* Env.convention)
    yield* Otlp.recordMetrics({ ...deliveryOf(options), name: options?.name ?? "metrics" }, convention)
  }))

// internal

const deliveryOf = (options: DeliveryOptions | undefined): Omit<Delivery.DeliveryOptions, "name"> => ({
  maxBatchSize: options?.maxBatchSize,
  maxQueueSize: options?.maxQueueSize,
  scheduledDelay: options?.scheduledDelay,
  exportTimeout: options?.exportTimeout,
  retry: options?.retry,
  closeTimeout: options?.closeTimeout
})

/** What the environment says where the code says nothing; prices are those of the application. */
const settingsFromEnv = Effect.fnUntraced(function*(options: ProjectionOptions | undefined) {
  const pricing = yield* Effect.serviceOption(Pricing)
  const isGenAi = (options?.projection ?? "gen_ai") === "gen_ai"
  return Project.settingsOf({
    projection: options?.projection,
    convention: options?.convention ?? (yield* Env.convention),
    content: options?.content ?? (isGenAi ? yield* Env.capturesContent : undefined),
    marks: options?.marks,
    cost: options?.cost ?? Option.getOrUndefined(pricing)?.cost,
    limits: limitsOver(options?.limits, yield* Env.limits("traces"))
  })
})

/** An SDK's resource is used as it is; attributes go over those of the environment. */
const resourceFrom = (
  resource: object | undefined,
  environment: Readonly<Record<string, string>>
): SpanResource => {
  if (isResource(resource)) return resource
  const attributes: Attributes = { ...environment }
  for (const [key, value] of Object.entries(resource ?? {})) put(attributes, key, value)
  return resourceOf(attributes)
}

const isResource = (resource: object | undefined): resource is SpanResource =>
  resource !== undefined && "attributes" in resource && typeof resource.attributes === "object" && "merge" in resource

const handOver = (
  target: string,
  processor: SpanProcessor,
  spans: ReadonlyArray<ReadableSpan>
): Effect.Effect<void, ExportError> =>
  spans.length === 0 ? Effect.void : Effect.tryPromise({
    try: async () => {
      for (const span of spans) processor.onEnd(span)
      await processor.forceFlush?.()
    },
    // What it has taken it may have sent: it is not given again.
    catch: (cause) =>
      new ExportError({ target, reason: `the span processor failed: ${String(cause)}`, isRetryable: false, cause })
  })
