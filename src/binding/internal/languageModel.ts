/** What the language models of all providers share: how prompts are read, and how answers and streams of them are told. */
import * as AiError from "effect/ai/AiError"
import type * as IdGenerator from "effect/ai/IdGenerator"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import * as Tool from "effect/ai/Tool"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import { identity } from "effect/Function"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AnnotatedResponse, Usage } from "../../codec/Annotated.ts"
import type { Codec } from "../../codec/Codec.ts"
import { isObject, type JsonObject } from "../../codec/internal/json.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import { failed, invalidResponse, type Source } from "./languageModelError.ts"
import type { Endpoint, Received } from "./languageModelHttp.ts"

export type Reason = AiError.AiErrorReason
export type Part = Response.PartEncoded
export type StreamPart = Response.StreamPartEncoded
export type Options = LanguageModel.ProviderOptions

/** Reads the events of one stream. `end` is asked once, after the last event. */
export interface Reader {
  readonly add: (event: Json) => Result.Result<ReadonlyArray<StreamPart>, Reason>
  readonly end: () => Result.Result<ReadonlyArray<StreamPart>, Reason>
}

/** A provider, as far as it differs from others. */
export interface Dialect {
  readonly codec: Codec
  readonly model: string
  readonly endpoint: Endpoint
  readonly codecTransformer: LanguageModel.CodecTransformer
  readonly supportsSystemMessagesInHistory: boolean
  readonly body: (options: Options, stream: boolean) => Result.Result<Json, Reason>
  readonly parts: (received: Received, answer: Answer, options: Options) => Result.Result<ReadonlyArray<Part>, Reason>
  readonly reader: (options: Options) => Reader
  /** The event after which nothing is waited for. */
  readonly isLast: (event: Json) => boolean
}

export const make = (dialect: Dialect): Effect.Effect<LanguageModel.LanguageModel> => {
  const { codec, endpoint, model } = dialect
  const { source } = endpoint

  const prepared = (method: string, options: Options, stream: boolean) =>
    Effect.gen(function*() {
      Telemetry.addGenAIAnnotations(options.span, {
        provider: { name: codec.provider },
        operation: { name: "chat" },
        request: { model }
      })
      return yield* lift(source, method, attempt(() => dialect.body(options, stream)))
    })

  const generateText = (options: Options): Effect.Effect<Array<Part>, AiError.AiError, IdGenerator.IdGenerator> =>
    Effect.gen(function*() {
      const method = "generateText"
      const received = yield* endpoint.call(method, yield* prepared(method, options, false))
      const read = Result.flatMap(
        answerOf(codec, source, received.json),
        (answer) =>
          Result.map(dialect.parts(received, answer, options), (parts) => [
            metadataPart(answer.annotated, received.json),
            ...parts,
            finishPart(answer, parts.some(({ type }) => type === "tool-call"))
          ])
      )
      const parts = yield* lift(source, method, read)
      annotate(options, parts)
      return parts
    })

  const streamText = (options: Options): Stream.Stream<StreamPart, AiError.AiError, IdGenerator.IdGenerator> =>
    Stream.unwrap(Effect.map(prepared("streamText", options, true), (body) =>
      endpoint.events("streamText", body).pipe(
        Stream.takeUntil(dialect.isLast),
        Stream.map((event) => ({ event })),
        // Not `onHalt`, which also runs after a failure.
        Stream.concat(Stream.succeed(undefined)),
        Stream.mapAccum(
          () => dialect.reader(options),
          (reader, next) => [reader, [next === undefined ? reader.end() : reader.add(next.event)]] as const
        ),
        Stream.mapEffect((parts) => lift(source, "streamText", parts)),
        Stream.tap((parts) => Effect.sync(() => annotate(options, parts))),
        Stream.filter(Arr.isReadonlyArrayNonEmpty),
        // What one event says stays together: a call of a tool and the finish that makes it void are seen at once.
        Stream.flattenArray
      )))

  return LanguageModel.make({
    generateText,
    streamText,
    codecTransformer: dialect.codecTransformer,
    supportsSystemMessagesInHistory: Effect.succeed(dialect.supportsSystemMessagesInHistory)
  })
}

// prompts

/** What the user said for one provider about a part or message: fields of its JSON, as they are. */
export const extraOf = (
  { options }: { readonly options: Prompt.ProviderOptions },
  provider: string
): JsonObject => {
  const extra = options[provider]
  return isObject(extra ?? undefined) ? { ...Object(extra) } : {}
}

export type Data = { readonly url: string } | { readonly base64: string }

/** Where the data of a file is, or the data in base64. A `data:` URL is data. */
export const dataOf = ({ data }: Prompt.FilePart): Data => {
  if (data instanceof Uint8Array) return { base64: Base64.encode(data) }
  const text = typeof data === "string" ? data : data.href
  const inline = /^data:[^,]*;base64,/i.exec(text)
  if (inline !== null) return { base64: text.slice(inline[0].length) }
  return /^[a-z][a-z0-9+.-]*:/i.test(text) ? { url: text } : { base64: text }
}

export const invalidInput = (description: string): Result.Result<never, Reason> =>
  Result.fail(new AiError.InvalidUserInputError({ description }))

/** What a tool answered, as text for the model. */
export const textOfResult = ({ modelOutput, result }: Prompt.ToolResultPart): string =>
  modelOutput !== undefined
    ? Prompt.toolModelOutputToText(modelOutput)
    : typeof result === "string"
    ? result
    : jsonText(result)

/** JSON text of a value; what has none is no input, and `make` says so. */
export const jsonText = (value: unknown): string => encodeJson(value ?? null)

const encodeJson = Schema.encodeUnknownSync(Schema.fromJsonString(Schema.Unknown))

export interface Definition {
  readonly name: string
  readonly description: string | undefined
  readonly parameters: Json
  readonly strict: boolean | undefined
}

export const definitionOf = (tool: Tool.Any): Result.Result<Definition, Reason> => {
  if (Tool.isProviderDefined(tool)) {
    return Result.fail(
      new AiError.ToolConfigurationError({
        toolName: tool.name,
        description: "tools that a provider runs itself are not supported; expected one with parameters and a handler"
      })
    )
  }
  return Result.map(
    unsupportedUnless(() => Tool.getJsonSchema(tool)),
    (parameters) => ({
      name: tool.name,
      description: Tool.getDescription(tool),
      parameters: { type: "object", properties: {}, ...Object(parameters) },
      strict: Tool.getStrictMode(tool)
    })
  )
}

/** A schema may have no form that a provider takes. */
export const unsupportedUnless = <A>(make: () => A): Result.Result<A, Reason> =>
  Result.try({
    try: make,
    catch: (error) => new AiError.UnsupportedSchemaError({ description: String(Object(error).message ?? error) })
  })

/** Names of tools and formats: at most 64 of letters, digits, `_` and `-`, at both providers. */
export const nameOf = (text: string): string => text.replace(/[^\w-]/g, "_").slice(0, 64) || "output"

/** The value of a header that carries a key. */
export const secretHeader = (
  name: string,
  key: Redacted.Redacted<string> | undefined,
  prefix = ""
): Readonly<Record<string, Redacted.Redacted<string>>> =>
  key === undefined ? {} : { [name]: Redacted.make(`${prefix}${Redacted.value(key)}`) }

// answers

/** What a codec reads from an answer. */
export interface Answer {
  readonly annotated: AnnotatedResponse
  readonly reason: Response.FinishReason
}

export const answerOf = (codec: Codec, source: Source, body: Json): Result.Result<Answer, Reason> =>
  Result.mapBoth(codec.decodeResponse(body), {
    onFailure: ({ actual, expected, path }) =>
      invalidResponse(source, `at ${path || "the root"}: expected ${expected}, got ${actual}`),
    onSuccess: (annotated) => ({ annotated, reason: finishReasonOf(annotated) })
  })

export const metadataPart = (
  { id, model }: Pick<AnnotatedResponse, "id" | "model">,
  body: Json
): Response.ResponseMetadataPartEncoded => {
  const created = isObject(body) ? body["created"] : undefined
  return {
    type: "response-metadata",
    ...(id === undefined ? {} : { id }),
    ...(model === undefined ? {} : { modelId: model }),
    ...(typeof created === "number" && created > 0 && created < 1e11
      ? { timestamp: DateTime.formatIso(DateTime.makeUnsafe(created * 1000)) }
      : {})
  }
}

export const finishPart = ({ annotated, reason }: Answer, callsTools: boolean): Response.FinishPartEncoded => ({
  type: "finish",
  // Not every server says so, and a tool that takes a structured output is none that anybody is to run.
  reason: callsTools && reason === "stop" ? "tool-calls" : !callsTools && reason === "tool-calls" ? "stop" : reason,
  usage: usageOf(annotated.usage)
})

/**
 * The parameters of a tool call. Text that is no JSON is the model's mistake: whoever validates calls later gets the text
 * itself. Where the answer was cut off there is no call, and the finish reason says why.
 */
export const paramsOf = (
  toolName: string,
  text: string,
  reason: Response.FinishReason,
  { toolCallValidation }: Options
): Result.Result<{ readonly params: unknown } | undefined, Reason> => {
  // Some servers say nothing where a tool takes no parameters.
  if (text.trim() === "") return Result.succeed({ params: {} })
  return Result.orElse(Result.try(() => ({ params: Tool.unsafeSecureJsonParse(text) })), () => {
    if (reason === "length" || reason === "content-filter") return Result.succeed(undefined)
    if (toolCallValidation === "deferred") return Result.succeed({ params: text })
    const description = `the model gave ${text.length} characters that are no JSON`
    return Result.fail(new AiError.ToolParameterValidationError({ toolName, description }))
  })
}

// internal

const lift = <A>(source: Source, method: string, result: Result.Result<A, Reason>): Effect.Effect<A, AiError.AiError> =>
  Effect.fromResult(Result.mapError(result, (reason) => failed(source, method, reason)))

/** Parameters and results of tools are anything; what is no JSON cannot be sent. */
const attempt = <A>(make: () => Result.Result<A, Reason>): Result.Result<A, Reason> =>
  Result.flatMap(
    Result.try({
      try: make,
      catch: () => new AiError.InvalidUserInputError({ description: "the prompt holds a value that has no JSON" })
    }),
    identity
  )

const reasons: Readonly<Record<string, Response.FinishReason>> = {
  stop: "stop",
  length: "length",
  content_filter: "content-filter",
  tool_call: "tool-calls",
  error: "error",
  other: "other"
}

const finishReasonOf = ({ finishReasons: [first] }: AnnotatedResponse): Response.FinishReason => {
  if (first === undefined) return "unknown"
  if (first.raw === "pause_turn") return "pause"
  return first.raw === "model_context_window_exceeded" ? "length" : reasons[first.reason] ?? "other"
}

const usageOf = (usage: Usage | undefined): typeof Response.Usage.Encoded => {
  const input = tokens(usage?.inputTokens)
  const output = tokens(usage?.outputTokens)
  const read = tokens(usage?.cacheReadTokens)
  const written = tokens(usage?.cacheWriteTokens)
  const reasoning = tokens(usage?.reasoningTokens)
  return {
    inputTokens: {
      uncached: input === undefined ? undefined : Math.max(0, input - (read ?? 0) - (written ?? 0)),
      total: input,
      cacheRead: read,
      cacheWrite: written
    },
    outputTokens: {
      total: output,
      text: output === undefined || reasoning === undefined ? undefined : Math.max(0, output - reasoning),
      reasoning
    }
  }
}

const tokens = (count: number | undefined): number | undefined => (Number.isSafeInteger(count) ? count : undefined)

const annotate = (options: Options, parts: ReadonlyArray<Part | StreamPart>): void => {
  for (const part of parts) {
    if (part.type === "response-metadata") {
      Telemetry.addGenAIAnnotations(options.span, { response: { id: part.id, model: part.modelId } })
    } else if (part.type === "finish") {
      const { inputTokens, outputTokens } = part.usage
      Telemetry.addGenAIAnnotations(options.span, {
        response: { finishReasons: [part.reason] },
        usage: { inputTokens: inputTokens.total, outputTokens: outputTokens.total }
      })
    }
  }
}
