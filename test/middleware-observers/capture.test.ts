import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { AgentRuntime, Guardrail, LlmCall, Middleware, ToolCall } from "../../src/index.ts"
import { recorder } from "../runtime/harness.ts"

class Tagged extends Data.TaggedError("Tagged")<{ readonly detail: string }> {
  override get message(): string {
    return `about ${this.detail}`
  }
}

const outcomeOf = (
  fails: Effect.Effect<unknown, unknown>,
  options?: AgentRuntime.RuntimeOptions["capture"]
) => {
  const all = recorder()
  return Effect.gen(function*() {
    yield* Effect.exit(ToolCall.run({ name: "tool", input: 1 }, () => fails))
    yield* AgentRuntime.flush
    const [end] = all.events.flatMap((event) => event._tag === "ScopeEnd" ? [event.outcome] : [])
    return end!
  }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: all.layer, capture: options })))
}

const failure = (tag: string, message: string, isDefect = false) => ({
  _tag: "Failure",
  error: { tag, message },
  isDefect
})

describe("an error in an event", () => {
  const errors: ReadonlyArray<readonly [what: string, effect: Effect.Effect<unknown, unknown>, expected: unknown]> = [
    ["a tagged error", Effect.fail(new Tagged({ detail: "it" })), failure("Tagged", "about it")],
    ["an error of a class", Effect.fail<unknown>(new TypeError("no")), failure("TypeError", "no")],
    ["a text", Effect.fail("no"), failure("string", "no")],
    ["a number", Effect.fail(404), failure("number", "404")],
    ["nothing", Effect.fail(undefined), failure("undefined", "undefined")],
    ["null", Effect.fail(null), failure("object", "null")],
    ["a plain object", Effect.fail({ code: 1 }), failure("Object", "")],
    ["a defect", Effect.die(new RangeError("no")), failure("RangeError", "no", true)],
    [
      "a thrown value",
      Effect.sync(() => {
        throw "no"
      }),
      failure("string", "no", true)
    ],
    ["an interruption", Effect.interrupt, { _tag: "Interrupted" }],
    [
      "a failure beside a defect and an interruption",
      Effect.failCause(Cause.combine(Cause.combine(Cause.interrupt(7), Cause.die("defect")), Cause.fail("failure"))),
      failure("string", "failure")
    ],
    [
      "a defect beside an interruption",
      Effect.failCause(Cause.combine(Cause.interrupt(7), Cause.die("defect"))),
      failure("string", "defect", true)
    ],
    ["an interruption by a fiber", Effect.failCause(Cause.interrupt(7)), { _tag: "Interrupted", origin: "fiber:7" }]
  ]
  for (const [what, effect, expected] of errors) {
    it.effect(`is its tag and its message: ${what}`, () =>
      Effect.map(outcomeOf(effect), (outcome) => {
        if (what === "an interruption") assert.strictEqual(outcome._tag, "Interrupted")
        else assert.deepStrictEqual(outcome, expected as typeof outcome)
      }))
  }

  it.effect("has a message of a thousand characters at most, unless set", () =>
    Effect.gen(function*() {
      const long = Effect.fail<unknown>(new Error("x".repeat(1500)))
      assert.deepStrictEqual(yield* outcomeOf(long), failure("Error", `${"x".repeat(1000)}…[+500 chars]`) as never)
      assert.deepStrictEqual(
        yield* outcomeOf(long, { messageLength: 10 }),
        failure("Error", `${"x".repeat(10)}…[+1490 chars]`) as never
      )
    }))

  it.effect("never shows its stack or its cause, unless asked", () =>
    Effect.gen(function*() {
      const error = new Error("outer", { cause: new Error("inner secret") })
      const outcome = yield* outcomeOf(Effect.fail(error))
      assert.deepStrictEqual(outcome, failure("Error", "outer") as never)
      const asked = yield* outcomeOf(Effect.fail(error), { cause: true })
      const cause = asked._tag === "Failure" ? asked.error?.cause ?? "" : ""
      assert.include(cause, "outer")
      assert.include(cause, "capture.test.ts")
      const capped = yield* outcomeOf(Effect.fail(error), { cause: true, messageLength: 1 })
      assert.match((capped._tag === "Failure" ? capped.error?.cause : undefined) ?? "", /^.{20}…\[\+\d+ chars\]$/s)
    }))
})

describe("request headers in an event", () => {
  const headers = {
    Accept: "text/plain",
    "CONTENT-TYPE": "application/json",
    "user-agent": "heddle",
    Authorization: "Bearer secret",
    "x-request-id": "id",
    "x-api-key": Redacted.make("secret")
  }

  const seen = (options: AgentRuntime.RuntimeOptions) => {
    const all = recorder()
    const judged: Array<unknown> = []
    const worked: Array<unknown> = []
    const sees = Guardrail.make({
      name: "sees",
      check: (call) => {
        if (call.kind === "llm") judged.push(call.request.headers)
        return Guardrail.allow
      }
    })
    return Effect.gen(function*() {
      yield* LlmCall.run({ name: "llm", request: { headers, body: 1 } }, (request) => {
        worked.push(request.headers)
        return Effect.void
      })
      yield* Stream.runDrain(LlmCall.stream({ name: "llm", request: { headers, body: 1 } }, (request) => {
        worked.push(request.headers)
        return Stream.empty
      }))
      yield* AgentRuntime.flush
      const starts = all.events.filter(({ _tag }) => _tag === "ScopeStart").map(({ data }) => data)
      assert.deepStrictEqual(judged, [headers, headers])
      assert.deepStrictEqual(worked, [headers, headers])
      assert.deepStrictEqual(starts[0], starts[1])
      assert.notInclude(JSON.stringify(all.events), "secret")
      return starts[0]
    }).pipe(Effect.provide(
      AgentRuntime.layerWith({ ...options, policies: Layer.merge(all.layer, Middleware.layer(sees)) })
    ))
  }

  const hidden = "<redacted>"

  it.effect("have their values only if harmless by default, whatever their case", () =>
    Effect.map(seen({}), (data) =>
      assert.deepStrictEqual(data, {
        headers: {
          Accept: "text/plain",
          "CONTENT-TYPE": "application/json",
          "user-agent": "heddle",
          Authorization: hidden,
          "x-request-id": hidden,
          "x-api-key": hidden
        },
        body: 1
      })))

  it.effect("have their values as the runtime's own list says, redacted ones never", () =>
    Effect.map(seen({ headerAllowList: ["X-Request-Id", "x-api-key"] }), (data) =>
      assert.deepStrictEqual(data, {
        headers: {
          Accept: hidden,
          "CONTENT-TYPE": hidden,
          "user-agent": hidden,
          Authorization: hidden,
          "x-request-id": "id",
          "x-api-key": hidden
        },
        body: 1
      })))
})
