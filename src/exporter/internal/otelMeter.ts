import { type InstrumentName, instrumentOf, type Measurement } from "./otelMetrics.ts"
import { SeriesMap } from "./otelSeries.ts"
import type { Attributes } from "./otelSpan.ts"

/** What was measured with one set of attributes. */
export interface Series {
  readonly attributes: Attributes
  count: number
  sum: number
  min: number
  max: number
  /** Values up to each bound, and those above the last one; none for a counter. */
  readonly buckets: Array<number>
}

export type Temporality = "cumulative" | "delta"

/** What has been measured from `since` to `until`, microseconds since the Unix epoch. */
export interface Collected {
  readonly temporality: Temporality
  readonly since: number
  readonly until: number
  readonly instruments: ReadonlyArray<readonly [InstrumentName, ReadonlyArray<Series>]>
}

/** Adds measurements up, for as long as they are wanted: since the beginning, or since they were last delivered. */
export class Meter {
  private readonly temporality: Temporality
  private series = new SeriesMap<Series>()
  private since: number

  constructor(temporality: Temporality, since: number) {
    this.temporality = temporality
    this.since = since
  }

  get isEmpty(): boolean {
    return this.series.isEmpty
  }

  record(measurements: ReadonlyArray<Measurement>): void {
    for (const { attributes, name, times = 1, value } of measurements) {
      const { bounds } = instrumentOf(name)
      const series = this.series.of(name, attributes, (attributes) => emptySeries(attributes, bounds))
      series.count += times
      series.sum += value * times
      series.min = Math.min(series.min, value)
      series.max = Math.max(series.max, value)
      if (bounds !== undefined) series.buckets[bucketOf(value, bounds)]! += times
    }
  }

  /** What there is to deliver. If it could not be delivered, it goes back. */
  collect(until: number): Collected {
    const { series, since, temporality } = this
    if (temporality === "delta") {
      this.series = new SeriesMap()
      this.since = until
    }
    return { temporality, since, until, instruments: series.entries() }
  }

  /** Takes back what was not delivered. */
  giveBack({ instruments, since, temporality }: Collected): void {
    if (temporality === "cumulative") return
    this.since = since
    for (const [name, all] of instruments) {
      for (const one of all) {
        const series = this.series.of(
          name,
          one.attributes,
          (attributes) => emptySeries(attributes, instrumentOf(name).bounds)
        )
        series.count += one.count
        series.sum += one.sum
        series.min = Math.min(series.min, one.min)
        series.max = Math.max(series.max, one.max)
        one.buckets.forEach((count, i) => series.buckets[i]! += count)
      }
    }
  }
}

const emptySeries = (attributes: Attributes, bounds: ReadonlyArray<number> | undefined): Series => ({
  attributes,
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  buckets: bounds === undefined ? [] : Array.from({ length: bounds.length + 1 }, () => 0)
})

/** A bound belongs to the bucket below it. */
const bucketOf = (value: number, bounds: ReadonlyArray<number>): number => {
  const index = bounds.findIndex((bound) => value <= bound)
  return index < 0 ? bounds.length : index
}
