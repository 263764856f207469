import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import { ExportError } from "../../src/exporter/ExportError.ts"
import * as delivery from "../../src/exporter/internal/delivery.ts"
import { AgentRuntime, Mark } from "../../src/index.ts"
import { settle } from "../runtime/harness.ts"
import { busy, counted, marks, refused, scripted } from "./deliverySupport.ts"

type Options = Parameters<typeof delivery.layer>[0]

const runtimeWith = (options: Options, exporter: delivery.Exporter<never>) =>
  Effect.provide(AgentRuntime.layerWith({ policies: delivery.layer(options, exporter) }))

describe("delivery", () => {
  it.effect("hands over full batches at once and the rest when it has waited long enough", () => {
    const target = scripted()
    return Effect.gen(function*() {
      yield* marks("1", "2", "3", "4", "5")
      yield* settle
      assert.deepStrictEqual(target.taken, [["1", "2"], ["3", "4"]])
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(target.taken, [["1", "2"], ["3", "4"]])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(target.taken, [["1", "2"], ["3", "4"], ["5"]])
    }).pipe(runtimeWith({ name: "d1", maxBatchSize: 2 }, target))
  })

  it.effect("hands over at once if it may not wait", () => {
    const target = scripted()
    return Effect.gen(function*() {
      yield* marks("1")
      yield* target.hasBegun
      assert.deepStrictEqual(target.attempts, [["1"]])
    }).pipe(runtimeWith({ name: "d2", scheduledDelay: 0 }, target))
  })

  it.effect("is cut short by a flush, which returns when everything before it has been taken", () => {
    const latch = Latch.makeUnsafe(false)
    const target = scripted(latch.await)
    return Effect.gen(function*() {
      yield* marks("1", "2", "3")
      const flush = yield* Effect.forkChild(AgentRuntime.flush)
      yield* target.hasBegun
      assert.deepStrictEqual(target.attempts, [["1", "2"]])
      yield* settle
      assert.isUndefined(flush.pollUnsafe())
      yield* latch.open
      yield* Fiber.join(flush)
      assert.deepStrictEqual(target.taken, [["1", "2"], ["3"]])
      assert.deepStrictEqual(yield* counted("d3"), { sent: 3, dropped: 0, failed: 0, retried: 0 })
    }).pipe(runtimeWith({ name: "d3", maxBatchSize: 2 }, target))
  })

  it.effect("keeps lingering after a flush", () => {
    const target = scripted()
    return Effect.gen(function*() {
      yield* marks("1")
      yield* AgentRuntime.flush
      yield* marks("2")
      yield* settle
      assert.deepStrictEqual(target.taken, [["1"]])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(target.taken, [["1"], ["2"]])
    }).pipe(runtimeWith({ name: "d4" }, target))
  })

  it.effect("tries a batch again, before the next one, when its target may take it later", () => {
    const target = scripted(Effect.fail(busy), Effect.fail(busy))
    return Effect.gen(function*() {
      yield* marks("1", "2")
      const flush = yield* Effect.forkChild(AgentRuntime.flush)
      yield* target.hasBegun
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(flush)
      assert.deepStrictEqual(target.attempts, [["1"], ["1"], ["1"], ["2"]])
      assert.deepStrictEqual(yield* counted("d5"), { sent: 2, dropped: 0, failed: 0, retried: 2 })
    }).pipe(runtimeWith({ name: "d5", maxBatchSize: 1 }, target))
  })

  it.effect("waits as long as its target asks", () => {
    const target = scripted(Effect.fail(
      new ExportError({ target: "test", reason: "429", isRetryable: true, retryAfter: Duration.seconds(20) })
    ))
    return Effect.gen(function*() {
      yield* marks("1")
      yield* target.hasBegun
      yield* TestClock.adjust("19 seconds")
      assert.strictEqual(target.attempts.length, 1)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(target.attempts.length, 2)
    }).pipe(runtimeWith({ name: "d6", scheduledDelay: 0 }, target))
  })

  it.effect("goes on after a refused batch, a defect and an attempt that does not end", () => {
    const target = scripted(Effect.fail(refused), Effect.die("boom"), Effect.never)
    return Effect.gen(function*() {
      yield* marks("1", "2", "3", "4")
      yield* settle
      yield* TestClock.adjust("5 seconds")
      yield* AgentRuntime.flush.pipe(
        Effect.forkChild,
        Effect.flatMap((flush) => Effect.andThen(TestClock.adjust("20 seconds"), Fiber.join(flush)))
      )
      assert.deepStrictEqual(target.taken, [["3"], ["4"]])
      assert.deepStrictEqual(yield* counted("d7"), { sent: 2, dropped: 0, failed: 2, retried: 1 })
      const troubles = yield* AgentRuntime.troubles
      assert.deepStrictEqual(troubles.filter(({ kind }) => kind === "export failed"), [
        { kind: "export failed", name: "d7", count: 2 }
      ])
    }).pipe(runtimeWith({ name: "d7", maxBatchSize: 1, exportTimeout: "5 seconds" }, target))
  })

  it.effect("counts only what was lost of a batch that was taken in part", () => {
    const target = scripted(Effect.fail(
      new ExportError({ target: "test", reason: "one is bad", isRetryable: false, lost: 1 })
    ))
    return Effect.gen(function*() {
      yield* marks("1", "2", "3")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(yield* counted("d8"), { sent: 2, dropped: 0, failed: 1, retried: 0 })
    }).pipe(runtimeWith({ name: "d8" }, target))
  })

  it.effect("drops what does not fit, says so in place, and counts it while the target is still away", () => {
    const latch = Latch.makeUnsafe(false)
    const target = scripted(Effect.andThen(latch.await, Effect.fail(busy)))
    return Effect.gen(function*() {
      yield* marks("1")
      yield* target.hasBegun
      yield* marks("2", "3", "4", "5")
      yield* settle
      yield* latch.open
      yield* settle
      assert.deepStrictEqual(yield* counted("d9"), { sent: 0, dropped: 2, failed: 0, retried: 1 })
      yield* TestClock.adjust("10 seconds")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(target.taken, [["1"], ["2", "3"], ["gap(2, 4..5)"]])
    }).pipe(runtimeWith({ name: "d9", maxQueueSize: 2, scheduledDelay: 0 }, target))
  })

  it.effect("gives up when the schedule ends, and then lets nobody wait for a target that is down", () => {
    const target = scripted(...Array.from({ length: 1000 }, () => Effect.fail(busy)))
    return Effect.gen(function*() {
      yield* marks("1")
      yield* target.hasBegun
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* counted("d10")).failed, 1)
      const before = target.attempts.length
      yield* marks("2", "3")
      // The clock stands: a wait for a retry would never end.
      yield* AgentRuntime.flush
      assert.strictEqual(target.attempts.length, before + 1)
      assert.strictEqual((yield* counted("d10")).failed, 3)
    }).pipe(runtimeWith({ name: "d10" }, target))
  })

  it.effect("lets a flush wait for a target that is away for three seconds and no longer, from its first failure on", () => {
    const target = scripted(...Array.from({ length: 1000 }, () => Effect.fail(busy)))
    return Effect.gen(function*() {
      yield* marks("1")
      const flush = yield* Effect.forkChild(AgentRuntime.flush)
      yield* target.hasBegun
      yield* TestClock.adjust("2900 millis")
      assert.isUndefined(flush.pollUnsafe())
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(flush)
      assert.strictEqual((yield* counted("d14")).failed, 1)
    }).pipe(runtimeWith({ name: "d14", retry: Schedule.spaced("1 second") }, target))
  })

  it.effect("does not take a target for away that says when to come again", () => {
    const later = new ExportError({ target: "test", reason: "429", isRetryable: true, retryAfter: Duration.seconds(9) })
    const target = scripted(Effect.fail(later), Effect.fail(later))
    return Effect.gen(function*() {
      yield* marks("1")
      const flush = yield* Effect.forkChild(AgentRuntime.flush)
      yield* target.hasBegun
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(flush)
      assert.deepStrictEqual(target.taken, [["1"]])
    }).pipe(runtimeWith({ name: "d15" }, target))
  })

  it.effect("keeps a batch of a target that is away while nobody waits", () => {
    const target = scripted(...Array.from({ length: 20 }, () => Effect.fail(busy)))
    return Effect.gen(function*() {
      yield* marks("1")
      yield* target.hasBegun
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(target.taken, [["1"]])
    }).pipe(runtimeWith({ name: "d16", scheduledDelay: 0, retry: Schedule.spaced("1 second") }, target))
  })

  it.effect("is not told of what its exporter emits itself", () => {
    const target = scripted()
    const exporter: delivery.Exporter<AgentRuntime.AgentRuntime> = {
      export: (events) => Effect.andThen(Mark.emit("own"), target.export(events))
    }
    return Effect.gen(function*() {
      yield* marks("1")
      yield* AgentRuntime.flush
      yield* AgentRuntime.flush
      assert.deepStrictEqual(target.taken, [["1"]])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: delivery.layer({ name: "d11" }, exporter) })))
  })

  it.effect("flushes its exporter before a batch counts as exported", () => {
    const target = scripted()
    const latch = Latch.makeUnsafe(false)
    const isFlushing = Deferred.makeUnsafe<void>()
    const flush = Effect.andThen(Deferred.succeed(isFlushing, undefined), latch.await)
    return Effect.gen(function*() {
      yield* marks("1")
      const flush = yield* Effect.forkChild(AgentRuntime.flush)
      yield* Deferred.await(isFlushing)
      yield* settle
      assert.deepStrictEqual(target.taken, [["1"]])
      assert.isUndefined(flush.pollUnsafe())
      yield* latch.open
      yield* Fiber.join(flush)
    }).pipe(runtimeWith({ name: "d12" }, { export: target.export, flush: { run: flush } }))
  })

  it.effect("flushes its exporter every so often, and when somebody waits only if there is something new", () => {
    const target = scripted()
    const flushes: Array<number> = []
    const run = Effect.sync(() => void flushes.push(target.taken.length))
    return Effect.gen(function*() {
      yield* marks("1")
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(flushes, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(flushes, [1])
      yield* AgentRuntime.flush
      assert.deepStrictEqual(flushes, [1])
      yield* marks("2")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(flushes, [1, 2])
    }).pipe(runtimeWith({ name: "d17" }, { export: target.export, flush: { run, every: Duration.seconds(10) } }))
  })

  it.effect("exports what its filter lets through, and nothing for which it throws", () => {
    const target = scripted()
    const filter = (event: { readonly name: string }): boolean => {
      if (event.name === "bad") throw new Error("bad filter")
      return event.name !== "no"
    }
    return Effect.gen(function*() {
      yield* marks("yes", "no", "bad", "too")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(target.taken, [["yes", "too"]])
    }).pipe(runtimeWith({ name: "d13", filter }, target))
  })
})
