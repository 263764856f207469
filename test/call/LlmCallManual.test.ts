/** Model calls that run elsewhere: a host tells of their start and of their end. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ExecutionScope, LlmCall, OpenAiChat, Sanitizer, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { governed, reasonOf, recorded, untyped } from "./utils.ts"

const body = { model: "m-1", messages: [{ role: "user", content: "hi" }] }
const response = {
  id: "r1",
  object: "chat.completion",
  model: "m-1-full",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "my number is 555" } }],
  usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
}
const chat = {
  name: "call",
  request: { headers: { authorization: "Bearer x", accept: "text/plain", key: Redacted.make("y") }, body },
  codec: OpenAiChat.codec
}

/** The response without what it says of usage. */
const { usage: _usage, ...silent } = response

const textOf = (annotated: unknown): string => JSON.stringify(annotated)

describe("a model call that a host tells of", () => {
  it.effect("has the events of a model call, annotated by its codec", () =>
    Effect.gen(function*() {
      const handle = yield* LlmCall.start(chat)
      yield* LlmCall.end(handle, { response })
      const { end, start } = yield* recorded("call")
      assert.strictEqual(start.category, "llm")
      assert.deepStrictEqual(start.attributes, [])
      assert.deepStrictEqual(start.data, {
        headers: { authorization: "<redacted>", accept: "text/plain", key: "<redacted>" },
        body
      })
      assert.deepInclude(start.profile, { provider: "openai", modelName: "m-1" })
      assert.include(textOf(start.profile?.annotatedRequest), "hi")
      assert.deepStrictEqual(end.data, response)
      assert.deepInclude(end.profile, { provider: "openai", modelName: "m-1-full" })
      assert.deepInclude(end.profile?.annotatedResponse, {
        usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 }
      })
      assert.deepStrictEqual([start.metadata, end.metadata], [
        { "heddle.governed": false },
        { "heddle.governed": false }
      ])
    }).pipe(governed()))

  it.effect("names its model, says that it streams, and keeps its request as it was", () =>
    Effect.gen(function*() {
      const messages = [{ role: "user", content: "hi" }]
      const request = { headers: {}, body: { messages } }
      const handle = yield* LlmCall.start({ name: "call", model: "named", streaming: true, request })
      messages.push({ role: "user", content: "later" })
      yield* LlmCall.end(handle, { response: "done" })
      const { end, start } = yield* recorded("call")
      assert.deepStrictEqual(start.attributes, ["streaming"])
      assert.deepStrictEqual([start.profile, end.profile], [{ modelName: "named" }, { modelName: "named" }])
      assert.deepStrictEqual(start.data, { headers: {}, body: { messages: [{ role: "user", content: "hi" }] } })
    }).pipe(governed()))

  it.effect("is annotated from what sanitizers left", () =>
    Effect.gen(function*() {
      yield* LlmCall.end(yield* LlmCall.start(chat), { response, usage: { inputTokens: 9 } })
      const { end, start } = yield* recorded("call")
      assert.notInclude(textOf([start, end]), "555")
      assert.include(textOf(end.profile?.annotatedResponse), "[number]")
      assert.deepInclude(end.profile?.annotatedResponse, {
        usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 }
      })
    }).pipe(governed(Sanitizer.response({
      name: "numbers",
      sanitize: (data) => JSON.parse(JSON.stringify(data).replaceAll("555", "[number]"))
    }))))

  it.effect.each<readonly [string, Parameters<typeof LlmCall.start>[0], Parameters<typeof LlmCall.end>[1]]>([
    ["a response without it", chat, { response: silent, usage: { inputTokens: 9 } }],
    ["no response", chat, { error: "no", usage: { inputTokens: 9 } }],
    ["no codec", { name: "call", request: { headers: {}, body } }, { response: silent, usage: { inputTokens: 9 } }]
  ])("has the usage that its host tells, with %s", ([, options, ending]) =>
    Effect.gen(function*() {
      yield* LlmCall.end(yield* LlmCall.start(options), ending)
      const { end } = yield* recorded("call")
      assert.deepInclude(end.profile?.annotatedResponse, { usage: { inputTokens: 9 } })
    }).pipe(governed()))

  it.effect("keeps that usage when sanitizers change the response, also that of a call without a codec", () =>
    Effect.gen(function*() {
      for (const codec of [OpenAiChat.codec, undefined]) {
        const handle = yield* LlmCall.start({ ...chat, codec, name: codec === undefined ? "bare" : "call" })
        yield* LlmCall.end(handle, { response: silent, usage: { inputTokens: 9 } })
      }
      for (const name of ["call", "bare"]) {
        const { end } = yield* recorded(name)
        assert.deepInclude(end.profile?.annotatedResponse, { usage: { inputTokens: 9 } })
        assert.notInclude(textOf(end), "555")
      }
    }).pipe(governed(Sanitizer.response({
      name: "numbers",
      sanitize: (data) => JSON.parse(JSON.stringify(data).replaceAll("555", "[number]"))
    }))))

  it.effect("is only not annotated when its codec cannot read it", () =>
    Effect.gen(function*() {
      const handle = yield* LlmCall.start({ ...chat, request: { headers: {}, body: { messages: 1 } } })
      yield* LlmCall.end(handle, { response: 1 })
      const { end, start } = yield* recorded("call")
      assert.notProperty(start.profile, "annotatedRequest")
      assert.notProperty(end.profile, "annotatedResponse")
      assert.property(end.metadata, "heddle.codec_problem")
      assert.strictEqual(end.outcome._tag, "Success")
    }).pipe(governed()))

  it.effect("ends with its scope, once, and by nobody else's handle", () =>
    Effect.gen(function*() {
      const handle = yield* LlmCall.start(chat).pipe(ExecutionScope.run({ name: "agent", category: "agent" }))
      assert.deepInclude(yield* reasonOf(LlmCall.end(handle)), { _tag: "AlreadyEnded", by: "scope" })
      const tool = yield* ToolCall.start({ name: "tool", input: 1 })
      const reason = yield* reasonOf(LlmCall.end(untyped(tool)))
      assert.include(reason.message, "of a call of kind \"tool\"")
      yield* ToolCall.end(tool)
      yield* TestRuntime.assertTree(`
        agent agent → Success
          llm call → Interrupted by scope
        tool tool → Success
      `)
    }).pipe(governed()))
})
