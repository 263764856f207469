import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { figures } from "./judge.ts"
import type { GroupResult } from "./runGroup.ts"
import { summarize } from "./statistics.ts"

const file = new URL("../landed.json", import.meta.url)

type Landed = Readonly<Record<string, number>>

/** More than so many times what was landed fails. */
export const allocationLimit = 2

const readLanded = (): Landed => existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) as Landed : {}

const isOther = (id: string): boolean => id.startsWith("bare/") || id.startsWith("peer/")

const allocations = (groups: ReadonlyArray<GroupResult>): ReadonlyArray<readonly [string, number]> =>
  groups.filter(({ group }) => group.mode === "allocation").flatMap(({ cases }) =>
    cases.flatMap((one) => {
      const summary = summarize(figures(one, "bytes"))
      return summary === undefined || isOther(one.id) ? [] : [[one.id, Math.round(summary.median)] as const]
    })
  )

/** The calls that allocate far more than what was landed. */
export const beyondLanded = (groups: ReadonlyArray<GroupResult>): ReadonlyArray<string> => {
  const landed = readLanded()
  return allocations(groups).flatMap(([id, bytes]) => {
    const before = landed[id]
    return before !== undefined && bytes > before * allocationLimit
      ? [`${id} allocates ${bytes} bytes for each call; landed were ${before}`]
      : []
  })
}

/** Makes what was measured the new measure; what was not measured stays. */
export const land = (groups: ReadonlyArray<GroupResult>): void => {
  const landed = { ...readLanded(), ...Object.fromEntries(allocations(groups)) }
  const sorted = Object.fromEntries(Object.entries(landed).toSorted(([a], [b]) => a.localeCompare(b)))
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`)
}
