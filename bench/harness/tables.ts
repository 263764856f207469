import type { Metric } from "./Case.ts"
import { compare, figures, type Verdict } from "./judge.ts"
import type { CaseResult, GroupResult } from "./runGroup.ts"
import { summarize } from "./statistics.ts"
import { formatFigure, formatRatio } from "./units.ts"

export interface Table {
  readonly title: string
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
  readonly notes: ReadonlyArray<string>
}

const columnTitles: Record<Metric, string> = {
  nanos: "time",
  cpu: "CPU",
  bytes: "heap",
  rss: "RSS",
  millis: "time",
  lost: "lost"
}

const metrics: ReadonlyArray<Metric> = ["nanos", "millis", "cpu", "bytes", "rss", "lost"]

/** The figures of a group: medians, the middle half, and the ratio to its base. */
export const groupTable = ({ cases, group }: GroupResult): Table => {
  const base = cases.find(({ id }) => id === group.base)
  const shown = metrics.filter((metric) => cases.some((one) => figures(one, metric).length > 0))
  const rest = shown.filter((metric) => metric !== group.metric)
  // A process that waits for its turn costs no CPU: on a busy machine this is the ratio to trust.
  const isCompared = (metric: Metric): boolean => base !== undefined && metric === "cpu"
  return {
    title: group.title,
    head: [
      "case",
      "",
      columnTitles[group.metric],
      "middle half",
      ...(base === undefined ? [] : [`× ${base.id}`]),
      ...rest.flatMap((
        metric
      ) => [columnTitles[metric], ...(isCompared(metric) ? [`× its ${columnTitles[metric]}`] : [])])
    ],
    rows: cases.map((one) =>
      [one.id, one.title].concat(
        primary(one, group.metric),
        base === undefined ? [] : ratio(one, base, group.metric),
        rest.flatMap((metric) =>
          base !== undefined && isCompared(metric)
            ? [median(one, metric), ratio(one, base, metric)]
            : median(one, metric)
        )
      )
    ),
    notes: cases.flatMap((one) => one.problem === undefined || one.isMissing ? [] : [`${one.id}: ${one.problem}`])
  }
}

const primary = (one: CaseResult, metric: Metric): [string, string] => {
  const summary = summarize(figures(one, metric))
  if (summary === undefined) return [one.isMissing ? "not installed" : "failed", ""]
  const { lowerQuartile, median, rounds, upperQuartile } = summary
  return [
    formatFigure(median, metric),
    rounds === 1 ? "" : `${formatFigure(lowerQuartile, metric)} – ${formatFigure(upperQuartile, metric)}`
  ]
}

const median = (one: CaseResult, metric: Metric): string => {
  const summary = summarize(figures(one, metric))
  return summary === undefined ? "" : formatFigure(summary.median, metric)
}

const ratio = (one: CaseResult, base: CaseResult, metric: Metric): string => {
  const summary = summarize(compare(one, base, metric, (value, other) => value / other))
  return summary === undefined ? "" : formatRatio(summary.median)
}

/** The goals of what was measured. */
export const goalTable = (verdicts: ReadonlyArray<Verdict>): Table => ({
  title: "Goals",
  head: ["goal", "measured", "wanted", "gate", ""],
  rows: verdicts.flatMap((verdict) => {
    const { goal, measured } = verdict
    if (measured === undefined) return []
    const bound = goal.relation === "faster" ? "≥" : "≤"
    const format = (value: number): string =>
      goal.relation === "over" || goal.relation === "atMost"
        ? formatFigure(value, goal.metric)
        : goal.wanted < 1
        ? `1/${(1 / value).toFixed(1)}`
        : formatRatio(value)
    return [[
      goal.title,
      format(measured.median),
      `${bound} ${format(goal.wanted)}`,
      goal.gate === undefined ? "" : `${bound} ${format(goal.gate)}`,
      verdict.isBeyondGate ? "BEYOND THE GATE" : verdict.isMet === true ? "met" : "not met"
    ]]
  }),
  notes: []
})

/** For a terminal. */
export const plain = ({ head, notes, rows, title }: Table): string => {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const isText = (column: number): boolean => column === 0 || head[column] === ""
  const line = (row: ReadonlyArray<string>): string =>
    row.map((cell, column) => isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))
      .join("  ").trimEnd()
  return [
    `\n${title}`,
    line(head),
    line(widths.map((width) => "─".repeat(width))),
    ...rows.map(line),
    ...notes.map((note) => `  ! ${note}`)
  ].join("\n")
}

/** For the README. */
export const markdown = ({ head, notes, rows, title }: Table): string => {
  const line = (row: ReadonlyArray<string>): string =>
    `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [
    `**${title}**`,
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows.map(line),
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => `- ${note}`)])
  ].join("\n")
}
