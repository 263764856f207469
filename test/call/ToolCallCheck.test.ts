/** Policy alone, for hosts that can stop a tool call but not hand it over. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { AgentRuntime, ExecutionScope, Guardrail, Intercept, Middleware, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { errorOf, governed, reasonOf, recorded, said, untyped, verdicts } from "./utils.ts"

const search = { name: "call", input: { query: "x" } }
const scope = ExecutionScope.run({ name: "agent", category: "agent" })
const allow = Guardrail.make({ name: "allow", check: () => Guardrail.allow })
const reject = Guardrail.make({ name: "reject", check: () => Effect.as(Effect.yieldNow, Guardrail.reject("no")) })
const late = Guardrail.make({ name: "late", priority: 9, check: () => Guardrail.allow })
const limit = Intercept.request({
  name: "limit",
  transform: (call) =>
    call.kind === "tool" ? { ...call, input: { ...Object(call.input), limit: 5 }, metadata: { by: "limit" } } : call
})

describe("a check of a tool call", () => {
  it.effect("gives what request intercepts made of the input, which is what guardrails judge", () => {
    const judged: Array<Middleware.Call> = []
    return Effect.gen(function*() {
      const input = { query: "x", deep: {} }
      const checked = yield* ToolCall.check({ name: "call", input, toolCallId: "c1", metadata: { a: 1 } })
      assert.deepStrictEqual(checked.input, Object.assign({ limit: 5 }, input))
      assert.strictEqual(checked.input.deep, input.deep)
      assert.notStrictEqual<unknown>(checked.input, input)
      assert.deepStrictEqual(checked.metadata, { by: "limit" })
      assert.deepStrictEqual(checked.decisions.map(({ guardrail, verdict }) => [guardrail, verdict]), [["g", "allow"]])
      assert.deepInclude(judged[0], { kind: "tool", name: "call", toolCallId: "c1", metadata: { by: "limit" } })
      assert.strictEqual(judged.length, 1)
    }).pipe(governed(
      limit,
      Guardrail.make({
        name: "g",
        check: (call) => {
          judged.push(call)
          return Guardrail.allow
        }
      })
    ))
  })

  it.effect("runs nothing else and has no events", () => {
    const ran: Array<string> = []
    return Effect.gen(function*() {
      yield* scope(ToolCall.check(search))
      yield* TestRuntime.assertTree("agent agent → Success")
      assert.deepStrictEqual(ran, [])
    }).pipe(governed(
      allow,
      Guardrail.output({ name: "o", check: () => (ran.push("o"), Guardrail.allow) }),
      Intercept.execution({ name: "x", around: (_call, next) => (ran.push("x"), next()) })
    ))
  })

  it.effect("fails as the call would, and shows the refusal where it was made", () =>
    Effect.gen(function*() {
      const error = yield* scope(errorOf(ToolCall.check({ ...search, toolCallId: "c1" })))
      assert.deepInclude(error, { kind: "tool", name: "call" })
      assert.deepInclude(error.reason, { _tag: "GuardrailRejected", guardrail: "reject", reason: "no" })
      yield* TestRuntime.assertTree(`
        agent agent → Success
          mark guardrail reject [warn]
      `)
      yield* TestRuntime.assertWellFormed()
      const mark = (yield* TestRuntime.events).find(({ _tag }) => _tag === "Mark")
      assert.strictEqual(mark?.category, "guardrail")
      assert.deepInclude(mark?.data, {
        guardrail: "reject",
        verdict: "reject",
        reason: "no",
        call: { kind: "tool", name: "call", toolCallId: "c1" }
      })
    }).pipe(governed(allow, reject, late)))

  it.effect("lets a shadow guardrail show what it would block", () =>
    Effect.gen(function*() {
      const { decisions } = yield* scope(ToolCall.check(search))
      assert.deepStrictEqual(decisions.map(({ verdict }) => verdict), ["wouldBlock"])
      yield* TestRuntime.assertTree(`
        agent agent → Success
          mark guardrail shadow [warn]
      `)
    }).pipe(governed(Guardrail.make({ name: "shadow", mode: "shadow", check: () => Guardrail.reject("no") }))))

  it.effect("is made in the scope around it, and so is what its middleware does", () =>
    Effect.gen(function*() {
      yield* scope(ToolCall.check(search))
      yield* TestRuntime.assertTree(`
        agent agent → Success
          mark rewriting
          mark judging
      `)
      yield* TestRuntime.assertWellFormed()
    }).pipe(governed(
      Guardrail.make({ name: "g", check: () => said("judging", Guardrail.allow) }),
      Intercept.request({ name: "r", transform: (call) => said("rewriting", call) })
    )))

  it.effect("decodes by its schema", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ limit: Schema.FiniteFromString })
      const checked = yield* ToolCall.check({ name: "call", input: { limit: "3" }, schema })
      assert.deepStrictEqual(checked.input, { limit: 3 })
      assert.strictEqual((yield* reasonOf(ToolCall.check({ ...search, schema })))._tag, "InvalidInput")
      yield* ToolCall.end(yield* ToolCall.start({ name: "call", checked }))
      assert.deepStrictEqual((yield* recorded("call")).start.data, { limit: "3" })
    }).pipe(governed(allow)))

  it.effect("fails closed: an intercept that breaks, a guardrail that gives no decision, a policy that is missing", () =>
    Effect.gen(function*() {
      const tagOf = (entry: Middleware.Entry<AgentRuntime.AgentRuntime>) =>
        Effect.map(reasonOf(ToolCall.check(search).pipe(Middleware.provide(entry))), ({ _tag }) => _tag)
      assert.strictEqual(
        yield* tagOf(Intercept.request({ name: "r", transform: () => Effect.fail("no") })),
        "InterceptFailed"
      )
      assert.strictEqual(yield* tagOf(Guardrail.make({ name: "g", check: () => untyped(true) })), "GuardrailFailed")
      assert.strictEqual(yield* tagOf(Guardrail.make({ name: "g", check: () => Effect.die("no") })), "GuardrailFailed")
      const strict = Effect.provide(reasonOf(ToolCall.check(search)), AgentRuntime.layerWith({ require: ["policy"] }))
      assert.deepInclude(yield* strict, { _tag: "PolicyMissing", missing: ["policy"] })
    }).pipe(governed()))

  it.effect("fails once its runtime has closed, also if it closes meanwhile", () =>
    Effect.gen(function*() {
      const judging = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const slow = Guardrail.make({
        name: "slow",
        check: () =>
          Deferred.succeed(judging, undefined).pipe(Effect.andThen(Deferred.await(go)), Effect.as(Guardrail.allow))
      })
      const runtime = yield* Scope.make()
      const context = yield* Layer.buildWithScope(TestRuntime.layer(), runtime)
      const check = reasonOf(ToolCall.check(search).pipe(Middleware.provide(slow), Effect.provideContext(context)))
      const fiber = yield* Effect.forkChild(check)
      yield* Deferred.await(judging)
      yield* Scope.close(runtime, Exit.void)
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "RuntimeClosed")
      assert.strictEqual((yield* check)._tag, "RuntimeClosed")
      assert.deepStrictEqual(Context.get(context, TestRuntime.TestRuntime).recorded, [])
    }))

  it.effect("decides also while nobody listens", () =>
    Effect.gen(function*() {
      const checked = yield* ToolCall.check(search)
      assert.deepStrictEqual(checked.decisions.map(({ verdict }) => verdict), ["allow"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: Middleware.layer(allow) }))))
})

describe("a call that was checked before it started", () => {
  it.effect("shows what was judged, and on its end what was decided", () =>
    Effect.gen(function*() {
      const checked = yield* ToolCall.check(search)
      yield* ToolCall.end(yield* ToolCall.start({ name: "call", checked }), { output: 1 })
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual(start.data, { query: "x", limit: 5 })
      assert.deepStrictEqual(start.metadata, { by: "limit", "heddle.governed": false })
      assert.deepStrictEqual(verdicts(end), ["allow: allow", "late: allow"])
    }).pipe(governed(limit, allow, late)))

  it.effect("shows what its host says that runs", () =>
    Effect.gen(function*() {
      const checked = yield* ToolCall.check(search)
      const handle = yield* ToolCall.start({ ...search, checked, metadata: { mine: true } })
      yield* ToolCall.end(handle)
      const { start } = yield* recorded("call")
      assert.deepStrictEqual(start.data, { query: "x" })
      assert.deepStrictEqual(start.metadata, { mine: true, "heddle.governed": false })
    }).pipe(governed(limit, allow)))

  it.effect("keeps its decisions when its scope ends it", () =>
    Effect.gen(function*() {
      yield* scope(Effect.gen(function*() {
        yield* ToolCall.start({ name: "call", checked: yield* ToolCall.check(search) })
      }))
      assert.deepStrictEqual(verdicts((yield* recorded("call")).end), ["allow: allow"])
    }).pipe(governed(allow)))

  it.effect("takes no decisions that no check of it gave", () =>
    Effect.gen(function*() {
      const checked = yield* ToolCall.check(search)
      const wrong = [
        { ...checked },
        { input: 1, decisions: [{ guardrail: "g", verdict: "allow", durationMicros: 1 }] as const },
        yield* ToolCall.check({ name: "other", input: 1 })
      ]
      for (const checked of wrong) {
        const reason = yield* reasonOf(ToolCall.start({ name: "call", checked }))
        assert.deepInclude(reason, { _tag: "InvalidManualCall", what: "checked" })
        assert.include(reason.message, "expected what the check of tool call \"call\" gave")
      }
      assert.deepStrictEqual(yield* TestRuntime.events, [])
    }).pipe(governed(allow)))

  it.effect("carries the digest of what was judged, with audit", () =>
    Effect.gen(function*() {
      const checked = yield* ToolCall.check(search)
      assert.match(checked.decisions[0]?.digest ?? "", /^[0-9a-f]{64}$/)
      assert.deepStrictEqual((yield* ToolCall.check(search)).decisions[0]?.digest, checked.decisions[0]?.digest)
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: Middleware.layer(allow), audit: { key: "k" } }))))
})
