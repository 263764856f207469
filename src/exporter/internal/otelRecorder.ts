import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { type InstrumentName, instrumentOf, type Measurement } from "./otelMetrics.ts"
import { SeriesMap } from "./otelSeries.ts"
import type { Attributes } from "./otelSpan.ts"

/**
 * Records measurements as Effect metrics. Effect has the unit of a metric among its attributes, under `unit`.
 */
export class Recorder {
  private readonly series = new SeriesMap<Metric.Metric<number, unknown>>()

  record(measurements: ReadonlyArray<Measurement>): Effect.Effect<void> {
    return Effect.forEach(
      measurements,
      ({ attributes, name, times = 1, value }) => {
        const metric = this.series.of(name, attributes, (attributes) => metricOf(name, attributes))
        const update = Metric.update(metric, value)
        return times === 1 ? update : Effect.replicateEffect(update, times, { discard: true })
      },
      { discard: true }
    )
  }
}

const metricOf = (name: InstrumentName, attributes: Attributes): Metric.Metric<number, unknown> => {
  const { bounds, description, unit } = instrumentOf(name)
  const texts = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, String(value)]))
  const options = { description, attributes: { unit, ...texts } }
  return bounds === undefined
    ? Metric.counter(name, { ...options, incremental: true })
    : Metric.histogram(name, { ...options, boundaries: bounds })
}
