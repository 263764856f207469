/** The table that a run prints, and what it writes into the README. */
import { readFileSync, writeFileSync } from "node:fs"
import { type DifferenceName, differences } from "./differences.ts"
import type { Verdict } from "./runScenario.ts"

export const tableOf = (verdicts: ReadonlyArray<Verdict>): string => {
  const yes = (isSame: boolean): string => isSame ? "yes" : "NO"
  const rows = [
    ["scenario", "events", "same (effect)", "same (promises)", "intended differences used"],
    ...verdicts.map(({ effect, events, promises, scenario }) => [
      scenario.name,
      `${events.reference}/${events.heddle}`,
      yes(effect.isSame),
      yes(promises.isSame),
      scenario.differences.join(", ")
    ])
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ").trimEnd()).join("\n")
}

/** A difference that no scenario shows proves nothing. */
export const unused = (verdicts: ReadonlyArray<Verdict>): ReadonlyArray<DifferenceName> =>
  (Object.keys(differences) as ReadonlyArray<DifferenceName>).filter((name) =>
    !verdicts.some(({ scenario }) => scenario.differences.includes(name))
  )

const begin = "<!-- differential -->"
const end = "<!-- /differential -->"

export const writeReadme = (verdicts: ReadonlyArray<Verdict>): void => {
  const file = new URL("./README.md", import.meta.url)
  const text = readFileSync(file, "utf8")
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`README.md: expected ${begin} and after it ${end}`)
  writeFileSync(file, `${text.slice(0, from)}${begin}\n\n${summaryOf(verdicts)}\n\n${text.slice(to)}`)
}

/** The version that `bench/package.json` pins. */
const version = (): string => {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8")
  const { dependencies } = JSON.parse(text) as { readonly dependencies: Readonly<Record<string, string>> }
  return dependencies["nemo-relay-node"] ?? "of an unknown version"
}

const summaryOf = (verdicts: ReadonlyArray<Verdict>): string => {
  const plain = verdicts.filter(({ scenario }) => scenario.differences.length === 0)
  const events = verdicts.reduce((sum, { events }) => sum + events.reference, 0)
  const uses = (name: DifferenceName): number =>
    verdicts.filter(({ scenario }) => scenario.differences.includes(name)).length
  return [
    `${verdicts.length} scenarios against nemo-relay-node ${version()}: ${plain.length} are the same as they are, ` +
    `${verdicts.length - plain.length} but for the differences below, each of which is meant. The reference emitted ` +
    `${events} events.`,
    "",
    "| difference | scenarios | why |",
    "| --- | ---: | --- |",
    ...(Object.entries(differences) as ReadonlyArray<[DifferenceName, { readonly reason: string }]>).map(
      ([name, { reason }]) => `| \`${name}\` | ${uses(name)} | ${reason} |`
    )
  ].join("\n")
}
