/** What is wanted, as ratios within one round of one run. Only gates fail a build. */
import type { Metric } from "./harness/Case.ts"

/**
 * How a case stands to another one.
 *
 * - `times`: at most so many times the other.
 * - `added`: what comes on top of the other is at most so many times the other.
 * - `faster`: the other is at least so many times this one.
 * - `over`: at most so many units (bytes) more than the other.
 * - `atMost`: at most so many units; no other case is involved.
 */
export type Relation = "times" | "added" | "faster" | "over" | "atMost"

export interface Goal {
  readonly title: string
  readonly case: string
  readonly metric: Metric
  readonly relation: Relation
  readonly other?: string
  readonly wanted: number
  /** Beyond this, `--quick` fails. */
  readonly gate?: number
  /** Read before judging. */
  readonly note?: string
}

const bare = "bare/suspend"

export const goals: ReadonlyArray<Goal> = [
  {
    title: "tool call, nothing installed, against bare",
    case: "tool/none",
    metric: "nanos",
    relation: "times",
    other: bare,
    wanted: 5,
    gate: 8
  },
  {
    title: "1 of each and 1 subscriber, against bare",
    case: "tool/one+sub",
    metric: "nanos",
    relation: "times",
    other: bare,
    wanted: 10,
    gate: 16
  },
  {
    title: "100 request intercepts, against bare",
    case: "tool/r100",
    metric: "nanos",
    relation: "times",
    other: bare,
    wanted: 45
  },
  {
    title: "100 KB arguments, 1 of each, against small ones",
    case: "tool/100k/one+sub",
    metric: "nanos",
    relation: "times",
    other: "tool/one+sub",
    wanted: 1.1,
    note: "apart from the copy of containers"
  }
]
