import type { Redactor } from "../../../src/plugin/PiiRedaction.ts"
import type { Case } from "./marked.ts"

/** Findings against labels: a finding is true if a label of the same detector has exactly its place. */
interface Measure {
  readonly detector: string
  truePositives: number
  falsePositives: number
  falseNegatives: number
}

export interface Report {
  readonly byDetector: ReadonlyMap<string, Measure>
  readonly total: Measure
  /** Texts without labels in which nothing was found. */
  readonly trueNegatives: number
  readonly mistakes: ReadonlyArray<string>
}

export const measure = (redactor: Redactor, cases: ReadonlyArray<Case>): Report => {
  const byDetector = new Map<string, Measure>()
  const of = (detector: string): Measure => {
    const known = byDetector.get(detector)
    if (known !== undefined) return known
    const fresh = { detector, truePositives: 0, falsePositives: 0, falseNegatives: 0 }
    byDetector.set(detector, fresh)
    return fresh
  }
  const mistakes: Array<string> = []
  let trueNegatives = 0
  for (const { spans, text } of cases) {
    const found = redactor.find(text)
    if (spans.length === 0 && found.length === 0) trueNegatives++
    const keys = new Set(spans.map(({ detector, end, start }) => `${detector} ${start} ${end}`))
    for (const { detector, end, start } of found) {
      if (keys.delete(`${detector} ${start} ${end}`)) of(detector).truePositives++
      else {
        of(detector).falsePositives++
        mistakes.push(`found ${detector} "${text.slice(start, end)}" in: ${text}`)
      }
    }
    for (const key of keys) {
      const [detector = "", start, end] = key.split(" ")
      of(detector).falseNegatives++
      mistakes.push(`missed ${detector} "${text.slice(Number(start), Number(end))}" in: ${text}`)
    }
  }
  const total = { detector: "all", truePositives: 0, falsePositives: 0, falseNegatives: 0 }
  for (const one of byDetector.values()) {
    total.truePositives += one.truePositives
    total.falsePositives += one.falsePositives
    total.falseNegatives += one.falseNegatives
  }
  return { byDetector, total, trueNegatives, mistakes }
}
