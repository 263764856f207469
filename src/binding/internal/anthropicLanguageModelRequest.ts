/** Prompts as requests of Anthropic's Messages. */
import * as AiError from "effect/ai/AiError"
import * as AnthropicStructuredOutput from "effect/ai/AnthropicStructuredOutput"
import type * as Prompt from "effect/ai/Prompt"
import * as Encoding from "effect/encoding/Base64"
import * as Result from "effect/Result"
import { isObject } from "../../codec/internal/json.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import {
  dataOf,
  type Definition,
  definitionOf,
  extraOf,
  invalidInput,
  nameOf,
  type Options,
  type Reason,
  textOfResult,
  unsupportedUnless
} from "./languageModel.ts"

const provider = "anthropic"

type Body = Record<string, Json>

/**
 * What is asked besides the prompt.
 *
 * - `maxTokens`: of the answer, thoughts included; the API wants to know. 4096 unless given.
 * - `thinkingBudget`: tokens that the model may think, 1024 or more and less than `maxTokens`.
 * - `body`: further fields of the request as the API knows them; they replace those that were made.
 */
export interface Params {
  readonly model: string
  readonly maxTokens?: number | undefined
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly topK?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
  readonly thinkingBudget?: number | undefined
  readonly body?: Readonly<Record<string, Json>> | undefined
}

export const bodyOf = (
  { body, ...params }: Params,
  { prompt, responseFormat, toolChoice, tools }: Options,
  stream: boolean
): Result.Result<Json, Reason> =>
  Result.gen(function*() {
    const system = prompt.content.filter((message) => message.role === "system")
    const turns = yield* Result.all(prompt.content.filter(({ role }) => role !== "system").map(turnOf))
    const definitions = (yield* Result.all(tools.map(definitionOf))).map(toolOf)
    const format = yield* formatTool(responseFormat)
    const thinks = params.thinkingBudget !== undefined || isThinking(body?.["thinking"])
    return defined({
      model: params.model,
      max_tokens: params.maxTokens ?? 4096,
      system: system.length === 0
        ? undefined
        : system.map(instructionOf),
      messages: merged(turns),
      ...(format !== undefined
        // A model that thinks cannot be made to call a tool.
        ? { tools: [...definitions, format], tool_choice: formatChoice(definitions.length > 0, thinks, format) }
        : definitions.length === 0
        ? {}
        : { tools: definitions, tool_choice: choiceOf(toolChoice) }),
      temperature: params.temperature,
      top_p: params.topP,
      top_k: params.topK,
      stop_sequences: params.stop,
      thinking: params.thinkingBudget === undefined
        ? undefined
        : { type: "enabled", budget_tokens: params.thinkingBudget },
      ...(stream ? { stream: true } : {}),
      ...body
    })
  })

/** The tool whose input is a structured output: the API knows of no better way that every model has. */
export const formatName = (format: Options["responseFormat"]): string | undefined =>
  format.type === "json" ? nameOf(format.objectName) : undefined

// internal

const defined = (fields: Readonly<Record<string, Json | undefined>>): Body =>
  Object.fromEntries(Object.entries(fields).flatMap(([key, value]) => value === undefined ? [] : [[key, value]]))

interface Turn {
  readonly role: "user" | "assistant"
  readonly content: ReadonlyArray<Json>
}

const instructionOf = (message: Prompt.SystemMessage): Json => ({
  type: "text",
  text: message.content,
  ...extraOf(message, provider)
})

/** Results of tools belong into one message with what the user says next. */
const merged = (turns: ReadonlyArray<Turn>): ReadonlyArray<Json> => {
  const out: Array<{ readonly role: Turn["role"]; readonly content: Array<Json> }> = []
  for (const { content, role } of turns) {
    const last = out.at(-1)
    if (last?.role === role) last.content.push(...content)
    else if (content.length > 0) out.push({ role, content: [...content] })
  }
  return out.map(({ content, role }): Json => ({ role, content }))
}

const turnOf = (message: Prompt.Message): Result.Result<Turn, Reason> => {
  switch (message.role) {
    case "assistant":
      return Result.map(
        Result.all(message.content.map(spokenOf)),
        (blocks) => ({ role: "assistant", content: blocks.flat() })
      )
    case "tool":
      return Result.map(
        Result.all(message.content.flatMap((part) => part.type === "tool-result" ? [resultOf(part)] : [])),
        (content) => ({ role: "user", content })
      )
    case "user":
      return Result.map(Result.all(message.content.map(shownOf)), (content) => ({ role: "user", content }))
    case "system":
      return Result.succeed({ role: "user", content: [] })
  }
}

const shownOf = (part: Prompt.TextPart | Prompt.FilePart): Result.Result<Body, Reason> =>
  part.type === "text"
    ? Result.succeed({ type: "text", text: part.text, ...extraOf(part, provider) })
    : fileOf(part)

const fileOf = (part: Prompt.FilePart): Result.Result<Body, Reason> => {
  const data = dataOf(part)
  const extra = extraOf(part, provider)
  const mediaType = part.mediaType.toLowerCase()
  const source = "url" in data
    ? { type: "url", url: data.url }
    : { type: "base64", media_type: mediaType === "image/*" ? "image/jpeg" : mediaType, data: data.base64 }
  if (mediaType.startsWith("image/")) return Result.succeed({ type: "image", source, ...extra })
  const title = part.fileName === undefined ? {} : { title: part.fileName }
  if (mediaType === "application/pdf") return Result.succeed({ type: "document", source, ...title, ...extra })
  if (mediaType === "text/plain" && "base64" in data) {
    return Result.flatMap(
      Result.mapError(Encoding.decodeString(data.base64), () => notBase64),
      (text) =>
        Result.succeed({
          type: "document",
          source: { type: "text", media_type: mediaType, data: text },
          ...title,
          ...extra
        })
    )
  }
  return invalidInput(
    `expected an image, a PDF or plain text as data, got ${part.mediaType}${"url" in data ? " at an address" : ""}`
  )
}

const notBase64 = new AiError.InvalidUserInputError({ description: "expected base64 as the data of a file" })

type Spoken = Prompt.AssistantMessagePart

/** Thoughts go back only as the model signed them; the API refuses others. */
const spokenOf = (part: Spoken): Result.Result<ReadonlyArray<Body>, Reason> => {
  const extra = extraOf(part, provider)
  switch (part.type) {
    case "text":
      return Result.succeed(part.text === "" ? [] : [{ type: "text", text: part.text, ...extra }])
    case "reasoning":
      if (extra["type"] === "redacted_thinking") return Result.succeed([{ ...extra }])
      return Result.succeed(
        typeof extra["signature"] === "string" ? [{ type: "thinking", thinking: part.text, ...extra }] : []
      )
    case "tool-call":
      return Result.succeed(
        part.providerExecuted
          ? []
          : [{ type: "tool_use", id: part.id, name: part.name, input: inputOf(part.params), ...extra }]
      )
    case "file":
      return invalidInput(`a file (${part.mediaType}) in a message of the assistant cannot be sent to this API`)
    case "tool-result":
    case "tool-approval-request":
      return Result.succeed([])
  }
}

/** A text is what a model gave in place of JSON; the API takes nothing but objects. */
const inputOf = (params: unknown): Json => (typeof params === "string" ? { text: params } : { ...Object(params) })

const resultOf = (part: Prompt.ToolResultPart): Result.Result<Body, Reason> =>
  Result.map(
    part.modelOutput === undefined
      ? Result.succeed<Json>(textOfResult(part))
      : Result.all(part.modelOutput.map(shownOf)),
    (content): Body => ({
      type: "tool_result",
      tool_use_id: part.id,
      content,
      ...(part.isFailure ? { is_error: true } : {}),
      ...extraOf(part, provider)
    })
  )

const toolOf = ({ description, name, parameters, strict }: Definition): Json =>
  defined({ name, description, input_schema: parameters, strict: strict === true ? true : undefined })

const choiceOf = (choice: Options["toolChoice"]): Json => {
  if (typeof choice === "object" && "tool" in choice) return { type: "tool", name: choice.tool }
  const mode = typeof choice === "string" ? choice : choice.mode ?? "auto"
  return { type: mode === "required" ? "any" : mode }
}

const formatTool = (format: Options["responseFormat"]): Result.Result<Body | undefined, Reason> => {
  if (format.type === "text") return Result.succeed(undefined)
  return Result.flatMap(
    unsupportedUnless(() => AnthropicStructuredOutput.toCodecAnthropic(format.schema).jsonSchema),
    (schema) =>
      schema["type"] === "object"
        ? Result.succeed<Body>({
          name: nameOf(format.objectName),
          description: "Gives the answer in the form that is asked for. Call this to answer.",
          input_schema: { ...Object(schema) }
        })
        : Result.fail(
          new AiError.UnsupportedSchemaError({
            description: `expected an object at the root, got ${String(schema["type"])}`
          })
        )
  )
}

const formatChoice = (hasOthers: boolean, thinks: boolean, format: Body): Json =>
  thinks ? { type: "auto" } : hasOthers ? { type: "any" } : { type: "tool", name: format["name"]! }

const isThinking = (thinking: Json | undefined): boolean => isObject(thinking) && thinking["type"] !== "disabled"
