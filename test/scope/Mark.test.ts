import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ExecutionScope, type LifecycleEvent, Mark } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const marks = Effect.map(TestRuntime.events, (events) => events.filter((event) => event._tag === "Mark"))

describe("Mark.emit", () => {
  it.effect("outside of any scope is a root of its own", () =>
    Effect.gen(function*() {
      yield* Mark.emit("one")
      yield* Mark.emit("two")
      const [one, two] = yield* marks
      assert.isUndefined(one?.parentUuid)
      assert.strictEqual(one?.rootUuid, one?.uuid)
      assert.strictEqual(two?.rootUuid, two?.uuid)
      assert.notStrictEqual(one?.uuid, two?.uuid)
      yield* TestRuntime.assertWellFormed()
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("inside of scopes belongs to the innermost, with the root of the outermost", () =>
    Effect.gen(function*() {
      const handle = yield* Effect.andThen(Mark.emit("here"), ExecutionScope.current).pipe(
        ExecutionScope.run({ name: "inner", category: "function" }),
        ExecutionScope.run({ name: "outer", category: "agent" })
      )
      const [mark] = yield* marks
      assert(handle._tag === "Some")
      assert.strictEqual(mark?.parentUuid, handle.value.uuid)
      assert.strictEqual(mark?.rootUuid, handle.value.rootUuid)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("carries data, severity, schema and metadata, with names of ours renamed", () =>
    Effect.gen(function*() {
      const dataSchema = { name: "progress", version: "1" }
      yield* Mark.emit("progress", {
        data: { done: 3 },
        severity: "warn",
        dataSchema,
        metadata: { tenant: "t", "heddle.x": 1, "otel.y": 2 }
      })
      const [mark] = yield* marks
      assert.deepStrictEqual(mark?.data, { done: 3 })
      assert.strictEqual(mark?.severity, "warn")
      assert.deepStrictEqual(mark?.dataSchema, dataSchema)
      assert.deepStrictEqual(mark?.metadata, { tenant: "t", "user.heddle.x": 1, "user.otel.y": 2 })
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("without options carries nothing of these", () =>
    Effect.gen(function*() {
      yield* Mark.emit("bare")
      const [mark] = yield* marks
      const expected: Partial<LifecycleEvent.Mark> = {
        name: "bare",
        category: undefined,
        data: undefined,
        dataSchema: undefined,
        metadata: undefined,
        severity: undefined
      }
      for (const [key, value] of Object.entries(expected)) {
        assert.strictEqual(mark?.[key as keyof LifecycleEvent.Mark], value, key)
      }
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("with metadata that cannot be read still is a mark", () =>
    Effect.gen(function*() {
      const trap = Object.defineProperty({ fine: 1 }, "bad", {
        enumerable: true,
        get: () => {
          throw new Error("trap")
        }
      })
      yield* Mark.emit("trapped", { metadata: trap })
      const [mark] = yield* marks
      assert.strictEqual(mark?.metadata?.["fine"], 1)
    }).pipe(Effect.provide(TestRuntime.layer())))
})
