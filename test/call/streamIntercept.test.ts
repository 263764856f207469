import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { AgentRuntime, Guardrail, Intercept, LlmCall, Mark, Middleware, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { chunksOf, request, step, streamed } from "./streams.ts"
import { counted, errorOf, governed, reasonOf, recorded, type Runtime, untyped } from "./utils.ts"

type Next = (call?: Middleware.Call) => Stream.Stream<unknown, unknown>

const around = <R = never>(
  f: (next: Next, call: Middleware.Call) => Stream.Stream<unknown, unknown, R>,
  options?: { readonly name?: string; readonly priority?: number }
) =>
  Intercept.stream({
    name: options?.name ?? "s",
    priority: options?.priority,
    around: (call, next) => f(next, call)
  })

const withBody = (call: Middleware.Call, body: LlmCall.LlmRequest["body"]): Middleware.Call =>
  call.kind === "llm" ? { ...call, request: { ...call.request, body } } : call

const upper = (next: Next) => Stream.map(next(), (chunk) => String(chunk).toUpperCase())

const noBad = Guardrail.make({
  name: "g",
  check: (call) =>
    call.kind === "llm" && JSON.stringify(call.request.body).includes("bad")
      ? Guardrail.reject("bad")
      : Guardrail.allow
})

/** Runs a stream, and gives the bodies with which its provider was asked. */
const bodies = Effect.gen(function*() {
  const seen: Array<unknown> = []
  yield* Stream.runDrain(LlmCall.stream({ name: "call", request }, ({ body }) => {
    seen.push(body)
    return Stream.empty
  }))
  return seen
})

describe("a stream intercept", () => {
  it.effect("changes the chunks that the consumer gets and the end event shows", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(streamed(() => chunksOf(["a", "b"]))), ["A", "B"])
      assert.strictEqual((yield* recorded("call")).end.data, "AB")
    }).pipe(governed(around(upper))))

  it.effect("does not wrap buffered calls", () =>
    Effect.gen(function*() {
      const buffered = LlmCall.run({ name: "a", request }, () => Effect.succeed("x"))
      assert.strictEqual(yield* buffered, "x")
      assert.strictEqual(yield* ToolCall.run({ name: "b", input: {} }, () => Effect.succeed("x")), "x")
    }).pipe(governed(around(() => Stream.die("unused")))))

  it.effect("stands in one order with the stream sides of execution intercepts", () => {
    const tag = (name: string) => (next: Next) => Stream.map(next(), (chunk) => `${name}(${String(chunk)})`)
    const execution = (name: string, priority: number) =>
      Intercept.execution({
        name,
        priority,
        around: (_call, next) => next(),
        stream: (_call, next) => tag(name)(next)
      })
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(streamed(() => chunksOf(["x"]))), ["a(b(c(d(x))))"])
    }).pipe(governed(
      around(tag("b"), { name: "b", priority: 2 }),
      execution("c", 3),
      around(tag("d"), { name: "d", priority: 4 }),
      execution("a", 1)
    ))
  })

  it.effect("that gives next() as it is may run it again: that is an attempt", () => {
    const given: Array<Stream.Stream<unknown, unknown>> = []
    const provider = () => Stream.tap(chunksOf(["a", "b"]), (chunk) => Mark.emit(`gives ${chunk}`))
    return Effect.gen(function*() {
      const pull = yield* Stream.toPull(streamed(provider))
      assert.deepStrictEqual(yield* step(pull), ["a"])
      assert.deepStrictEqual(yield* Stream.runCollect(given[0]!), ["a", "b"])
      assert.deepStrictEqual(yield* step(pull), ["b"])
      assert.strictEqual(yield* step(pull), "end")
      yield* TestRuntime.assertWellFormed()
      yield* TestRuntime.assertTree(`
        llm call → Success
          mark gives a
          function attempt → Success
            mark gives a
            mark gives b
          mark gives b
      `)
    }).pipe(
      Effect.scoped,
      governed(around((next) => {
        const stream = next()
        given.push(stream)
        return stream
      }))
    )
  })

  it.effect("that gives next() as it is may stand between others that do not", () => {
    const tag = (name: string) => (next: Next) => Stream.map(next(), (chunk) => `${name}(${String(chunk)})`)
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(streamed(() => chunksOf(["x"]))), ["a(c(x))"])
      const oops = new Error("oops")
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(streamed(() => Stream.fail(oops)))), oops)
    }).pipe(governed(
      around(tag("a"), { name: "a", priority: 1 }),
      around((next) => next(), { name: "b", priority: 2 }),
      around(tag("c"), { name: "c", priority: 3 }),
      around((next) => next(), { name: "d", priority: 4 })
    ))
  })

  it.effect("that gives what a changed call gives does not pass the call on as it was", () => {
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* bodies, [{ q: "y" }])
    }).pipe(governed(around((next, call) => {
      assert.isTrue(Stream.isStream(next()))
      return next(withBody(call, { q: "y" }))
    })))
  })

  it.effect("leaves back-pressure as it is", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const pull = yield* Stream.toPull(streamed(() => chunksOf(["a", "b", "c"], asked)))
      assert.deepStrictEqual(yield* step(pull), ["A"])
      assert.deepStrictEqual(asked, ["a"])
    }).pipe(Effect.scoped, governed(around(upper))))

  it.effect("may replace the stream: the provider is not asked", () =>
    Effect.gen(function*() {
      let opened = 0
      const chunks = yield* Stream.runCollect(streamed(() => {
        opened++
        return chunksOf(["a"])
      }))
      assert.deepStrictEqual(chunks, ["cached"])
      assert.strictEqual(opened, 0)
      assert.deepStrictEqual((yield* recorded("call")).end.outcome, { _tag: "Success" })
    }).pipe(governed(around(() => Stream.succeed("cached")))))

  it.effect("may run next again when it fails, in a scope of its own", () => {
    let runs = 0
    const provider = (): Stream.Stream<string, string, Runtime> => {
      const run = ++runs
      return Stream.concat(
        Stream.tap(chunksOf([`a${run}`]), () => Mark.emit(`run ${run}`)),
        run < 3 ? Stream.fail(`failure ${run}`) : Stream.empty
      ).pipe(Stream.ensuring(Mark.emit(`closed ${run}`)))
    }
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(streamed(provider)), ["a1", "a2", "a3"])
      yield* TestRuntime.assertWellFormed()
      yield* TestRuntime.assertTree(`
        llm call → Success
          mark run 1
          mark closed 1
          function attempt → Failure string: failure 2
            mark run 2
            mark closed 2
          function attempt → Success
            mark run 3
            mark closed 3
      `)
      assert.strictEqual((yield* recorded("call")).end.profile?.chunkCount, 3)
    }).pipe(governed(around((next) => Stream.catch(next(), () => Stream.catch(next(), () => next())))))
  })

  it.effect("closes what next had open when its consumer stops", () =>
    Effect.gen(function*() {
      const provider = () => Stream.ensuring(chunksOf(["a", "b", "c"]), Mark.emit("closed"))
      yield* Stream.runDrain(Stream.take(streamed(provider), 4))
      yield* TestRuntime.assertWellFormed()
      yield* TestRuntime.assertTree(`
        llm call → Interrupted by consumer
          mark closed
          function attempt → Interrupted
            mark closed
      `)
    }).pipe(governed(around((next) => Stream.concat(next(), next())))))

  it.effect("gives errors of the provider as they are, and its own as InterceptFailed", () =>
    Effect.gen(function*() {
      const oops = new Error("oops")
      const theirs = streamed(() => Stream.fail(oops)).pipe(
        Middleware.provide(around((next) => Stream.tapError(next(), () => Effect.void)))
      )
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(theirs)), oops)
      const mine = streamed(() => chunksOf(["a"])).pipe(
        Middleware.provide(around((next) => Stream.concat(next(), Stream.fail("mine"))))
      )
      const reason = yield* reasonOf(Stream.runDrain(mine))
      if (reason._tag !== "InterceptFailed") throw new Error(reason._tag)
      assert.deepStrictEqual(reason.cause, Cause.fail("mine"))
    }).pipe(governed()))

  it.effect.each<readonly [string, () => unknown]>([
    ["throws", () => {
      throw new Error("boom")
    }],
    ["returns undefined", () => undefined],
    ["returns a Promise", () => Promise.resolve(Stream.empty)],
    ["returns an Effect", () => Effect.succeed("a")],
    ["returns an array", () => ["a"]]
  ])("that %s fails the call, closed", ([, answer]) => {
    let opened = 0
    return Effect.gen(function*() {
      const stream = streamed(() => {
        opened++
        return chunksOf(["a"])
      })
      assert.strictEqual((yield* reasonOf(Stream.runDrain(stream)))._tag, "InterceptFailed")
      assert.strictEqual(opened, 0)
      assert.strictEqual((yield* recorded("call")).end.outcome._tag, "Failure")
    }).pipe(governed(around(() => untyped(answer()))))
  })

  it.effect("is refused next after its call has ended", () => {
    let late: Stream.Stream<unknown, unknown> | undefined
    let opened = 0
    return Effect.gen(function*() {
      yield* Stream.runDrain(streamed(() => {
        opened++
        return chunksOf(["a"])
      }))
      assert.strictEqual((yield* reasonOf(Stream.runDrain(late!)))._tag, "InterceptFailed")
      assert.strictEqual(opened, 0)
    }).pipe(governed(around((next) => {
      late = next()
      return Stream.empty
    })))
  })

  it.effect("may change the request, which is judged again", () => {
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* bodies, [{ q: "y" }])
      assert.strictEqual((yield* recorded("call")).end.decisions.length, 2)
    }).pipe(governed(
      around((next, call) => next(withBody(call, { q: "y" }))),
      Guardrail.make({ name: "g", check: () => Guardrail.allow })
    ))
  })

  const bad = (next: Next, call: Middleware.Call) => next(withBody(call, { q: "bad" }))
  it.effect.each<readonly [string, (next: Next, call: Middleware.Call) => Stream.Stream<unknown, unknown>]>([
    ["caught", (next, call) => Stream.catch(bad(next, call), () => Stream.make("mine"))],
    ["caught as a cause", (next, call) => Stream.catchCause(bad(next, call), () => Stream.make("mine"))],
    ["followed by the first request", (next, call) => Stream.catch(bad(next, call), () => next())],
    [
      "merged with the first request",
      (next, call) => Stream.merge(Stream.orElseSucceed(bad(next, call), () => "mine"), next())
    ]
  ])("cannot undo a block inside next: %s", ([, swallow]) =>
    Effect.gen(function*() {
      const read: Array<unknown> = []
      const error = yield* errorOf(
        Stream.runForEach(streamed(() => chunksOf(["a", "b"])), (chunk) => Effect.sync(() => read.push(chunk)))
      )
      assert.strictEqual(error.reason._tag, "GuardrailRejected")
      assert.deepStrictEqual(read, [])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Blocked", by: "g", reason: "bad" })
    }).pipe(governed(
      around(swallow),
      noBad
    )))
})

describe("a block inside next", () => {
  it.effect("stops a stream that was passed on as it is", () => {
    let again: Stream.Stream<unknown, unknown> | undefined
    return Effect.gen(function*() {
      const pull = yield* Stream.toPull(streamed(() => chunksOf(["a", "b"])))
      assert.deepStrictEqual(yield* step(pull), ["a"])
      assert.strictEqual((yield* reasonOf(Stream.runDrain(again!)))._tag, "GuardrailRejected")
      assert.strictEqual((yield* reasonOf(step(pull)))._tag, "GuardrailRejected")
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Blocked", by: "g", reason: "bad" })
    }).pipe(
      Effect.scoped,
      governed(
        around((next, call) => {
          again = next(withBody(call, { q: "bad" }))
          return next()
        }),
        noBad
      )
    )
  })
})

describe("an execution intercept without a stream side", () => {
  const buffered = Intercept.execution({ name: "x", around: () => Effect.succeed("replaced") })

  it.effect("does not wrap streams, as explain says", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(streamed(() => chunksOf(["a"]))), ["a"])
      const question = { kind: "llm", name: "call", request } as const
      const stream = yield* Middleware.explain({ ...question, streaming: true })
      assert.deepStrictEqual(stream.runs, [])
      assert.deepStrictEqual(stream.skips.map(({ name }) => name), ["x"])
      assert.include(stream.skips[0]?.why, "stream")
      const whole = yield* Middleware.explain({ ...question, streaming: false })
      assert.deepStrictEqual(whole.runs.map(({ name }) => name), ["x"])
    }).pipe(governed(buffered)))

  it.effect("is warned of once", () =>
    Effect.gen(function*() {
      yield* Stream.runDrain(streamed(() => chunksOf(["a"])))
      yield* Stream.runDrain(streamed(() => chunksOf(["a"])))
      yield* AgentRuntime.flush
      const troubles = yield* AgentRuntime.troubles
      assert.deepStrictEqual(troubles.map(({ count, name }) => [name, count]), [["x", 1]])
    }).pipe(governed(buffered)))

  it.effect("is not warned of for calls that it does not apply to", () =>
    Effect.gen(function*() {
      yield* Stream.runDrain(streamed(() => chunksOf(["a"])))
      yield* AgentRuntime.flush
      assert.deepStrictEqual(yield* AgentRuntime.troubles, [])
    }).pipe(governed(
      Intercept.execution({ name: "x", applies: { name: "other" }, around: (_call, next) => next() })
    )))

  it.effect("still wraps buffered calls beside it", () =>
    Effect.gen(function*() {
      const { seen, work } = counted()
      assert.strictEqual(yield* LlmCall.run({ name: "a", request }, () => work({})), "replaced")
      assert.deepStrictEqual(seen, [])
    }).pipe(governed(buffered)))
})
