import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { ExecutionScope, Guardrail, Intercept, LlmCall, Mark } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { chunksOf, request, step, streamed } from "./streams.ts"
import { governed, recorded, type Runtime } from "./utils.ts"

class Oops extends Data.TaggedError("Oops")<{ readonly n: number }> {}

/** A provider that says when it is closed, from within its own finalizer. */
const closing = <A, E>(stream: Stream.Stream<A, E, Runtime>) => Stream.ensuring(stream, Mark.emit("closed"))

describe("a streamed call", () => {
  it.effect("does nothing before its first pull", () => {
    let transformed = 0
    return Effect.gen(function*() {
      const asked: Array<string> = []
      const pull = yield* Stream.toPull(streamed(() => chunksOf(["a"], asked)))
      assert.deepStrictEqual(yield* TestRuntime.events, [])
      assert.strictEqual(transformed, 0)
      assert.deepStrictEqual(yield* step(pull), ["a"])
      assert.strictEqual(transformed, 1)
      assert.deepStrictEqual(asked, ["a"])
    }).pipe(
      Effect.scoped,
      governed(Intercept.request({
        name: "r",
        transform: (call) => {
          transformed++
          return call
        }
      }))
    )
  })

  it.effect("that is never pulled leaves no event", () =>
    Effect.gen(function*() {
      yield* Effect.asVoid(Effect.scoped(Stream.toPull(streamed(() => chunksOf(["a"])))))
      assert.deepStrictEqual(yield* TestRuntime.events, [])
    }).pipe(governed()))

  it.effect("is a call of its own at each run", () =>
    Effect.gen(function*() {
      const stream = streamed(() => chunksOf(["a", "b"]))
      assert.deepStrictEqual(yield* Stream.runCollect(stream), ["a", "b"])
      assert.deepStrictEqual(yield* Stream.runCollect(stream), ["a", "b"])
      const starts = (yield* TestRuntime.events).filter((event) => event._tag === "ScopeStart")
      assert.strictEqual(new Set(starts.map(({ uuid }) => uuid)).size, 2)
      yield* TestRuntime.assertTree(`
        llm call → Success
        llm call → Success
      `)
    }).pipe(governed()))

  it.effect("pulls its provider only when it is pulled", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const pull = yield* Stream.toPull(streamed(() => chunksOf(["a", "b", "c"], asked)))
      for (const chunk of ["a", "b", "c"]) {
        assert.deepStrictEqual(yield* step(pull), [chunk])
        assert.strictEqual(asked.at(-1), chunk)
      }
      assert.strictEqual(yield* step(pull), "end")
    }).pipe(
      Effect.scoped,
      governed(
        Guardrail.make({ name: "g", check: () => Guardrail.allow }),
        Guardrail.output({ name: "o", check: () => Guardrail.allow }),
        Intercept.stream({ name: "s", around: (_call, next) => next() })
      )
    ))

  it.effect("shows the folded response, the number of chunks and the time to the first", () =>
    Effect.gen(function*() {
      const asked = Deferred.makeUnsafe<void>()
      const provider = () =>
        Stream.unwrap(
          Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(Effect.sleep("1500 millis")),
            Effect.as(chunksOf(["a", "b", "c"]))
          )
        )
      const fiber = yield* Effect.forkChild(Stream.runDrain(streamed(provider)))
      yield* Deferred.await(asked)
      yield* TestClock.adjust("1500 millis")
      yield* Fiber.join(fiber)
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Success" })
      assert.strictEqual(end.data, "abc")
      assert.strictEqual(end.profile?.chunkCount, 3)
      assert.strictEqual(end.profile?.timeToFirstChunk, 1.5)
      assert.deepStrictEqual(start.attributes, ["streaming"])
      assert.deepStrictEqual(end.attributes, ["streaming"])
    }).pipe(governed()))

  it.effect("lists chunks that are not text", () =>
    Effect.gen(function*() {
      yield* Stream.runDrain(streamed(() => chunksOf<unknown>(["a", { b: 1 }])))
      assert.deepStrictEqual((yield* recorded("call")).end.data, ["a", { b: 1 }])
    }).pipe(governed()))

  it.effect("may be empty", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(streamed(() => Stream.empty)), [])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Success" })
      assert.strictEqual(end.profile?.chunkCount, 0)
      assert.isUndefined(end.profile?.timeToFirstChunk)
    }).pipe(governed()))

  it.effect("fails with the error of its provider, after what it gave before", () =>
    Effect.gen(function*() {
      const oops = new Oops({ n: 1 })
      const seen: Array<string> = []
      const error = yield* streamed(() => Stream.concat(chunksOf(["a", "b"]), Stream.fail(oops))).pipe(
        Stream.runForEach((chunk) => Effect.sync(() => seen.push(chunk))),
        Effect.flip
      )
      assert.strictEqual(error, oops)
      assert.deepStrictEqual(seen, ["a", "b"])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Failure", error: { tag: "Oops", message: "" }, isDefect: false })
      assert.strictEqual(end.profile?.chunkCount, 2)
      assert.strictEqual(end.data, "ab")
    }).pipe(governed()))

  it.effect("dies with the defect of its provider", () =>
    Effect.gen(function*() {
      const boom = new Error("boom")
      const cause = yield* Stream.runDrain(streamed(() => Stream.die(boom))).pipe(Effect.sandbox, Effect.flip)
      assert.deepStrictEqual(cause.reasons.map((reason) => Cause.isDieReason(reason) && reason.defect), [boom])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, {
        _tag: "Failure",
        error: { tag: "Error", message: "boom" },
        isDefect: true
      })
    }).pipe(governed()))

  it.effect("dies with what is thrown instead of its provider", () =>
    Effect.gen(function*() {
      const boom = new Error("boom")
      const thrown = streamed((): Stream.Stream<string> => {
        throw boom
      })
      const cause = yield* Stream.runDrain(thrown).pipe(Effect.sandbox, Effect.flip)
      assert.deepStrictEqual(cause.reasons.map((reason) => Cause.isDieReason(reason) && reason.defect), [boom])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Failure", error: { tag: "Error", message: "boom" }, isDefect: true })
    }).pipe(governed()))

  it.effect("is interrupted by its consumer when that has read enough", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const chunks = yield* streamed(() => chunksOf(["a", "b", "c"], asked)).pipe(Stream.take(2), Stream.runCollect)
      assert.deepStrictEqual(chunks, ["a", "b"])
      assert.deepStrictEqual(asked, ["a", "b"])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Interrupted", origin: "consumer" })
      assert.strictEqual(end.data, "ab")
    }).pipe(governed()))

  it.effect("is interrupted by its consumer when that fails", () =>
    Effect.gen(function*() {
      const error = yield* streamed(() => chunksOf(["a", "b"])).pipe(
        Stream.mapEffect(() => Effect.fail("mine")),
        Stream.runDrain,
        Effect.flip
      )
      assert.strictEqual(error, "mine")
      assert.deepStrictEqual((yield* recorded("call")).end.outcome, { _tag: "Interrupted", origin: "consumer" })
    }).pipe(governed()))

  it.effect("is interrupted by its consumer when that closes it between two pulls", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const pull = yield* Stream.toPull(streamed(() => chunksOf(["a", "b"]))).pipe(Scope.provide(scope))
      assert.deepStrictEqual(yield* step(pull), ["a"])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual((yield* recorded("call")).end.outcome, { _tag: "Interrupted", origin: "consumer" })
    }).pipe(governed()))

  it.effect("is interrupted with the fiber that reads it", () =>
    Effect.gen(function*() {
      const asked = Deferred.makeUnsafe<void>()
      const id = yield* Effect.fiberId
      const fiber = yield* Effect.forkChild(Stream.runDrain(streamed(() =>
        Stream.concat(
          chunksOf(["a"]),
          Stream.fromEffect(Effect.andThen(Deferred.succeed(asked, undefined), Effect.never))
        )
      )))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Interrupted", origin: `fiber:${id}` })
      assert.strictEqual(end.profile?.chunkCount, 1)
    }).pipe(governed()))

  it.effect("goes on after a pull that was interrupted", () =>
    Effect.gen(function*() {
      const asked = Deferred.makeUnsafe<void>()
      const go = Deferred.makeUnsafe<void>()
      const provider = Stream.unfold(0, (n) =>
        n === 0
          ? Effect.succeed(["a", 1] as const)
          : Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(Deferred.await(go)),
            Effect.as(n === 1 ? ["b", 2] as const : undefined)
          ))
      const pull = yield* Stream.toPull(streamed(() => provider))
      assert.deepStrictEqual(yield* step(pull), ["a"])
      const fiber = yield* Effect.forkChild(step(pull))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual(yield* step(pull), ["b"])
      assert.strictEqual(yield* step(pull), "end")
      assert.deepStrictEqual((yield* recorded("call")).end.outcome, { _tag: "Success" })
    }).pipe(Effect.scoped, governed()))

  it.effect("opens once when its first pull was interrupted while it was judged", () => {
    const asked = Deferred.makeUnsafe<void>()
    const go = Deferred.makeUnsafe<void>()
    return Effect.gen(function*() {
      let opened = 0
      const pull = yield* Stream.toPull(streamed(() => {
        opened++
        return chunksOf(["a"])
      }))
      const fiber = yield* Effect.forkChild(step(pull))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(opened, 0)
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual(yield* step(pull), ["a"])
      assert.strictEqual(yield* step(pull), "end")
      assert.strictEqual(opened, 1)
      assert.deepStrictEqual((yield* recorded("call")).end.outcome, { _tag: "Success" })
    }).pipe(
      Effect.scoped,
      governed(Guardrail.make({
        name: "g",
        check: () =>
          Deferred.succeed(asked, undefined).pipe(Effect.andThen(Deferred.await(go)), Effect.as(Guardrail.allow))
      }))
    )
  })

  describe("closes its provider inside the call, before the call ends", () => {
    const endings: ReadonlyArray<readonly [string, Stream.Stream<string, Oops>, string]> = [
      ["it has ended", chunksOf(["a", "b"]), "Success"],
      ["it has failed", Stream.concat(chunksOf(["a"]), Stream.fail(new Oops({ n: 1 }))), "Failure"],
      ["its consumer has stopped", chunksOf(["a", "b", "c", "d"]), "Interrupted"],
      ["it was blocked", chunksOf(["a", "bad", "c"]), "Blocked"]
    ]
    it.effect.each(endings)("when %s", ([, provider, outcome]) =>
      Effect.gen(function*() {
        yield* streamed(() => closing(provider)).pipe(Stream.take(3), Stream.runDrain, Effect.exit)
        const { end, marks } = yield* recorded("call")
        assert.strictEqual(end.outcome._tag, outcome)
        const closed = marks.filter(({ name }) => name === "closed")
        assert.strictEqual(closed.length, 1)
        assert.isBelow(closed[0]!.sequence, end.sequence)
      }).pipe(governed(Guardrail.output({
        name: "o",
        check: ({ text }) => text?.includes("bad") === true ? Guardrail.reject("no") : Guardrail.allow
      }))))

    it.effect("when its reader was interrupted", () =>
      Effect.gen(function*() {
        const asked = Deferred.makeUnsafe<void>()
        const fiber = yield* Effect.forkChild(Stream.runDrain(streamed(() =>
          closing(Stream.fromEffect(Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)))
        )))
        yield* Deferred.await(asked)
        yield* Fiber.interrupt(fiber)
        const { end, marks } = yield* recorded("call")
        assert.deepStrictEqual(
          marks.map(({ name }) =>
            name
          ),
          ["closed"]
        )
        assert.isBelow(marks[0]!.sequence, end.sequence)
      }).pipe(governed()))
  })

  it.effect("has as children what its provider does, and not what its consumer does", () =>
    Effect.gen(function*() {
      yield* streamed(() =>
        chunksOf(["a", "b"]).pipe(
          Stream.mapEffect((chunk) => Effect.as(Mark.emit(`gives ${chunk}`), chunk)),
          closing
        )
      ).pipe(
        Stream.mapEffect((chunk) =>
          ExecutionScope.run({ name: `reads ${chunk}`, category: "function" })(Mark.emit("inside"))
        ),
        Stream.tap(() => Mark.emit("between")),
        Stream.runDrain,
        ExecutionScope.run({ name: "agent", category: "agent" })
      )
      yield* TestRuntime.assertWellFormed()
      yield* TestRuntime.assertTree(`
        agent agent → Success
          llm call → Success
            mark gives a
            mark gives b
            mark closed
          function reads a → Success
            mark inside
          mark between
          function reads b → Success
            mark inside
          mark between
      `)
    }).pipe(governed(Guardrail.output({ name: "o", check: () => Guardrail.allow }))))

  it.effect("leaves the scope of its consumer current after its end, however it ended", () =>
    Effect.gen(function*() {
      const inAgent = Effect.gen(function*() {
        yield* Effect.exit(Stream.runDrain(streamed(() => chunksOf(["a"]))))
        yield* Effect.exit(Stream.runDrain(streamed(() => Stream.fail("oops"))))
        yield* Effect.exit(Stream.runDrain(Stream.take(streamed(() => chunksOf(["a", "b"])), 1)))
        yield* Mark.emit("after")
      })
      yield* ExecutionScope.run({ name: "agent", category: "agent" })(inAgent)
      const events = yield* TestRuntime.events
      const agent = events.find((event) => event.name === "agent")
      assert.strictEqual(events.find((event) => event.name === "after")?.parentUuid, agent?.uuid)
    }).pipe(governed()))
})

describe("a request of a streamed call", () => {
  it.effect("gives its provider the headers and the body", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const given = { ...request, headers: { accept: "text/plain", authorization: "secret" } }
      yield* Stream.runDrain(LlmCall.stream({ name: "call", model: "m", request: given }, (mine) => {
        seen.push(mine)
        return Stream.empty
      }))
      assert.deepStrictEqual(seen, [given])
      const { start } = yield* recorded("call")
      assert.deepStrictEqual(start.data, {
        headers: { accept: "text/plain", authorization: "<redacted>" },
        body: { q: "x" }
      })
      assert.strictEqual(start.profile?.modelName, "m")
    }).pipe(governed()))
})
