/** Tool calls that run elsewhere: a host tells of their start and of their end. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import {
  Atof,
  ExecutionScope,
  Guardrail,
  Intercept,
  Mark,
  MetadataInjector,
  Sanitizer,
  Subscriber,
  ToolCall
} from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { errorOf, governed, pair, reasonOf, recorded } from "./utils.ts"

class Bad extends Data.TaggedError("Bad")<{}> {
  override readonly message = "bad"
}

const scope = (name: string) => ExecutionScope.run({ name, category: "agent" })
const search = { name: "call", input: { query: "x" } }

describe("a tool call that a host tells of", () => {
  it.effect("has the events of a tool call, which say that nobody governed it", () =>
    Effect.gen(function*() {
      yield* scope("agent")(Effect.gen(function*() {
        const handle = yield* ToolCall.start({ ...search, toolCallId: "c1", metadata: { a: 1, "heddle.b": 2 } })
        yield* ToolCall.end(handle, { output: ["hit"], metadata: { c: 3, "heddle.governed": true } })
      }))
      const { end, start } = yield* recorded("call")
      assert.strictEqual(start.category, "tool")
      assert.deepStrictEqual(start.data, { query: "x" })
      assert.deepStrictEqual(start.profile, { toolCallId: "c1" })
      assert.deepStrictEqual(start.metadata, { a: 1, "user.heddle.b": 2, "heddle.governed": false })
      assert.deepStrictEqual(end.data, ["hit"])
      assert.deepStrictEqual(end.profile, { toolCallId: "c1" })
      assert.deepStrictEqual(end.outcome, { _tag: "Success" })
      assert.deepStrictEqual(end.metadata, {
        a: 1,
        "user.heddle.b": 2,
        c: 3,
        "user.heddle.governed": true,
        "heddle.governed": false
      })
      const wire = Atof.encode(start)
      assert.deepInclude(wire, { kind: "scope", category: "tool" })
      assert.propertyVal(Object(wire).metadata, "heddle.governed", false)
    }).pipe(governed()))

  it.effect("runs no guardrail and no intercept, but everything that is about events", () => {
    const ran: Array<string> = []
    const note = (name: string) => {
      ran.push(name)
      return Guardrail.reject("never")
    }
    return Effect.gen(function*() {
      const handle = yield* ToolCall.start({ name: "call", input: "secret" })
      yield* ToolCall.end(handle, { output: "secret" })
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual([start.data, end.data], ["[hidden]", "[hidden]"])
      assert.deepStrictEqual([start.metadata, end.metadata], [
        { "heddle.governed": false, team: "a" },
        { "heddle.governed": false, team: "a" }
      ])
      assert.deepStrictEqual(ran, [])
    }).pipe(governed(
      Guardrail.make({ name: "g", check: () => note("g") }),
      Guardrail.output({ name: "o", check: () => note("o") }),
      Intercept.request({ name: "r", transform: (call) => (note("r"), call) }),
      Intercept.execution({ name: "x", around: (_call, next) => (note("x"), next()) }),
      Sanitizer.request({ name: "s", sanitize: () => "[hidden]" }),
      Sanitizer.response({ name: "s", sanitize: () => "[hidden]" }),
      MetadataInjector.make({ name: "i", inject: () => ({ team: "a" }) })
    ))
  })

  it.effect("keeps saying so when sanitizers take metadata away, at once or later", () =>
    Effect.gen(function*() {
      yield* ToolCall.end(yield* ToolCall.start(search))
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual(start.metadata, { "heddle.governed": false })
      assert.deepStrictEqual(end.metadata, { "heddle.governed": false })
    }).pipe(governed(
      Sanitizer.scopeStart({ name: "s", sanitize: () => ({ metadata: undefined }) }),
      Sanitizer.scopeEnd({ name: "s", sanitize: () => Effect.as(Effect.yieldNow, { metadata: {} }) })
    )))

  it.effect.each<readonly [string, Parameters<typeof ToolCall.end>[1], string]>([
    ["an output", { output: 1 }, "Success"],
    ["nothing", undefined, "Success"],
    ["no error", { output: 1, error: undefined }, "Success"],
    ["an error", { error: new Bad() }, "Failure Bad: bad"],
    ["a defect", { error: new Bad(), isDefect: true }, "Defect Bad: bad"],
    ["an interruption", { interrupted: true }, "Interrupted"],
    ["an interruption by somebody", { interrupted: "user" }, "Interrupted by user"],
    ["an exit", { exit: Exit.fail(new Bad()) }, "Failure Bad: bad"],
    ["the exit of a success", { exit: Exit.succeed(1) }, "Success"]
  ])("ends with %s", ([, ending, outcome]) =>
    Effect.gen(function*() {
      yield* ToolCall.end(yield* ToolCall.start(search), ending)
      yield* TestRuntime.assertTree(`tool call → ${outcome}`)
      const { end } = yield* recorded("call")
      assert.strictEqual(
        end.data,
        outcome === "Success" && ending !== undefined ? 1 : undefined
      )
    }).pipe(governed()))

  it.effect("shows its input as it was when it started", () =>
    Effect.gen(function*() {
      const input = { query: "x" }
      const handle = yield* ToolCall.start({ name: "call", input })
      input.query = "changed"
      yield* ToolCall.end(handle)
      assert.deepStrictEqual((yield* recorded("call")).start.data, { query: "x" })
    }).pipe(governed()))

  it.effect("takes the exit of an effect around which a host tells of it", () =>
    Effect.gen(function*() {
      const use = (work: Effect.Effect<string, string>) =>
        Effect.acquireUseRelease(
          ToolCall.start(search),
          () => work,
          (handle, exit) => Effect.orDie(ToolCall.end(handle, { exit }))
        )
      yield* use(Effect.succeed("a"))
      yield* Effect.exit(use(Effect.fail("b")))
      const fiber = yield* Effect.forkChild(use(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* TestRuntime.assertTree(`
        tool call → Success
        tool call → Failure string: b
        tool call → Interrupted by fiber
      `)
    }).pipe(governed()))
})

describe("the place of a call that a host tells of", () => {
  it.effect("is the current scope, which stays what it was", () =>
    Effect.gen(function*() {
      yield* scope("agent")(Effect.gen(function*() {
        const handle = yield* ToolCall.start(search)
        yield* Mark.emit("beside")
        yield* Mark.emit("inside").pipe(ExecutionScope.within(handle))
        yield* ToolCall.run({ name: "inner", input: 1 }, () => Effect.void).pipe(ExecutionScope.within(handle))
        yield* ToolCall.end(handle)
      }))
      yield* TestRuntime.assertTree(`
        agent agent → Success
          tool call → Success
            mark inside
            tool inner → Success
          mark beside
      `)
    }).pipe(governed()))

  it.effect("is the parent that it is given: a scope, a managed call, or another such call", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const parent = yield* ExecutionScope.open({ name: "agent", category: "agent" })
        yield* scope("elsewhere")(Effect.gen(function*() {
          const outer = yield* ToolCall.start({ name: "outer", input: 1, parent })
          const inner = yield* ToolCall.start({ name: "inner", input: 1, parent: outer })
          yield* ToolCall.end(inner)
          yield* ToolCall.end(outer)
        }))
      }))
      yield* ToolCall.run(
        { name: "managed", input: 1 },
        () => Effect.flatMap(ToolCall.start({ name: "last", input: 1 }), (handle) => ToolCall.end(handle))
      )
      yield* TestRuntime.assertTree(`
        agent agent → Success
          tool outer → Success
            tool inner → Success
        agent elsewhere → Success
        tool managed → Success
          tool last → Success
      `)
      yield* TestRuntime.assertWellFormed()
    }).pipe(governed()))

  it.effect("is a root that links to where it is, in another runtime", () =>
    Effect.gen(function*() {
      const parent = yield* ToolCall.start({ name: "first", input: 1 })
      yield* Effect.gen(function*() {
        yield* ToolCall.end(yield* ToolCall.start({ ...search, parent }))
        const { start } = yield* recorded("call")
        assert.isUndefined(start.parentUuid)
        assert.deepInclude(start.metadata, { "heddle.link_uuid": parent.uuid, "heddle.governed": false })
      }).pipe(governed())
      yield* ToolCall.end(parent)
    }).pipe(governed()))
})

describe("calls that a host tells of are independent", () => {
  it.effect("ending in any order, whatever is under them", () =>
    Effect.gen(function*() {
      yield* scope("agent")(Effect.gen(function*() {
        const a = yield* ToolCall.start({ name: "a", input: 1 })
        const b = yield* ToolCall.start({ name: "b", input: 1 })
        const c = yield* ToolCall.start({ name: "c", input: 1, parent: a })
        yield* ToolCall.end(a)
        yield* ToolCall.end(c, { output: 1 })
        yield* ToolCall.end(b)
      }))
      yield* TestRuntime.assertTree(`
        agent agent → Success
          tool a → Success
            tool c → Success
          tool b → Success
      `)
      yield* TestRuntime.assertWellFormed()
    }).pipe(governed()))

  it.effect("ending in other fibers than those in which they started", () =>
    Effect.gen(function*() {
      const started = yield* Deferred.make<ToolCall.ToolHandle>()
      yield* scope("agent")(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Effect.flatMap(ToolCall.start(search), (handle) => Deferred.succeed(started, handle))
        )
        yield* Fiber.join(fiber)
        yield* scope("other")(Effect.flatMap(Deferred.await(started), (handle) => ToolCall.end(handle)))
      }))
      yield* TestRuntime.assertTree(`
        agent agent → Success
          tool call → Success
          agent other → Success
      `)
    }).pipe(governed()))
})

describe("a call that no host ends", () => {
  it.effect("ends just before the scope that it was started in, the last one first", () =>
    Effect.gen(function*() {
      const handles = yield* scope("agent")(Effect.gen(function*() {
        const a = yield* ToolCall.start({ name: "a", input: 1 })
        const b = yield* ToolCall.start({ name: "b", input: 1, parent: a })
        yield* ToolCall.end(yield* ToolCall.start({ name: "done", input: 1 }))
        return [a, b]
      }))
      yield* TestRuntime.assertTree(`
        agent agent → Success
          tool a → Interrupted by scope
            tool b → Interrupted by scope
          tool done → Success
      `)
      const ends = (yield* TestRuntime.events).filter(({ _tag }) => _tag === "ScopeEnd").map(({ name }) => name)
      assert.deepStrictEqual(ends, ["done", "b", "a", "agent"])
      for (const handle of handles) {
        const reason = yield* reasonOf(ToolCall.end(handle, { output: "late" }))
        assert.deepInclude(reason, { _tag: "AlreadyEnded", by: "scope" })
      }
      yield* TestRuntime.assertWellFormed()
    }).pipe(governed()))

  it.effect("is told apart from one that a host ended before its scope did", () =>
    Effect.gen(function*() {
      const handle = yield* scope("agent")(Effect.tap(ToolCall.start(search), (handle) => ToolCall.end(handle)))
      assert.deepInclude(yield* reasonOf(ToolCall.end(handle)), { _tag: "AlreadyEnded", by: "end" })
    }).pipe(governed()))

  it.effect("ends with the managed call that it was started in, or the scope that was opened around it", () =>
    Effect.gen(function*() {
      yield* ToolCall.run({ name: "managed", input: 1 }, () => ToolCall.start(search))
      const outer = yield* Scope.make()
      const parent = yield* ExecutionScope.open({ name: "opened", category: "agent" }).pipe(Scope.provide(outer))
      yield* ToolCall.start({ name: "second", input: 1, parent })
      yield* Scope.close(outer, Exit.void)
      yield* TestRuntime.assertTree(`
        tool managed → Success
          tool call → Interrupted by scope
        agent opened → Success
          tool second → Interrupted by scope
      `)
    }).pipe(governed()))

  it.effect("ends with the nearest scope that is open, if its own has ended before it started", () =>
    Effect.gen(function*() {
      yield* scope("outer")(Effect.gen(function*() {
        const parent = yield* scope("inner")(Effect.flatMap(ExecutionScope.current, Effect.fromOption))
        yield* ToolCall.start({ ...search, parent })
      }))
      yield* TestRuntime.assertTree(`
        agent outer → Success
          agent inner → Success
            tool call → Interrupted by scope
      `)
    }).pipe(governed()))

  it.effect("ends with the scope of another runtime that it was started in", () =>
    Effect.gen(function*() {
      const inner = yield* Layer.build(TestRuntime.layer())
      yield* scope("outer")(Effect.provideContext(ToolCall.start(search), inner))
      yield* TestRuntime.assertTree("tool call → Interrupted by scope").pipe(Effect.provideContext(inner))
    }).pipe(Effect.scoped, governed()))

  it.effect("ends with its runtime", () =>
    Effect.gen(function*() {
      const runtime = yield* Scope.make()
      const context = yield* Layer.buildWithScope(TestRuntime.layer(), runtime)
      const handle = yield* Effect.provideContext(ToolCall.start(search), context)
      yield* Scope.close(runtime, Exit.void)
      const { end } = pair(Context.get(context, TestRuntime.TestRuntime).recorded, "call")
      assert.deepStrictEqual(end.outcome, { _tag: "Interrupted", origin: "shutdown" })
      assert.deepStrictEqual(end.metadata, { "heddle.governed": false })
      const late = yield* reasonOf(Effect.provideContext(ToolCall.end(handle), context))
      assert.deepInclude(late, { _tag: "AlreadyEnded", by: "shutdown" })
      const again = yield* errorOf(Effect.provideContext(ToolCall.start(search), context))
      assert.deepInclude(again, { kind: "tool", name: "call" })
      assert.strictEqual(again.reason._tag, "RuntimeClosed")
    }))
})

describe("a host whose subscribers are slow", () => {
  it.effect("waits before a start that a subscriber suspends, and starts nothing when it is interrupted there", () =>
    Effect.gen(function*() {
      const busy = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const names: Array<string> = []
      yield* Effect.gen(function*() {
        yield* Mark.emit("one")
        yield* Deferred.await(busy)
        yield* Mark.emit("two")
        const stopped = yield* Effect.forkChild(ToolCall.start({ name: "stopped", input: 1 }), {
          startImmediately: true
        })
        const waiting = yield* Effect.forkChild(ToolCall.start(search), { startImmediately: true })
        assert.isUndefined(waiting.pollUnsafe())
        yield* Fiber.interrupt(stopped)
        yield* Deferred.succeed(go, undefined)
        yield* ToolCall.end(yield* Fiber.join(waiting))
      }).pipe(Subscriber.provide({
        name: "slow",
        buffer: { capacity: 1, strategy: "suspend" },
        handle: (event) => {
          names.push(event.name)
          return event.name === "one"
            ? Effect.andThen(Deferred.succeed(busy, undefined), Deferred.await(go))
            : undefined
        }
      }))
      assert.deepStrictEqual(names, ["one", "two", "call", "call"])
    }).pipe(governed()))
})
