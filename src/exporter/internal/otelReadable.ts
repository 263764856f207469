import type { TraceContext } from "./otelId.ts"
import type { Attributes, FinishedSpan } from "./otelSpan.ts"
import { instrumentationScope } from "./otlpEncode.ts"

/** Seconds and nanoseconds. */
type HrTime = [seconds: number, nanos: number]

interface SpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
}

type ResourceValue =
  | string
  | number
  | boolean
  | Array<string | null | undefined>
  | Array<number | null | undefined>
  | Array<boolean | null | undefined>

type ResourceAttributes = { readonly [key: string]: ResourceValue | undefined }

/** What spans are about, in the shape of `Resource` of the OpenTelemetry SDK. */
export interface SpanResource {
  readonly attributes: ResourceAttributes
  readonly asyncAttributesPending?: boolean
  merge(other: SpanResource | null): SpanResource
  getRawAttributes(): Array<[string, ResourceValue | undefined | Promise<ResourceValue | undefined>]>
}

/**
 * A finished span in the shape of `ReadableSpan` of the OpenTelemetry SDK, versions 1 to 3. `kind` and `status.code` are
 * the numbers of `@opentelemetry/api`.
 */
export interface ReadableSpan {
  readonly name: string
  readonly kind: number
  readonly spanContext: () => SpanContext
  readonly parentSpanId?: string
  readonly parentSpanContext?: SpanContext
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly duration: HrTime
  readonly status: { readonly code: number; readonly message?: string }
  readonly attributes: Attributes
  readonly links: Array<{ readonly context: SpanContext }>
  readonly events: Array<{
    readonly name: string
    readonly time: HrTime
    readonly attributes: Attributes
    readonly droppedAttributesCount: number
  }>
  readonly ended: boolean
  readonly resource: SpanResource
  readonly instrumentationScope: { readonly name: string; readonly version: string }
  readonly droppedAttributesCount: number
  readonly droppedEventsCount: number
  readonly droppedLinksCount: number
}

/** A resource that the exporters of the SDK understand. */
export const resourceOf = (attributes: ResourceAttributes): SpanResource => {
  const resource: SpanResource = {
    attributes,
    asyncAttributesPending: false,
    merge: (other) => other === null ? resource : resourceOf({ ...attributes, ...other.attributes }),
    getRawAttributes: () => Object.entries(attributes)
  }
  return resource
}

/* Numbers of `SpanKind` and `SpanStatusCode` in `@opentelemetry/api`. */
const kinds = { internal: 0, client: 2 } as const

const statusCodes = { unset: 0, ok: 1, error: 2 } as const

const sampledFlag = 1

/** A finished span as span processors of the OpenTelemetry SDK take it. */
export const readable = (span: FinishedSpan, resource: SpanResource): ReadableSpan => {
  const context = contextOf(span)
  const { message } = span.status
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => context,
    ...(span.parentSpanId === undefined ? undefined : {
      parentSpanId: span.parentSpanId,
      parentSpanContext: contextOf({ traceId: span.traceId, spanId: span.parentSpanId })
    }),
    startTime: hrTime(span.start),
    endTime: hrTime(span.end),
    duration: hrTime(span.end - span.start),
    status: message === undefined
      ? { code: statusCodes[span.status.code] }
      : { code: statusCodes[span.status.code], message },
    attributes: span.attributes,
    links: span.links.map((link) => ({ context: contextOf(link) })),
    events: span.events.map(({ attributes, droppedAttributes, name, time }) => ({
      name,
      attributes,
      time: hrTime(time),
      droppedAttributesCount: droppedAttributes ?? 0
    })),
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: span.droppedAttributes ?? 0,
    droppedEventsCount: span.droppedEvents,
    droppedLinksCount: span.droppedLinks ?? 0
  }
}

const contextOf = ({ spanId, traceId }: TraceContext): SpanContext => ({ traceId, spanId, traceFlags: sampledFlag })

const hrTime = (micros: number): HrTime => [Math.floor(micros / 1_000_000), Math.floor(micros % 1_000_000) * 1000]
