import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import type { Verdict } from "./judge.ts"
import type { GroupResult } from "./runGroup.ts"
import { goalTable, groupTable, markdown, plain } from "./tables.ts"

export interface Run {
  readonly groups: ReadonlyArray<GroupResult>
  readonly verdicts: ReadonlyArray<Verdict>
  readonly seconds: number
}

const machine = (): string =>
  `Node ${process.versions.node}, V8 ${process.versions.v8}, ${cpus().length} × ${
    cpus()[0]?.model.trim() ?? "unknown CPU"
  }`

const goalTables = (run: Run) =>
  run.verdicts.some(({ measured }) => measured !== undefined) ? [goalTable(run.verdicts)] : []

export const printRun = (run: Run): void => {
  for (const table of [...run.groups.map(groupTable), ...goalTables(run)]) console.log(plain(table))
  console.log(`\n${machine()}; ${run.seconds.toFixed(0)} s`)
}

export const writeJson = (file: string, run: Run): void => {
  const document = {
    machine: machine(),
    node: process.versions.node,
    v8: process.versions.v8,
    seconds: run.seconds,
    groups: run.groups.map(({ cases, group }) => ({
      id: group.id,
      title: group.title,
      base: group.base,
      metric: group.metric,
      cases
    })),
    goals: run.verdicts
  }
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`)
}

const opening = "<!-- bench -->"
const closing = "<!-- /bench -->"

/**
 * The goals, and all tables folded away. They replace what is between the two lines that mark their place, or the whole
 * file.
 */
export const writeMarkdown = (file: string, run: Run): void => {
  const text = [
    ...goalTables(run).map(markdown),
    `Measured on ${machine()}.`,
    "<details><summary>All figures</summary>",
    ...run.groups.map((group) => markdown(groupTable(group))),
    "</details>"
  ].join("\n\n")
  const before = existsSync(file) ? readFileSync(file, "utf8") : ""
  const from = before.indexOf(opening)
  const to = before.indexOf(closing)
  writeFileSync(
    file,
    from < 0 || to < from
      ? `${text}\n`
      : `${before.slice(0, from + opening.length)}\n\n${text}\n\n${before.slice(to)}`
  )
}
