import { assert, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import * as Atof from "../../../src/event/Atof.ts"
import * as Atif from "../../../src/exporter/Atif.ts"

const text = (name: string): string => readFileSync(new URL(`${name}.json`, import.meta.url), "utf8")

const read = (name: string): Atif.Trajectory => Result.getOrThrow(Atif.decodeText(text(name)))

for (const name of ["answered", "cut", "tools-only", "scout", "plugin"]) {
  it(`a document of the reference is valid: ${name}`, () => {
    assert.deepStrictEqual<unknown>(read(name), JSON.parse(text(name)))
  })
}

it("a document of the reference without steps is refused for just that", () => {
  const checked = Atif.decodeText(text("empty"))
  assert.isTrue(Result.isFailure(checked))
  if (!Result.isFailure(checked)) return
  assert.deepStrictEqual(checked.failure.issues.map(({ path }) => path), ["steps"])
  assert.include(checked.failure.message, "a length of at least 1")
})

it("the embedded sub-agent of the reference, and the call that refers to it, are found", () => {
  const { steps, subagent_trajectories: inner } = read("scout")
  const refs = steps.flatMap(({ observation }) => observation?.results ?? [])
    .flatMap(({ subagent_trajectory_ref: refs }) => refs ?? [])
  assert.lengthOf(inner ?? [], 1)
  assert.deepStrictEqual(refs.map(({ trajectory_id: id }) => id), inner?.map(({ trajectory_id: id }) => id))
})

it("the reference's own events give the steps that the reference made of them", () => {
  const theirs = read("plugin")
  const { observed_events: records } = theirs.extra ?? {}
  if (!Array.isArray(records)) return assert.fail("the document has no events")
  const events = records.map((record) => Result.getOrThrow(Atof.decode(record)))
  const ours = Atif.toTrajectory(events)
  const told = ({ agent, final_metrics: metrics, steps }: Atif.Trajectory) => ({
    agent: agent.name,
    metrics,
    steps: steps.map(({ message, metrics, model_name: model, source, timestamp }) => ({
      source,
      model,
      message,
      metrics,
      timestamp: Date.parse(timestamp ?? "")
    }))
  })
  assert.lengthOf(events, 4)
  assert.deepStrictEqual(told(ours), told(theirs))
})
