/** What a run of a scenario left behind: its events as ATOF records, its result, and what its policies saw. */
import type { Scenario } from "./Scenario.ts"
import type { Json, Settled } from "./Script.ts"

export type AtofEvent = { readonly [field: string]: Json | undefined }

export interface Recording {
  readonly events: ReadonlyArray<AtofEvent>
  readonly result: Settled
  readonly seen: ReadonlyArray<Json>
}

/** Runs a scenario in a runtime of its own. */
export type Driver = (scenario: Scenario) => Promise<Recording>

/** A fresh run of a scenario, and what it writes down. */
export const begin = (scenario: Scenario): ReturnType<Scenario["agent"]> & { readonly seen: Array<Json> } => {
  const seen: Array<Json> = []
  return { ...scenario.agent((what, value) => seen.push(value === undefined ? what : { [what]: value })), seen }
}
