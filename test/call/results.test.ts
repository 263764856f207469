import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Promises from "../../src/binding/Promises.ts"
import { AgentRuntime, LlmCall, Subscriber, ToolCall } from "../../src/index.ts"
import { governed, recorded } from "./utils.ts"

describe("the result of a call", () => {
  it.effect("may be added to by its caller: the end event shows what the call gave", () =>
    Effect.gen(function*() {
      const result = yield* ToolCall.run({ name: "call", input: {} }, () => Effect.succeed({ got: 1, more: 0 }))
      result.more = 2
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.data, { got: 1, more: 0 })
      // And nothing that records events has frozen what the caller holds.
      result.more = 3
    }).pipe(governed()))

  it.effect("of a model keeps the messages that it had", () =>
    Effect.gen(function*() {
      const request = { headers: {}, body: {} }
      const response = yield* LlmCall.run({ name: "call", request }, () => Effect.succeed({ messages: ["hi"] }))
      response.messages.push("mine")
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.data, { messages: ["hi"] })
    }).pipe(governed()))

  it.effect("that is no plain object is shown as it is", () => {
    const when = new Date(0)
    return Effect.gen(function*() {
      assert.strictEqual(yield* ToolCall.run({ name: "call", input: {} }, () => Effect.succeed(when)), when)
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.data, when)
    }).pipe(governed())
  })

  it("is kept apart for code without Effect too", async () => {
    const shown: Array<unknown> = []
    const heddle = await Promises.make(AgentRuntime.layerWith({
      policies: Subscriber.layer({
        name: "s",
        filter: (event) => event._tag === "ScopeEnd",
        handle: (event) => {
          shown.push(event.data)
        }
      })
    }))
    const now = await heddle.tool("now", {}, () => ({ got: 1 }) as Record<string, number>)
    now["changed"] = 1
    const later = await heddle.tool("later", {}, async () => ({ got: 2 }) as Record<string, number>)
    later["changed"] = 1
    await heddle.flush()
    assert.deepStrictEqual(shown, [{ got: 1 }, { got: 2 }])
    await heddle.close()
  })
})
