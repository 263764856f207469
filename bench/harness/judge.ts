import type { Goal } from "../goals.ts"
import type { Metric } from "./Case.ts"
import type { CaseResult, GroupResult } from "./runGroup.ts"
import { summarize, type Summary } from "./statistics.ts"

/** The figures of one case over its rounds. */
export const figures = (result: CaseResult, metric: Metric): ReadonlyArray<number> =>
  result.rounds.flatMap((round) => round?.[metric] ?? [])

/** A case against another one, round by round. */
export const compare = (
  result: CaseResult,
  other: CaseResult,
  metric: Metric,
  how: (value: number, other: number) => number
): ReadonlyArray<number> =>
  result.rounds.flatMap((round, index) => {
    const value = round?.[metric]
    const base = other.rounds[index]?.[metric]
    return value === undefined || base === undefined ? [] : [how(value, base)]
  })

export interface Verdict {
  readonly goal: Goal
  /** Missing if the cases were not measured in this run. */
  readonly measured: Summary | undefined
  readonly isMet: boolean | undefined
  readonly isBeyondGate: boolean
}

/** Holds a run against a goal. */
export const judge = (goal: Goal, groups: ReadonlyArray<GroupResult>): Verdict => {
  const measured = summarize(measure(goal, groups))
  if (measured === undefined) return { goal, measured, isMet: undefined, isBeyondGate: false }
  const meets = (limit: number): boolean =>
    goal.relation === "faster" ? measured.median >= limit : measured.median <= limit
  return { goal, measured, isMet: meets(goal.wanted), isBeyondGate: goal.gate !== undefined && !meets(goal.gate) }
}

const measure = (goal: Goal, groups: ReadonlyArray<GroupResult>): ReadonlyArray<number> => {
  for (const { cases, group } of groups) {
    if (group.metric !== goal.metric && !cases.some((one) => figures(one, goal.metric).length > 0)) continue
    const result = cases.find(({ id }) => id === goal.case)
    if (result === undefined) continue
    if (goal.relation === "atMost") {
      const values = figures(result, goal.metric)
      if (values.length > 0) return values
    }
    const other = cases.find(({ id }) => id === goal.other)
    if (other === undefined) continue
    const values = compare(result, other, goal.metric, relations[goal.relation])
    if (values.length > 0) return values
  }
  return []
}

const relations: Record<Goal["relation"], (value: number, other: number) => number> = {
  times: (value, other) => value / other,
  added: (value, other) => (value - other) / other,
  faster: (value, other) => other / value,
  over: (value, other) => value - other,
  atMost: (value) => value
}
