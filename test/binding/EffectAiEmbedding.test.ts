import { assert, describe, it } from "@effect/vitest"
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as EffectAi from "../../src/binding/EffectAi.ts"
import { ExecutionScope, Guardrail, Intercept, Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

/** A model whose vectors are the lengths of texts, under a runtime with these entries. */
const model = (...entries: ReadonlyArray<Middleware.Entry>) => {
  const asked: Array<ReadonlyArray<string>> = []
  const layer = EffectAi.embeddingModel({ name: "lengths", model: "length-1" }).pipe(
    Layer.provide(Layer.effect(
      EmbeddingModel.EmbeddingModel,
      EmbeddingModel.make({
        embedMany: ({ inputs }) => {
          asked.push(inputs)
          return Effect.succeed({ results: inputs.map((text) => [text.length, 0]), usage: { inputTokens: 4 } })
        }
      })
    )),
    Layer.provideMerge(TestRuntime.layer({ policies: Middleware.layer(...entries) }))
  )
  return { asked, layer }
}

const noSecrets = Guardrail.make({
  name: "no-secrets",
  applies: "llm",
  check: (call) => JSON.stringify(call).includes("secret") ? Guardrail.reject("it says secret") : Guardrail.allow
})

describe("embeddings of effect/ai", () => {
  it.effect("are scopes with the texts and without the vectors", () => {
    const { layer } = model()
    return Effect.gen(function*() {
      const embeddings = yield* EmbeddingModel.EmbeddingModel
      yield* Effect.gen(function*() {
        assert.deepStrictEqual((yield* embeddings.embed("one")).vector, [3, 0])
        assert.lengthOf((yield* embeddings.embedMany(["one", "three"])).embeddings, 2)
      }).pipe(ExecutionScope.run({ name: "indexer", category: "agent" }))
      yield* TestRuntime.assertTree(`
        agent indexer → Success
          embedder lengths → Success
          embedder lengths → Success
      `)
      const events = (yield* TestRuntime.events).filter(({ category }) => category === "embedder")
      assert.deepStrictEqual(events.slice(2).map(({ data }) => data), [
        { model: "length-1", input: ["one", "three"] },
        { count: 2, dimensions: 2, usage: { inputTokens: 4 } }
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("are judged before anything is sent, and sent as intercepts left them", () => {
    const shout = Intercept.request({
      name: "shout",
      transform: (call) =>
        call.kind === "llm"
          ? {
            ...call,
            request: {
              ...call.request,
              body: JSON.parse(JSON.stringify(call.request.body).toUpperCase().replace("INPUT", "input"))
            }
          }
          : call
    })
    const { asked, layer } = model(noSecrets)
    return Effect.gen(function*() {
      const embeddings = yield* EmbeddingModel.EmbeddingModel
      const error = yield* Effect.flip(embeddings.embedMany(["fine", "the secret"]))
      assert.strictEqual(error.reason._tag, "ContentPolicyError")
      assert.isTrue(Option.isSome(EffectAi.callError(error)))
      yield* Effect.flip(embeddings.embed("the secret"))
      assert.lengthOf(asked, 0)
      yield* embeddings.embedMany(["fine"]).pipe(Middleware.provide(shout))
      assert.deepStrictEqual(asked, [["FINE"]])
    }).pipe(Effect.provide(layer))
  })
})
