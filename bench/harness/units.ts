import type { Metric } from "./Case.ts"

const digits = (value: number): string => {
  const size = Math.abs(value)
  return size === 0 ? "0" : size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

const scaled = (value: number, step: number, units: ReadonlyArray<string>): string => {
  let scale = 0
  let rest = value
  while (Math.abs(rest) >= step && scale < units.length - 1) {
    rest /= step
    scale++
  }
  return `${digits(rest)} ${units[scale]}`
}

/** A figure with its unit. */
export const formatFigure = (value: number, metric: Metric): string => {
  switch (metric) {
    case "nanos":
    case "cpu":
      return scaled(value, 1000, ["ns", "µs", "ms", "s"])
    case "bytes":
    case "rss":
      return scaled(value, 1024, ["B", "KB", "MB", "GB"])
    case "millis":
      return `${digits(value)} ms`
    case "lost":
      return `${digits(value * 100)} %`
  }
}

export const formatRatio = (value: number): string => `${digits(value)} ×`
