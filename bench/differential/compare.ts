/** Whether two recordings are the same, but for the differences that their scenario names. */
import { lines } from "../../src/testing/internal/diff.ts"
import type { Difference } from "./Difference.ts"
import { type DifferenceName, differences } from "./differences.ts"
import { normalise, render } from "./normalise.ts"
import type { Recording } from "./Recording.ts"
import type { Scenario } from "./Scenario.ts"

export interface Comparison {
  readonly isSame: boolean
  /** What differs, `-` the reference and `+` heddle. */
  readonly diff: ReadonlyArray<string>
  /** Named, but everything is the same without it. */
  readonly needless: ReadonlyArray<DifferenceName>
}

export const compare = (scenario: Scenario, reference: Recording, heddle: Recording): Comparison => {
  const without = (omitted?: DifferenceName): Sides => {
    const names = order.filter((name) => name !== omitted && scenario.differences.includes(name))
    return [
      textOf(scenario, reference, names.map((name) => differences[name].reference)),
      textOf(scenario, heddle, names.map((name) => differences[name].heddle))
    ]
  }
  const sides = without()
  return {
    isSame: isEqual(sides),
    diff: isEqual(sides) ? [] : lines(...sides),
    needless: scenario.differences.filter((name) => isEqual(without(name)))
  }
}

/** What differs between heddle's own two APIs: nothing may. */
export const compareApis = (scenario: Scenario, effect: Recording, promises: Recording): ReadonlyArray<string> => {
  const sides: Sides = [textOf(scenario, effect, []), textOf(scenario, promises, [])]
  return isEqual(sides) ? [] : lines(...sides)
}

type Sides = readonly [ReadonlyArray<string>, ReadonlyArray<string>]

const order = Object.keys(differences) as ReadonlyArray<DifferenceName>

const isEqual = ([left, right]: Sides): boolean =>
  left.length === right.length && left.every((line, index) => line === right[index])

const textOf = (
  { concurrent }: Scenario,
  recording: Recording,
  rewrites: ReadonlyArray<Difference["reference"]>
): ReadonlyArray<string> => {
  const normal = normalise(recording, { concurrent })
  for (const rewrite of rewrites) rewrite?.(normal)
  return render(normal)
}
