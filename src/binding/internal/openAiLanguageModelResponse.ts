/** Answers of Chat Completions, whole and in chunks. Only the first choice is read. */
import * as AiError from "effect/ai/AiError"
import * as Result from "effect/Result"
import { isObject, type JsonObject } from "../../codec/internal/json.ts"
import * as OpenAiChat from "../../codec/OpenAiChat.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import {
  type Answer,
  answerOf,
  type Dialect,
  finishPart,
  metadataPart,
  type Options,
  paramsOf,
  type Part,
  type Reader,
  type StreamPart
} from "./languageModel.ts"
import { cutOff, invalidResponse, type Source } from "./languageModelError.ts"

export const partsOf = (source: Source): Dialect["parts"] => ({ json }, answer, options) => {
  const [choice] = array(fields(json)["choices"])
  if (!isObject(choice) || !isObject(choice["message"])) {
    return Result.fail(invalidResponse(source, "expected a choice with a message"))
  }
  const said = choice["message"]
  const refusal = string(said["refusal"])
  if (refusal !== "" && options.responseFormat.type === "json") {
    return Result.fail(new AiError.ContentPolicyError({ description: refusal }))
  }
  const reasoning = reasoningOf(said)
  const text = textOf(said["content"]) + refusal
  const calls = array(said["tool_calls"]).filter(isObject).map(callOf)
  return Result.map(callParts(calls, answer, options), (tools): ReadonlyArray<Part> => [
    ...(reasoning === "" ? [] : [{ type: "reasoning" as const, text: reasoning }]),
    ...(text === "" ? [] : [{ type: "text" as const, text }]),
    ...tools
  ])
}

/** Calls of tools are told at the end, with the finish: an answer that was cut off calls nothing. */
export const reader = (source: Source) => (options: Options): Reader => {
  const whole = OpenAiChat.codec.stream.initial()
  const calls: Array<Call & { isTold: boolean }> = []
  let open: { readonly type: "text" | "reasoning"; readonly id: string } | undefined
  let count = 0
  let hasMetadata = false
  let responseId = "call"

  const close = (): ReadonlyArray<StreamPart> => {
    if (open === undefined) return []
    const part: StreamPart = { type: `${open.type}-end`, id: open.id }
    open = undefined
    return [part]
  }

  const say = (type: "text" | "reasoning", delta: string): ReadonlyArray<StreamPart> => {
    if (delta === "") return []
    if (open?.type === type) return [{ type: `${type}-delta`, id: open.id, delta }]
    const before = close()
    const id = `${type}-${count++}`
    open = { type, id }
    return [...before, { type: `${type}-start`, id }, { type: `${type}-delta`, id, delta }]
  }

  const addCall = (piece: JsonObject): ReadonlyArray<StreamPart> => {
    const { arguments: text, id, index, name } = callOf(piece)
    const known = index === undefined ? calls.at(-1) : calls.findLast((call) => call.index === index)
    const isNew = known === undefined || (id !== "" && known.id !== "" && id !== known.id)
    const call = isNew ? { id: "", index, name: "", arguments: "", isTold: false } : known
    if (isNew) calls.push(call)
    if (id !== "") call.id = id
    if (call.name === "") call.name = name
    call.arguments += text
    const told: Array<StreamPart> = []
    if (!call.isTold && call.name !== "") {
      call.isTold = true
      call.id ||= `${responseId}-${calls.length}`
      told.push(...close(), { type: "tool-params-start", id: call.id, name: call.name })
      if (call.arguments !== "") told.push({ type: "tool-params-delta", id: call.id, delta: call.arguments })
    } else if (call.isTold && text !== "") told.push({ type: "tool-params-delta", id: call.id, delta: text })
    return told
  }

  return {
    add: (chunk) => {
      whole.add(chunk)
      const told: Array<StreamPart> = []
      const body = fields(chunk)
      if (!hasMetadata && (string(body["id"]) !== "" || string(body["model"]) !== "")) {
        hasMetadata = true
        const [id, model] = [string(body["id"]), string(body["model"])]
        responseId = id || responseId
        told.push(metadataPart({ ...(id === "" ? {} : { id }), ...(model === "" ? {} : { model }) }, body))
      }
      const choice = array(body["choices"]).find((choice) => isObject(choice) && (choice["index"] ?? 0) === 0)
      const delta = fields(fields(choice)["delta"])
      told.push(...say("reasoning", reasoningOf(delta)))
      told.push(...say("text", textOf(delta["content"]) + string(delta["refusal"])))
      for (const piece of array(delta["tool_calls"])) if (isObject(piece)) told.push(...addCall(piece))
      return Result.succeed(told)
    },
    end: () =>
      Result.flatMap(answerOf(OpenAiChat.codec, source, whole.finish()), (answer) => {
        if (answer.annotated.finishReasons.length === 0) return Result.fail(cutOff(source))
        const told = calls.filter(({ isTold }) => isTold)
        return Result.map(callParts(told, answer, options), (tools) => [
          ...close(),
          ...told.map(({ id }): StreamPart => ({ type: "tool-params-end", id })),
          ...tools,
          finishPart(answer, tools.length > 0)
        ])
      })
  }
}

// internal

interface Call {
  id: string
  readonly index: number | undefined
  name: string
  arguments: string
}

const callOf = (json: JsonObject): Call => {
  const called = fields(json["function"])
  const text = called["arguments"]
  return {
    id: string(json["id"]),
    index: typeof json["index"] === "number" ? json["index"] : undefined,
    name: string(called["name"]),
    // Some servers give the arguments as JSON, and not as text that holds it.
    arguments: isObject(text) ? JSON.stringify(text) : string(text)
  }
}

const callParts = (calls: ReadonlyArray<Call>, { annotated, reason }: Answer, options: Options) =>
  Result.map(
    Result.all(calls.map((call, index) =>
      Result.map(paramsOf(call.name, call.arguments, reason, options), (parsed): ReadonlyArray<ToolCall> =>
        parsed === undefined ? [] : [{
          type: "tool-call",
          id: call.id || `${annotated.id ?? "call"}-${index + 1}`,
          name: call.name,
          params: parsed.params
        }])
    )),
    (parts) =>
      parts.flat()
  )

type ToolCall = Extract<Part, { readonly type: "tool-call" }>

const fields = (json: Json | undefined): JsonObject => (isObject(json) ? json : {})

const array = (json: Json | undefined): ReadonlyArray<Json> => (Array.isArray(json) ? json : [])

const string = (json: Json | undefined): string => (typeof json === "string" ? json : "")

/** Text, or items of which some hold text. */
const textOf = (content: Json | undefined): string =>
  Array.isArray(content)
    ? content.map((item) => (fields(item)["type"] === "text" ? string(fields(item)["text"]) : "")).join("")
    : string(content)

/** DeepSeek, Qwen and others say `reasoning_content`; OpenRouter and vLLM `reasoning`. */
const reasoningOf = (said: JsonObject): string => string(said["reasoning_content"]) || string(said["reasoning"])
