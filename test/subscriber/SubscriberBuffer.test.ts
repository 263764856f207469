import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type { LifecycleEvent } from "../../src/index.ts"
import { AgentRuntime, Mark, Subscriber, ToolCall } from "../../src/index.ts"
import { held, label, opened, recorder, settle } from "../runtime/harness.ts"

const marks = (...names: ReadonlyArray<string>) => Effect.forEach(names, (name) => Mark.emit(name), { discard: true })

/** A subscriber that handles one event for each `step`. */
const stepped = (strategy: "dropping" | "sliding", capacity: number) => {
  const seen: Array<string> = []
  const handled = Queue.unbounded<string>()
  const permits = Queue.unbounded<void>()
  return Effect.gen(function*() {
    const done = yield* handled
    const go = yield* permits
    const layer = Subscriber.layer({
      name: "stepped",
      buffer: { capacity, strategy },
      handle: (event) =>
        Effect.gen(function*() {
          yield* Queue.take(go)
          seen.push(label(event))
          yield* Queue.offer(done, label(event))
        })
    })
    const step = Effect.andThen(Queue.offer(go, undefined), Effect.andThen(Queue.take(done), settle))
    return { seen, layer, step, free: Queue.offerAll(go, Array.from({ length: 100 }, () => undefined)) }
  })
}

describe("the buffer of a subscriber", () => {
  it.effect("keeps what is in it and drops what comes, if it is dropping", () => {
    const slow = held({ buffer: { capacity: 2, strategy: "dropping" } })
    return Effect.gen(function*() {
      yield* marks("1")
      yield* slow.hasEvent
      yield* marks("2", "3", "4", "5", "6")
      yield* settle
      yield* slow.latch.open
      yield* settle
      assert.deepStrictEqual(slow.labels(), ["1", "2", "3", "gap(3, 4..6)"])
      yield* marks("7")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(slow.labels(), ["1", "2", "3", "gap(3, 4..6)", "7"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: slow.layer })))
  })

  it.effect("drops the oldest, if it is sliding", () => {
    const slow = held({ buffer: { capacity: 2, strategy: "sliding" } })
    return Effect.gen(function*() {
      yield* marks("1")
      yield* slow.hasEvent
      yield* marks("2", "3", "4", "5", "6")
      yield* settle
      yield* slow.latch.open
      yield* AgentRuntime.flush
      assert.deepStrictEqual(slow.labels(), ["1", "gap(3, 2..4)", "5", "6"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: slow.layer })))
  })

  it.effect("drops nothing, if it suspends", () => {
    const slow = held({ buffer: { capacity: 2, strategy: "suspend" } })
    return Effect.gen(function*() {
      yield* marks("1", "2", "3", "4", "5", "6")
      yield* slow.hasEvent
      yield* slow.latch.open
      yield* AgentRuntime.flush
      assert.deepStrictEqual(slow.labels(), ["1", "2", "3", "4", "5", "6"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: slow.layer })))
  })

  it.effect("announces each gap where it is, so that numbers never go back", () =>
    Effect.gen(function*() {
      const slow = yield* stepped("dropping", 2)
      yield* Effect.gen(function*() {
        yield* marks("1")
        yield* settle
        yield* marks("2", "3", "4")
        yield* settle
        // 1 is done and 2 in the handler's hands: there is room for 5 behind 3, but not for 6.
        yield* slow.step
        yield* marks("5", "6")
        yield* settle
        yield* slow.free
        yield* AgentRuntime.flush
        yield* settle
        assert.deepStrictEqual(slow.seen, ["1", "2", "3", "gap(1, 4..4)", "5", "gap(1, 6..6)"])
      }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: slow.layer })))
    }))

  it.effect("announces one gap where a sliding buffer dropped again before it was told", () =>
    Effect.gen(function*() {
      const slow = yield* stepped("sliding", 2)
      yield* Effect.gen(function*() {
        yield* marks("1")
        yield* settle
        yield* marks("2", "3", "4")
        yield* settle
        yield* marks("5", "6")
        yield* settle
        yield* slow.free
        yield* AgentRuntime.flush
        assert.deepStrictEqual(slow.seen, ["1", "gap(3, 2..4)", "5", "6"])
      }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: slow.layer })))
    }))

  it.effect("tells what a sliding buffer dropped from what the ring lost behind what it kept", () => {
    const slow = held({ buffer: { capacity: 2, strategy: "sliding" } })
    return Effect.gen(function*() {
      yield* marks("1")
      yield* slow.hasEvent
      yield* marks("2", "3", "4")
      yield* settle
      // The ring takes four of them.
      yield* marks("5", "6", "7", "8", "9", "10")
      yield* settle
      yield* slow.latch.open
      yield* AgentRuntime.flush
      assert.deepStrictEqual(slow.labels(), ["1", "gap(5, 2..6)", "7", "8", "gap(2, 9..10)"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ capacity: 4, onFull: "drop", policies: slow.layer })))
  })

  it.effect("tells the gaps of two runtimes apart, since each has its own numbers", () => {
    const slow = held({ buffer: { capacity: 1, strategy: "dropping" } })
    return Effect.gen(function*() {
      const other = yield* opened(AgentRuntime.layerWith({ policies: recorder().layer }))
      yield* marks("other 1", "other 2", "other 3", "other 4").pipe(Effect.provideContext(other.context))
      const work = yield* Effect.gen(function*() {
        yield* marks("1")
        yield* slow.hasEvent
        yield* marks("2", "3")
        yield* settle
        yield* Effect.andThen(marks("other 5", "other 6"), settle).pipe(Effect.provideContext(other.context))
      }).pipe(Subscriber.provide(slow.subscriber), Effect.forkChild)
      yield* slow.hasEvent
      for (let i = 0; i < 5; i++) yield* settle
      yield* slow.latch.open
      yield* Fiber.join(work)
      assert.deepStrictEqual(slow.labels().toSorted(), ["1", "2", "gap(1, 3..3)", "gap(2, 5..6)"])
    }).pipe(Effect.ensuring(slow.latch.open), Effect.provide(AgentRuntime.layer))
  })

  it.effect("announces a gap as a warning of the subscriber's own, under no scope, past its filter", () => {
    const slow = held({
      name: "small",
      buffer: { capacity: 1, strategy: "dropping" },
      filter: (event) => event.name !== "heddle.gap"
    })
    const other = recorder()
    return Effect.gen(function*() {
      yield* marks("1")
      yield* slow.hasEvent
      yield* marks("2", "3")
      yield* settle
      yield* slow.latch.open
      yield* AgentRuntime.flush
      yield* settle
      const gap = slow.handled[2] as LifecycleEvent.Mark
      assert.deepStrictEqual(
        {
          _tag: gap._tag,
          name: gap.name,
          severity: gap.severity,
          sequence: gap.sequence,
          parentUuid: gap.parentUuid,
          isRoot: gap.rootUuid === gap.uuid,
          metadata: gap.metadata
        },
        {
          _tag: "Mark",
          name: "heddle.gap",
          severity: "warn",
          sequence: 3,
          parentUuid: undefined,
          isRoot: true,
          metadata: { "heddle.subscriber": "small" }
        }
      )
      assert.deepStrictEqual(other.labels(), ["1", "2", "3"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: Layer.mergeAll(slow.layer, other.layer) })))
  })

  it.effect("does not count what its filter refuses", () => {
    const slow = held({
      buffer: { capacity: 1, strategy: "dropping" },
      filter: (event) => !event.name.startsWith("no")
    })
    return Effect.gen(function*() {
      yield* marks("1")
      yield* slow.hasEvent
      yield* marks("no", "2", "no", "no", "3", "no")
      yield* settle
      yield* slow.latch.open
      yield* AgentRuntime.flush
      yield* settle
      assert.deepStrictEqual(slow.labels(), ["1", "2", "gap(1, 6..6)"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: slow.layer })))
  })

  /** Holds the handler on every gap; what is asked is whether anybody waits for that. */
  const slowOnGaps = () => {
    const first = Latch.makeUnsafe(false)
    const gap = Latch.makeUnsafe(false)
    const hasFirst = Deferred.makeUnsafe<void>()
    const hasGap = Deferred.makeUnsafe<void>()
    const finished: Array<string> = []
    const options = {
      name: "slow on gaps",
      buffer: { capacity: 1, strategy: "dropping" } as const,
      handle: (event: LifecycleEvent.LifecycleEvent) =>
        Effect.gen(function*() {
          const isGap = event.name === "heddle.gap"
          yield* Deferred.succeed(isGap ? hasGap : hasFirst, undefined)
          yield* isGap ? gap.await : first.await
          finished.push(label(event))
        })
    }
    return { first, gap, hasFirst: Deferred.await(hasFirst), hasGap: Deferred.await(hasGap), finished, options }
  }

  it.effect("makes a flush wait until a gap has been handled", () => {
    const slow = slowOnGaps()
    return Effect.gen(function*() {
      yield* marks("1")
      yield* slow.hasFirst
      yield* marks("2", "3")
      yield* settle
      const flushing = yield* Effect.forkChild(AgentRuntime.flush)
      yield* slow.first.open
      yield* slow.hasGap
      yield* settle
      assert.isUndefined(flushing.pollUnsafe())
      yield* slow.gap.open
      yield* Fiber.join(flushing)
      assert.deepStrictEqual(slow.finished, ["1", "2", "gap(1, 3..3)"])
    }).pipe(
      Effect.ensuring(slow.gap.open),
      Effect.provide(AgentRuntime.layerWith({ policies: Subscriber.layer(slow.options) }))
    )
  })

  for (const what of ["subscriber", "runtime"] as const) {
    it.effect(`makes the release of its ${what} wait until a gap has been handled`, () => {
      const slow = slowOnGaps()
      const layer = Subscriber.layer(slow.options)
      return Effect.gen(function*() {
        const whole = yield* opened(
          what === "runtime" ? AgentRuntime.layerWith({ policies: layer }) : AgentRuntime.layer
        )
        yield* Effect.gen(function*() {
          const { close } = what === "runtime" ? whole : yield* opened(layer)
          yield* marks("1")
          yield* slow.hasFirst
          yield* marks("2", "3")
          yield* settle
          const closing = yield* Effect.forkChild(close)
          yield* slow.first.open
          yield* slow.hasGap
          yield* settle
          assert.isUndefined(closing.pollUnsafe())
          yield* slow.gap.open
          yield* Fiber.join(closing)
          assert.deepStrictEqual(slow.finished, ["1", "2", "gap(1, 3..3)"])
        }).pipe(Effect.ensuring(slow.gap.open), Effect.provideContext(whole.context))
      })
    })
  }

  it.effect("makes a provided subscriber's effect wait until a gap has been handled", () => {
    const slow = slowOnGaps()
    return Effect.gen(function*() {
      const working = yield* Effect.gen(function*() {
        yield* marks("1")
        yield* slow.hasFirst
        yield* marks("2", "3")
      }).pipe(Subscriber.provide(slow.options), Effect.forkChild)
      yield* slow.hasFirst
      yield* settle
      yield* slow.first.open
      yield* slow.hasGap
      yield* settle
      assert.isUndefined(working.pollUnsafe())
      yield* slow.gap.open
      yield* Fiber.join(working)
      assert.deepStrictEqual(slow.finished, ["1", "2", "gap(1, 3..3)"])
    }).pipe(Effect.ensuring(slow.gap.open), Effect.provide(AgentRuntime.layer))
  })

  for (const strategy of ["dropping", "sliding", "suspend"] as const) {
    it.effect(`has room for one event at least (${strategy})`, () => {
      const events = recorder({ buffer: { capacity: 0, strategy } })
      return Effect.gen(function*() {
        yield* ToolCall.run({ name: "1", input: {} }, () => AgentRuntime.flush)
        yield* AgentRuntime.flush
        assert.deepStrictEqual(events.labels(), ["1:start", "1:end"])
      }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: events.layer })))
    })
  }
})
