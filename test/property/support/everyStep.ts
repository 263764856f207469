import { assert, describe, it } from "@effect/vitest"
import * as Report from "./Report.ts"
import { always, type Interruption, never, type Plan, Schedule } from "./Schedule.ts"
import type { NamedSubject } from "./subjects.ts"

/** Each is tried at every step until the subject is done before it is interrupted. */
const ways: ReadonlyArray<{ readonly how: Interruption["how"]; readonly yields: Plan["yields"] }> = [
  { how: "parked", yields: always },
  { how: "running", yields: never }
]

const attempt = async ({ make, parents }: NamedSubject, plan: Plan): Promise<{ done: boolean; found: string }> => {
  const schedule = new Schedule(plan)
  const report = await Report.make(schedule, make())
  const found = Report.violations(report, (name) => {
    if (name === "outer" || name === "last") return undefined
    return parents !== undefined && Object.hasOwn(parents, name) ? parents[name] : "outer"
  })
  const names = new Set(report.events.map((event) => event.name))
  const lost = ["outer", "after", "last"].filter((name) => !names.has(name))
  return { done: !schedule.interrupted, found: [...found, ...lost.map((name) => `${name} is missing`)].join("\n") }
}

const interruptEverywhere = async (subject: NamedSubject): Promise<void> => {
  const found: Array<string> = []
  for (const { how, yields } of ways) {
    for (let at = 0;; at += subject.stride ?? 1) {
      const result = await attempt(subject, { yields, interruption: { at, how } }).catch((error: unknown) => {
        throw new Error(`interrupted ${how} at step ${at}`, { cause: error })
      })
      if (result.found !== "") found.push(`interrupted ${how} at step ${at}:\n${result.found}`)
      if (result.done) break
    }
  }
  assert.strictEqual(found.length, 0, found.slice(0, 5).join("\n\n"))
}

export const interruptedAtEveryStep = (subjects: ReadonlyArray<NamedSubject>): void => {
  describe("interrupted at any step, no start is without its end and no end without its start", () => {
    for (const subject of subjects) {
      it(subject.name, { concurrent: false, timeout: 120_000 }, () => interruptEverywhere(subject))
    }
  })
}
