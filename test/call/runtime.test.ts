import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { AgentRuntime, ExecutionScope, Guardrail, Intercept, Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { buffered, type Driver, streamed as streamedDriver, tool } from "./Driver.ts"
import { chunksOf, step, streamed } from "./streams.ts"
import { counted, pair, reasonOf, recorded, said } from "./utils.ts"

const allow = (name: string, applies?: Middleware.Applies<Middleware.Call>) =>
  Guardrail.make({ name, applies, check: () => Guardrail.allow })

const drivers: ReadonlyArray<readonly [string, Driver]> = [
  ["ToolCall.run", tool],
  ["LlmCall.run", buffered],
  ["LlmCall.stream", streamedDriver]
]

describe.each(drivers)("%s in a runtime that requires guardrails", (_, driver) => {
  it.effect("fails without them, and its attempt is visible", () => {
    const { seen, work } = counted()
    return Effect.gen(function*() {
      const reason = yield* reasonOf(driver.call({ name: "call" }, work))
      if (reason._tag !== "PolicyMissing") throw new Error(reason._tag)
      assert.deepStrictEqual(reason.missing, ["b", "c"])
      assert.isFalse(reason.isRetryable)
      assert.deepStrictEqual(seen, [])
      const { end } = yield* recorded("call")
      assert.strictEqual(end.outcome._tag, "Failure")
    }).pipe(Effect.provide(TestRuntime.layer({ require: ["a", "b", "c"], policies: Middleware.layer(allow("a")) })))
  })

  it.effect("is satisfied by one that is provided around it, for as long as it is", () =>
    Effect.gen(function*() {
      const call = driver.call({ name: "call" }, counted().work)
      assert.strictEqual(yield* call.pipe(Middleware.provide(allow("a"))), "done")
      assert.strictEqual((yield* reasonOf(call))._tag, "PolicyMissing")
    }).pipe(Effect.provide(TestRuntime.layer({ require: ["a"] }))))

  it.effect("is satisfied by an output guardrail, and not by an intercept of that name", () =>
    Effect.gen(function*() {
      const call = driver.call({ name: "call" }, counted().work)
      const output = Guardrail.output({ name: "a", check: () => Guardrail.allow })
      assert.strictEqual(yield* call.pipe(Middleware.provide(output)), "done")
      const intercept = Intercept.request({ name: "a", transform: (call) => call })
      assert.strictEqual((yield* reasonOf(call.pipe(Middleware.provide(intercept))))._tag, "PolicyMissing")
    }).pipe(Effect.provide(TestRuntime.layer({ require: ["a"] }))))

  it.effect("is satisfied by a layer as long as that lives", () =>
    Effect.gen(function*() {
      const call = driver.call({ name: "call" }, counted().work)
      assert.strictEqual(yield* Effect.provide(call, Middleware.layer(allow("a"))), "done")
      assert.strictEqual((yield* reasonOf(call))._tag, "PolicyMissing")
    }).pipe(Effect.provide(TestRuntime.layer({ require: ["a"] }))))
})

/** A runtime that the test closes itself. */
const closable = <E>(layer: Layer.Layer<AgentRuntime.AgentRuntime | TestRuntime.TestRuntime, E>) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layer, scope)
    return { context, close: Scope.close(scope, Exit.void) }
  })

describe.each(drivers)("%s in a runtime that closes", (_, driver) => {
  it.effect("fails after that, and never runs", () => {
    const { seen, work } = counted()
    return Effect.gen(function*() {
      const touched: Array<string> = []
      const rewriting = Intercept.request({
        name: "r",
        transform: (call) => {
          touched.push("rewritten")
          return call
        }
      })
      const { close, context } = yield* closable(TestRuntime.layer())
      yield* close
      const reason = yield* reasonOf(
        driver.call({ name: "call" }, work).pipe(Middleware.provide(rewriting), Effect.provide(context))
      )
      assert.strictEqual(reason._tag, "RuntimeClosed")
      assert.deepStrictEqual(seen, [])
      assert.deepStrictEqual(touched, [])
      const { recorded } = yield* Effect.provide(TestRuntime.TestRuntime, context)
      assert.deepStrictEqual(recorded, [])
    })
  })

  it.effect("ends as interrupted by the shutdown, inner ones first, once", () =>
    Effect.gen(function*() {
      const { close, context } = yield* closable(TestRuntime.layer({ policies: Middleware.layer(allow("a")) }))
      const reached = Deferred.makeUnsafe<void>()
      const go = Deferred.makeUnsafe<void>()
      const inner = driver.call({ name: "inner" }, () =>
        Deferred.succeed(reached, undefined).pipe(Effect.andThen(Deferred.await(go)), Effect.as("done")))
      const fiber = yield* driver.call({ name: "outer" }, () =>
        inner).pipe(Effect.provide(context), Effect.forkChild)
      yield* Deferred.await(reached)
      yield* close
      const { recorded } = yield* Effect.provide(TestRuntime.TestRuntime, context)
      const ends = recorded.filter((event) => event._tag === "ScopeEnd")
      assert.deepStrictEqual(ends.map(({ name, outcome }) => ({ name, outcome })), [
        { name: "inner", outcome: { _tag: "Interrupted", origin: "shutdown" } },
        { name: "outer", outcome: { _tag: "Interrupted", origin: "shutdown" } }
      ])
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(fiber)
      assert.strictEqual(recorded.length, 4)
    }))

  it.effect("does not begin its work if that happens while its guardrails judge", () =>
    Effect.gen(function*() {
      const { seen, work } = counted()
      const asked = Deferred.makeUnsafe<void>()
      const go = Deferred.makeUnsafe<void>()
      const slow = Guardrail.make({
        name: "slow",
        check: () =>
          Deferred.succeed(asked, undefined).pipe(Effect.andThen(Deferred.await(go)), Effect.as(Guardrail.allow))
      })
      const { close, context } = yield* closable(TestRuntime.layer({ policies: Middleware.layer(slow) }))
      const fiber = yield* driver.call({ name: "call" }, work).pipe(
        Effect.provide(context),
        reasonOf,
        Effect.forkChild
      )
      yield* Deferred.await(asked)
      yield* close
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "RuntimeClosed")
      assert.deepStrictEqual(seen, [])
    }))
})

describe.each(drivers)("%s in two runtimes", (_, driver) => {
  it.effect("is a new root in the inner one, linked to the scope around it", () =>
    Effect.gen(function*() {
      const outer = yield* closable(TestRuntime.layer())
      const inner = yield* closable(TestRuntime.layer())
      yield* driver.call({ name: "call" }, () => said("work", "done")).pipe(
        Effect.provide(inner.context),
        ExecutionScope.run({ name: "agent", category: "agent" }),
        Effect.provide(outer.context)
      )
      const outside = yield* Effect.provide(TestRuntime.events, outer.context)
      const inside = yield* Effect.provide(TestRuntime.events, inner.context)
      assert.deepStrictEqual(outside.map(({ name }) => name), ["agent", "agent"])
      const { marks, start } = pair(inside, "call")
      assert.isUndefined(start.parentUuid)
      assert.strictEqual(start.rootUuid, start.uuid)
      assert.strictEqual(start.metadata?.["heddle.link_uuid"], outside[0]?.uuid)
      assert.deepStrictEqual(marks.map(({ name }) => name), ["work"])
      assert.deepStrictEqual([outside[0]?.sequence, inside[0]?.sequence], [1, 1])
      yield* inner.close
      yield* outer.close
    }))

  it.effect("runs layers of its own runtime only, and aspects in both", () =>
    Effect.gen(function*() {
      const judged: Array<string> = []
      const judging = (name: string) =>
        Guardrail.make({
          name,
          check: () => {
            judged.push(name)
            return Guardrail.allow
          }
        })
      const call = driver.call({ name: "call" }, counted().work)
      yield* call.pipe(
        Effect.provide(AgentRuntime.layerWith({ policies: Middleware.layer(judging("inner layer")) })),
        Effect.andThen(call),
        Middleware.provide(judging("aspect")),
        Effect.provide(AgentRuntime.layerWith({ policies: Middleware.layer(judging("outer layer")) }))
      )
      assert.deepStrictEqual(judged, ["inner layer", "aspect", "outer layer", "aspect"])
    }))
})

describe("a stream in a runtime that closes", () => {
  it.effect("between two pulls ends once, and gives nothing ungoverned after that", () =>
    Effect.gen(function*() {
      let judged = 0
      const output = Guardrail.output({
        name: "o",
        check: () => {
          judged++
          return Guardrail.allow
        }
      })
      const { close, context } = yield* closable(TestRuntime.layer({ policies: Middleware.layer(output) }))
      const pull = yield* Stream.toPull(streamed(() => chunksOf(["a", "b"]))).pipe(Effect.provide(context))
      assert.deepStrictEqual(yield* Effect.provide(step(pull), context), ["a"])
      yield* close
      const { recorded } = yield* Effect.provide(TestRuntime.TestRuntime, context)
      assert.deepStrictEqual(pair(recorded, "call").end.outcome, { _tag: "Interrupted", origin: "shutdown" })
      const before = judged
      const exit = yield* Effect.exit(Effect.provide(step(pull), context))
      if (Exit.isSuccess(exit)) assert.strictEqual(judged, before + 1)
      assert.strictEqual(recorded.length, 2)
    }).pipe(Effect.scoped))
})
