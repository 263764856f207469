import type { InstrumentName } from "./otelMetrics.ts"
import type { Attributes } from "./otelSpan.ts"

/**
 * Series of one instrument at most, as the OpenTelemetry metrics SDK specification has it ("Cardinality limits"): names
 * of tools or models that are made up at run time would fill the memory otherwise.
 */
const maxSeries = 2000

/** Attributes of the series that takes what has no room. */
const overflow: Attributes = { "otel.metric.overflow": true }

/** Something for each instrument and each set of attributes that was measured. */
export class SeriesMap<S> {
  private readonly instruments = new Map<InstrumentName, Map<string, S>>()

  /** The series of these attributes, made if there is none; with no room for another one, the one for all that is left. */
  of(name: InstrumentName, attributes: Attributes, make: (attributes: Attributes) => S): S {
    let series = this.instruments.get(name)
    if (series === undefined) this.instruments.set(name, series = new Map<string, S>())
    const key = JSON.stringify(attributes)
    return series.get(key) ??
      (series.size < maxSeries - 1 ? added(series, key, make(attributes)) : overflowOf(series, make))
  }

  /** Instruments with their series, in the order of their first measurements. */
  entries(): ReadonlyArray<readonly [InstrumentName, ReadonlyArray<S>]> {
    return Array.from(this.instruments, ([name, series]) => [name, Array.from(series.values())] as const)
  }

  get isEmpty(): boolean {
    return this.instruments.size === 0
  }
}

const added = <S>(series: Map<string, S>, key: string, one: S): S => {
  series.set(key, one)
  return one
}

const overflowOf = <S>(series: Map<string, S>, make: (attributes: Attributes) => S): S => {
  const key = JSON.stringify(overflow)
  return series.get(key) ?? added(series, key, make(overflow))
}
