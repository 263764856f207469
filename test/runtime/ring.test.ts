import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime, ExecutionScope, Mark, Middleware, Sanitizer, Subscriber, ToolCall } from "../../src/index.ts"
import { held, label, logs, recorder, settle, succeed } from "./harness.ts"

/** Marks `from` to `to` in one step: nothing else runs in between. */
const burst = (from: number, to: number) =>
  Effect.forEach(Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`), (name) => Mark.emit(name), {
    discard: true
  })

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)

describe("the ring between emission and dispatcher", () => {
  it.effect("drops what does not fit, if it may not drain, and announces it as a gap to every subscriber", () => {
    const a = recorder({ name: "a" })
    const b = recorder({ name: "b" })
    const log = logs()
    return Effect.gen(function*() {
      yield* burst(1, 10)
      yield* AgentRuntime.flush
      yield* burst(11, 12)
      yield* AgentRuntime.flush
      const expected = ["1", "2", "3", "4", "gap(6, 5..10)", "11", "12"]
      assert.deepStrictEqual(a.labels(), expected)
      assert.deepStrictEqual(b.labels(), expected)
      yield* settle
      assert.deepStrictEqual(log.texts(), ["heddle: ring full: events dropped {…}"])
    }).pipe(Effect.provide(
      AgentRuntime.layerWith({ capacity: 4, onFull: "drop", policies: Layer.merge(a.layer, b.layer) }).pipe(
        Layer.provide(log.layer)
      )
    ))
  })

  it.effect("announces a gap also when nothing follows it, and a flush has waited for it", () => {
    const all = recorder()
    return Effect.gen(function*() {
      yield* burst(1, 5)
      yield* AgentRuntime.flush
      assert.deepStrictEqual(all.labels(), ["1", "2", "gap(3, 3..5)"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ capacity: 2, onFull: "drop", policies: all.layer })))
  })

  it.effect("announces a gap to a provided subscriber too, for what was meant for it", () => {
    const watch = recorder({ name: "watch" })
    return Effect.gen(function*() {
      yield* burst(1, 3)
      yield* burst(4, 5).pipe(Subscriber.provide(watch.subscriber))
      yield* burst(6, 7)
      yield* AgentRuntime.flush
      assert.deepStrictEqual(watch.labels(), ["4", "gap(1, 5..5)"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ capacity: 4, onFull: "drop", policies: recorder().layer })))
  })

  it.effect("announces what the ring lost after what came before it", () => {
    const slow = held()
    return Effect.gen(function*() {
      yield* burst(1, 1)
      yield* slow.hasEvent
      yield* settle
      // The handler becomes free while 2 and 3 are still in the ring and 4 and 5 are lost already.
      yield* slow.latch.open
      yield* burst(2, 5)
      yield* AgentRuntime.flush
      assert.deepStrictEqual(slow.labels(), ["1", "2", "3", "gap(2, 4..5)"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ capacity: 2, onFull: "drop", policies: slow.layer })))
  })

  it.effect("never tells a handler of a gap in what it would not have got", () => {
    const seen: Array<string> = []
    const other = recorder()
    const layer = Subscriber.layer({
      name: "talkative",
      handle: (event) => {
        seen.push(label(event))
        return seen.length < 20 ? burst(101, 110) : Effect.void
      }
    })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      for (let i = 0; i < 30; i++) yield* AgentRuntime.flush
      assert.deepStrictEqual(seen, ["1"])
      assert.deepStrictEqual(other.labels(), ["1", "101", "102", "gap(8, 4..11)"])
    }).pipe(
      Effect.provide(
        AgentRuntime.layerWith({ capacity: 2, onFull: "drop", policies: Layer.merge(layer, other.layer) }).pipe(
          Layer.provide(logs().layer)
        )
      )
    )
  })

  it.effect("always takes the end of a scope whose start it took, and no end of one whose start was lost", () => {
    const all = recorder()
    return Effect.gen(function*() {
      yield* ToolCall.run({ name: "first", input: {} }, () =>
        // None of this yields, so the ring stays full.
        Effect.gen(function*() {
          yield* succeed("second")
          yield* burst(1, 3)
          yield* Effect.void.pipe(ExecutionScope.run({ name: "third", category: "agent" }))
        }))
      yield* AgentRuntime.flush
      assert.deepStrictEqual(all.labels(), [
        "first:start",
        "second:start",
        "second:end",
        "gap(4, 4..7)",
        "first:end"
      ])
      // The end of the third one has not even got a number.
      assert.strictEqual(all.events.at(-1)!.sequence, 8)
    }).pipe(Effect.provide(AgentRuntime.layerWith({ capacity: 2, onFull: "drop", policies: all.layer })))
  })

  it.effect("drains on the emitting fiber while subscribers keep up", () => {
    const all = recorder()
    return Effect.gen(function*() {
      yield* burst(1, 5)
      yield* AgentRuntime.flush
      assert.deepStrictEqual(all.labels(), numbers(1, 5))
      yield* burst(6, 13)
      yield* AgentRuntime.flush
      assert.deepStrictEqual(all.labels(), numbers(1, 13))
    }).pipe(Effect.provide(AgentRuntime.layerWith({ capacity: 4, policies: all.layer })))
  })

  it.effect("drains without end where nobody but a provided subscriber listens", () => {
    const watch = recorder()
    return burst(1, 100).pipe(
      Subscriber.provide(watch.subscriber),
      Effect.map(() => assert.deepStrictEqual(watch.labels(), numbers(1, 100))),
      Effect.provide(AgentRuntime.layerWith({ capacity: 4 }))
    )
  })

  it.effect("drops where draining would have to wait for an observer, and keeps the order", () => {
    const all = recorder()
    const slow = Sanitizer.mark({ name: "slow", sanitize: () => Effect.as(Effect.yieldNow, { data: "clean" }) })
    return Effect.gen(function*() {
      yield* burst(1, 9)
      yield* AgentRuntime.flush
      const seen = all.labels()
      const gap = seen.at(-1)!
      assert.match(gap, /^gap\(\d, \d\.\.9\)$/)
      assert.deepStrictEqual(seen.slice(0, -1), numbers(1, seen.length - 1))
      assert.strictEqual(Number(/\d/.exec(gap)![0]), 9 - (seen.length - 1))
      assert.isTrue(all.events.slice(0, -1).every(({ data }) => data === "clean"))
    }).pipe(
      Effect.provide(
        AgentRuntime.layerWith({ capacity: 2, policies: Layer.merge(all.layer, Middleware.layer(slow)) }).pipe(
          Layer.provide(logs().layer)
        )
      )
    )
  })

  it.effect("counts bytes once records pile up", () => {
    const all = recorder()
    return Effect.gen(function*() {
      yield* burst(1, 64)
      yield* Effect.forEach(numbers(65, 70), (name) => Mark.emit(name, { data: { text: "x".repeat(1000) } }))
      yield* AgentRuntime.flush
      const seen = all.labels()
      assert.deepStrictEqual(seen.slice(0, 64), numbers(1, 64))
      // Five thousand bytes are two texts of a thousand characters, and a little.
      assert.deepStrictEqual(seen.slice(64), ["65", "66", "gap(4, 67..70)"])
      yield* Mark.emit("after", { data: { text: "x".repeat(1000) } })
      yield* AgentRuntime.flush
      assert.strictEqual(all.labels().at(-1), "after")
    }).pipe(Effect.provide(AgentRuntime.layerWith({ capacity: { bytes: 5000 }, onFull: "drop", policies: all.layer })))
  })

  it.effect("takes an event that alone is heavier than its capacity, once it is empty", () => {
    const all = recorder()
    return Effect.gen(function*() {
      yield* burst(1, 64)
      yield* Mark.emit("65", { data: { text: "x".repeat(10_000) } })
      yield* Mark.emit("66")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(all.labels(), numbers(1, 66))
    }).pipe(Effect.provide(AgentRuntime.layerWith({ capacity: { bytes: 5000 }, policies: all.layer })))
  })
})
