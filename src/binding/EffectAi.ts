/**
 * `effect/ai` under policy: each call of a model, each run of a tool's handler and each embedding stands in the trace, and
 * guardrails judge it.
 *
 * **What stands where**
 *
 * - One request to a provider is one managed model call. The tools that its answer asks for run beside it, each as a
 *   managed tool call with the id that the model gave it, all under the scope in which the model was asked.
 * - Middleware sees requests and answers in the library's own encoded form, and annotated by `codec`.
 * - The library fixes its error channels. What a runtime refuses is an `AiError`: `ContentPolicyError` where policy said no,
 *   else `UnknownError`; `callError` gives the `CallError` that it was made of, and `generateText`, `generateObject`,
 *   `streamText` and `withCallError` put it into the channel. A tool with `failureMode: "return"` answers it as its result.
 *
 * `effect/ai` is not stable in Effect 4.1, and neither is this module.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { NoExcessProperties } from "effect/Types"
import { AgentRuntime } from "../AgentRuntime.ts"
import type { CallError } from "../call/CallError.ts"
import type { Codec } from "../codec/Codec.ts"
import type { Call, ToolCallView } from "../middleware/Call.ts"
import * as Guardrail from "../middleware/Guardrail.ts"
import type { Entry, MaybeEffect } from "../middleware/internal/entry.ts"
import { codec as effectAiCodec } from "./internal/effectAiCodec.ts"
import { governedEmbeddings } from "./internal/effectAiEmbedding.ts"
import { callErrorOf, UnreadableParameters } from "./internal/effectAiError.ts"
import { governed, governedModel, type Provider } from "./internal/effectAiModel.ts"
import { manage } from "./internal/effectAiToolkit.ts"

/**
 * What the calls of a model are called.
 *
 * **Details**
 *
 * - `name`: default is the provider of the `effect/ai/Model` in place when the model is built, else `"effect-ai"`.
 * - `model`: default is the model of that `Model`; without one, what the provider's answer says is in the annotation.
 * - `metadata`: on both events of each call.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ModelOptions {
  readonly name?: string | undefined
  readonly model?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

// models

/**
 * Puts the language model under policy: a layer from a `LanguageModel` to a `LanguageModel`.
 *
 * **Details**
 *
 * Calls are those of the runtime that the layer is built with. Everything on top of the service goes with it: `Chat`,
 * toolkits, structured output and streams. The model that is wrapped gets each request without its tools' handlers; its own
 * span, telemetry and response ids stay as they are, under a span of the same name that also holds the tools.
 *
 * Structured output is read by the wrapped model. Where an intercept answers in its place, it is read by
 * `codecTransformer`: give that of the provider if it is not the library's default.
 *
 * A stream with a toolkit is read ahead of its consumer, as `effect/ai` does it; without one, back-pressure runs through.
 *
 * **Example** (A model under policy)
 *
 * ```ts
 * const Model = EffectAi.languageModel().pipe(
 *   Layer.provide(OpenAiLanguageModel.model("gpt-5")),
 *   Layer.provide(AgentRuntime.layerWith({ policies: Middleware.layer(noSecrets) }))
 * )
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const languageModel = (
  options: ModelOptions & { readonly codecTransformer?: LanguageModel.CodecTransformer | undefined } = {}
): Layer.Layer<LanguageModel.LanguageModel, never, LanguageModel.LanguageModel | AgentRuntime> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    Effect.flatMap(LanguageModel.LanguageModel, (model) => fromLanguageModel(model, options))
  )

/**
 * The same as a value: a model that is at hand, under the policy of the runtime in place.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromLanguageModel = (
  model: LanguageModel.LanguageModel,
  options: ModelOptions & { readonly codecTransformer?: LanguageModel.CodecTransformer | undefined } = {}
): Effect.Effect<LanguageModel.LanguageModel, never, AgentRuntime> =>
  Effect.flatMap(AgentRuntime, (runtime) => governedModel(model, options, runtime))

/**
 * A model under policy from what `LanguageModel.make` takes: for providers of one's own. It has one span for each request,
 * where a wrapped model has two.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const makeLanguageModel = (
  provider: Provider,
  options: ModelOptions = {}
): Effect.Effect<LanguageModel.LanguageModel, never, AgentRuntime> =>
  Effect.flatMap(AgentRuntime, (runtime) => governed(provider, options, runtime))

/**
 * Puts the embedding model under policy: a layer from an `EmbeddingModel` to an `EmbeddingModel`.
 *
 * **Details**
 *
 * Each request is a scope of category `"embedder"`: its input are the texts, its output their number, the dimensions and the
 * usage, not the vectors. Request intercepts and guardrails of model calls see `{ model?, input }`; a refusal is a mark
 * under the scope, which ends as a failure. What only managed calls have, execution intercepts, output guardrails and
 * sanitizers of requests and responses, does not run; sanitizers of scopes do.
 *
 * `embed` is judged and told of one by one, also where the model sends several together; requests through `resolver` are one
 * scope for each batch.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const embeddingModel = (
  options: ModelOptions = {}
): Layer.Layer<EmbeddingModel.EmbeddingModel, never, EmbeddingModel.EmbeddingModel | AgentRuntime> =>
  Layer.effect(
    EmbeddingModel.EmbeddingModel,
    Effect.gen(function*() {
      return yield* governedEmbeddings(yield* EmbeddingModel.EmbeddingModel, options, yield* AgentRuntime)
    })
  )

/**
 * Reads what the model calls of this binding carry. Its id is `"effect_ai"`.
 *
 * **Details**
 *
 * - A request is `{ messages, tools?, toolChoice?, responseFormat?, previousResponseId? }`, a response
 *   `{ metadata?, content, finish? }`: messages and parts as the schemas of `effect/ai/Prompt` and `effect/ai/Response`
 *   encode them.
 * - Request intercepts may change messages and the choice of tools, and leave tools out. Temperature and the like are the
 *   provider's and not seen. Anything else that is changed fails the call.
 *
 * @stability experimental
 * @category codecs
 * @since 0.1.0
 */
export const codec: Codec = effectAiCodec

// tools

/**
 * The handlers of a toolkit as managed tool calls: for tools that are run without a managed model. A managed one does this
 * to the toolkits that it gets.
 *
 * **Details**
 *
 * Policies and observers see the parameters as the model gave them, the tool's annotations (`Tool.Destructive`, …) as
 * metadata, and the encoded result. A handler's failure ends the call as a failure, also where `failureMode: "return"` makes
 * a result of it. Preliminary results go on as they come, before output guardrails have judged the final one.
 *
 * The raw parameters, which the library writes onto the current span, stay off it.
 *
 * **Example** (Running the tools oneself)
 *
 * ```ts
 * const { handle } = yield* EffectAi.toolkit(Files)
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const toolkit = <Tools extends Record<string, Tool.Any>, E = never, R = never>(
  toolkit: Toolkit.WithHandler<Tools> | Effect.Effect<Toolkit.WithHandler<Tools>, E, R>
): Effect.Effect<Toolkit.WithHandler<Tools>, E, R | AgentRuntime> =>
  Effect.flatMap(
    AgentRuntime,
    (runtime): Effect.Effect<Toolkit.WithHandler<Tools>, E, R> =>
      Effect.isEffect(toolkit)
        ? Effect.map(toolkit, (toolkit) => manage(toolkit, runtime))
        : Effect.succeed(manage(toolkit, runtime))
  )

/**
 * A guardrail for the calls of one tool, by name, which sees their parameters decoded.
 *
 * **Details**
 *
 * Parameters that are not those of the tool are refused before the check: as the library refuses them, so that the model
 * can correct itself. `when` narrows the calls that it judges.
 *
 * **Example** (Staying in a folder)
 *
 * ```ts
 * const stayInside = EffectAi.guardrail(ReadFile, {
 *   name: "stay-inside",
 *   check: ({ path }) => path.startsWith("..") ? Guardrail.reject("outside of the folder") : Guardrail.allow
 * })
 * ```
 *
 * @stability experimental
 * @category policies
 * @since 0.1.0
 */
export const guardrail = <P extends Schema.Top, E = never, R = never>(
  tool: { readonly name: string; readonly parametersSchema: P },
  options: {
    readonly name: string
    readonly priority?: number | undefined
    readonly mode?: "enforce" | "shadow" | undefined
    readonly timeout?: Duration.Input | undefined
    readonly when?: ((call: Call) => boolean) | undefined
    readonly check: (params: P["Type"], call: ToolCallView) => MaybeEffect<Guardrail.Decision, E, R>
  }
): Entry<R | P["DecodingServices"]> => {
  const { check, when, ...rest } = options
  const decode = Schema.decodeUnknownEffect(tool.parametersSchema)
  return Guardrail.make({
    ...rest,
    applies: { kind: "tool", name: tool.name, when },
    check: (call) =>
      call.kind === "tool"
        ? decode(call.input).pipe(
          Effect.mapError(({ message }) => new UnreadableParameters({ tool: tool.name, description: message })),
          Effect.flatMap((params) => {
            const decision = check(params, call)
            return Effect.isEffect(decision) ? decision : Effect.succeed(decision)
          })
        )
        : Guardrail.allow
  })
}

/**
 * Selects the calls of tools that have an annotation: a reference of the library's, or of one's own, whose value is text, a
 * number or a truth value. A tool that does not say has the reference's default.
 *
 * **Example** (Asking before what cannot be undone)
 *
 * ```ts
 * const askFirst = Guardrail.make({
 *   name: "ask-first",
 *   applies: EffectAi.annotated(Tool.Destructive),
 *   check: (call) => askAPerson(call)
 * })
 * ```
 *
 * @stability experimental
 * @category policies
 * @since 0.1.0
 */
export const annotated = <A>(
  annotation: Context.Reference<A>,
  is: (value: A) => boolean = (value) => value === true
): (call: Call) => boolean => {
  const standard = Context.get(Context.empty(), annotation)
  return ({ kind, metadata }) => {
    if (kind !== "tool") return false
    // Only this binding writes it, from the tool's own annotation.
    return is(metadata !== undefined && annotation.key in metadata ? metadata[annotation.key] as A : standard)
  }
}

// errors

/**
 * The `CallError` that an error of the library was made of, if the runtime refused the call or could not run it.
 *
 * **Example** (Telling a block from a failure)
 *
 * ```ts
 * Effect.catchTag("AiError", (error) =>
 *   Option.match(EffectAi.callError(error), {
 *     onNone: () => Effect.fail(error),
 *     onSome: ({ reason }) => Effect.succeed(`refused: ${reason.message}`)
 *   }))
 * ```
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export const callError = (error: unknown): Option.Option<CallError> => callErrorOf(error)

/**
 * The same effect with the `CallError` itself in its error channel, where an `AiError` was made of one: for `Chat`,
 * embeddings and whatever else goes through a managed model.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export const withCallError = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | CallError, R> =>
  Effect.mapError(effect, unwrapped)

/**
 * `LanguageModel.generateText` with `CallError` in the error channel.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const generateText = <Options extends NoExcessProperties<LanguageModel.GenerateTextOptions<any>, Options>>(
  options: Options & LanguageModel.GenerateTextOptions<LanguageModel.ExtractTools<Options>>
): Effect.Effect<
  LanguageModel.GenerateTextResponse<
    LanguageModel.ExtractTools<Options>,
    LanguageModel.ExtractToolParametersMode<Options>
  >,
  LanguageModel.ExtractError<Options> | CallError,
  LanguageModel.LanguageModel | LanguageModel.ExtractServices<Options>
> => Effect.mapError(LanguageModel.generateText(options as AnyOptions), unwrapped) as never

/**
 * `LanguageModel.generateObject` with `CallError` in the error channel.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const generateObject = <
  Encoded extends Record<string, any>,
  S extends Schema.Encoder<Encoded, unknown>,
  Options extends NoExcessProperties<LanguageModel.GenerateObjectOptions<any, S>, Options>
>(
  options: Options & LanguageModel.GenerateObjectOptions<LanguageModel.ExtractTools<Options>, S>
): Effect.Effect<
  LanguageModel.GenerateObjectResponse<
    LanguageModel.ExtractTools<Options>,
    S["Type"],
    LanguageModel.ExtractToolParametersMode<Options>
  >,
  LanguageModel.ExtractError<Options> | CallError,
  LanguageModel.LanguageModel | LanguageModel.ExtractServices<Options> | S["DecodingServices"]
> => Effect.mapError(LanguageModel.generateObject<Encoded, S, Options>(options), unwrapped)

/**
 * `LanguageModel.streamText` with `CallError` in the error channel.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const streamText = <Options extends NoExcessProperties<LanguageModel.GenerateTextOptions<any>, Options>>(
  options: Options & LanguageModel.GenerateTextOptions<LanguageModel.ExtractTools<Options>>
): Stream.Stream<
  Response.StreamPart<LanguageModel.ExtractTools<Options>, LanguageModel.ExtractToolParametersMode<Options>>,
  LanguageModel.ExtractError<Options> | CallError,
  LanguageModel.LanguageModel | LanguageModel.ExtractServices<Options>
> => Stream.mapError(LanguageModel.streamText(options as AnyOptions), unwrapped) as never

// internal

/** Options of any tools: which they are goes from the caller's own to the answer. */
type AnyOptions = { readonly prompt: Prompt.RawInput; readonly toolkit?: undefined }

const unwrapped = <E>(error: E): E | CallError => Option.getOrElse(callErrorOf(error), () => error)
