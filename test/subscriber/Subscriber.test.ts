import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type { LifecycleEvent } from "../../src/index.ts"
import { AgentRuntime, ExecutionScope, Mark, Middleware, Subscriber, ToolCall } from "../../src/index.ts"
import { held, label, labels, logs, opened, recorder, settle, succeed } from "../runtime/harness.ts"

const withPolicies = (policies: Layer.Layer<never, Middleware.DuplicateEntry, AgentRuntime.AgentRuntime>) =>
  AgentRuntime.layerWith({ policies })

describe("Subscriber", () => {
  it.effect("delivers events in the order of emission", () => {
    const { layer, events, labels } = recorder()
    return Effect.gen(function*() {
      yield* Effect.all(
        [1, 2, 3].map((n) => ToolCall.run({ name: `t${n}`, input: n }, () => Effect.yieldNow)),
        { concurrency: "unbounded" }
      ).pipe(ExecutionScope.run({ name: "all", category: "agent" }))
      yield* AgentRuntime.flush
      assert.deepStrictEqual(events.map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6, 7, 8])
      assert.deepStrictEqual([labels()[0], labels()[7]], ["all:start", "all:end"])
    }).pipe(Effect.provide(withPolicies(layer)))
  })

  it.effect("gives an asynchronous handler one event at a time", () => {
    let running = 0
    let most = 0
    const seen: Array<string> = []
    const layer = Subscriber.layer({
      name: "slow",
      handle: (event) =>
        Effect.gen(function*() {
          most = Math.max(most, ++running)
          yield* Effect.yieldNow
          seen.push(event.name)
          running--
        })
    })
    return Effect.gen(function*() {
      yield* Effect.forEach(["a", "b", "c"], (name) => Mark.emit(name))
      yield* AgentRuntime.flush
      assert.deepStrictEqual(seen, ["a", "b", "c"])
      assert.strictEqual(most, 1)
    }).pipe(Effect.provide(withPolicies(layer)))
  })

  const broken: ReadonlyArray<readonly [how: string, handle: (event: LifecycleEvent.LifecycleEvent) => unknown]> = [
    ["fails", () => Effect.fail("no")],
    ["throws", () => {
      throw new Error("no")
    }],
    ["throws inside of its effect", () =>
      Effect.sync(() => {
        throw new Error("no")
      })],
    ["dies", () => Effect.die(null)],
    ["interrupts itself", () => Effect.interrupt],
    ["returns a promise that rejects", () => Promise.reject(new Error("no"))],
    ["returns something unreadable", () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    }],
    ["throws something that throws when it is read", () => {
      throw new Proxy({}, {
        get: () => {
          throw new Error("trap")
        }
      })
    }]
  ]
  for (const [how, handle] of broken) {
    it.effect(`gives the next events to a handler that ${how}, and hurts nobody else`, () => {
      const other = recorder()
      const log = logs()
      let count = 0
      const layer = Subscriber.layer({
        name: "broken",
        handle: (event) => {
          count++
          return handle(event) as Effect.Effect<void, string>
        }
      })
      return Effect.gen(function*() {
        assert.strictEqual(yield* succeed("one"), "one")
        assert.strictEqual(yield* succeed("two"), "two")
        yield* AgentRuntime.flush
        yield* settle
        assert.strictEqual(count, 4)
        assert.deepStrictEqual(other.labels(), ["one:start", "one:end", "two:start", "two:end"])
        // Logged once for this kind and name, not once for each event.
        assert.strictEqual(
          log.texts().filter((text) => text.startsWith("heddle: subscriber failed: broken")).length,
          1
        )
      }).pipe(Effect.provide(withPolicies(Layer.mergeAll(layer, other.layer)).pipe(Layer.provide(log.layer))))
    })
  }

  it.effect("is not delayed by a subscriber that never finishes, and neither is the work", () => {
    const stuck = held({ name: "stuck" })
    const other = recorder()
    return Effect.gen(function*() {
      assert.strictEqual(yield* succeed("one"), "one")
      yield* stuck.hasEvent
      assert.strictEqual(yield* succeed("two"), "two")
      yield* settle
      assert.deepStrictEqual(other.labels(), ["one:start", "one:end", "two:start", "two:end"])
      assert.strictEqual(stuck.entered.length, 1)
      yield* stuck.latch.open
      yield* AgentRuntime.flush
      assert.deepStrictEqual(stuck.labels(), other.labels())
    }).pipe(Effect.provide(withPolicies(Layer.mergeAll(stuck.layer, other.layer))))
  })

  it.effect("delivers what a handler emits to others, and never back to it", () => {
    const other = recorder()
    const seen: Array<string> = []
    const layer = Subscriber.layer({
      name: "echo",
      handle: (event) => {
        seen.push(label(event))
        return event.name === "ping"
          ? Effect.andThen(Mark.emit("pong"), succeed("answer")).pipe(
            Effect.andThen(Effect.forkChild(Mark.emit("from a fork"))),
            Effect.flatMap(Fiber.join),
            ExecutionScope.run({ name: "reply", category: "function" })
          )
          : Effect.void
      }
    })
    return Effect.gen(function*() {
      yield* Mark.emit("ping")
      yield* AgentRuntime.flush
      yield* Mark.emit("last")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(seen, ["ping", "last"])
      assert.deepStrictEqual(other.labels(), [
        "ping",
        "reply:start",
        "pong",
        "answer:start",
        "answer:end",
        "from a fork",
        "reply:end",
        "last"
      ])
    }).pipe(Effect.provide(withPolicies(Layer.mergeAll(layer, other.layer))))
  })

  it.effect("delivers between two handlers that answer each other, and a flush does not wait for their whole talk", () => {
    const heard: Array<string> = []
    const talker = (name: string) =>
      Subscriber.layer({
        name,
        handle: (event) => {
          heard.push(`${name}: ${event.name}`)
          return heard.length < 2000 ? Mark.emit(`${name} ${event.name}`.slice(0, 8)) : Effect.void
        }
      })
    return Effect.gen(function*() {
      yield* Mark.emit("x")
      yield* AgentRuntime.flush
      assert.isBelow(heard.length, 100)
      yield* AgentRuntime.flush
      assert.deepStrictEqual(heard.slice(0, 4).toSorted(), ["a: b x", "a: x", "b: a x", "b: x"])
      assert.isBelow(heard.length, 200)
    }).pipe(Effect.provide(withPolicies(Layer.mergeAll(talker("a"), talker("b")))))
  })

  it.effect("runs handlers outside of every scope, with the services of the place where it was installed", () => {
    // @effect-diagnostics-next-line deterministicKeys:off
    class Prefix extends Context.Service<Prefix, string>()("test/Prefix") {}
    const seen: Array<string> = []
    const layer = Subscriber.layer({
      name: "prefixed",
      handle: (event) =>
        Effect.gen(function*() {
          const prefix = yield* Prefix
          const current = yield* ExecutionScope.current
          seen.push(`${prefix}${event.name} ${current._tag}`)
        })
    }).pipe(Layer.provide(Layer.succeed(Prefix, "installed:")))
    return Effect.gen(function*() {
      yield* Mark.emit("m").pipe(ExecutionScope.run({ name: "s", category: "agent" }))
      yield* AgentRuntime.flush
      assert.deepStrictEqual(seen, ["installed:s None", "installed:m None", "installed:s None"])
    }).pipe(Effect.provideService(Prefix, "caller:"), Effect.provide(withPolicies(layer)))
  })

  it.effect("gets only what its filter lets through; a filter that throws lets nothing through", () => {
    const ends = recorder({ name: "ends", filter: (event) => event._tag === "ScopeEnd" })
    const picky = recorder({
      name: "picky",
      filter: (event) => {
        if (event.name === "two") throw new Error("no")
        return true
      }
    })
    const log = logs()
    return Effect.gen(function*() {
      yield* succeed("one")
      yield* succeed("two")
      yield* succeed("three")
      yield* AgentRuntime.flush
      yield* settle
      assert.deepStrictEqual(ends.labels(), ["one:end", "two:end", "three:end"])
      assert.deepStrictEqual(picky.labels(), ["one:start", "one:end", "three:start", "three:end"])
      assert.deepStrictEqual(log.texts(), ["heddle: subscriber filter failed: picky {…}"])
    }).pipe(Effect.provide(withPolicies(Layer.mergeAll(ends.layer, picky.layer)).pipe(Layer.provide(log.layer))))
  })

  it.effect("gets no end whose start it was too late for, unless it asks", () => {
    const early = recorder({ name: "early" })
    const late = recorder({ name: "late" })
    const curious = recorder({ name: "curious", lateEnds: true })
    return Effect.gen(function*() {
      yield* Effect.gen(function*() {
        yield* opened(Layer.mergeAll(late.layer, curious.layer))
        yield* Mark.emit("inside")
      }).pipe(ExecutionScope.run({ name: "outer", category: "agent" }))
      yield* succeed("next")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(early.labels(), ["outer:start", "inside", "outer:end", "next:start", "next:end"])
      assert.deepStrictEqual(late.labels(), ["inside", "next:start", "next:end"])
      assert.deepStrictEqual(curious.labels(), ["inside", "outer:end", "next:start", "next:end"])
    }).pipe(Effect.provide(withPolicies(early.layer)))
  })

  it.effect("gets late ends also where nobody listened to the start", () => {
    const late = recorder({ name: "late" })
    const curious = recorder({ name: "curious", lateEnds: true })
    return Effect.gen(function*() {
      yield* opened(Layer.mergeAll(late.layer, curious.layer)).pipe(
        ExecutionScope.run({ name: "outer", category: "agent" })
      )
      yield* AgentRuntime.flush
      assert.deepStrictEqual(late.labels(), [])
      assert.deepStrictEqual(curious.labels(), ["outer:end"])
    }).pipe(Effect.provide(AgentRuntime.layer))
  })

  it.effect("needs a name of its own in its runtime, for as long as it lives", () =>
    Effect.gen(function*() {
      const first = yield* opened(recorder().layer)
      const error = yield* Effect.flip(opened(recorder().layer))
      assert.instanceOf(error, Middleware.DuplicateEntry)
      assert.deepStrictEqual({ kind: error.kind, name: error.name }, { kind: "subscriber", name: "recorder" })
      yield* opened(recorder({ name: "other" }).layer)
      yield* first.close
      const again = recorder()
      yield* opened(again.layer)
      yield* Mark.emit("m")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(again.labels(), ["m"])
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("sees nothing from before it was there, nor from after it was released", () => {
    const middle = recorder()
    return Effect.gen(function*() {
      yield* Mark.emit("before")
      const { close } = yield* opened(middle.layer)
      yield* Mark.emit("during")
      yield* close
      yield* Mark.emit("after")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(middle.labels(), ["during"])
    }).pipe(Effect.provide(withPolicies(recorder({ name: "always" }).layer)))
  })

  it.effect("handles what was emitted before its layer is released", () => {
    const slow = held()
    return Effect.gen(function*() {
      const { close } = yield* opened(slow.layer)
      yield* Effect.forEach(["a", "b", "c"], (name) => Mark.emit(name))
      const closing = yield* Effect.forkChild(close)
      yield* slow.hasEvent
      yield* settle
      assert.isUndefined(closing.pollUnsafe())
      yield* slow.latch.open
      yield* Fiber.join(closing)
      assert.deepStrictEqual(slow.labels(), ["a", "b", "c"])
    }).pipe(Effect.provide(AgentRuntime.layer))
  })

  it.effect("can call, mark and flush inside of its handler", () => {
    const done = Deferred.makeUnsafe<string>()
    const other = recorder()
    const layer = Subscriber.layer({
      name: "reentrant",
      handle: (event) =>
        Effect.gen(function*() {
          if (event.name !== "start") return
          const value = yield* succeed("inner")
          yield* AgentRuntime.flush
          // The flush was a barrier for the others.
          yield* Deferred.succeed(done, `${value} ${labels(other.events).join(",")}`)
        })
    })
    return Effect.gen(function*() {
      yield* Mark.emit("start")
      yield* AgentRuntime.flush
      assert.strictEqual(yield* Deferred.await(done), "inner start,inner:start,inner:end")
    }).pipe(Effect.provide(withPolicies(Layer.mergeAll(layer, other.layer))))
  })
})
