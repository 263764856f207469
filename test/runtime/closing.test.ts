import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { LifecycleEvent } from "../../src/index.ts"
import {
  AgentRuntime,
  CallError,
  ExecutionScope,
  Guardrail,
  Intercept,
  LlmCall,
  Mark,
  Middleware,
  Sanitizer,
  Subscriber,
  ToolCall
} from "../../src/index.ts"
import { held, label, logs, opened, recorder, settle, succeed } from "./harness.ts"

type Policies = Layer.Layer<never, Middleware.DuplicateEntry, AgentRuntime.AgentRuntime>

/** A tool call that waits until the latch is open. */
const waiting = (name: string) => {
  const started = Latch.makeUnsafe(false)
  const go = Latch.makeUnsafe(false)
  const call = ToolCall.run({ name, input: {} }, () => Effect.andThen(started.open, Effect.as(go.await, "done")))
  return { call, started: started.await, go: go.open }
}

const outcomes = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>) =>
  events.flatMap((event) =>
    event._tag !== "ScopeEnd"
      ? []
      : [`${event.name} ${event.outcome._tag} ${event.outcome._tag === "Interrupted" ? event.outcome.origin : ""}`]
  )

describe("closing a runtime", () => {
  it.effect("ends what is open as interrupted by shutdown, inner ones first, and its own subscribers see it", () => {
    const all = recorder()
    const tool = waiting("tool")
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layerWith({ policies: all.layer }))
      const work = yield* tool.call.pipe(
        ExecutionScope.run({ name: "agent", category: "agent" }),
        Effect.provideContext(context),
        Effect.forkChild
      )
      yield* tool.started
      yield* close
      const expected = ["tool Interrupted shutdown", "agent Interrupted shutdown"]
      assert.deepStrictEqual(outcomes(all.events), expected)
      assert.deepStrictEqual(all.events.map(({ sequence }) => sequence), [1, 2, 3, 4])
      // The work itself goes on, and its real end makes no second one.
      yield* tool.go
      assert.strictEqual(yield* Fiber.join(work), "done")
      assert.deepStrictEqual(outcomes(all.events), expected)
    })
  })

  it.effect("ends an open stream too", () => {
    const all = recorder()
    const go = Latch.makeUnsafe(false)
    const first = Latch.makeUnsafe(false)
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layerWith({ policies: all.layer }))
      const reading = yield* LlmCall.stream(
        { name: "llm", request: { headers: {}, body: {} } },
        () => Stream.concat(Stream.make("a"), Stream.fromEffect(Effect.as(go.await, "b")))
      ).pipe(Stream.tap(() => first.open), Stream.mkString, Effect.provideContext(context), Effect.forkChild)
      yield* first.await
      yield* close
      assert.deepStrictEqual(outcomes(all.events), ["llm Interrupted shutdown"])
      yield* go.open
      assert.strictEqual(yield* Fiber.join(reading), "ab")
      assert.strictEqual(all.events.length, 2)
    })
  })

  const calls: ReadonlyArray<
    readonly [what: string, call: (work: () => void) => Effect.Effect<unknown, unknown, AgentRuntime.AgentRuntime>]
  > = [
    ["tool", (work) => ToolCall.run({ name: "late", input: {} }, () => Effect.sync(work))],
    ["llm", (work) => LlmCall.run({ name: "late", request: { headers: {}, body: {} } }, () => Effect.sync(work))],
    ["llm", (work) =>
      Stream.runDrain(
        LlmCall.stream(
          { name: "late", request: { headers: {}, body: {} } },
          () => Stream.fromEffect(Effect.sync(work))
        )
      )]
  ]
  for (const [index, [kind, call]] of calls.entries()) {
    it.effect(`fails calls after it as RuntimeClosed and runs nothing (${kind} ${index})`, () => {
      const all = recorder()
      let ran = 0
      return Effect.gen(function*() {
        const { close, context } = yield* opened(AgentRuntime.layerWith({ policies: all.layer }))
        yield* close
        const error = yield* call(() => ran++).pipe(Effect.provideContext(context), Effect.flip)
        assert.instanceOf(error, CallError.CallError)
        assert.strictEqual(error.reason._tag, "RuntimeClosed")
        assert.deepStrictEqual([error.kind, error.name], [kind, "late"])
        assert.strictEqual(ran, 0)
        assert.deepStrictEqual(all.events, [])
      })
    })
  }

  it.effect("leaves marks, scopes, flushes and aspects after it without effect and without harm", () => {
    const all = recorder()
    const watch = recorder({ name: "watch" })
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layerWith({ policies: all.layer }))
      yield* close
      const value = yield* Effect.gen(function*() {
        yield* Mark.emit("late")
        yield* ExecutionScope.setOutput(1)
        const handle = yield* ExecutionScope.open({ name: "late", category: "agent" })
        yield* Mark.emit("inside").pipe(ExecutionScope.within(handle))
        yield* AgentRuntime.flush
        return "value"
      }).pipe(
        Effect.scoped,
        ExecutionScope.run({ name: "late", category: "agent" }),
        Subscriber.provide(watch.subscriber),
        Middleware.provide(Guardrail.make({ name: "g", check: () => Guardrail.allow })),
        Effect.provideContext(context)
      )
      assert.strictEqual(value, "value")
      yield* settle
      assert.deepStrictEqual(all.events, [])
      assert.deepStrictEqual(watch.events, [])
    })
  })

  it.effect("waits until subscribers have handled the last events, then releases policies in reverse order", () => {
    const order: Array<string> = []
    // @effect-diagnostics-next-line deterministicKeys:off
    class Store extends Context.Service<Store, { isOpen: boolean }>()("test/Store") {}
    const store = Layer.effect(
      Store,
      Effect.acquireRelease(
        Effect.sync((): Store["Service"] => ({ isOpen: true })),
        (store) =>
          Effect.sync(() => {
            store.isOpen = false
            order.push("store released")
          })
      )
    )
    const subscriber = Subscriber.layer({
      name: "writer",
      handle: (event) =>
        Effect.gen(function*() {
          const { isOpen } = yield* Store
          yield* Effect.yieldNow
          order.push(`${label(event)} ${isOpen ? "written" : "too late"}`)
        })
    })
    const other = Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => order.push("policy released"))))
    const policies = other.pipe(Layer.provideMerge(subscriber), Layer.provide(store))
    const tool = waiting("tool")
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layerWith({ policies }))
      yield* tool.call.pipe(Effect.provideContext(context), Effect.forkChild)
      yield* tool.started
      yield* close
      assert.deepStrictEqual(order, ["tool:start written", "tool:end written", "policy released", "store released"])
    })
  })

  it.effect("keeps guardrails in place until nothing can start any more", () => {
    const block = Guardrail.make({ name: "block", check: () => Guardrail.reject("no") })
    const reasons: Array<string> = []
    // The slow handler keeps the drain going while somebody tries to call.
    const slow = held()
    return Effect.gen(function*() {
      const { close, context } = yield* opened(
        AgentRuntime.layerWith({ policies: Layer.merge(slow.layer, Middleware.layer(block)) })
      )
      const attempt = succeed("try").pipe(
        Effect.catch((error) =>
          Effect.sync(() => {
            reasons.push(error.reason._tag)
          })
        ),
        Effect.provideContext(context)
      )
      yield* attempt
      const closing = yield* Effect.forkChild(close)
      yield* settle
      yield* attempt
      yield* slow.latch.open
      yield* Fiber.join(closing)
      yield* attempt
      assert.deepStrictEqual(reasons, ["GuardrailRejected", "RuntimeClosed", "RuntimeClosed"])
    }).pipe(Effect.ensuring(slow.latch.open))
  })

  for (const [closeTimeout, millis] of [["3 seconds", 3000], [undefined, 10_000]] as const) {
    it.effect(`gives up after ${millis} ms and reports, for each subscriber, what was not delivered`, () => {
      const log = logs()
      const stuck = held({ name: "stuck" })
      const quick = recorder({ name: "quick" })
      return Effect.gen(function*() {
        const { close, context } = yield* opened(
          AgentRuntime.layerWith({ closeTimeout, policies: Layer.merge(stuck.layer, quick.layer) })
        )
        yield* Effect.andThen(succeed("one"), Mark.emit("two")).pipe(Effect.provideContext(context))
        const closing = yield* Effect.forkChild(close)
        yield* stuck.hasEvent
        yield* settle
        yield* TestClock.adjust(millis - 1)
        yield* settle
        assert.isUndefined(closing.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* Fiber.join(closing)
        assert.deepStrictEqual(log.lines, [
          { level: "Warn", text: `heddle: its runtime closed before subscriber "stuck" had handled 3 events` }
        ])
        assert.deepStrictEqual(quick.labels(), ["one:start", "one:end", "two"])
        assert.deepStrictEqual(stuck.handled, [])
      }).pipe(Effect.provide(log.layer))
    })
  }

  it.effect("gives up on an observer that hangs, and says of every subscriber what it did not get", () => {
    const log = logs()
    const all = recorder()
    const hang = Sanitizer.mark({ name: "hang", timeout: "1 hour", sanitize: () => Effect.never })
    return Effect.gen(function*() {
      const { close, context } = yield* opened(
        AgentRuntime.layerWith({ policies: Layer.merge(all.layer, Middleware.layer(hang)) })
      )
      yield* Effect.andThen(Mark.emit("one"), Mark.emit("two")).pipe(Effect.provideContext(context))
      const closing = yield* Effect.forkChild(close)
      yield* settle
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(log.texts(), [
        `heddle: its runtime closed before subscriber "recorder" had handled 2 events`
      ])
    }).pipe(Effect.provide(log.layer))
  })

  it.effect("does not run a call whose request was still being rewritten", () => {
    const entered = Latch.makeUnsafe(false)
    const go = Latch.makeUnsafe(false)
    let ran = false
    const slow = Intercept.request({
      name: "slow",
      transform: (call) => Effect.andThen(entered.open, Effect.as(go.await, call))
    })
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layerWith({ policies: Middleware.layer(slow) }))
      const work = yield* ToolCall.run({ name: "late", input: {} }, () =>
        Effect.sync(() => {
          ran = true
        })).pipe(Effect.flip, Effect.provideContext(context), Effect.forkChild)
      yield* entered.await
      yield* close
      yield* go.open
      assert.strictEqual((yield* Fiber.join(work)).reason._tag, "RuntimeClosed")
      assert.isFalse(ran)
    })
  })

  it.effect("does not run a call that was still being judged: its end has been told", () => {
    const all = recorder()
    const entered = Latch.makeUnsafe(false)
    const go = Latch.makeUnsafe(false)
    let ran = false
    const slow = Guardrail.make({
      name: "slow",
      check: () => Effect.andThen(entered.open, Effect.as(go.await, Guardrail.allow))
    })
    return Effect.gen(function*() {
      const { close, context } = yield* opened(
        AgentRuntime.layerWith({ policies: Layer.merge(all.layer, Middleware.layer(slow)) })
      )
      const work = yield* ToolCall.run({ name: "late", input: {} }, () =>
        Effect.sync(() => {
          ran = true
        })).pipe(Effect.flip, Effect.provideContext(context), Effect.forkChild)
      yield* entered.await
      yield* close
      yield* go.open
      assert.strictEqual((yield* Fiber.join(work)).reason._tag, "RuntimeClosed")
      assert.isFalse(ran)
      assert.deepStrictEqual(outcomes(all.events), ["late Interrupted shutdown"])
    })
  })

  it.effect("fails a call that was waiting for a subscriber that suspends", () => {
    const slow = held({ buffer: { capacity: 1, strategy: "suspend" } })
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layerWith({ policies: slow.layer }))
      yield* Mark.emit("1").pipe(Effect.provideContext(context))
      yield* slow.hasEvent
      const work = yield* succeed("late").pipe(Effect.flip, Effect.provideContext(context), Effect.forkChild)
      const scope = yield* Effect.succeed("value").pipe(
        ExecutionScope.run({ name: "late scope", category: "agent" }),
        Effect.provideContext(context),
        Effect.forkChild
      )
      yield* settle
      const closing = yield* Effect.forkChild(close)
      yield* settle
      yield* slow.latch.open
      yield* Fiber.join(closing)
      assert.strictEqual((yield* Fiber.join(work)).reason._tag, "RuntimeClosed")
      assert.strictEqual(yield* Fiber.join(scope), "value")
      assert.deepStrictEqual(slow.labels(), ["1"])
    }).pipe(Effect.ensuring(slow.latch.open))
  })

  it.effect("lets a handler of a last event call in vain, and goes on", () => {
    const seen: Array<string> = []
    const caller = Subscriber.layer({
      name: "caller",
      handle: (event) =>
        Effect.match(succeed("inner"), {
          onFailure: (error) => seen.push(`${label(event)}: ${error.reason._tag}`),
          onSuccess: (value) => seen.push(`${label(event)}: ${value}`)
        })
    })
    const tool = waiting("tool")
    return Effect.gen(function*() {
      const { close, context } = yield* opened(AgentRuntime.layerWith({ policies: caller }))
      yield* tool.call.pipe(Effect.provideContext(context), Effect.forkChild)
      yield* tool.started
      yield* settle
      yield* close
      assert.deepStrictEqual(seen, ["tool:start: inner", "tool:end: RuntimeClosed"])
    })
  })

  it.effect("happens once when several fibers close it at once, after a failure and after an interruption alike", () => {
    const all = recorder()
    const tool = waiting("tool")
    const started = Deferred.makeUnsafe<void>()
    return Effect.gen(function*() {
      const program = yield* Effect.andThen(Deferred.succeed(started, undefined), tool.call).pipe(
        Effect.provide(AgentRuntime.layerWith({ policies: all.layer })),
        Effect.forkChild
      )
      yield* Deferred.await(started)
      yield* tool.started
      yield* Fiber.interrupt(program)
      // Its own fiber was interrupted before the runtime closed.
      assert.deepStrictEqual(all.labels(), ["tool:start", "tool:end"])
      assert.match(outcomes(all.events)[0]!, /^tool Interrupted fiber:/)
    })
  })

  it.effect("releases policies, and closes nothing twice, when a policy fails to build", () => {
    const order: Array<string> = []
    const failing: Layer.Layer<never, string> = Layer.effectDiscard(Effect.fail("no"))
    const policies = failing.pipe(
      Layer.provideMerge(Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => order.push("released")))))
    )
    return Effect.gen(function*() {
      const error = yield* Effect.flip(opened(AgentRuntime.layerWith({ policies })))
      assert.strictEqual(error, "no")
      assert.deepStrictEqual(order, ["released"])
    })
  })

  it.effect("comes after the release of subscribers that were composed around it", () => {
    const outside = recorder({ name: "outside" })
    const inside = recorder({ name: "inside" })
    const tool = waiting("tool")
    const layer: Layer.Layer<AgentRuntime.AgentRuntime, Middleware.DuplicateEntry> = Layer.provideMerge(
      outside.layer,
      AgentRuntime.layerWith({ policies: inside.layer satisfies Policies })
    )
    return Effect.gen(function*() {
      const { close, context } = yield* opened(layer)
      yield* tool.call.pipe(Effect.provideContext(context), Effect.forkChild)
      yield* tool.started
      yield* close
      assert.deepStrictEqual(outside.labels(), ["tool:start"])
      assert.deepStrictEqual(inside.labels(), ["tool:start", "tool:end"])
    })
  })
})
