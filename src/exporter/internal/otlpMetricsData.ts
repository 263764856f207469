import type { MetricsData } from "effect/observability/OtlpMetrics"
import type { Resource } from "effect/observability/OtlpResource"
import type { Collected, Series } from "./otelMeter.ts"
import { type InstrumentName, instrumentOf } from "./otelMetrics.ts"
import { encodeAttributes, instrumentationScope, nanos } from "./otlpEncode.ts"

type OtlpMetric = MetricsData["resourceMetrics"][number]["scopeMetrics"][number]["metrics"][number]

/* Numbers of `AggregationTemporality` in OTLP. */
const temporalities = { delta: 1, cumulative: 2 } as const

/** Metrics in the message types of OTLP 1, as effect's serialisers take them. */
export const metricsData = (resource: Resource, collected: Collected): MetricsData => ({
  resourceMetrics: [{
    resource,
    scopeMetrics: [{
      scope: instrumentationScope,
      metrics: collected.instruments.map(([name, series]) => encodeMetric(name, series, collected))
    }]
  }]
})

/** What providers report as tokens need not be whole numbers. */
const numberOf = (value: number) => Number.isSafeInteger(value) ? { asInt: value } : { asDouble: value }

const encodeMetric = (
  name: InstrumentName,
  series: ReadonlyArray<Series>,
  { since, temporality, until }: Collected
): OtlpMetric => {
  const { bounds, description, unit } = instrumentOf(name)
  const aggregationTemporality = temporalities[temporality]
  const about = ({ attributes }: Series) => ({
    attributes: encodeAttributes(attributes),
    startTimeUnixNano: nanos(since),
    timeUnixNano: nanos(until)
  })
  return bounds === undefined
    ? {
      name,
      description,
      unit,
      sum: {
        aggregationTemporality,
        isMonotonic: true,
        dataPoints: series.map((one) => ({ ...about(one), ...numberOf(one.sum) }))
      }
    }
    : {
      name,
      description,
      unit,
      histogram: {
        aggregationTemporality,
        dataPoints: series.map((one) => ({
          ...about(one),
          count: one.count,
          sum: one.sum,
          min: one.min,
          max: one.max,
          bucketCounts: one.buckets.slice(),
          explicitBounds: bounds.slice()
        }))
      }
    }
}
