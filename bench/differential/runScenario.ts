/** Runs one scenario everywhere, and compares. */
import { compare, compareApis, type Comparison } from "./compare.ts"
import { effect } from "./drivers/effect.ts"
import { promises } from "./drivers/promises.ts"
import { runReference } from "./runReference.ts"
import type { Scenario } from "./Scenario.ts"

export interface Verdict {
  readonly scenario: Scenario
  /** How many events the reference and heddle emitted. */
  readonly events: { readonly reference: number; readonly heddle: number }
  readonly effect: Comparison
  readonly promises: Comparison
  /** What is wrong, in words; nothing, if all is as it should be. */
  readonly faults: ReadonlyArray<string>
}

export const runScenario = async (scenario: Scenario): Promise<Verdict> => {
  const [expected, byEffect, byPromises] = await Promise.all([
    runReference(scenario),
    effect(scenario),
    promises(scenario)
  ])
  const verdict = {
    scenario,
    events: { reference: expected.events.length, heddle: byEffect.events.length },
    effect: compare(scenario, expected, byEffect),
    promises: compare(scenario, expected, byPromises)
  }
  const between = compareApis(scenario, byEffect, byPromises)
  return {
    ...verdict,
    faults: [
      ...faultsOf("Effect", verdict.effect),
      ...faultsOf("Promises", verdict.promises),
      ...between.length === 0 ? [] : [["Effect (-) and Promises (+) differ", ...between].join("\n    ")]
    ]
  }
}

const faultsOf = (api: string, { diff, isSame, needless }: Comparison): ReadonlyArray<string> => [
  ...isSame ? [] : [[`the reference (-) and ${api} (+) differ`, ...diff].join("\n    ")],
  ...needless.map((name) => `${api}: the difference "${name}" does not show`)
]
