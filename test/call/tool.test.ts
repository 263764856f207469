import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { Guardrail, Intercept, type Middleware, ToolCall } from "../../src/index.ts"
import { governed, reasonOf, recorded } from "./utils.ts"

const Search = Schema.Struct({ query: Schema.String, limit: Schema.FiniteFromString })

const search = (input: unknown, seen: Array<unknown> = []) =>
  ToolCall.run({ name: "call", input, schema: Search }, (input) =>
    Effect.sync(() => {
      seen.push(input)
      return input.limit * 2
    }))

describe("the schema of a tool", () => {
  it.effect("gives the work what it decodes, and middleware both", () => {
    const judged: Array<Middleware.Call> = []
    return Effect.gen(function*() {
      const seen: Array<unknown> = []
      assert.strictEqual(yield* search({ query: "x", limit: "3" }, seen), 6)
      assert.deepStrictEqual(seen, [{ query: "x", limit: 3 }])
      assert.deepInclude(judged[0], { input: { query: "x", limit: "3" }, decoded: { query: "x", limit: 3 } })
      const { start } = yield* recorded("call")
      assert.deepStrictEqual(start.data, { query: "x", limit: "3" })
    }).pipe(governed(Guardrail.make({
      name: "g",
      check: (call) => {
        judged.push(call)
        return Guardrail.allow
      }
    })))
  })

  it.effect("refuses what does not decode, before anything is judged or run", () => {
    let judged = 0
    return Effect.gen(function*() {
      const seen: Array<unknown> = []
      const reason = yield* reasonOf(search({ query: "x" }, seen))
      assert.strictEqual(reason._tag, "InvalidInput")
      assert.isFalse(reason.isRetryable)
      assert.include(reason.message, "limit")
      assert.deepStrictEqual(seen, [])
      assert.strictEqual(judged, 0)
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual(start.data, { query: "x" })
      assert.strictEqual(end.outcome._tag, "Failure")
    }).pipe(governed(Guardrail.make({
      name: "g",
      check: () => {
        judged++
        return Guardrail.allow
      }
    })))
  })

  it.effect("decodes what request intercepts made of the input", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* search({ query: "x" }), 8)
    }).pipe(governed(Intercept.request({
      name: "r",
      transform: (call) => call.kind === "tool" ? { ...call, input: { ...Object(call.input), limit: "4" } } : call
    }))))

  it.effect("refuses what request intercepts made of the input", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* reasonOf(search({ query: "x", limit: "3" })))._tag, "InvalidInput")
    }).pipe(governed(Intercept.request({
      name: "r",
      transform: (call) => call.kind === "tool" ? { ...call, input: { query: 1 } } : call
    }))))

  it.effect.each<readonly [string, unknown, "InvalidInput" | 10]>([
    ["decodes", { query: "x", limit: "5" }, 10],
    ["refuses", { query: "x", limit: true }, "InvalidInput"]
  ])("%s what next is given", ([, input, expected]) =>
    Effect.gen(function*() {
      const call = search({ query: "x", limit: "3" })
      const result = expected === 10 ? yield* call : (yield* reasonOf(call))._tag
      assert.strictEqual(result, expected)
    }).pipe(governed(Intercept.execution({
      name: "x",
      around: (call, next) => next(call.kind === "tool" ? { ...call, input } : call)
    }))))

  it.effect("decodes with the services of the caller", () => {
    class Unit extends Context.Service<Unit, number>()("heddle/test/call/tool.test/Unit") {}
    const Scaled = Schema.Finite.pipe(Schema.decodeTo(Schema.Finite, {
      decode: SchemaGetter.transformEffect((n: number) => Effect.map(Unit, (unit) => n * unit)),
      encode: SchemaGetter.passthrough()
    }))
    return Effect.gen(function*() {
      const call = ToolCall.run({ name: "call", input: 2, schema: Scaled }, (n) => Effect.succeed(n))
      assert.strictEqual(yield* Effect.provideService(call, Unit, 21), 42)
    }).pipe(governed())
  })
})

describe("the output schema of a tool", () => {
  const call = (result: unknown) =>
    ToolCall.run({ name: "call", input: {}, output: Schema.Finite }, () => Effect.succeed(result))
  const replacing = (result: unknown) => Intercept.execution({ name: "x", around: () => Effect.succeed(result) })

  it.effect("lets a result pass that an intercept replaced and that matches", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* call(1), 2)
    }).pipe(governed(replacing(2))))

  it.effect("refuses a replaced result that does not match", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(call(1))
      assert.strictEqual(reason._tag, "InvalidOutput")
      assert.include(reason.message, "number")
      const { end } = yield* recorded("call")
      assert.strictEqual(end.outcome._tag, "Failure")
    }).pipe(governed(replacing("two"))))

  it.effect("does not check the real result", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* call("real"), "real")
    }).pipe(
      governed(Intercept.execution({ name: "x", around: (_call, next) => Effect.tap(next(), () => Effect.void) }))
    ))

  it.effect("checks before output guardrails judge", () => {
    let judged = 0
    return Effect.gen(function*() {
      assert.strictEqual((yield* reasonOf(call(1)))._tag, "InvalidOutput")
      assert.strictEqual(judged, 0)
    }).pipe(governed(
      replacing("two"),
      Guardrail.output({
        name: "o",
        check: () => {
          judged++
          return Guardrail.allow
        }
      })
    ))
  })
})

describe("a tool call", () => {
  it.effect("carries the id that the model gave it, to middleware and to both events", () => {
    const judged: Array<Middleware.Call> = []
    return Effect.gen(function*() {
      yield* ToolCall.run({ name: "call", input: {}, toolCallId: "call_1" }, () => Effect.void)
      assert.deepInclude(judged[0], { toolCallId: "call_1" })
      const { end, start } = yield* recorded("call")
      assert.strictEqual(start.profile?.toolCallId, "call_1")
      assert.strictEqual(end.profile?.toolCallId, "call_1")
    }).pipe(governed(Guardrail.make({
      name: "g",
      check: (call) => {
        judged.push(call)
        return Guardrail.allow
      }
    })))
  })

  it.effect("keeps what only the runtime may write out of its metadata", () =>
    Effect.gen(function*() {
      const metadata = { "heddle.x": 1, "otel.y": 2, mine: 3 }
      yield* ToolCall.run({ name: "call", input: {}, metadata }, () => Effect.void)
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual(start.metadata, { "user.heddle.x": 1, "user.otel.y": 2, mine: 3 })
      assert.deepInclude(end.metadata, { "user.heddle.x": 1, "user.otel.y": 2, mine: 3 })
    }).pipe(governed()))

  it.effect("gives its caller the very value that the work gave", () =>
    Effect.gen(function*() {
      const value = { deep: {} }
      assert.strictEqual(yield* ToolCall.run({ name: "call", input: {} }, () => Effect.succeed(value)), value)
    }).pipe(governed(
      Guardrail.output({ name: "o", check: () => Guardrail.allow }),
      Intercept.execution({ name: "x", around: (_call, next) => next() })
    )))

  it.effect("wraps a function into a managed one", () =>
    Effect.gen(function*() {
      const double = ToolCall.wrap("call", { metadata: { team: "a" } })((n: number) => Effect.succeed(n * 2))
      assert.strictEqual(yield* double(2), 4)
      const { end, start } = yield* recorded("call")
      assert.strictEqual(start.data, 2)
      assert.strictEqual(end.data, 4)
      assert.deepStrictEqual(start.metadata, { team: "a" })
    }).pipe(governed()))

  it.effect("wraps a function with an answer to a block", () =>
    Effect.gen(function*() {
      const double = ToolCall.wrap("call", { onBlocked: ({ reason }) => `refused: ${reason}` })(
        (n: number) => Effect.succeed(n * 2)
      )
      assert.strictEqual(yield* double(2), "refused: no")
    }).pipe(governed(Guardrail.make({ name: "g", check: () => Guardrail.reject("no") }))))
})
