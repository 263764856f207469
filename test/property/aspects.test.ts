import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { Guardrail, Middleware, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const closed = Guardrail.make({ name: "closed", check: () => Guardrail.reject("closed") })

describe("an aspect around a stream", () => {
  const ends: ReadonlyArray<readonly [string, (stream: Stream.Stream<number>) => Effect.Effect<unknown, unknown>]> = [
    ["it is read to its end", Stream.runDrain],
    ["it is read in part", (stream) => Stream.runDrain(Stream.take(stream, 1))],
    ["its consumer fails", (stream) => Stream.runForEach(stream, () => Effect.fail("enough"))],
    ["its consumer is interrupted", (stream) => Stream.runForEach(stream, () => Effect.interrupt)]
  ]
  for (const [how, read] of ends) {
    it.effect(`holds for the stream's finalizers when ${how}`, () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const call = (where: string) =>
          ToolCall.run({ name: where, input: 1 }, () => Effect.void).pipe(
            Effect.exit,
            Effect.map((exit) => seen.push(`${where} ${Exit.isFailure(exit) ? "blocked" : "ungoverned"}`))
          )
        const context = yield* Effect.context<TestRuntime.TestRuntime>()
        const stream = Stream.make(1, 2).pipe(
          Stream.rechunk(1),
          Stream.tap(() => call("element")),
          Stream.ensuring(call("finalizer")),
          Middleware.provide(closed),
          Stream.provideContext(context as never)
        )
        yield* Effect.exit(read(stream))
        assert.deepStrictEqual(new Set(seen), new Set(["element blocked", "finalizer blocked"]))
      }).pipe(Effect.provide(TestRuntime.layer())))
  }
})
