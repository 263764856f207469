/** What `docs/testing.md` and the docstrings of `ScriptedModel` show, as code that runs. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { ExecutionScope, LlmCall, ToolCall } from "../../src/index.ts"
import { ScriptedModel, TestRuntime } from "../../src/testing/index.ts"

class Overloaded extends Data.TaggedError("Overloaded")<{}> {}

class Model extends Context.Service<Model, {
  readonly complete: (request: LlmCall.LlmRequest) => Effect.Effect<string, unknown>
}>()("heddle/test/testing/guide.test/Model") {}

const question = { messages: ["Where is the Louvre?"] }
const request: LlmCall.LlmRequest = { headers: {}, body: question }

const agent = Effect.gen(function*() {
  const { complete } = yield* Model
  yield* ToolCall.run({ name: "search", input: { q: "Louvre" } }, () => Effect.succeed([]))
  return yield* LlmCall.run({ name: "gpt", request }, complete)
}).pipe(ExecutionScope.run({ name: "scout", category: "agent" }))

describe("the guide to testing", () => {
  it.effect("asserts on the tree of an agent whose model is a service", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.makeScoped(["In Paris"])
      const answer = yield* agent.pipe(Effect.provideService(Model, { complete: model.generate }))
      assert.strictEqual(answer, "In Paris")
      yield* TestRuntime.assertTree(`
        agent scout → Success
          tool search → Success
          llm gpt → Success
      `)
      yield* TestRuntime.assertWellFormed()
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("asks again when the provider is overloaded", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.makeScoped([
        { fail: new Overloaded() },
        { answer: { text: "Paris" }, expect: ({ body }) => assert.deepStrictEqual(body, question) }
      ])
      const response = yield* LlmCall.run({ name: "gpt", request }, model.generate).pipe(Effect.retry({ times: 1 }))
      assert.strictEqual(response.text, "Paris")
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("sees how far a stream was read", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ stream: ["Pa", "ris", "."] }])
      const stream = LlmCall.stream({ name: "gpt", request }, model.stream)
      yield* stream.pipe(Stream.take(2), Stream.runDrain)
      const [call] = yield* model.calls
      assert.deepStrictEqual([call?.pulled, call?.status], [2, "interrupted"])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("meets the model on its state and not on time", () =>
    Effect.gen(function*() {
      const model = yield* ScriptedModel.make([{ hang: true }])
      const fiber = yield* Effect.forkChild(LlmCall.run({ name: "gpt", request }, model.generate))
      yield* model.until((calls) => calls.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* TestRuntime.assertTree("llm gpt → Interrupted by fiber")
    }).pipe(Effect.provide(TestRuntime.layer())))
})
