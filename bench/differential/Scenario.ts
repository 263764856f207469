/** A scripted agent, the policies around it, and how the two runtimes are meant to differ on it. */
import type { DifferenceName } from "./differences.ts"
import type { Policy } from "./Policy.ts"
import type { Body, Json } from "./Script.ts"

/** One run of a scenario. `seen` writes down what a policy or a piece of work got, in order; it is compared too. */
export type Agent = (seen: (what: string, value?: Json) => void) => {
  readonly policies?: ReadonlyArray<Policy>
  readonly script: Body
}

export interface Scenario {
  readonly name: string
  /** The intended differences that it shows; each must show, and no other may. */
  readonly differences: ReadonlyArray<DifferenceName>
  /** Siblings are compared by name and not by order: they run at the same time. */
  readonly concurrent: boolean
  readonly agent: Agent
}

interface Options {
  readonly differences?: ReadonlyArray<DifferenceName>
  readonly concurrent?: boolean
}

export const scenario: {
  (name: string, agent: Agent): Scenario
  (name: string, options: Options, agent: Agent): Scenario
} = (name: string, ...rest: readonly [Agent] | readonly [Options, Agent]): Scenario => {
  const [{ concurrent = false, differences = [] }, agent] = rest.length === 1 ? [{}, rest[0]] : rest
  return { name, differences, concurrent, agent }
}
