/** Model calls of `effect/ai` as managed model calls. */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Response from "effect/ai/Response"
import { CurrentSpanTransformer } from "effect/ai/Telemetry"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as Stream from "effect/Stream"
import { AgentRuntime } from "../../AgentRuntime.ts"
import * as LlmCall from "../../call/LlmCall.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import { codec } from "./effectAiCodec.ts"
import { aiErrorOf } from "./effectAiError.ts"
import { Requests } from "./effectAiRequest.ts"
import { manage } from "./effectAiToolkit.ts"

type Runtime = AgentRuntime["Service"]

/** What a provider of the library is made of. */
export type Provider = Parameters<typeof LanguageModel.make>[0]

/** What calls are called. */
export interface Naming {
  readonly name?: string | undefined
  readonly model?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

interface Named extends Naming {
  readonly name: string
}

/** A model whose provider is called under policy, and whose tools run beside its calls. */
export const governed = (
  provider: Provider,
  naming: Naming,
  runtime: Runtime
): Effect.Effect<LanguageModel.LanguageModel> =>
  Effect.gen(function*() {
    const model = yield* LanguageModel.make(calling(provider, yield* named(naming), runtime))
    return withManagedTools(model, runtime)
  })

/**
 * A model's own calls under policy.
 *
 * The library resolves tools inside of a model, where nothing can be put between the answer and the tools. So the model is
 * asked not to, and what it answers is the provider's answer of another one, which does.
 */
export const governedModel = (
  model: LanguageModel.LanguageModel,
  { codecTransformer = LanguageModel.defaultCodecTransformer, ...naming }: Naming & Transforming,
  runtime: Runtime
): Effect.Effect<LanguageModel.LanguageModel> =>
  Effect.gen(function*() {
    const transformer = yield* Effect.serviceOption(CurrentSpanTransformer)
    const provider = calling(providerOf(model, Option.isSome(transformer)), yield* named(naming), runtime)
    const outer = withManagedTools(yield* LanguageModel.make(asWanted(provider)), runtime)
    return withObjects(outer, codecTransformer)
  })

/** How structured output is read where an intercept has replaced it. */
export interface Transforming {
  readonly codecTransformer?: LanguageModel.CodecTransformer | undefined
}

/** The name and the model of calls: as said, else as the `Model` says which is in place, else as the library is called. */
export const named = (naming: Naming): Effect.Effect<Named> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const model = naming.model ?? Context.getOrUndefined(context, Model.ModelName)
    return Effect.succeed({
      ...naming,
      name: naming.name ?? Context.getOrUndefined(context, Model.ProviderName) ?? "effect-ai",
      ...model === undefined ? undefined : { model }
    })
  })

// internal

type Options = LanguageModel.ProviderOptions

/** A provider, each call of which is a managed one. */
const calling = (provider: Provider, naming: Named, runtime: Runtime): Provider => {
  const requests = new Requests()
  const call = (body: Json) => ({ ...naming, codec, request: { headers: {}, body } })
  return {
    ...provider,
    generateText: (options) =>
      Effect.flatMap(requests.body(options), (body) => {
        const answers = new Map<unknown, Array<Response.PartEncoded>>()
        return LlmCall.run(call(body), (request) =>
          requests.rewritten(options, body, request.body).pipe(
            Effect.flatMap(provider.generateText),
            Effect.map((parts): unknown => {
              const answer = bodyOf(parts)
              answers.set(answer, parts)
              return answer
            })
          )).pipe(
            Effect.catchTag("CallError", (error) => Effect.fail(aiErrorOf("LanguageModel", "generateText", error))),
            Effect.flatMap((answer) => {
              const parts = answers.get(answer)
              return parts === undefined ? partsOf(answer) : Effect.succeed(parts)
            }),
            Effect.provideService(AgentRuntime, runtime)
          )
      }),
    streamText: (options) =>
      Stream.unwrap(
        Effect.map(requests.body(options), (body) =>
          LlmCall.stream(call(body), (request) =>
            Stream.unwrap(Effect.map(requests.rewritten(options, body, request.body), provider.streamText))).pipe(
              Stream.catchTag("CallError", (error) =>
                Stream.fail(aiErrorOf("LanguageModel", "streamText", error))),
              Stream.provideService(AgentRuntime, runtime)
            ))
      )
  }
}

// answers

/** The parts of an answer in the form that `effectAiCodec.ts` reads: those that say of the whole stand apart. */
const bodyOf = (parts: ReadonlyArray<Response.PartEncoded>) => {
  const metadata = parts.find((part) => part.type === "response-metadata")
  const finish = parts.find((part) => part.type === "finish")
  return {
    ...metadata === undefined ? undefined : { metadata },
    content: parts.filter((part) => part !== metadata && part !== finish),
    ...finish === undefined ? undefined : { finish }
  }
}

/** The parts of an answer that an intercept gave. The library checks them. */
const partsOf = (answer: unknown): Effect.Effect<Array<Response.PartEncoded>, AiError.AiError> => {
  if (isBody(answer)) {
    const { content, finish, metadata } = answer
    return Effect.succeed([
      ...metadata === undefined ? [] : [metadata],
      ...content,
      ...finish === undefined ? [] : [finish]
    ])
  }
  return Effect.fail(AiError.make({
    module: "LanguageModel",
    method: "generateText",
    reason: new AiError.InvalidOutputError({
      description: "an intercept gave another answer than { metadata?, content, finish? } with parts of effect/ai"
    })
  }))
}

interface Body {
  readonly metadata?: Response.ResponseMetadataPartEncoded
  readonly content: ReadonlyArray<Response.PartEncoded>
  readonly finish?: Response.FinishPartEncoded
}

const isBody = (answer: unknown): answer is Body =>
  typeof answer === "object" && answer !== null && "content" in answer && Array.isArray(answer.content)

// models without the types of their tools, which go from the options to the answer

interface Erased extends Pick<LanguageModel.LanguageModel, typeof LanguageModel.TypeId> {
  readonly supportsSystemMessagesInHistory?: Effect.Effect<boolean> | undefined
  readonly generateText: (options: object) => Effect.Effect<LanguageModel.GenerateTextResponse<{}>, AiError.AiError>
  readonly generateObject: (
    options: ObjectOptions
  ) => Effect.Effect<LanguageModel.GenerateObjectResponse<{}, unknown>, AiError.AiError>
  readonly streamText: (options: object) => Stream.Stream<Response.StreamPart<{}>, AiError.AiError>
}

interface ObjectOptions {
  readonly objectName?: string | undefined
  readonly schema: AnySchema
}

type AnySchema = Schema.Codec<unknown, unknown>

const erased = (model: LanguageModel.LanguageModel): Erased => model as unknown as Erased

const typed = (model: Erased): LanguageModel.LanguageModel => model as unknown as LanguageModel.LanguageModel

/** The same model, which runs the handlers of the toolkits that it gets as managed calls. */
const withManagedTools = (self: LanguageModel.LanguageModel, runtime: Runtime): LanguageModel.LanguageModel => {
  const model = erased(self)
  const managed = <O extends object & { readonly toolkit?: AnyToolkit | Effect.Effect<AnyToolkit> }>(options: O): O => {
    const { toolkit } = options
    if (toolkit === undefined) return options
    return {
      ...options,
      toolkit: Effect.isEffect(toolkit)
        ? Effect.map(toolkit, (toolkit) => manage(toolkit, runtime))
        : manage(toolkit, runtime)
    }
  }
  return typed({
    ...model,
    generateText: (options) => model.generateText(managed(options)),
    generateObject: (options) => model.generateObject(managed(options)),
    streamText: (options) => model.streamText(managed(options))
  })
}

type AnyToolkit = Toolkit.WithHandler<Record<string, Tool.Any>>

// models as providers

/** What a model offers, as a provider's functions. `isTransformed`: spans of the outer model are transformed already. */
const providerOf = (self: LanguageModel.LanguageModel, isTransformed: boolean): Provider => {
  const model = erased(self)
  const silence = Effect.map(
    Effect.context<never>(),
    (context) =>
      isTransformed || Option.isSome(Context.getOption(context, CurrentSpanTransformer))
        ? Context.add(context, CurrentSpanTransformer, () => {})
        : context
  )
  const generate = (options: Options): Effect.Effect<Array<Response.PartEncoded>, AiError.AiError> => {
    const { responseFormat } = options
    if (responseFormat.type === "text") {
      return Effect.flatMap(model.generateText(asked(options)), ({ content }) => encodeParts(content))
    }
    return Effect.gen(function*() {
      const { objectName, schema } = responseFormat
      const { content, value } = yield* model.generateObject({
        ...asked(options),
        objectName,
        schema: schema as AnySchema
      })
      const parts = yield* encodeParts(content)
      const wanted = yield* Wanted
      if (wanted !== undefined) wanted.found = { parts, value }
      return parts
    })
  }
  return {
    ...model.supportsSystemMessagesInHistory === undefined
      ? undefined
      : { supportsSystemMessagesInHistory: model.supportsSystemMessagesInHistory },
    generateText: (options) => Effect.flatMap(silence, (context) => Effect.provideContext(generate(options), context)),
    streamText: (options) =>
      Stream.unwrap(Effect.map(silence, (context) =>
        model.streamText(asked(options)).pipe(
          Stream.mapArrayEffect((parts) => encodeStreamParts(parts)),
          Stream.provideContext(context)
        )))
  }
}

/** A request of one answer, in which nothing is resolved and nothing refused that the outer model would not. */
const asked = ({ prompt, toolChoice, tools }: Options) => {
  const base = { prompt, disableToolCallResolution: true, toolCallValidation: "deferred" } as const
  if (tools.length === 0) return base
  const handle = () => Effect.die(new Error("tools are resolved by the outer model"))
  return { ...base, toolChoice, toolkit: { tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])), handle } }
}

const encodeAll = Schema.encodeEffect(Schema.mutable(Schema.Array(Response.Part())))
const encodeChunk = Schema.encodeEffect(Schema.NonEmptyArray(Response.StreamPart()))

/** Results of tools that the provider ran, as it gave them. */
const asGiven = <A extends { readonly type: string }>(part: A): A =>
  part.type === "tool-result" && "encodedResult" in part ? { ...part, result: part.encodedResult } : part

const encodeParts = (parts: ReadonlyArray<Response.Part<{}>>) =>
  encodeAll(parts.map(asGiven)).pipe(Effect.mapError((error) => unreadable("generateText", error)))

const encodeStreamParts = ([first, ...rest]: readonly [StreamPart, ...Array<StreamPart>]) =>
  encodeChunk([asGiven(first), ...rest.map(asGiven)]).pipe(Effect.mapError((error) => unreadable("streamText", error)))

type StreamPart = Response.StreamPart<{}>

const unreadable = (method: string, error: Schema.SchemaError): AiError.AiError =>
  AiError.make({ module: "LanguageModel", method, reason: AiError.InvalidOutputError.fromSchemaError(error) })

// structured output

/** A structured answer that is wanted, and what the inner model read of it. */
interface WantedObject {
  readonly schema: Schema.Top
  readonly objectName: string
  found: { readonly parts: unknown; readonly value: unknown } | undefined
}

const Wanted = Context.Reference<WantedObject | undefined>("heddle/binding/internal/effectAiModel/Wanted", {
  defaultValue: () => undefined
})

/** Only the inner model knows how its provider writes structured output: it reads it, and the outer one asks for text. */
const asWanted = (provider: Provider): Provider => ({
  ...provider,
  generateText: (options) =>
    Effect.flatMap(Wanted, (wanted) => {
      if (wanted === undefined) return provider.generateText(options)
      const { objectName, schema } = wanted
      return Effect.map(
        provider.generateText({ ...options, responseFormat: { type: "json", objectName, schema } }),
        (parts) => {
          if (wanted.found?.parts !== parts) wanted.found = undefined
          return parts
        }
      )
    })
})

const withObjects = (
  self: LanguageModel.LanguageModel,
  codecTransformer: LanguageModel.CodecTransformer
): LanguageModel.LanguageModel => {
  const model = erased(self)
  return typed({
    ...model,
    generateText: (options) => Effect.provideService(model.generateText(options), Wanted, undefined),
    streamText: (options) => Stream.provideService(model.streamText(options), Wanted, undefined),
    generateObject: ({ schema, objectName = nameOf(schema), ...options }) =>
      Effect.suspend(() => {
        const wanted: WantedObject = { schema, objectName, found: undefined }
        return model.generateText(options).pipe(
          Effect.provideService(Wanted, wanted),
          Effect.flatMap((response) =>
            Effect.map(
              wanted.found === undefined
                ? readObject(response.text, schema, codecTransformer)
                : Effect.succeed(wanted.found.value),
              (value) => new LanguageModel.GenerateObjectResponse(value, response.content)
            )
          )
        )
      })
  })
}

/** As the library names an object that has no name. */
const nameOf = ({ ast }: Schema.Top): string => SchemaAST.resolveIdentifier(ast) ?? "generateObject"

/** Reads a structured answer that an intercept gave. */
const readObject = (text: string, schema: AnySchema, codecTransformer: LanguageModel.CodecTransformer) =>
  Effect.suspend(() => Schema.decodeEffect(Schema.fromJsonString(codecTransformer(schema).codec))(text)).pipe(
    Effect.mapError((error) =>
      AiError.make({
        module: "LanguageModel",
        method: "generateObject",
        reason: AiError.StructuredOutputError.fromSchemaError(error, text)
      })
    )
  )
