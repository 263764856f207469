/** The value below which a share of the sorted values lies, interpolated. */
const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

export interface Summary {
  readonly median: number
  readonly lowerQuartile: number
  readonly upperQuartile: number
  readonly rounds: number
}

/** Median and quartiles; nothing of nothing. */
export const summarize = (values: ReadonlyArray<number>): Summary | undefined =>
  values.length === 0
    ? undefined
    : {
      median: quantile(values, 0.5),
      lowerQuartile: quantile(values, 0.25),
      upperQuartile: quantile(values, 0.75),
      rounds: values.length
    }
