import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { LlmCall } from "../../src/index.ts"
import type { LlmRequest } from "../../src/middleware/Call.ts"
import { EventTree, ScriptedModel, TestRuntime } from "../../src/testing/index.ts"

class Overloaded extends Data.TaggedError("Overloaded")<{}> {}

const ask = (text: string): LlmRequest => ({ headers: {}, body: { messages: [{ role: "user", content: text }] } })

/** The message with which an assertion of the model died. */
const complaint = (assertion: Effect.Effect<void>): Effect.Effect<string> =>
  Effect.map(Effect.exit(assertion), (exit) => {
    if (Exit.isSuccess(exit)) return "no complaint"
    const error = Cause.squash(exit.cause)
    assert.instanceOf(error, EventTree.AssertionError)
    return error.message
  })

describe("ScriptedModel.generate", () => {
  it.effect("answers in the order of the script", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([
        "first",
        { answer: { text: "second" } },
        { respond: (request) => ({ echo: request.body }) },
        { respond: () => Effect.succeed("fourth") }
      ])
      const answers = yield* Effect.forEach(["a", "b", "c", "d"], (text) => model.generate(ask(text)))
      assert.deepStrictEqual(answers, ["first", { text: "second" }, { echo: ask("c").body }, "fourth"])
      yield* model.assertComplete
    }))

  it.effect("asks the next turn on every run, so that a retry gets another answer", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ fail: new Overloaded() }, { answer: 42 }])
      const answer: number = yield* Effect.retry(model.generate(ask("q")), { times: 1 })
      assert.strictEqual(answer, 42)
      assert.deepStrictEqual((yield* model.calls).map(({ status, turn }) => [turn, status]), [[0, "failed"], [
        1,
        "done"
      ]])
    }))

  it.effect("fails with the scripted error and dies with the scripted defect", () =>
    Effect.gen(function*() {
      const bug = new Error("bug")
      const model = yield* ScriptedModel.make([
        { fail: new Overloaded() },
        { die: bug },
        { respond: () => Effect.fail("declared" as const) }
      ])
      const failed: Overloaded | ScriptedModel.ScriptedModelError | "declared" = yield* Effect.flip(
        model.generate(ask("a"))
      )
      assert.instanceOf(failed, Overloaded)
      const died = yield* Effect.exit(model.generate(ask("b")))
      assert.isTrue(Exit.isFailure(died) && Cause.squash(died.cause) === bug)
      assert.strictEqual(yield* Effect.flip(model.generate(ask("c"))), "declared")
    }))

  it.effect("requires the services that a response is made with", () =>
    Effect.gen(function*() {
      class Name extends Context.Service<Name, string>()("heddle/test/testing/ScriptedModel.test/Name") {}
      const model = yield* ScriptedModel.make([{ respond: () => Effect.map(Name, (name) => `I am ${name}`) }])
      assert.strictEqual(yield* Effect.provideService(model.generate(ask("who")), Name, "Ada"), "I am Ada")
    }))

  it.effect("takes the turn of a request out of order where `when` says so", () =>
    Effect.gen(function*() {
      const about = (text: string) => (request: LlmRequest) => JSON.stringify(request.body).includes(text)
      const model = yield* ScriptedModel.make([
        { when: about("sun"), answer: "yellow" },
        { when: about("sky"), answer: "blue" },
        { answer: "anything" }
      ])
      assert.strictEqual(yield* model.generate(ask("colour of the sky")), "blue")
      assert.strictEqual(yield* model.generate(ask("colour of the sky")), "anything")
      const error = yield* Effect.flip(model.generate(ask("colour of the sky")))
      assert.include(error.message, "none of the 1 turn left in the script applies to it")
      assert.strictEqual(yield* model.generate(ask("colour of the sun")), "yellow")
    }))

  it.effect("answers each of many concurrent requests once", () =>
    Effect.gen(function*() {
      const turns = Array.from({ length: 200 }, (_, n) => ({ respond: () => Effect.as(Effect.yieldNow, n) }))
      const model = yield* ScriptedModel.make(turns)
      const answers = yield* Effect.forEach(turns, () => model.generate(ask("q")), { concurrency: "unbounded" })
      assert.strictEqual(new Set(answers).size, 200)
      yield* model.assertComplete
    }))

  it.effect("waits for the delay on the test clock", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ answer: "late", delay: "2 seconds" }])
      const fiber = yield* Effect.forkChild(model.generate(ask("q")), { startImmediately: true })
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual((yield* model.calls)[0]?.status, "running")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "late")
    }))

  it.effect("hangs until it is interrupted, and says that it was", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ hang: true }])
      const fiber = yield* Effect.forkChild(model.generate(ask("q")))
      yield* model.until((calls) => calls.length === 1)
      assert.strictEqual((yield* model.calls)[0]?.status, "running")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* model.calls)[0]?.status, "interrupted")
      yield* model.assertComplete
    }))
})

describe("ScriptedModel.stream", () => {
  it.effect("makes a chunk only when it is pulled, and no further", () =>
    Effect.gen(function*() {
      let made = 0
      const naturals = function*() {
        while (true) yield ++made
      }
      const model = yield* ScriptedModel.make([{ stream: naturals }])
      const scope = yield* Scope.make()
      const pull = yield* Scope.provide(Stream.toPull(model.stream(ask("q"))), scope)
      assert.strictEqual(made, 0)
      assert.deepStrictEqual(yield* pull, [1])
      assert.deepStrictEqual(yield* pull, [2])
      assert.deepStrictEqual([made, (yield* model.calls)[0]?.pulled], [2, 2])
    }))

  it.effect("is a request of its own on each run, and none before the first pull", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ stream: "ab" }, { stream: (request) => [request.body] }])
      const stream: Stream.Stream<unknown, ScriptedModel.ScriptedModelError> = model.stream(ask("q"))
      assert.deepStrictEqual(yield* model.requests, [])
      assert.deepStrictEqual(yield* Stream.runCollect(stream), ["a", "b"])
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [ask("q").body])
      assert.deepStrictEqual((yield* model.calls).map(({ pulled, status }) => [pulled, status]), [[2, "done"], [
        1,
        "done"
      ]])
    }))

  it.effect("fails or dies after its chunks", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([
        { stream: ["a"], fail: new Overloaded() },
        { stream: ["b"], die: new Error("bug") },
        { fail: new Overloaded() }
      ])
      const run = Effect.gen(function*() {
        const seen: Array<string> = []
        const exit = yield* Effect.exit(
          Stream.runForEach(model.stream(ask("q")), (chunk) => Effect.sync(() => seen.push(chunk)))
        )
        return [seen, Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? "died" : exit._tag]
      })
      assert.deepStrictEqual(yield* run, [["a"], "Failure"])
      assert.deepStrictEqual(yield* run, [["b"], "died"])
      assert.deepStrictEqual(yield* run, [[], "Failure"])
      assert.deepStrictEqual((yield* model.calls).map((call) => call.status), ["failed", "failed", "failed"])
    }))

  it.effect("waits before each chunk, and loses none to a pull that gave up", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ stream: ["a", "b"], delay: "1 second" }])
      const pull = yield* Stream.toPull(model.stream(ask("q")))
      const impatient = yield* Effect.forkChild(pull, { startImmediately: true })
      yield* TestClock.adjust("999 millis")
      assert.strictEqual((yield* model.calls)[0]?.pulled, 0)
      yield* Fiber.interrupt(impatient)
      assert.strictEqual((yield* model.calls)[0]?.status, "running")
      const patient = yield* Effect.forkChild(pull, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(patient), ["a"])
    }))

  it.effect("waits before it fails without a chunk", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ fail: new Overloaded(), delay: "1 second" }])
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(model.stream(ask("q")))))
      yield* model.until((calls) => calls.length === 1)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual((yield* model.calls)[0]?.status, "running")
      yield* TestClock.adjust("1 millis")
      assert.instanceOf(yield* Fiber.join(fiber), Overloaded)
    }))

  it.effect("says that it was interrupted, between chunks or while it hangs", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ stream: ["a"], hang: true }, { stream: ["a", "b", "c"] }])
      const fiber = yield* Effect.forkChild(Stream.runDrain(model.stream(ask("hang"))))
      yield* model.until((calls) => calls[0]?.pulled === 1)
      yield* Fiber.interrupt(fiber)
      yield* Stream.runDrain(Stream.take(model.stream(ask("take")), 2))
      assert.deepStrictEqual(
        (yield* model.calls).map(({ pulled, status }) => [pulled, status]),
        [[1, "interrupted"], [2, "interrupted"]]
      )
    }))

  it.effect("lets a generator clean up when the consumer goes away, and only then", () =>
    Effect.gen(function*() {
      let closed = 0
      const chunks: Iterable<string> = {
        [Symbol.iterator]: () => {
          const left = ["a", "b"]
          return {
            next: () => left.length === 0 ? { done: true, value: undefined } : { done: false, value: left.shift()! },
            return: () => {
              closed++
              return { done: true, value: undefined }
            }
          }
        }
      }
      const model = yield* ScriptedModel.make([{ stream: chunks }, { stream: chunks }])
      yield* Stream.runDrain(Stream.take(model.stream(ask("q")), 1))
      assert.strictEqual(closed, 1)
      assert.deepStrictEqual(yield* Stream.runCollect(model.stream(ask("q"))), ["a", "b"])
      assert.strictEqual(closed, 1)
    }))

  it.effect("counts a failure of the consumer as an interruption of the model", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ stream: ["a", "b"] }])
      yield* Effect.flip(Stream.runForEach(model.stream(ask("q")), () => Effect.fail("enough")))
      assert.strictEqual((yield* model.calls)[0]?.status, "interrupted")
    }))
})

describe("ScriptedModel.requests", () => {
  it.effect("keeps what the model got at that moment, whatever becomes of the request", () =>
    Effect.gen(function*() {
      const key = Redacted.make("secret")
      const messages = ["one"]
      const request = { headers: { authorization: key }, body: { messages } }
      const model = yield* ScriptedModel.make(["ok"])
      yield* model.generate(request)
      messages.push("two")
      const [recorded] = yield* model.requests
      assert.deepStrictEqual(recorded, { headers: { authorization: key }, body: { messages: ["one"] } })
      assert.strictEqual(recorded?.headers["authorization"], key)
      assert.isTrue(Object.isFrozen(recorded?.body))
      assert.isFalse(Object.isFrozen(messages))
    }))

  it.effect("survives requests that are circular, enormously deep, or refuse to be read", () =>
    Effect.gen(function*() {
      const circle: Record<string, LlmRequest["body"]> = { __proto__: null, name: "circle" }
      circle["self"] = circle
      let deep: LlmRequest["body"] = "end"
      for (let i = 0; i < 100_000; i++) deep = [deep]
      const hostile = {
        get body(): LlmRequest["body"] {
          throw new Error("no")
        },
        headers: {}
      }
      const model = yield* ScriptedModel.make(["a", "b", "c"])
      yield* model.generate({ headers: {}, body: circle })
      yield* model.generate({ headers: {}, body: deep })
      yield* model.generate(hostile)
      const [first] = yield* model.requests
      const copy = first?.body as Record<string, unknown>
      assert.isTrue(copy["self"] === copy && copy !== circle)
      yield* model.generate(hostile).pipe(Effect.flip)
    }))
})

describe("an expectation of a turn", () => {
  it.effect("gets the request, and lets the call go on if nothing is wrong with it", () =>
    Effect.gen(function*() {
      const seen: Array<LlmRequest> = []
      const look = (request: LlmRequest) => {
        seen.push(request)
      }
      const model = yield* ScriptedModel.make([
        { answer: 1, expect: look },
        { stream: [1], expect: () => true },
        { answer: 2, expect: () => Effect.void }
      ])
      yield* model.generate(ask("a"))
      yield* Stream.runDrain(model.stream(ask("b")))
      yield* model.generate(ask("c"))
      assert.deepStrictEqual(seen, [ask("a")])
      yield* model.assertComplete
    }))

  it.effect("kills the call with what it threw, and is told again at the end also if that was caught", () =>
    Effect.gen(function*() {
      const wrong = new Error("wrong model")
      const model = yield* ScriptedModel.make([
        {
          answer: 1,
          expect: () => {
            throw wrong
          }
        },
        { stream: [1], expect: () => false },
        { answer: 1, expect: () => Effect.fail(wrong) }
      ])
      const first = yield* Effect.exit(model.generate(ask("a")))
      assert.isTrue(Exit.isFailure(first) && Cause.squash(first.cause) === wrong)
      const second = yield* Effect.exit(Stream.runDrain(model.stream(ask("b"))))
      assert.isTrue(Exit.isFailure(second) && Cause.hasDies(second.cause))
      const third = yield* Effect.exit(model.generate(ask("c")))
      assert.isTrue(Exit.isFailure(third) && Cause.hasDies(third.cause))
      assert.deepStrictEqual((yield* model.calls).map((call) => call.status), ["failed", "failed", "failed"])
      const body = (text: string) => `{"messages":[{"role":"user","content":"${text}"}]}`
      assert.strictEqual(
        yield* complaint(model.assertComplete),
        [
          "the script of the model was not followed",
          "",
          "  3 requests not as expected",
          `    request 1 (generate) ${body("a")}: wrong model`,
          `    request 2 (stream) ${body("b")}: request 2 (stream) ${body("b")} is not as its turn expects`,
          `    request 3 (generate) ${body("c")}: wrong model`,
          ""
        ].join("\n")
      )
    }))
})

describe("ScriptedModel.assertComplete", () => {
  it.effect("lists turns that nobody asked for, and requests without a turn, but no header", () =>
    Effect.gen(function*() {
      const spent = yield* ScriptedModel.make([])
      const error = yield* Effect.flip(spent.generate({ headers: { authorization: "secret" }, body: { q: 1 } }))
      assert.strictEqual(error._tag, "ScriptedModelError")
      assert.strictEqual(error.kind, "exhausted")
      assert.strictEqual(error.message, "request 1 (generate) {\"q\":1}: the script has no turn left, it had 0")
      assert.include((yield* Effect.flip(Stream.runDrain(spent.stream(ask("q"))))).message, "request 2 (stream)")
      assert.strictEqual((yield* spent.calls)[0]?.turn, undefined)
      assert.include(yield* complaint(spent.assertComplete), "  2 requests without a turn\n    request 1 (generate)")

      const unused = yield* ScriptedModel.make([
        "a",
        { stream: ["b", "c"] },
        { respond: () => 1 },
        { stream: () => [], hang: true },
        { hang: true }
      ])
      yield* unused.generate(ask("q"))
      assert.strictEqual(
        yield* complaint(unused.assertComplete),
        [
          "the script of the model was not followed",
          "",
          "  4 turns of 5 never asked for",
          "    turn 2: stream [\"b\",\"c\"]",
          "    turn 3: respond",
          "    turn 4: stream",
          "    turn 5: hang",
          ""
        ].join("\n")
      )
    }))

  it.effect("reports a call of the wrong kind", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make(["a", { stream: ["b"] }])
      const streamed = yield* Effect.flip(Stream.runDrain(model.stream(ask("q"))))
      assert.strictEqual(streamed.kind, "wrongMode")
      assert.include(streamed.message, "it asks for a stream, but its turn gives one response: turn 1: answer \"a\"")
      const buffered = yield* Effect.flip(model.generate(ask("q")))
      assert.include(buffered.message, "it asks for one response, but its turn gives a stream: turn 2")
      assert.include(yield* complaint(model.assertComplete), "2 requests without a turn")
    }))

  it.effect("runs by itself when a scope ends with success, and keeps quiet after a failure", () =>
    Effect.gen(function*() {
      const make = ScriptedModel.makeScoped([{ answer: 1 }])
      assert.include(yield* complaint(Effect.scoped(Effect.asVoid(make))), "1 turn of 1 never asked for")
      assert.strictEqual(yield* Effect.flip(Effect.scoped(Effect.andThen(make, Effect.fail("mine")))), "mine")
      assert.strictEqual(yield* Effect.scoped(Effect.flatMap(make, (model) => model.generate(ask("q")))), 1)
    }))
})

describe("ScriptedModel.make", () => {
  it.effect("gives a model of its own on each run", () =>
    Effect.gen(function*() {
      const make = ScriptedModel.make(["only"])
      const [first, second] = [yield* make, yield* make]
      yield* first.generate(ask("q"))
      assert.strictEqual(yield* second.generate(ask("q")), "only")
      assert.lengthOf(yield* second.requests, 1)
    }))

  it.effect("refuses a turn that does not say exactly one thing", () =>
    Effect.gen(function*() {
      const messageOf = (turn: ScriptedModel.Turn) =>
        Effect.map(Effect.exit(ScriptedModel.make(["ok", turn])), (exit) =>
          Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "accepted")
      // Of parts, since the type lets none of these through when they are written out.
      const nothing: object = {}
      assert.include(yield* messageOf(nothing as ScriptedModel.Turn), "turn 2 of the script must have exactly one of")
      assert.include(yield* messageOf({ answer: 1, fail: 2 }), "it has answer, fail")
      assert.include(yield* messageOf({ stream: [], fail: 1, hang: true }), "it has stream, fail, hang")
      assert.include(yield* messageOf({ fail: 1, die: 2 }), "it has fail, die")
      assert.include(
        yield* messageOf({
          answer: 1,
          respond: () =>
            1
        }),
        "it has answer, respond"
      )
      assert.strictEqual(yield* messageOf({ answer: undefined }), "accepted")
      assert.strictEqual(yield* messageOf({ stream: [], fail: 1, hang: false }), "accepted")
    }))
})

describe("a scripted model in managed calls", () => {
  it.effect("is the work of buffered and streamed calls, with its types", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.makeScoped([{ answer: { n: 1 } }, { stream: ["Pa", "ris"] }, {
        stream: ["x", "y"]
      }])
      const { n } = yield* LlmCall.run({ name: "gpt", request: ask("one") }, model.generate)
      const city: string = yield* Stream.mkString(LlmCall.stream({ name: "gpt", request: ask("two") }, model.stream))
      yield* Stream.runDrain(Stream.take(LlmCall.stream({ name: "gpt", request: ask("three") }, model.stream), 1))
      assert.deepStrictEqual([n, city], [1, "Paris"])
      assert.deepStrictEqual(yield* model.requests, [ask("one"), ask("two"), ask("three")])
      assert.deepStrictEqual(
        (yield* model.calls).map(({ pulled, status }) => [pulled, status]),
        [[0, "done"], [2, "done"], [1, "interrupted"]]
      )
      yield* TestRuntime.assertTree(`
        llm gpt → Success
        llm gpt → Success
        llm gpt → Interrupted by consumer
      `)
    }).pipe(Effect.provide(TestRuntime.layer())))
})
