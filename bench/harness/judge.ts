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

/**
 * Holds a run against a goal. A time is beyond its gate only if the CPU time is so too: on a busy machine a process may
 * have waited for its turn.
 */
export const judge = (goal: Goal, groups: ReadonlyArray<GroupResult>): Verdict => {
  const measured = summarize(measure(goal, goal.metric, groups))
  if (measured === undefined) return { goal, measured, isMet: undefined, isBeyondGate: false }
  const meets = (value: number, limit: number): boolean => goal.relation === "faster" ? value >= limit : value <= limit
  const isBeyond = (metric: Metric): boolean => {
    const summary = summarize(measure(goal, metric, groups))
    return goal.gate !== undefined && (summary === undefined || !meets(summary.median, goal.gate))
  }
  return {
    goal,
    measured,
    isMet: meets(measured.median, goal.wanted),
    isBeyondGate: isBeyond(goal.metric) && (goal.metric !== "nanos" || isBeyond("cpu"))
  }
}

const measure = (goal: Goal, metric: Metric, groups: ReadonlyArray<GroupResult>): ReadonlyArray<number> => {
  for (const { cases } of groups) {
    const result = cases.find(({ id }) => id === goal.case)
    if (result === undefined) continue
    const other = cases.find(({ id }) => id === goal.other)
    const values = goal.relation === "atMost"
      ? figures(result, metric)
      : other === undefined
      ? []
      : compare(result, other, metric, relations[goal.relation])
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
