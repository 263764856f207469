/** Logs that heddle would not write itself: other clocks, models that answer under another name. */
import { assert, describe, it } from "@effect/vitest"
import type { LifecycleEvent } from "../../src/index.ts"
import { ask, log, project, say, user } from "./atifSupport.ts"

type Event = LifecycleEvent.LifecycleEvent

const at = (events: ReadonlyArray<Event>, uuid: string, tag: Event["_tag"], timestamp: number): ReadonlyArray<Event> =>
  events.map((event) => event.uuid === uuid && event._tag === tag ? { ...event, timestamp } : event)

describe("Atif.toTrajectory of a foreign log", () => {
  it("keeps an answer whose end is dated later than that of its agent, also through scopes in between", () => {
    const { events } = log().start("agent", "scout", "root").start("function", "step", "f", "root")
      .llm("l1", "f", ask(user("Go")), say("Yes.", { prompt_tokens: 3, completion_tokens: 1 })).end("f").end("root")
    const late = Math.max(...events.map(({ timestamp }) => timestamp)) + 5_000_000
    const trajectory = project(at(events, "l1", "ScopeEnd", late))
    assert.strictEqual(trajectory.steps[1]?.message, "Yes.")
    assert.strictEqual(trajectory.steps[1]?.metrics?.prompt_tokens, 3)
  })

  it("goes through a log whose parents run in a circle", () => {
    const { events } = log().start("agent", "scout", "root").start("function", "a", "a", "root").end("a").end("root")
    const inA = (event: Event): Event => event.uuid === "root" ? { ...event, parentUuid: "a" } : event
    const looped = events.map(inA)
    assert.isAtLeast(project(looped).steps.length, 0)
  })

  it("names the model that answered, and the one that was asked if the answer names none", () => {
    const modelsOf = (response: unknown) =>
      project(
        log().start("agent", "scout", "root")
          .llm("l1", "root", ask(user("Go")), response, { profile: { modelName: "m-1" } }).end("root").events
      ).steps[1]?.model_name
    assert.strictEqual(modelsOf({ ...say("Yes."), model: "m-1-2026-04-14" }), "m-1-2026-04-14")
    assert.strictEqual(modelsOf(say("Yes.")), "m-1")
  })
})
