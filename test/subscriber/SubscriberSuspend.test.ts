import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { AgentRuntime, ExecutionScope, LlmCall, Mark, Subscriber, ToolCall } from "../../src/index.ts"
import { held, label, recorder, settle, succeed } from "../runtime/harness.ts"

const suspend = (capacity: number) => ({ capacity, strategy: "suspend" as const })

const scope = (name: string) => ExecutionScope.run({ name, category: "function" })(Effect.succeed(name))

const opened = Effect.scoped(Effect.as(ExecutionScope.open({ name: "next", category: "function" }), "next"))

const streamed = LlmCall.stream({ name: "next", request: { headers: {}, body: {} } }, () => Stream.make("next")).pipe(
  Stream.mkString
)

const callers: ReadonlyArray<
  readonly [what: string, effect: Effect.Effect<string, unknown, AgentRuntime.AgentRuntime>]
> = [
  ["a tool call", succeed("next")],
  ["a model call", LlmCall.run({ name: "next", request: { headers: {}, body: {} } }, () => Effect.succeed("next"))],
  ["a streamed model call", streamed],
  ["a scope", scope("next")],
  ["an opened scope", opened]
]

describe("a subscriber that suspends", () => {
  for (const [what, effect] of callers) {
    it.effect(`makes ${what} wait before its start event while it is full`, () => {
      const slow = held({ buffer: suspend(2) })
      const other = recorder()
      return Effect.gen(function*() {
        yield* Mark.emit("1")
        yield* slow.hasEvent
        yield* Mark.emit("2")
        const next = yield* Effect.forkChild(effect)
        yield* settle
        assert.isUndefined(next.pollUnsafe())
        assert.deepStrictEqual(other.labels(), ["1", "2"])
        yield* slow.latch.open
        assert.strictEqual(yield* Fiber.join(next), "next")
        yield* AgentRuntime.flush
        assert.deepStrictEqual(slow.labels(), ["1", "2", "next:start", "next:end"])
      }).pipe(
        Effect.ensuring(slow.latch.open),
        Effect.provide(AgentRuntime.layerWith({ policies: Layer.mergeAll(slow.layer, other.layer) }))
      )
    })

    it.effect(`lets ${what} go on when it is interrupted while it waits, and shows nothing of it`, () => {
      const slow = held({ buffer: suspend(1) })
      return Effect.gen(function*() {
        yield* Mark.emit("1")
        yield* slow.hasEvent
        const next = yield* Effect.forkChild(effect)
        yield* settle
        yield* Fiber.interrupt(next)
        yield* slow.latch.open
        yield* Mark.emit("2")
        yield* AgentRuntime.flush
        assert.deepStrictEqual(slow.labels(), ["1", "2"])
      }).pipe(
        Effect.ensuring(slow.latch.open),
        Effect.provide(AgentRuntime.layerWith({ policies: slow.layer }))
      )
    })
  }

  it.effect("never makes an end or a mark wait", () => {
    const slow = held({ buffer: suspend(1) })
    return Effect.gen(function*() {
      const inside = yield* ToolCall.run({ name: "work", input: {} }, () =>
        Effect.gen(function*() {
          yield* slow.hasEvent
          yield* Mark.emit("1")
          yield* Mark.emit("2")
          return "done"
        }))
      assert.strictEqual(inside, "done")
      assert.strictEqual(slow.handled.length, 0)
      yield* slow.latch.open
      yield* AgentRuntime.flush
      assert.deepStrictEqual(slow.labels(), ["work:start", "1", "2", "work:end"])
    }).pipe(
      Effect.ensuring(slow.latch.open),
      Effect.provide(AgentRuntime.layerWith({ policies: slow.layer }))
    )
  })

  it.effect("lets callers go when what it waits for was not for it", () => {
    const none = recorder({ filter: () => false, buffer: suspend(1) })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      assert.strictEqual(yield* succeed("next"), "next")
      assert.strictEqual(yield* succeed("last"), "last")
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: none.layer })))
  })

  it.effect("does not slow what is born under its own handler", () => {
    const seen: Array<string> = []
    const layer = Subscriber.layer({
      name: "caller",
      buffer: suspend(1),
      handle: (event) => {
        seen.push(label(event))
        return Effect.andThen(succeed("inner"), scope("inner scope"))
      }
    })
    return Effect.gen(function*() {
      for (const name of ["1", "2", "3"]) assert.strictEqual(yield* succeed(name), name)
      yield* AgentRuntime.flush
      assert.deepStrictEqual(seen, ["1:start", "1:end", "2:start", "2:end", "3:start", "3:end"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: layer })))
  })

  it.effect("does not deadlock with another one when the handlers of both call", () => {
    const seen = { a: new Array<string>(), b: new Array<string>() }
    const caller = (name: "a" | "b") =>
      Subscriber.layer({
        name,
        buffer: suspend(1),
        handle: (event) => {
          seen[name].push(label(event))
          return event.name.startsWith("by") ? Effect.void : succeed(`by ${name}`)
        }
      })
    return Effect.gen(function*() {
      for (const name of ["1", "2", "3"]) assert.strictEqual(yield* succeed(name), name)
      yield* AgentRuntime.flush
      yield* AgentRuntime.flush
      for (const name of ["a", "b"] as const) {
        const own = seen[name].filter((event) => event.startsWith(`by ${name}`))
        assert.deepStrictEqual(own, [])
        assert.deepStrictEqual(
          seen[name].filter((event) => !event.startsWith("by")),
          ["1:start", "1:end", "2:start", "2:end", "3:start", "3:end"]
        )
        assert.strictEqual(seen[name].length, 18)
      }
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: Layer.mergeAll(caller("a"), caller("b")) })))
  })

  it.effect("slows only the work that it is provided around", () => {
    const slow = held({ buffer: suspend(1) })
    const started: Array<string> = []
    const note = (name: string) =>
      ToolCall.run({ name, input: {} }, () =>
        Effect.sync(() => {
          started.push(name)
        }))
    return Effect.gen(function*() {
      const watched = yield* Effect.andThen(Mark.emit("1"), Effect.andThen(slow.hasEvent, note("watched"))).pipe(
        Subscriber.provide(slow.subscriber),
        Effect.forkChild
      )
      yield* slow.hasEvent
      yield* settle
      yield* note("free")
      assert.deepStrictEqual(started, ["free"])
      yield* slow.latch.open
      yield* Fiber.join(watched)
      assert.deepStrictEqual(started, ["free", "watched"])
      assert.deepStrictEqual(slow.labels(), ["1", "watched:start", "watched:end"])
    }).pipe(Effect.ensuring(slow.latch.open), Effect.provide(AgentRuntime.layer))
  })

  it.effect("lets a provided one's callers go when what it waits for was not for it", () =>
    Effect.andThen(Mark.emit("1"), succeed("next")).pipe(
      Subscriber.provide({ name: "none", handle: () => undefined, filter: () => false, buffer: suspend(1) }),
      Effect.map((value) => assert.strictEqual(value, "next")),
      Effect.provide(AgentRuntime.layer)
    ))

  it.effect("lets callers go when it is released", () => {
    const slow = held({ buffer: suspend(1) })
    const stop = Latch.makeUnsafe(false)
    return Effect.gen(function*() {
      const installed = yield* Effect.forkChild(Effect.provide(stop.await, slow.layer))
      yield* settle
      yield* Mark.emit("1")
      yield* slow.hasEvent
      const next = yield* Effect.forkChild(succeed("next"))
      yield* settle
      assert.isUndefined(next.pollUnsafe())
      yield* stop.open
      yield* slow.latch.open
      yield* Fiber.join(installed)
      assert.strictEqual(yield* Fiber.join(next), "next")
    }).pipe(Effect.ensuring(slow.latch.open), Effect.provide(AgentRuntime.layer))
  })
})
