/** What a host may say of a call that cannot be, and of its times. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ExecutionScope, Mark, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { errorOf, governed, reasonOf, recorded, untyped } from "./utils.ts"

const search = { name: "call", input: { query: "x" } }

describe("what makes no sense is said in a typed error", () => {
  it.effect("that a call ended before, and nothing changes", () =>
    Effect.gen(function*() {
      const handle = yield* ToolCall.start(search)
      yield* ToolCall.end(handle, { output: 1 })
      const error = yield* errorOf(ToolCall.end(handle, { error: "late" }))
      assert.deepInclude(error, { kind: "tool", name: "call", uuid: handle.uuid, isRetryable: false })
      assert.deepInclude(error.reason, { _tag: "AlreadyEnded", by: "end" })
      assert.strictEqual(
        error.message,
        "tool call \"call\": it has ended already, by an earlier end; expected one end for each start"
      )
      const { end } = yield* recorded("call")
      assert.deepStrictEqual([end.data, end.outcome], [1, { _tag: "Success" }])
    }).pipe(governed()))

  it.effect("that a handle is none of this runtime, and what it is", () =>
    Effect.gen(function*() {
      const mine = yield* ToolCall.start(search)
      const other = yield* Effect.provide(ToolCall.start(search), TestRuntime.layer())
      const managed = yield* ToolCall.run(
        { name: "managed", input: 1 },
        () => Effect.flatMap(ExecutionScope.current, Effect.fromOption)
      )
      const wrong: ReadonlyArray<readonly [unknown, string]> = [
        [other, "another runtime"],
        [managed, "a scope or of a managed call"],
        [{ ...mine }, "nothing"],
        [JSON.parse(JSON.stringify(mine)), "nothing"],
        [undefined, "nothing"],
        [null, "nothing"],
        ["call", "nothing"],
        [{}, "nothing"]
      ]
      for (const [handle, actual] of wrong) {
        const reason = yield* reasonOf(ToolCall.end(untyped(handle)))
        assert.strictEqual(reason._tag, "InvalidManualCall")
        assert.include(reason.message, `its handle is`)
        assert.include(reason.message, actual)
        assert.include(reason.message, `expected what "start" gave in this runtime`)
      }
      yield* ToolCall.end(mine)
    }).pipe(governed()))

  it.effect("that a running managed call cannot be ended by hand", () =>
    Effect.gen(function*() {
      yield* ToolCall.run({ name: "call", input: 1 }, () =>
        Effect.gen(function*() {
          const current = yield* Effect.flatMap(ExecutionScope.current, Effect.fromOption)
          assert.strictEqual((yield* reasonOf(ToolCall.end(untyped(current))))._tag, "InvalidManualCall")
        }))
      assert.strictEqual((yield* recorded("call")).end.outcome._tag, "Success")
    }).pipe(governed()))

  it.effect("that a parent is none, and nothing starts", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(ToolCall.start({ ...search, parent: untyped({ uuid: "x" }) }))
      assert.deepInclude(reason, { _tag: "InvalidManualCall", what: "parent" })
      assert.strictEqual((yield* TestRuntime.events).length, 0)
    }).pipe(governed()))

  it.effect.each([-1, 0.5, Number.NaN, 2 ** 53, "1", Number.POSITIVE_INFINITY])(
    "that %s is no time",
    (timestamp) =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(ToolCall.start({ ...search, timestamp: untyped(timestamp) }))
        assert.deepInclude(reason, { _tag: "InvalidManualCall", what: "timestamp" })
        assert.include(reason.message, "microseconds since the Unix epoch")
        const handle = yield* ToolCall.start(search)
        assert.strictEqual(
          (yield* reasonOf(ToolCall.end(handle, { timestamp: untyped(timestamp) })))._tag,
          "InvalidManualCall"
        )
        yield* ToolCall.end(handle)
        yield* TestRuntime.assertTree("tool call → Success")
      }).pipe(governed())
  )
})

describe("the times of a host", () => {
  it.effect("are those of the events, to the microsecond", () =>
    Effect.gen(function*() {
      const handle = yield* ToolCall.start({ ...search, timestamp: 1_763_000_000_123_457 })
      yield* ToolCall.end(handle, { timestamp: 1_763_000_000_123_999 })
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual([start.timestamp, end.timestamp], [1_763_000_000_123_457, 1_763_000_000_123_999])
      assert.notProperty(start.metadata, "heddle.timestamp")
    }).pipe(governed()))

  it.effect("never go backwards: what was said stands beside what counts", () =>
    Effect.gen(function*() {
      const first = yield* ToolCall.start({ name: "first", input: 1, timestamp: 2_000_000 })
      const second = yield* ToolCall.start({ name: "call", input: 1, timestamp: 1_000_000 })
      yield* ToolCall.end(second, { timestamp: 500_000 })
      yield* ToolCall.end(first, { timestamp: 3_000_000 })
      yield* Mark.emit("now")
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual([start.timestamp, end.timestamp], [2_000_000, 2_000_001])
      assert.propertyVal(start.metadata, "heddle.timestamp", 1_000_000)
      assert.propertyVal(end.metadata, "heddle.timestamp", 500_000)
      const now = (yield* TestRuntime.events).at(-1)
      assert.strictEqual(now?.timestamp, 3_000_000)
    }).pipe(governed()))

  it.live("are those of the clock again where the host says none", () =>
    Effect.gen(function*() {
      const handle = yield* ToolCall.start({ ...search, timestamp: 1_000_000 })
      yield* ToolCall.end(handle)
      const { end, start } = yield* recorded("call")
      assert.strictEqual(start.timestamp, 1_000_000)
      assert.isAbove(end.timestamp, 1_600_000_000_000_000)
    }).pipe(governed()))
})
