import { assert, describe, it } from "@effect/vitest"
import { Builder } from "../../src/exporter/internal/atifBuilder.ts"
import { settingsOf } from "../../src/exporter/internal/atifSettings.ts"
import type { LifecycleEvent } from "../../src/index.ts"
import { ask, log, project, say, user } from "./atifSupport.ts"

const callsOf = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>): ReadonlyArray<number> =>
  project(events, { maxSteps: 8 }).steps.map(({ tool_calls: calls }) => calls?.length ?? 0)

const sum = (counts: ReadonlyArray<number>): number => counts.reduce((total, count) => total + count, 0)

describe("a trajectory that goes on and on stays bounded", () => {
  it("when a model was asked once, and tools run that it did not ask for", () => {
    const run = log().start("agent", "scout", "root").llm("l1", "root", ask(user("Go")), say("ok"))
    for (let n = 0; n < 5000; n++) run.tool("look", `t${n}`, "root", { n }, n)
    const counts = callsOf(run.end("root").events)
    assert.isAtMost(Math.max(...counts), 256)
    assert.isAtMost(sum(counts), 8 * 256)
    assert.isAtLeast(sum(counts), 256)
  })

  it("while a model call goes on, and tools run meanwhile", () => {
    const run = log().start("agent", "scout", "root").start("llm", "model", "l1", "root", { data: ask(user("Go")) })
    for (let n = 0; n < 5000; n++) run.tool("look", `t${n}`, "root", { n }, n)
    const counts = callsOf(run.end("l1", { data: say("ok") }).end("root").events)
    assert.isAtMost(sum(counts), 1000 + 8 * 256)
    assert.isAtLeast(sum(counts), 1000)
  })

  it("while a model call goes on, and others end meanwhile", () => {
    const run = log().start("agent", "scout", "root").start("llm", "model", "l1", "root", { data: ask(user("Go")) })
    for (let n = 0; n < 500; n++) run.llm(`m${n}`, "root", ask(user(`${n}`)), say("ok"))
    const [root, ...events] = run.events
    assert.strictEqual(root?._tag, "ScopeStart")
    const builder = new Builder(root as LifecycleEvent.ScopeStart, settingsOf({ maxSteps: 8 }))
    for (const event of events) builder.add(event)
    assert.strictEqual(builder.root.recentLlms.length, 100)
  })
})
