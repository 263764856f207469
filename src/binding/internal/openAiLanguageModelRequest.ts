/** Prompts as requests of Chat Completions. */
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import type * as Prompt from "effect/ai/Prompt"
import * as Result from "effect/Result"
import type { Json } from "../../event/LifecycleEvent.ts"
import {
  dataOf,
  type Definition,
  definitionOf,
  extraOf,
  invalidInput,
  jsonText,
  nameOf,
  type Options,
  type Reason,
  textOfResult,
  unsupportedUnless
} from "./languageModel.ts"

const provider = "openai"

type Body = Record<string, Json>

/**
 * What is asked besides the prompt.
 *
 * - `maxTokens`: of the answer, reasoning included.
 * - `reasoningEffort`: a word of the provider, such as `"low"`.
 * - `body`: further fields of the request as the server knows them; they replace those that were made.
 */
export interface Params {
  readonly model: string
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly maxTokens?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
  readonly seed?: number | undefined
  readonly reasoningEffort?: string | undefined
  readonly parallelToolCalls?: boolean | undefined
  readonly body?: Readonly<Record<string, Json>> | undefined
}

/** `limitKey`: OpenAI's own models refuse `max_tokens`, and many other servers know nothing else. */
export const bodyOf = (
  { body, ...params }: Params,
  limitKey: "max_completion_tokens" | "max_tokens",
  { prompt, responseFormat, toolChoice, tools }: Options,
  stream: boolean
): Result.Result<Json, Reason> =>
  Result.gen(function*() {
    const messages = (yield* Result.all(prompt.content.map(messagesOf))).flat()
    const format = yield* formatOf(responseFormat)
    const definitions = yield* Result.all(tools.map(definitionOf))
    return defined({
      model: params.model,
      messages,
      ...(definitions.length === 0 ? {} : { tools: definitions.map(toolOf), tool_choice: choiceOf(toolChoice) }),
      response_format: format,
      temperature: params.temperature,
      top_p: params.topP,
      [limitKey]: params.maxTokens,
      stop: params.stop,
      seed: params.seed,
      reasoning_effort: params.reasoningEffort,
      parallel_tool_calls: definitions.length === 0 ? undefined : params.parallelToolCalls,
      ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
      ...body
    })
  })

// internal

const defined = (fields: Readonly<Record<string, Json | undefined>>): Body =>
  Object.fromEntries(Object.entries(fields).flatMap(([key, value]) => value === undefined ? [] : [[key, value]]))

const messagesOf = (message: Prompt.Message): Result.Result<ReadonlyArray<Json>, Reason> => {
  const extra = extraOf(message, provider)
  switch (message.role) {
    case "system":
      return Result.succeed([{ role: "system", content: message.content, ...extra }])
    case "user":
      return Result.map(
        Result.all(message.content.map((part) => part.type === "text" ? textOf(part) : fileOf(part))),
        (content) => [{ role: "user", content: plain(content), ...extra }]
      )
    case "assistant":
      return Result.map(assistantOf(message), (said) => said === undefined ? [] : [{ ...said, ...extra }])
    case "tool":
      return Result.succeed(message.content.flatMap((part) =>
        part.type === "tool-result"
          ? [{ role: "tool", tool_call_id: part.id, content: textOfResult(part), ...extraOf(part, provider) }]
          : []
      ))
  }
}

const textOf = (part: Prompt.TextPart): Result.Result<Body, Reason> =>
  Result.succeed({ type: "text", text: part.text, ...extraOf(part, provider) })

/** A single text stands for itself, which every server understands. */
const plain = (content: ReadonlyArray<Body>): Json => {
  const [first] = content
  return content.length === 1 && first !== undefined && Object.keys(first).join() === "type,text"
    ? first["text"]!
    : content
}

const fileOf = (part: Prompt.FilePart): Result.Result<Body, Reason> => {
  const data = dataOf(part)
  const extra = extraOf(part, provider)
  const mediaType = part.mediaType.toLowerCase()
  const url = "url" in data
    ? data.url
    : `data:${mediaType === "image/*" ? "image/jpeg" : mediaType};base64,${data.base64}`
  if (mediaType.startsWith("image/")) return Result.succeed({ type: "image_url", image_url: { url }, ...extra })
  const format = audioFormats[mediaType]
  if (format !== undefined && "base64" in data) {
    return Result.succeed({ type: "input_audio", input_audio: { data: data.base64, format }, ...extra })
  }
  if (mediaType === "application/pdf" && "base64" in data) {
    return Result.succeed({ type: "file", file: { filename: part.fileName ?? "file.pdf", file_data: url }, ...extra })
  }
  return invalidInput(
    `expected an image, or WAV, MP3 or PDF as data, got ${part.mediaType}${"url" in data ? " at an address" : ""}`
  )
}

const audioFormats: Readonly<Record<string, string>> = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3"
}

/** Reasoning is not sent back: most servers do not take it. Nor is what the provider ran itself. */
const assistantOf = (message: Prompt.AssistantMessage): Result.Result<Body | undefined, Reason> => {
  let text = ""
  const calls: Array<Json> = []
  for (const part of message.content) {
    if (part.type === "text") text += part.text
    else if (part.type === "tool-call" && !part.providerExecuted) {
      // A text is what a model gave in place of JSON.
      const text = typeof part.params === "string" ? part.params : jsonText(part.params)
      const called = { name: part.name, arguments: text }
      calls.push({ id: part.id, type: "function", function: called, ...extraOf(part, provider) })
    } else if (part.type === "file") {
      return invalidInput(`a file (${part.mediaType}) in a message of the assistant cannot be sent to this API`)
    }
  }
  if (text === "" && calls.length === 0) return Result.succeed(undefined)
  return Result.succeed({
    role: "assistant",
    content: text === "" ? null : text,
    ...(calls.length === 0 ? {} : { tool_calls: calls })
  })
}

const toolOf = ({ description, name, parameters, strict }: Definition): Json => ({
  type: "function",
  function: defined({ name, description, parameters, strict })
})

const choiceOf = (choice: Options["toolChoice"]): Json => {
  if (typeof choice === "string") return choice
  return "tool" in choice ? { type: "function", function: { name: choice.tool } } : choice.mode ?? "auto"
}

const formatOf = (format: Options["responseFormat"]): Result.Result<Json | undefined, Reason> => {
  if (format.type === "text") return Result.succeed(undefined)
  return Result.map(
    unsupportedUnless(() => OpenAiStructuredOutput.toCodecOpenAI(format.schema).jsonSchema),
    (schema): Json => ({
      type: "json_schema",
      json_schema: { name: nameOf(format.objectName), strict: true, schema: { ...Object(schema) } }
    })
  )
}
