/** Policy alone, for hosts that can stop a model call but not hand it over. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Annotated, Guardrail, Intercept, LlmCall, type Middleware, OpenAiChat } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { governed, reasonOf, recorded, verdicts } from "./utils.ts"

const body = { model: "m-1", temperature: 0, messages: [{ role: "user", content: "call 555" }] }
const chat = { name: "call", request: { headers: { accept: "text/plain" }, body }, codec: OpenAiChat.codec }
const noNumbers = Intercept.request({
  name: "no-numbers",
  transform: (call) =>
    call.kind === "llm" && call.annotated !== undefined
      ? { ...call, annotated: Annotated.mapText(call.annotated, ({ text }) => text.replaceAll("555", "[number]")) }
      : call
})
const noNumbersLeft = Guardrail.make({
  name: "no-numbers-left",
  check: (call) => JSON.stringify(call).includes("555") ? Guardrail.reject("a number") : Guardrail.allow
})

describe("a check of a model call", () => {
  it.effect("gives the request with edits of its annotation patched in, and judges that", () =>
    Effect.gen(function*() {
      const checked = yield* LlmCall.check(chat)
      assert.deepStrictEqual(checked.request, {
        headers: { accept: "text/plain" },
        body: { ...body, messages: [{ role: "user", content: "call [number]" }] }
      })
      assert.include(JSON.stringify(checked.annotated), "[number]")
      yield* LlmCall.end(yield* LlmCall.start({ name: "call", codec: OpenAiChat.codec, checked }))
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual(start.data, checked.request)
      assert.include(JSON.stringify(start.profile?.annotatedRequest), "[number]")
      assert.deepStrictEqual(verdicts(end), ["no-numbers-left: allow"])
    }).pipe(governed(noNumbers, noNumbersLeft)))

  it.effect("fails with what policy says, and has no events of its own", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reasonOf(LlmCall.check(chat)), { _tag: "GuardrailRejected", reason: "a number" })
      const unreadable = { ...chat, request: { headers: {}, body: { messages: 1 } } }
      assert.strictEqual((yield* reasonOf(LlmCall.check(unreadable)))._tag, "CodecFailed")
      yield* TestRuntime.assertTree("mark guardrail no-numbers-left [warn]")
    }).pipe(governed(noNumbersLeft)))

  it.effect("tells policy whether the answer will stream", () => {
    const seen: Array<Middleware.Call> = []
    return Effect.gen(function*() {
      yield* LlmCall.check(chat)
      yield* LlmCall.check({ ...chat, streaming: true, model: "named" })
      assert.deepInclude(seen[0], { streaming: false, model: undefined })
      assert.deepInclude(seen[1], { streaming: true, model: "named" })
    }).pipe(governed(Guardrail.make({
      name: "g",
      check: (call) => {
        seen.push(call)
        return Guardrail.allow
      }
    })))
  })

  it.effect("decodes the body by its schema", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ at: Schema.FiniteFromString })
      const checked = yield* LlmCall.check({ name: "call", request: { headers: {}, body: { at: "3" } }, schema })
      assert.deepStrictEqual(checked.request, { headers: {}, body: { at: 3 } })
      assert.strictEqual((yield* reasonOf(LlmCall.check({ ...chat, schema })))._tag, "InvalidInput")
    }).pipe(governed()))
})
