import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import {
  AgentRuntime,
  EventBus,
  Mark,
  MetadataInjector,
  Middleware,
  Sanitizer,
  Subscriber,
  ToolCall
} from "../../src/index.ts"
import { held, label, recorder, settle, succeed } from "./harness.ts"

describe("AgentRuntime.flush", () => {
  it.effect("returns at once where nothing was emitted or nobody listens", () =>
    Effect.gen(function*() {
      yield* AgentRuntime.flush
      yield* succeed("one")
      yield* AgentRuntime.flush
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("waits until every subscriber has handled what was emitted before, and not for what comes after", () => {
    const slow = held({ name: "slow" })
    const other = recorder()
    return Effect.gen(function*() {
      yield* succeed("one")
      const flushing = yield* Effect.forkChild(AgentRuntime.flush)
      yield* slow.hasEvent
      yield* settle
      assert.strictEqual(other.events.length, 2)
      assert.isUndefined(flushing.pollUnsafe())
      yield* slow.latch.open
      yield* Fiber.join(flushing)
      assert.deepStrictEqual(slow.labels(), ["one:start", "one:end"])
    }).pipe(
      Effect.ensuring(slow.latch.open),
      Effect.provide(AgentRuntime.layerWith({ policies: Layer.merge(slow.layer, other.layer) }))
    )
  })

  it.effect("does not wait for events that come after it", () => {
    const gate = Latch.makeUnsafe(false)
    const seen: Array<string> = []
    const layer = Subscriber.layer({
      name: "stops at 2",
      handle: (event) => {
        seen.push(event.name)
        return event.name === "2" ? gate.await : Effect.void
      }
    })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      const flushing = yield* Effect.forkChild(AgentRuntime.flush, { startImmediately: true })
      yield* Mark.emit("2")
      yield* Fiber.join(flushing)
      assert.strictEqual(seen[0], "1")
    }).pipe(Effect.ensuring(gate.open), Effect.provide(AgentRuntime.layerWith({ policies: layer })))
  })

  it.effect("waits also for a subscriber that is waiting for a flush of its own", () => {
    const slow = held({ name: "slow" })
    const finished: Array<string> = []
    const flushing = Subscriber.layer({
      name: "flushing",
      handle: (event) =>
        Effect.andThen(
          AgentRuntime.flush,
          Effect.sync(() => {
            finished.push(event.name)
          })
        )
    })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      // It waits before the handler does, so it is asked first whether it is done.
      const outside = yield* Effect.forkChild(AgentRuntime.flush, { startImmediately: true })
      yield* slow.hasEvent
      yield* settle
      yield* slow.latch.open
      yield* Fiber.join(outside)
      assert.deepStrictEqual(finished, ["1"])
    }).pipe(
      Effect.ensuring(slow.latch.open),
      Effect.provide(AgentRuntime.layerWith({ policies: Layer.merge(slow.layer, flushing) }))
    )
  })

  it.effect("names the subscribers that were not done when the time is over", () => {
    const stuck = held({ name: "stuck" })
    return Effect.gen(function*() {
      yield* succeed("one")
      const flushing = yield* Effect.forkChild(Effect.flip(AgentRuntime.flush))
      yield* stuck.hasEvent
      yield* settle
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(flushing.pollUnsafe())
      yield* TestClock.adjust("1 seconds")
      const error = yield* Fiber.join(flushing)
      assert.instanceOf(error, AgentRuntime.FlushTimeout)
      assert.deepStrictEqual(error.waitingFor, ["stuck"])
      assert.strictEqual(error.afterMillis, 5000)
      assert.strictEqual(error.message, `events were not handled within 5000 ms; still waiting for "stuck"`)
    }).pipe(
      Effect.ensuring(stuck.latch.open),
      Effect.provide(AgentRuntime.layerWith({
        flushTimeout: "5 seconds",
        policies: Layer.merge(stuck.layer, recorder().layer)
      }))
    )
  })

  it.effect("names a provided subscriber too, and takes 30 seconds unless set", () => {
    const stuck = held({ name: "provided" })
    return Effect.gen(function*() {
      const work = yield* Effect.andThen(Mark.emit("1"), AgentRuntime.flush).pipe(
        Effect.flip,
        Effect.tap(() => stuck.latch.open),
        Subscriber.provide(stuck.subscriber),
        Effect.forkChild
      )
      yield* stuck.hasEvent
      yield* settle
      yield* TestClock.adjust("29999 millis")
      assert.isUndefined(work.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual((yield* Fiber.join(work)).waitingFor, ["provided"])
    }).pipe(Effect.ensuring(stuck.latch.open), Effect.provide(AgentRuntime.layer))
  })

  it.effect("says that it waits for the dispatcher when an observer hangs", () => {
    const hang = Sanitizer.mark({ name: "hang", timeout: "1 hour", sanitize: () => Effect.never })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      const flushing = yield* Effect.forkChild(Effect.flip(AgentRuntime.flush))
      yield* settle
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(flushing)
      assert.include(error.message, "30000 ms")
      yield* TestClock.adjust("1 hour")
    }).pipe(Effect.provide(AgentRuntime.layerWith({
      policies: Layer.merge(Middleware.layer(hang), recorder().layer)
    })))
  })

  it.effect("inside of a tool does not wait for the call's own end", () => {
    const all = recorder()
    return ToolCall.run(
      { name: "tool", input: {} },
      () => Effect.andThen(AgentRuntime.flush, Effect.sync(() => all.labels().join(",")))
    ).pipe(
      Effect.map((seen) => assert.strictEqual(seen, "tool:start")),
      Effect.provide(AgentRuntime.layerWith({ policies: all.layer }))
    )
  })

  it.effect("inside of handlers that flush at once waits for nobody who waits", () => {
    const seen: Array<string> = []
    const meet = Latch.makeUnsafe(false)
    const flusher = (name: string) =>
      Subscriber.layer({
        name,
        handle: (event) =>
          Effect.gen(function*() {
            if (seen.push(`${name}:${event.name}`) === 3) yield* meet.open
            // All three are inside of their handlers now.
            yield* meet.await
            yield* AgentRuntime.flush
            yield* Mark.emit(`${name} is done`)
          }).pipe(Effect.when(Effect.succeed(event.name === "1")))
      })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(seen.toSorted(), ["a:1", "b:1", "c:1"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({
      policies: Layer.mergeAll(flusher("a"), flusher("b"), flusher("c"))
    })))
  })

  it.effect("inside of a handler waits for those who do not wait for it", () => {
    const slow = held({ name: "slow" })
    const order: Array<string> = []
    const flusher = Subscriber.layer({
      name: "flusher",
      handle: () =>
        Effect.andThen(
          AgentRuntime.flush,
          Effect.sync(() => {
            order.push(`slow has handled ${slow.handled.length}`)
          })
        )
    })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      yield* slow.hasEvent
      yield* settle
      assert.deepStrictEqual(order, [])
      yield* slow.latch.open
      yield* AgentRuntime.flush
      yield* settle
      assert.deepStrictEqual(order, ["slow has handled 1"])
    }).pipe(
      Effect.ensuring(slow.latch.open),
      Effect.provide(AgentRuntime.layerWith({ policies: Layer.merge(slow.layer, flusher) }))
    )
  })

  it.effect("inside of a call that a handler makes, or of a fiber that it forks, does not wait for the handler", () => {
    const done = Deferred.makeUnsafe<void>()
    const layer = Subscriber.layer({
      name: "nested",
      handle: () =>
        ToolCall.run(
          { name: "inner", input: {} },
          () => Effect.andThen(Effect.flatMap(Effect.forkChild(AgentRuntime.flush), Fiber.join), AgentRuntime.flush)
        ).pipe(
          Effect.andThen(Deferred.succeed(done, undefined))
        )
    })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      yield* Deferred.await(done)
      yield* AgentRuntime.flush
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: layer })))
  })

  it.effect("inside of a sanitizer or an injector returns at once", () => {
    const all = recorder()
    const flushed = Effect.andThen(AgentRuntime.flush, Effect.succeed({}))
    return Effect.gen(function*() {
      yield* succeed("one")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(all.labels(), ["one:start", "one:end"])
      assert.isTrue(all.events.every(({ metadata }) => metadata === undefined || !("heddle.cleared" in metadata)))
    }).pipe(Effect.provide(AgentRuntime.layerWith({
      policies: Layer.merge(
        Middleware.layer(
          Sanitizer.scopeStart({ name: "flushes", sanitize: () => flushed }),
          Sanitizer.response({ name: "flushes", sanitize: (data) => Effect.as(flushed, data) }),
          MetadataInjector.make({ name: "flushes", inject: () => flushed })
        ),
        all.layer
      )
    })))
  })

  it.effect("waits until a reader of the stream has taken what came before", () => {
    const read: Array<string> = []
    return Effect.gen(function*() {
      const subscribed = yield* Deferred.make<void>()
      const reading = yield* EventBus.stream().pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => {
            read.push(label(event))
          })
        ),
        Effect.tap(Deferred.succeed(subscribed, undefined)),
        Effect.forkChild
      )
      yield* settle
      yield* succeed("one")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(read, ["one:start", "one:end"])
      yield* Fiber.interrupt(reading)
      yield* succeed("two")
      yield* AgentRuntime.flush
    }).pipe(Effect.provide(AgentRuntime.layer))
  })
})
