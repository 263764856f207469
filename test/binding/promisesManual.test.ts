/** Calls that run elsewhere, told of by code without Effect. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { manualCalls } from "../../src/binding/internal/promisesManual.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { type AgentRuntime, ExecutionScope, OpenAiChat } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { deferred, reasonOf, recording, rejection, untilAborted } from "./promisesSupport.ts"

const { Guardrail, Intercept, Sanitizer } = Promises

describe("calls that run elsewhere", () => {
  it("have the events of calls, under the scope that follows the code", async () => {
    const { events, heddle, tree } = await recording()
    await heddle.scope("agent", async () => {
      await Promise.resolve()
      const tool = await heddle.toolStart("search", { query: "x" }, { toolCallId: "c1", metadata: { a: 1 } })
      const model = await heddle.llmStart("model", { body: { messages: [] } }, { model: "m", parent: tool })
      await heddle.within(tool, () => heddle.mark("inside"))
      await heddle.toolEnd(tool, { output: ["hit"], metadata: { b: 2 } })
      await heddle.llmEnd(model, { error: new RangeError("too long") })
    })
    await tree(`
      function agent → Success
        tool search → Success
          llm model → Failure RangeError: too long
          mark inside
    `)
    const all = await events()
    const [start, end] = all.filter(({ name }) => name === "search")
    assert.deepStrictEqual(start?.metadata, { a: 1, "heddle.governed": false })
    assert.deepStrictEqual(end?.metadata, { a: 1, b: 2, "heddle.governed": false })
    assert.deepStrictEqual([start?.data, end?.data], [{ query: "x" }, ["hit"]])
    assert.strictEqual(start?.profile?.toolCallId, "c1")
    assert.deepStrictEqual(all.find(({ name }) => name === "model")?.data, { headers: {}, body: { messages: [] } })
    await heddle.close()
  })

  it("are told at once, before anybody waits", async () => {
    const { events, heddle } = await recording()
    const { toolEnd, toolStart } = heddle
    heddle.mark("before")
    const starting = toolStart("tool", 1)
    heddle.mark("between")
    const ending = toolEnd(await starting)
    heddle.mark("after")
    await ending
    const names = (await events()).map(({ _tag, name }) => `${_tag} ${name}`)
    assert.deepStrictEqual(names, ["Mark before", "ScopeStart tool", "Mark between", "ScopeEnd tool", "Mark after"])
    await heddle.close()
  })

  it("end with the scope that they were told in, and with the runtime", async () => {
    const { finalTree, heddle } = await recording()
    const late = await heddle.scope("scope", () => heddle.toolStart("tool", 1))
    assert.deepInclude(await reasonOf(heddle.toolEnd(late)), { _tag: "AlreadyEnded", by: "scope" })
    const open = await heddle.llmStart("model", { body: {} })
    await finalTree(`
      function scope → Success
        tool tool → Interrupted by scope
      llm model → Interrupted by shutdown
    `)
    assert.deepInclude(await reasonOf(heddle.llmEnd(open)), { _tag: "AlreadyEnded", by: "shutdown" })
    assert.strictEqual((await reasonOf(heddle.toolStart("tool", 1)))._tag, "RuntimeClosed")
    assert.strictEqual((await reasonOf(heddle.toolCheck("tool", 1)))._tag, "RuntimeClosed")
  })

  it("may be ended where nothing may start any more", async () => {
    const { heddle, tree } = await recording()
    const controller = new AbortController()
    const [started, ended] = [deferred(), deferred()]
    await heddle.scope("outer", async () => {
      const handle = await heddle.toolStart("tool", 1)
      const inner = heddle.scope("inner", { signal: controller.signal }, async (_, { signal }) => {
        started.resolve()
        await untilAborted(signal).catch(() => undefined)
        await heddle.toolEnd(handle, { interrupted: "user" })
        ended.resolve()
      })
      await started.promise
      controller.abort()
      await rejection(inner)
      await ended.promise
    })
    await tree(`
      function outer → Success
        tool tool → Interrupted by user
        function inner → Interrupted
    `)
    await heddle.close()
  })

  it("reject what makes no sense with an instance that says what", async () => {
    const { heddle, tree } = await recording()
    const handle = await heddle.toolStart("tool", 1)
    await heddle.toolEnd(handle)
    const error = await rejection(heddle.toolEnd(handle))
    assert.instanceOf(error, Promises.CallError)
    assert.include(String(error), "expected one end for each start")
    assert.deepInclude(await reasonOf(heddle.toolEnd(Object.assign({}, handle))), {
      _tag: "InvalidManualCall",
      what: "handle"
    })
    assert.deepInclude(await reasonOf(heddle.toolStart("tool", 1, { timestamp: 0.5 })), { what: "timestamp" })
    await tree("tool tool → Success")
    await heddle.close()
  })

  it("do not start when their signal is aborted", async () => {
    const { heddle, tree } = await recording()
    const reason = new Error("enough")
    const signal = AbortSignal.abort(reason)
    assert.strictEqual(await rejection(heddle.toolStart("tool", 1, { signal })), reason)
    assert.strictEqual(await rejection(heddle.llmStart("model", { body: {} }, { signal })), reason)
    assert.strictEqual(await rejection(heddle.toolCheck("tool", 1, { signal })), reason)
    await tree("")
    await heddle.close()
  })

  it("show only what sanitizers left, and what the codec reads in that", async () => {
    const { events, heddle } = await recording([
      Sanitizer.response({ name: "s", sanitize: (data) => JSON.parse(JSON.stringify(data).replaceAll("555", "[n]")) })
    ])
    const body = { model: "m", messages: [{ role: "user", content: "hi" }] }
    const handle = await heddle.llmStart("model", { body }, { codec: OpenAiChat.codec, streaming: true })
    await heddle.llmEnd(handle, {
      response: {
        id: "r",
        object: "chat.completion",
        model: "m",
        choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "555" } }]
      },
      usage: { inputTokens: 3 }
    })
    const [start, end] = await events()
    assert.deepStrictEqual(start?._tag === "ScopeStart" ? start.attributes : undefined, ["streaming"])
    assert.include(JSON.stringify(start?.profile?.annotatedRequest), "hi")
    assert.include(JSON.stringify(end?.profile?.annotatedResponse), "[n]")
    assert.deepInclude(end?.profile?.annotatedResponse, { usage: { inputTokens: 3 } })
    await heddle.close()
  })
})

describe("a runtime that an Effect program holds", () => {
  it.effect("goes on when its face is closed, which ends what was told through it", () =>
    Effect.gen(function*() {
      const heddle = Promises.fromContext(yield* Effect.context<AgentRuntime.AgentRuntime>())
      yield* Effect.promise(async () => {
        const done = await heddle.toolStart("done", 1)
        await heddle.toolEnd(done)
        await heddle.scope("scope", () => heddle.toolStart("left", 1))
        await heddle.toolStart("tool", 1)
        await heddle.llmStart("model", { body: {} })
        await heddle.close()
      })
      yield* TestRuntime.assertTree(`
        tool done → Success
        function scope → Success
          tool left → Interrupted by scope
        tool tool → Interrupted by shutdown
        llm model → Interrupted by shutdown
      `)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("forgets what has ended, by hand or with its scope", () =>
    Effect.gen(function*() {
      const run = Effect.runPromiseWith(yield* Effect.context<AgentRuntime.AgentRuntime>())
      const scope = ExecutionScope.run({ name: "scope", category: "function" })
      let known = 0
      const { llmStart, toolEnd, toolStart } = manualCalls({
        add: () => {
          known++
          return { leave: () => known-- }
        },
        run: (_kind, name, _signal, effect) => run(name === "left" ? scope(effect) : effect),
        runAlways: run
      })
      yield* Effect.promise(async () => {
        const handle = await toolStart("tool", 1)
        await llmStart("open", { body: {} })
        assert.strictEqual(known, 2)
        await toolEnd(handle)
        await llmStart("left", { body: {} })
        assert.strictEqual(known, 1)
      })
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("puts what is told in its fibers under their scope, and that of another runtime in a root", () =>
    Effect.gen(function*() {
      const mine = Promises.fromContext(yield* Effect.context<AgentRuntime.AgentRuntime>())
      const other = yield* Effect.promise(() => recording())
      yield* Effect.promise(() =>
        mine.scope("scope", async () => {
          await other.heddle.toolEnd(await other.heddle.toolStart("there", 1))
          await mine.toolEnd(await mine.toolStart("here", 1))
        })
      )
      yield* TestRuntime.assertTree(`
        function scope → Success
          tool here → Success
      `)
      const [start] = yield* Effect.promise(other.events)
      assert.property(start?.metadata, "heddle.link_uuid")
      yield* Effect.promise(() => other.finalTree("tool there → Success"))
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("a check", () => {
  const limit = Intercept.request({
    name: "limit",
    transform: async (call) => call.kind === "tool" ? { ...call, input: { ...Object(call.input), limit: 5 } } : call
  })
  const noNumbers = Guardrail.make({
    name: "no-numbers",
    check: async (call) => JSON.stringify(call).includes("555") ? Guardrail.reject("a number") : Guardrail.allow
  })

  it("gives what may run, and what was decided, which the end of the call shows", async () => {
    const { events, heddle } = await recording([limit, noNumbers])
    const checked = await heddle.toolCheck("search", { query: "x" }, { toolCallId: "c1" })
    assert.deepStrictEqual(checked.input, Object.assign({ limit: 5 }, { query: "x" }))
    assert.deepStrictEqual(await events(), [])
    await heddle.toolEnd(await heddle.toolStart("search", undefined, { checked }))
    const [start, end] = await events()
    assert.deepStrictEqual(start?.data, { query: "x", limit: 5 })
    assert.deepInclude(end?._tag === "ScopeEnd" ? end.decisions[0] : undefined, { verdict: "allow" })
    const model = await heddle.llmCheck("model", { body: { prompt: "x" } }, { model: "m" })
    assert.deepStrictEqual(model.request, { headers: {}, body: { prompt: "x" } })
    await heddle.llmEnd(await heddle.llmStart("model", undefined, { checked: model }))
    assert.deepStrictEqual((await events()).at(-2)?.data, { headers: {}, body: { prompt: "x" } })
    await heddle.close()
  })

  it("rejects what policy rejects, also that which is only here", async () => {
    const { heddle, tree } = await recording()
    assert.strictEqual((await heddle.toolCheck("call", "555")).input, "555")
    await heddle.scope("agent", () =>
      heddle.with([noNumbers], async () => {
        assert.deepInclude(await reasonOf(heddle.toolCheck("call", "555")), {
          _tag: "GuardrailRejected",
          reason: "a number"
        })
        assert.strictEqual((await reasonOf(heddle.llmCheck("call", { body: "555" })))._tag, "GuardrailRejected")
      }))
    await tree(`
      function agent → Success
        mark guardrail no-numbers [warn]
        mark guardrail no-numbers [warn]
    `)
    await heddle.close()
  })

  it("decodes by its schema, and is interrupted by its signal", async () => {
    const stuck = deferred()
    const { heddle } = await recording([Guardrail.make({
      name: "g",
      applies: { name: "stuck" },
      check: async (_, { signal }) => {
        stuck.resolve()
        return untilAborted(signal)
      }
    })])
    const schema = Schema.Struct({ at: Schema.FiniteFromString })
    assert.deepStrictEqual((await heddle.toolCheck("t", { at: "3" }, { schema })).input, { at: 3 })
    assert.strictEqual((await reasonOf(heddle.toolCheck("t", { at: true }, { schema })))._tag, "InvalidInput")
    const { request } = await heddle.llmCheck("m", { body: { at: "3" } }, { schema })
    assert.deepStrictEqual(request.body, { at: 3 })
    const controller = new AbortController()
    const checking = heddle.toolCheck("stuck", 1, { signal: controller.signal })
    await stuck.promise
    controller.abort(schema)
    assert.strictEqual(await rejection(checking), schema)
    await heddle.close()
  })
})
