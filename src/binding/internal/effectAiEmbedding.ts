/** Embeddings as scopes of category `embedder`, whose inputs policy has judged. */
import type * as AiError from "effect/ai/AiError"
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as Effect from "effect/Effect"
import { AgentRuntime } from "../../AgentRuntime.ts"
import * as LlmCall from "../../call/LlmCall.ts"
import { isObject } from "../../codec/internal/json.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import * as ExecutionScope from "../../scope/ExecutionScope.ts"
import { aiErrorOf, invalidRewrite } from "./effectAiError.ts"
import { named, type Naming } from "./effectAiModel.ts"

type Runtime = AgentRuntime["Service"]
type Inputs = ReadonlyArray<string>

/**
 * The same model, each request of which is a scope. Embeddings are no conversation, so their scope is no managed call; but
 * request intercepts and guardrails of model calls see what is to be sent, as `{ input }`, and may change or refuse it.
 */
export const governedEmbeddings = (
  model: EmbeddingModel.EmbeddingModel,
  naming: Naming,
  runtime: Runtime
): Effect.Effect<EmbeddingModel.EmbeddingModel> =>
  Effect.gen(function*() {
    const { metadata, model: modelName, name } = yield* named(naming)

    const call = <A, E>(
      method: string,
      inputs: Inputs,
      work: (inputs: Inputs) => Effect.Effect<A, E>,
      summary: (result: A) => Json
    ): Effect.Effect<A, E | AiError.AiError> =>
      LlmCall.check({ name, model: modelName, metadata, request: { headers: {}, body: bodyOf(inputs, modelName) } })
        .pipe(
          Effect.catchTag("CallError", (error) => Effect.fail(aiErrorOf("EmbeddingModel", method, error))),
          Effect.flatMap(({ request }) => inputsOf(request.body, inputs.length)),
          Effect.flatMap(work),
          Effect.tap((result) => ExecutionScope.setOutput(summary(result))),
          ExecutionScope.run({ name, category: "embedder", input: bodyOf(inputs, modelName), metadata }),
          Effect.provideService(AgentRuntime, runtime)
        )

    const embedMany = (inputs: Inputs) =>
      inputs.length === 0 ?
        model.embedMany(inputs) :
        call("embedMany", inputs, model.embedMany, ({ embeddings, usage }) => ({
          count: embeddings.length,
          dimensions: embeddings[0]?.vector.length ?? 0,
          ...usage.inputTokens === undefined ? undefined : { usage: { inputTokens: usage.inputTokens } }
        }))

    const { resolver } = yield* EmbeddingModel.make({
      embedMany: ({ inputs }) =>
        Effect.map(embedMany(inputs), ({ embeddings, usage }) => ({
          results: embeddings.map(({ vector }) => vector.slice()),
          usage: { inputTokens: usage.inputTokens }
        }))
    })

    return EmbeddingModel.EmbeddingModel.of({
      ...model,
      resolver,
      embed: (input) =>
        call("embed", [input], ([input]) => model.embed(input!), ({ vector }) => ({
          count: 1,
          dimensions: vector.length
        })),
      embedMany
    })
  })

// internal

const bodyOf = (input: Inputs, model: string | undefined): Json => ({
  ...model === undefined ? undefined : { model },
  input
})

/** The inputs that middleware left: as many texts as there were, since the answer has one vector for each. */
const inputsOf = (body: Json, length: number): Effect.Effect<Inputs, AiError.AiError> => {
  const input = isObject(body) ? body.input : undefined
  return isTexts(input) && input.length === length
    ? Effect.succeed(input)
    : Effect.fail(invalidRewrite(`something else than ${length} texts of the input`))
}

const isTexts = (input: Json | undefined): input is Inputs =>
  Array.isArray(input) && input.every((text) => typeof text === "string")
