import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  LlmCall,
  Mark,
  Middleware,
  Subscriber,
  ToolCall
} from "../../src/index.ts"
import { EventTree, TestRuntime } from "../../src/testing/index.ts"

const agent = ExecutionScope.run({ name: "planner", category: "agent" })
const search = ToolCall.run({ name: "search", input: { q: "x" } }, () => Effect.succeed(["hit"]))
const id = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`
const ids = Effect.map(TestRuntime.events, (events) => events.map((event) => event.uuid))

/** The message with which an assertion died. */
const complaint = <R>(assertion: Effect.Effect<void, unknown, R>): Effect.Effect<string, never, R> =>
  Effect.map(Effect.exit(assertion), (exit) => {
    if (Exit.isSuccess(exit)) return "no complaint"
    assert.isTrue(Cause.hasDies(exit.cause))
    const error = Cause.squash(exit.cause)
    assert.instanceOf(error, EventTree.AssertionError)
    return error.message
  })

describe("TestRuntime.events", () => {
  it.effect("waits for every event that was emitted before, and gives them in order", () =>
    Effect.gen(function*() {
      yield* agent(Effect.andThen(Mark.emit("start"), search))
      const { recorded } = yield* TestRuntime.TestRuntime
      assert.lengthOf(recorded, 0)
      const events = yield* TestRuntime.events
      assert.deepStrictEqual(
        events.map(({ _tag, name, sequence }) => [sequence, _tag, name]),
        [
          [1, "ScopeStart", "planner"],
          [2, "Mark", "start"],
          [3, "ScopeStart", "search"],
          [4, "ScopeEnd", "search"],
          [5, "ScopeEnd", "planner"]
        ]
      )
      yield* Mark.emit("later")
      assert.lengthOf(yield* TestRuntime.events, 6)
      assert.lengthOf(events, 5)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("drops nothing, however many events come at once", () =>
    Effect.gen(function*() {
      yield* Effect.provideService(
        Effect.repeat(Mark.emit("tick"), { times: 131_099 }),
        Scheduler.MaxOpsBeforeYield,
        Number.MAX_SAFE_INTEGER
      )
      assert.lengthOf(yield* TestRuntime.events, 131_100)
    }).pipe(Effect.provide(TestRuntime.layer({ capacity: { events: 200_000, bytes: 2 ** 30 } }))))

  it.effect("has what is emitted while the runtime closes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(TestRuntime.layer(), scope)
      const latch = yield* Latch.make(false)
      yield* Latch.open(latch).pipe(Effect.andThen(Effect.never), agent, Effect.provide(context), Effect.forkScoped)
      yield* Latch.await(latch)
      yield* Scope.close(scope, Exit.void)
      EventTree.assertTree(
        Context.get(context, TestRuntime.TestRuntime).recorded,
        "agent planner → Interrupted by shutdown"
      )
    }))
})

describe("a test runtime", () => {
  it.effect("counts ids in the order in which scopes open and marks are built", () =>
    Effect.gen(function*() {
      yield* agent(Mark.emit("start").pipe(Effect.andThen(AgentRuntime.flush), Effect.andThen(search)))
      assert.deepStrictEqual(yield* ids, [id(1), id(2), id(3), id(3), id(1)])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("counts beyond the digits of one place", () =>
    Effect.gen(function*() {
      yield* Effect.repeat(Mark.emit("tick"), { times: 299 })
      const all = yield* ids
      assert.strictEqual(all.at(-1), "00000000-0000-7000-8000-00000000012c")
      assert.strictEqual(new Set(all).size, 300)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("takes its times from the test clock", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_700_000_000_000)
      const slow = ToolCall.run({ name: "slow", input: {} }, () => Effect.sleep("3 seconds"))
      const fiber = yield* Effect.forkChild(slow, { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(fiber)
      const [start, end] = yield* TestRuntime.events
      assert.strictEqual(start?.timestamp, 1_700_000_000_000_000)
      assert.strictEqual(end?.timestamp, 1_700_000_003_000_000)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("starts anew on each build, also of one layer value, and shares nothing between builds", () =>
    Effect.gen(function*() {
      const layer = TestRuntime.layer()
      const one = yield* Layer.build(layer)
      const two = yield* Layer.build(layer)
      yield* Effect.provide(Effect.andThen(search, search), one)
      yield* Effect.provide(agent(Effect.void), two)
      assert.deepStrictEqual(yield* Effect.provide(ids, one), [id(1), id(1), id(2), id(2)])
      assert.deepStrictEqual(yield* Effect.provide(ids, two), [id(1), id(1)])
      yield* Effect.provide(TestRuntime.assertTree("agent planner → Success"), two)
    }))

  it.effect("is another one where it is provided again inside itself", () =>
    Effect.gen(function*() {
      const layer = TestRuntime.layer()
      yield* Effect.gen(function*() {
        yield* search
        yield* agent(Effect.void).pipe(
          Effect.andThen(TestRuntime.assertTree("agent planner → Success")),
          Effect.provide(layer)
        )
        yield* TestRuntime.assertTree("tool search → Success")
      }).pipe(Effect.provide(layer))
    }))

  it.effect("freezes payloads however deep, so that who changes one fails there", () =>
    Effect.gen(function*() {
      const body = { messages: [{ content: [{ text: "hi" }] }] }
      const result = { nested: { list: [1] } }
      yield* LlmCall.run({ name: "gpt", request: { headers: {}, body }, metadata: { tags: ["a"] } }, () =>
        Effect.succeed(result))
      yield* Mark.emit("note", { data: { deep: { er: [] } } })
      const frozen = (value: unknown): boolean =>
        typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
      const events = yield* TestRuntime.events
      assert.lengthOf(events, 3)
      for (const event of events) {
        assert.isTrue(frozen(event), event._tag)
      }
      assert.throws(() =>
        body.messages[0]!.content.push({ text: "changed later" }), TypeError)
      assert.throws(() => result.nested.list.push(2), TypeError)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("leaves what is not a plain object as it is", () =>
    Effect.gen(function*() {
      const map = new Map([["a", { n: 1 }]])
      const date = new Date(0)
      yield* Mark.emit("note", { data: { map, date } })
      yield* TestRuntime.events
      assert.isFalse(Object.isFrozen(map) || Object.isFrozen(date) || Object.isFrozen(map.get("a")))
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("TestRuntime.layer with options", () => {
  it.effect("builds the policies it is given, anew on each build", () =>
    Effect.gen(function*() {
      let builds = 0
      const heard: Array<string> = []
      const policies = Layer.mergeAll(
        Layer.effectDiscard(Effect.sync(() => builds++)),
        Middleware.layer(Guardrail.make({ name: "no-search", check: () => Guardrail.reject("closed") })),
        Subscriber.layer({
          name: "mine",
          handle: (event) => {
            heard.push(event.name)
          }
        })
      )
      const layer = TestRuntime.layer({ policies })
      const blocked = Effect.gen(function*() {
        assert.strictEqual((yield* Effect.flip(search)).reason._tag, "GuardrailRejected")
        yield* TestRuntime.assertTree(`
          tool search → Blocked by no-search: closed
            mark guardrail no-search [warn]
        `)
      })
      yield* Effect.provide(blocked, layer)
      yield* Effect.provide(blocked, layer)
      assert.strictEqual(builds, 2)
      assert.include(heard, "search")
    }))

  it.effect("fails as its policies fail", () =>
    Effect.gen(function*() {
      const layer = TestRuntime.layer({ policies: Layer.effectDiscard(Effect.fail("no policy" as const)) })
      const error: "no policy" = yield* Effect.flip(Layer.build(layer))
      assert.strictEqual(error, "no policy")
    }))

  it.effect("records what policies emit while they are built", () =>
    Effect.gen(function*() {
      const [first] = yield* TestRuntime.events
      assert.strictEqual(first?.name, "installed")
    }).pipe(Effect.provide(TestRuntime.layer({ policies: Layer.effectDiscard(Mark.emit("installed")) }))))

  it.effect("passes the other options on", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(search)
      assert.strictEqual(error.reason._tag, "PolicyMissing")
    }).pipe(Effect.provide(TestRuntime.layer({ require: ["pii"] }))))
})

describe("TestRuntime.assertTree", () => {
  it.effect("compares text or shapes, and dies with the difference", () =>
    Effect.gen(function*() {
      yield* agent(search)
      yield* TestRuntime.assertTree(`
        agent planner → Success
          tool search → Success
      `)
      yield* TestRuntime.assertTree({ name: "planner", children: [{ name: "search", outcome: "Success" }] })
      yield* TestRuntime.assertTree(
        `
          agent planner → Success
            tool search → Success
              input {"q":"x"}
              output ["hit"]
        `,
        { data: true }
      )
      const message = yield* complaint(TestRuntime.assertTree(`
        agent planner → Success
          tool fetch → Success
      `))
      assert.include(message, "-   tool fetch → Success\n+   tool search → Success")
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("TestRuntime.assertWellFormed", () => {
  it.effect("accepts what a runtime emits, and complains of a scope that is still open", () =>
    Effect.gen(function*() {
      yield* agent(Effect.all([search, search, Mark.emit("m")], { concurrency: "unbounded" }))
      yield* TestRuntime.assertWellFormed()
      const message = yield* complaint(agent(TestRuntime.assertWellFormed()))
      assert.include(message, "ScopeStart agent planner")
      assert.include(message, "never ended")
      yield* TestRuntime.assertWellFormed()
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("complains of a hole in the sequence unless told otherwise", () =>
    Effect.gen(function*() {
      const hidden = Effect.gen(function*() {
        // A record with a hole, as if an event had been lost on its way here.
        const { recorded } = yield* TestRuntime.TestRuntime
        yield* Effect.repeat(Mark.emit("tick"), { times: 2 })
        const [first, , third] = yield* TestRuntime.events
        const record: TestRuntime.TestRuntime["Service"] = { recorded: [first!, third!] }
        assert.lengthOf(recorded, 3)
        return record
      })
      const record = yield* hidden
      const withHole = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.provideService(effect, TestRuntime.TestRuntime, record)
      assert.include(yield* complaint(withHole(TestRuntime.assertWellFormed())), "sequence leaves a hole after 1")
      yield* withHole(TestRuntime.assertWellFormed({ contiguous: false }))
    }).pipe(Effect.provide(TestRuntime.layer())))
})

it.effect("the runtime of a test is the runtime of what it runs", () =>
  Effect.gen(function*() {
    const runtime = yield* AgentRuntime.AgentRuntime
    assert.strictEqual(yield* agent(AgentRuntime.AgentRuntime), runtime)
  }).pipe(Effect.provide(TestRuntime.layer())))
