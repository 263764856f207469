import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { codec } from "../../src/codec/OpenAiChat.ts"
import { AgentRuntime, EventId, LlmCall, Mark, Middleware, Sanitizer, Subscriber } from "../../src/index.ts"
import { held, recorder, settle, succeed } from "./harness.ts"

/** A generator that counts. */
const counting = () => {
  let n = 0
  return Layer.succeed(EventId.Generator, () => `00000000-0000-7000-8000-${String(++n).padStart(12, "0")}`)
}

describe("an event that waits for its subscriber", () => {
  it.effect("has the id of its turn, whoever handles which event first", () => {
    const slow = held()
    const local = recorder({ name: "local" })
    return Effect.gen(function*() {
      yield* Mark.emit("held")
      yield* slow.hasEvent
      yield* Mark.emit("first")
      yield* Mark.emit("second").pipe(Subscriber.provide(local.subscriber))
      yield* slow.latch.open
      yield* AgentRuntime.flush
      const ids = slow.handled.map(({ name, uuid }) => [name, uuid.slice(-2)])
      assert.deepStrictEqual(ids, [["held", "01"], ["first", "02"], ["second", "03"]])
      assert.deepStrictEqual(local.events.map(({ uuid }) => uuid.slice(-2)), ["03"])
    }).pipe(
      Effect.provide(AgentRuntime.layerWith({ policies: slow.layer }).pipe(Layer.provide(counting())))
    )
  })

  it.effect("shows a model's answer as it was, not what the caller makes of it afterwards", () => {
    const slow = held()
    const answer = {
      id: "r1",
      model: "m",
      choices: [{ index: 0, message: { role: "assistant", content: "as it was" }, finish_reason: "stop" }]
    }
    return Effect.gen(function*() {
      yield* Mark.emit("held")
      yield* slow.hasEvent
      const request = { headers: {}, body: { model: "m", messages: [] } }
      yield* LlmCall.run({ name: "chat", codec, request }, () => Effect.succeed(answer))
      yield* settle
      answer.choices[0]!.message.content = "changed"
      yield* slow.latch.open
      yield* AgentRuntime.flush
      const shown = slow.handled.map(({ profile }) => JSON.stringify(profile?.annotatedResponse))
      assert.match(shown[2] ?? "", /as it was/)
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: slow.layer })))
  })

  it.effect("is one object for all who handle it, whenever they do", () => {
    const slow = held()
    const fast = recorder()
    return Effect.gen(function*() {
      yield* succeed("call")
      yield* slow.hasEvent
      yield* settle
      assert.deepStrictEqual(fast.labels(), ["call:start", "call:end"])
      yield* slow.latch.open
      yield* AgentRuntime.flush
      slow.handled.forEach((event, index) => assert.strictEqual(event, fast.events[index]))
      assert.strictEqual(slow.handled.length, 2)
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: Layer.merge(slow.layer, fast.layer) })))
  })

  it.effect("has passed its sanitizers before, on no fiber of a subscriber", () => {
    const slow = held()
    const seen: Array<unknown> = []
    const noting = Middleware.layer(Sanitizer.mark({
      name: "noting",
      sanitize: (mark) => {
        seen.push(mark.data)
        return mark
      }
    }))
    return Effect.gen(function*() {
      yield* Mark.emit("m", { data: "held" })
      yield* slow.hasEvent
      yield* Mark.emit("m", { data: "waiting" })
      yield* settle
      assert.deepStrictEqual(seen, ["held", "waiting"])
      yield* slow.latch.open
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: Layer.merge(slow.layer, noting) })))
  })
})
