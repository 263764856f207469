import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { AgentRuntime, EventBus, ExecutionScope, Mark, ToolCall } from "../../src/index.ts"
import { label, opened, recorder, settle, succeed } from "../runtime/harness.ts"

type Options = Parameters<typeof EventBus.stream>[0]

/** Reads in a fiber of its own; subscribed when this returns. */
const reading = (options?: Options) =>
  Effect.gen(function*() {
    const read: Array<string> = []
    const fiber = yield* EventBus.stream(options).pipe(
      Stream.runForEach((event) => Effect.sync(() => read.push(label(event)))),
      Effect.forkChild
    )
    yield* settle
    return { read, fiber }
  })

describe("EventBus.stream", () => {
  it.effect("gives events in order, from its subscription on", () =>
    Effect.gen(function*() {
      yield* succeed("before")
      const { fiber, read } = yield* reading()
      yield* succeed("one")
      yield* Mark.emit("two")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(read, ["one:start", "one:end", "two"])
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: recorder().layer }))))

  it.effect("subscribes when it is run, once for each run", () =>
    Effect.gen(function*() {
      const stream = EventBus.stream().pipe(Stream.map(label), Stream.take(1), Stream.runCollect)
      yield* Mark.emit("1")
      const first = yield* Effect.forkChild(stream)
      yield* settle
      yield* Mark.emit("2")
      assert.deepStrictEqual(Array.from(yield* Fiber.join(first)), ["2"])
      const second = yield* Effect.forkChild(stream)
      yield* settle
      yield* Mark.emit("3")
      assert.deepStrictEqual(Array.from(yield* Fiber.join(second)), ["3"])
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("ends after the last event of its runtime, with the ends of open calls", () => {
    const go = Latch.makeUnsafe(false)
    const started = Latch.makeUnsafe(false)
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layer)
      const { fiber, read } = yield* reading().pipe(Effect.provideContext(context))
      yield* ToolCall.run({ name: "open", input: {} }, () => Effect.andThen(started.open, go.await)).pipe(
        ExecutionScope.run({ name: "around", category: "agent" }),
        Effect.provideContext(context),
        Effect.forkChild
      )
      yield* started.await
      yield* close
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(read, ["around:start", "open:start", "open:end", "around:end"])
      yield* go.open
    })
  })

  it.effect("gives a reader that is behind what was emitted before the end, then ends", () => {
    const slow = Latch.makeUnsafe(false)
    const read: Array<string> = []
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layerWith({ closeTimeout: "1 hour" }))
      const fiber = yield* EventBus.stream().pipe(
        Stream.runForEach((event) => Effect.andThen(slow.await, Effect.sync(() => read.push(label(event))))),
        Effect.provideContext(context),
        Effect.forkChild
      )
      yield* settle
      yield* Effect.andThen(succeed("one"), succeed("two")).pipe(Effect.provideContext(context))
      const closing = yield* Effect.forkChild(close)
      yield* settle
      yield* slow.open
      yield* Fiber.join(fiber)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(read, ["one:start", "one:end", "two:start", "two:end"])
    }).pipe(Effect.ensuring(slow.open))
  })

  it.effect("is empty in a runtime that has closed", () =>
    Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layer)
      yield* close
      const events = yield* EventBus.stream().pipe(Stream.runCollect, Effect.provideContext(context))
      assert.strictEqual(events.length, 0)
    }))

  it.effect("leaves another stream of the same runtime alone", () => {
    const gate = Latch.makeUnsafe(false)
    return Effect.gen(function*() {
      const quick = yield* reading()
      const starts = yield* reading({ filter: (event) => event._tag === "ScopeStart" })
      const stuck = yield* EventBus.stream().pipe(Stream.runForEach(() => gate.await), Effect.forkChild)
      yield* settle
      yield* succeed("one")
      yield* succeed("two")
      yield* settle
      assert.deepStrictEqual(quick.read, ["one:start", "one:end", "two:start", "two:end"])
      assert.deepStrictEqual(starts.read, ["one:start", "two:start"])
      yield* gate.open
      yield* Effect.forEach([quick.fiber, starts.fiber, stuck], Fiber.interrupt)
    }).pipe(Effect.ensuring(gate.open), Effect.provide(AgentRuntime.layer))
  })

  for (
    const [strategy, ...expected] of [
      ["dropping", "1", "2", "3", "gap(2, 4..5)"],
      ["sliding", "1", "gap(2, 2..3)", "4", "5"],
      ["suspend", "1", "2", "3", "4", "5"]
    ] as const
  ) {
    it.effect(`has a buffer of its own (${strategy})`, () => {
      const gate = Latch.makeUnsafe(false)
      const has = Latch.makeUnsafe(false)
      const read: Array<string> = []
      return Effect.gen(function*() {
        const fiber = yield* EventBus.stream({ buffer: { capacity: 2, strategy } }).pipe(
          Stream.runForEach((event) =>
            has.open.pipe(Effect.andThen(gate.await), Effect.andThen(Effect.sync(() => read.push(label(event)))))
          ),
          Effect.forkChild
        )
        yield* settle
        yield* Mark.emit("1")
        yield* has.await
        yield* Effect.forEach(["2", "3", "4", "5"], (name) => Mark.emit(name))
        const next = strategy === "suspend" ? yield* Effect.forkChild(succeed("next")) : undefined
        yield* settle
        if (next !== undefined) assert.isUndefined(next.pollUnsafe())
        yield* gate.open
        if (next !== undefined) yield* Fiber.join(next)
        yield* settle
        assert.deepStrictEqual(read.slice(0, expected.length), Array.from<string>(expected))
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.ensuring(gate.open), Effect.provide(AgentRuntime.layer))
    })
  }

  it.effect("gives late ends only where they are asked for", () =>
    Effect.gen(function*() {
      const [late, curious] = yield* ExecutionScope.open({ name: "outer", category: "agent" }).pipe(
        Effect.andThen(Effect.all([reading(), reading({ lateEnds: true })])),
        Effect.scoped
      )
      yield* succeed("next")
      yield* settle
      assert.deepStrictEqual(late.read, ["next:start", "next:end"])
      assert.deepStrictEqual(curious.read, ["outer:end", "next:start", "next:end"])
      yield* Effect.forEach([late.fiber, curious.fiber], Fiber.interrupt)
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("unsubscribes when its reader stops early", () =>
    Effect.gen(function*() {
      const { kernel } = yield* AgentRuntime.AgentRuntime
      const some = yield* Effect.forkChild(
        EventBus.stream({ buffer: { capacity: 1, strategy: "suspend" } }).pipe(
          Stream.take(2),
          Stream.map(label),
          Stream.runCollect
        )
      )
      yield* settle
      assert.strictEqual(kernel.mailboxes.length, 1)
      yield* Mark.emit("1")
      yield* Mark.emit("2")
      yield* Mark.emit("3")
      assert.deepStrictEqual(Array.from(yield* Fiber.join(some)), ["1", "2"])
      assert.strictEqual(kernel.mailboxes.length, 0)
      // Nobody listens, so nobody is waited for, and nothing is built.
      const { sequence } = kernel
      yield* succeed("free")
      yield* AgentRuntime.flush
      assert.strictEqual(kernel.sequence, sequence)
    }).pipe(Effect.provide(AgentRuntime.layer)))
})
