import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { ExecutionScope, type LifecycleEvent, Mark, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const named = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>, name: string) => {
  const [start, end] = ["ScopeStart", "ScopeEnd"].map((tag) =>
    events.find((event) => event._tag === tag && event.name === name)
  )
  assert(start?._tag === "ScopeStart" && end?._tag === "ScopeEnd", `${name} started and ended`)
  return { start, end }
}

const agent = (name: string) => ({ name, category: "agent" })

describe("ExecutionScope.run", () => {
  it.effect("nests, and ends each scope with the exit of its own work", () =>
    Effect.gen(function*() {
      const inner = Effect.fail("no").pipe(ExecutionScope.run({ name: "inner", category: "function" }))
      yield* Effect.exit(inner).pipe(ExecutionScope.run(agent("outer")))
      yield* Effect.exit(Effect.die("defect").pipe(ExecutionScope.run(agent("dies"))))
      yield* TestRuntime.assertTree(`
        agent outer → Success
          function inner → Failure string: no
        agent dies → Defect string: defect
      `)
      yield* TestRuntime.assertWellFormed()
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("gives the result, the failure and the defect of the work as they are", () =>
    Effect.gen(function*() {
      const run = ExecutionScope.run(agent("a"))
      const value = { some: "value" }
      assert.strictEqual(yield* run(Effect.succeed(value)), value)
      assert.deepStrictEqual(yield* Effect.exit(run(Effect.fail("no"))), Exit.fail("no"))
      assert.deepStrictEqual(yield* Effect.exit(run(Effect.die("no"))), Exit.die("no"))
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("has the input on its start, and on its end only what was set as output", () =>
    Effect.gen(function*() {
      const input = { goal: "weave" }
      yield* Effect.succeed("a result that is nobody's business").pipe(ExecutionScope.run({ ...agent("a"), input }))
      yield* Effect.asVoid(ExecutionScope.setOutput("first")).pipe(
        Effect.andThen(ExecutionScope.setOutput({ last: true })),
        ExecutionScope.run(agent("b"))
      )
      const events = yield* TestRuntime.events
      assert.deepStrictEqual(named(events, "a").start.data, input)
      assert.isUndefined(named(events, "a").end.data)
      assert.isUndefined(named(events, "b").start.data)
      assert.deepStrictEqual(named(events, "b").end.data, { last: true })
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("has its attributes sorted and without repetition, on both of its events", () =>
    Effect.gen(function*() {
      const attributes = ["stateless", "parallel", "stateless", "a"]
      yield* Effect.void.pipe(ExecutionScope.run({ ...agent("a"), attributes }))
      yield* Effect.void.pipe(ExecutionScope.run(agent("b")))
      const events = yield* TestRuntime.events
      for (const event of Object.values(named(events, "a"))) {
        assert.deepStrictEqual(event.attributes, ["a", "parallel", "stateless"])
      }
      assert.deepStrictEqual(attributes, ["stateless", "parallel", "stateless", "a"])
      assert.deepStrictEqual(named(events, "b").start.attributes, [])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("says the subtype of a custom scope", () =>
    Effect.gen(function*() {
      yield* Effect.void.pipe(ExecutionScope.run({ name: "a", category: "custom", subtype: "planner" }))
      const { end, start } = named(yield* TestRuntime.events, "a")
      assert.deepStrictEqual([start.profile?.subtype, end.profile?.subtype], ["planner", "planner"])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("has its metadata on both of its events, with names of ours renamed", () =>
    Effect.gen(function*() {
      const metadata = { tenant: "t", "heddle.x": 1, "otel.trace_id": "mine", heddle: 2, "heddlex.y": 3 }
      yield* Effect.void.pipe(ExecutionScope.run({ ...agent("a"), metadata }))
      for (const event of Object.values(named(yield* TestRuntime.events, "a"))) {
        assert.deepStrictEqual(event.metadata, {
          tenant: "t",
          "user.heddle.x": 1,
          "user.otel.trace_id": "mine",
          heddle: 2,
          "heddlex.y": 3
        })
      }
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("ExecutionScope.current", () => {
  it.effect("is the innermost scope or call, and none outside of all", () =>
    Effect.gen(function*() {
      const names: Array<string> = []
      const look = Effect.map(ExecutionScope.current, (current) =>
        names.push(Option.match(current, { onNone: () => "none", onSome: ({ name }) => name })))
      yield* look
      yield* Effect.gen(function*() {
        yield* look
        yield* look.pipe(ExecutionScope.run(agent("inner")))
        yield* ToolCall.run({ name: "tool", input: 1 }, () =>
          look)
        yield* look
      }).pipe(ExecutionScope.run(agent("outer")))
      yield* look
      assert.deepStrictEqual(names, ["none", "outer", "inner", "tool", "outer", "none"])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("knows the ids that the events have", () =>
    Effect.gen(function*() {
      const inner = yield* ExecutionScope.current.pipe(
        ExecutionScope.run(agent("inner")),
        ExecutionScope.run(agent("outer"))
      )
      const events = yield* TestRuntime.events
      const { start: { uuid } } = named(events, "outer")
      assert.deepStrictEqual({ ...Option.getOrThrow(inner) }, {
        uuid: named(events, "inner").start.uuid,
        parentUuid: uuid,
        rootUuid: uuid,
        name: "inner",
        category: "agent"
      })
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("ExecutionScope.setOutput", () => {
  it.effect("inside of a call sets the output of the scope around the call", () =>
    Effect.gen(function*() {
      yield* ToolCall.run(
        { name: "tool", input: 1 },
        () => Effect.as(ExecutionScope.setOutput("of the scope"), "of the tool")
      ).pipe(ExecutionScope.run(agent("a")))
      const events = yield* TestRuntime.events
      assert.strictEqual(named(events, "a").end.data, "of the scope")
      assert.strictEqual(named(events, "tool").end.data, "of the tool")
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("sets that of the innermost scope only, also from a fork, and does nothing outside of all scopes", () =>
    Effect.gen(function*() {
      yield* ExecutionScope.setOutput("nowhere")
      yield* Effect.all([ExecutionScope.setOutput("inner"), Effect.void], { concurrency: 2 }).pipe(
        ExecutionScope.run(agent("inner")),
        ExecutionScope.run(agent("outer"))
      )
      const events = yield* TestRuntime.events
      assert.strictEqual(named(events, "inner").end.data, "inner")
      assert.isUndefined(named(events, "outer").end.data)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("keeps what was set when the work fails afterwards", () =>
    Effect.gen(function*() {
      yield* Effect.exit(
        Effect.andThen(ExecutionScope.setOutput("half"), Effect.fail("no")).pipe(ExecutionScope.run(agent("a")))
      )
      const { end } = named(yield* TestRuntime.events, "a")
      assert.deepStrictEqual([end.data, end.outcome._tag], ["half", "Failure"])
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("ExecutionScope.open", () => {
  it.effect("changes nothing else: what follows belongs where it did", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        const before = yield* Effect.context<never>()
        yield* ExecutionScope.open(agent("open"))
        const after = yield* Effect.context<never>()
        assert.strictEqual(after, before)
        yield* Mark.emit("beside")
        yield* Effect.void.pipe(ExecutionScope.run(agent("sibling")))
      }).pipe(Effect.scoped, ExecutionScope.run(agent("outer")))
      yield* TestRuntime.assertTree(`
        agent outer → Success
          agent open → Success
          mark beside
          agent sibling → Success
      `)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("ends with its Effect Scope, with the exit of that", () =>
    Effect.gen(function*() {
      const exits: ReadonlyArray<readonly [string, Exit.Exit<unknown, unknown>]> = [
        ["succeeded", Exit.succeed("not an output")],
        ["failed", Exit.fail("no")],
        ["died", Exit.die("no")],
        ["interrupted", Exit.interrupt(42)]
      ]
      for (const [name, exit] of exits) {
        const scope = yield* Scope.make()
        yield* ExecutionScope.open(agent(name)).pipe(Scope.provide(scope))
        yield* Mark.emit(`${name} is open`)
        yield* Scope.close(scope, exit)
      }
      const events = yield* TestRuntime.events
      const outcomes = exits.map(([name]) => named(events, name).end.outcome)
      assert.deepStrictEqual(outcomes, [
        { _tag: "Success" },
        { _tag: "Failure", error: { tag: "string", message: "no" }, isDefect: false },
        { _tag: "Failure", error: { tag: "string", message: "no" }, isDefect: true },
        { _tag: "Interrupted", origin: "fiber:42" }
      ])
      for (const [name] of exits) {
        const order = events.filter((event) => event.name.startsWith(name)).map(({ _tag }) => _tag)
        assert.deepStrictEqual(order, ["ScopeStart", "Mark", "ScopeEnd"])
        assert.isUndefined(named(events, name).end.data)
      }
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("opens under the scope that it is given, wherever that is", () =>
    Effect.gen(function*() {
      const outer = yield* ExecutionScope.open(agent("outer"))
      const handle = yield* ExecutionScope.open({ ...agent("deep"), parent: outer }).pipe(
        ExecutionScope.run(agent("elsewhere"))
      )
      assert.strictEqual(handle.parentUuid, outer.uuid)
      assert.strictEqual(handle.rootUuid, outer.uuid)
      yield* TestRuntime.assertTree(`
        agent outer → (open)
          agent deep → (open)
        agent elsewhere → Success
      `)
    }).pipe(Effect.scoped, Effect.provide(TestRuntime.layer())))

  it.effect("takes the output that was set within it", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        const handle = yield* ExecutionScope.open(agent("a"))
        yield* ExecutionScope.setOutput("done").pipe(ExecutionScope.within(handle))
      }).pipe(Effect.scoped)
      assert.strictEqual(named(yield* TestRuntime.events, "a").end.data, "done")
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("ExecutionScope.within", () => {
  it.effect("is where work belongs while it runs there, and opens and closes nothing", () =>
    Effect.gen(function*() {
      const handle = yield* ExecutionScope.open(agent("open"))
      const names = yield* Effect.gen(function*() {
        yield* Mark.emit("inside")
        yield* ToolCall.run({ name: "tool", input: 1 }, () => Effect.void)
        return Option.getOrThrow(yield* ExecutionScope.current).name
      }).pipe(ExecutionScope.within(handle), ExecutionScope.run(agent("caller")))
      assert.strictEqual(names, "open")
      yield* Mark.emit("outside")
      yield* TestRuntime.assertTree(`
        agent open → (open)
          mark inside
          tool tool → Success
        agent caller → Success
        mark outside
      `)
    }).pipe(Effect.scoped, Effect.provide(TestRuntime.layer())))

  it.effect("gives the context back when the work fails or is interrupted", () =>
    Effect.gen(function*() {
      const handle = yield* ExecutionScope.open(agent("open"))
      const before = yield* Effect.context<never>()
      yield* Effect.exit(Effect.fail("no").pipe(ExecutionScope.within(handle)))
      yield* Effect.exit(Effect.interrupt.pipe(ExecutionScope.within(handle)))
      assert.strictEqual(yield* Effect.context<never>(), before)
      assert.isTrue(Option.isNone(yield* ExecutionScope.current))
    }).pipe(Effect.scoped, Effect.provide(TestRuntime.layer())))

  it.effect("of a scope that has ended still is the parent", () =>
    Effect.gen(function*() {
      const handle = yield* Effect.scoped(ExecutionScope.open(agent("ended")))
      yield* Mark.emit("late").pipe(ExecutionScope.within(handle))
      yield* Effect.void.pipe(ExecutionScope.run(agent("late child")), ExecutionScope.within(handle))
      yield* TestRuntime.assertTree(`
        agent ended → Success
          mark late
          agent late child → Success
      `)
      yield* TestRuntime.assertWellFormed()
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("leaves the services of the work alone", () =>
    Effect.gen(function*() {
      const Color = Context.Reference<string>("test/Color", { defaultValue: () => "none" })
      const handle = yield* ExecutionScope.open(agent("open"))
      const color = Effect.provideService(ExecutionScope.within(handle)(Color), Color, "red")
      assert.strictEqual(yield* color, "red")
    }).pipe(Effect.scoped, Effect.provide(TestRuntime.layer())))
})
