import type { Goal } from "../goals.ts"
import type { Case, Group } from "./Case.ts"

export interface Selection {
  readonly only: ReadonlyArray<string>
  readonly peers: boolean
  /** Keeps only what a gate needs, the baselines and allocations. */
  readonly quick: boolean
}

export const isPeer = (measured: { readonly id: string }): boolean => measured.id.startsWith("peer/")

/** The part of the suite that is asked for; what it is compared with comes along. */
export const select = (
  suite: ReadonlyArray<Group>,
  goals: ReadonlyArray<Goal>,
  selection: Selection
): ReadonlyArray<Group> =>
  suite.flatMap((group) => {
    const asked = group.cases.filter((one) => isAsked(group, one, goals, selection))
    if (asked.length === 0) return []
    const wanted = new Set(asked.map(({ id }) => id))
    for (const goal of goals) {
      const counts = !selection.quick || goal.gate !== undefined
      if (counts && goal.other !== undefined && wanted.has(goal.case)) wanted.add(goal.other)
    }
    if (group.base !== undefined) wanted.add(group.base)
    const cases = group.cases.filter((one) => wanted.has(one.id) && (selection.peers || !isPeer(one)))
    return cases.length === 0 ? [] : [{ ...group, cases }]
  })

const isAsked = (group: Group, one: Case, goals: ReadonlyArray<Goal>, selection: Selection): boolean => {
  if (!selection.peers && isPeer(one)) return false
  if (selection.only.length > 0) {
    return selection.only.some((pattern) => `${group.id} ${one.id}`.includes(pattern))
  }
  if (!selection.quick) return true
  if (goals.some((goal) => goal.gate !== undefined && goal.case === one.id)) return true
  return group.id === "tool" && (one.id.startsWith("bare/") || one.id.startsWith("peer/otel/"))
}
