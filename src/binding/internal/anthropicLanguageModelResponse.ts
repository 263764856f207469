/** Answers of Anthropic's Messages, whole and in events. What the provider runs itself is left out. */
import * as Result from "effect/Result"
import * as AnthropicMessages from "../../codec/AnthropicMessages.ts"
import { isObject, type JsonObject } from "../../codec/internal/json.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import { formatName } from "./anthropicLanguageModelRequest.ts"
import {
  answerOf,
  type Dialect,
  finishPart,
  jsonText,
  metadataPart,
  type Options,
  paramsOf,
  type Part,
  type Reader,
  type StreamPart
} from "./languageModel.ts"
import { cutOff, invalidResponse, type Source } from "./languageModelError.ts"

export const partsOf = (source: Source): Dialect["parts"] => ({ json }, _answer, { responseFormat }) => {
  const content = fields(json)["content"]
  if (!Array.isArray(content)) return Result.fail(invalidResponse(source, "expected a message with content"))
  const format = formatName(responseFormat)
  const blocks = content.filter(isObject)
  const isAnswered = blocks.some((block) => block["type"] === "tool_use" && block["name"] === format)
  return Result.succeed(blocks.flatMap((block): ReadonlyArray<Part> => {
    switch (block["type"]) {
      case "text":
        // What is said beside the structured output is not part of it.
        return isAnswered ? [] : [{ type: "text", text: string(block["text"]) }]
      case "thinking":
      case "redacted_thinking":
        return [{ type: "reasoning", text: string(block["thinking"]), metadata: { anthropic: signed(block) } }]
      case "tool_use": {
        const name = string(block["name"])
        if (name === format) return [{ type: "text", text: jsonText(block["input"]) }]
        return [{ type: "tool-call", id: string(block["id"]), name, params: block["input"] ?? {} }]
      }
      default:
        return []
    }
  }))
}

/** Calls of tools are told at the end, with the finish: an answer that was cut off calls nothing. */
export const reader = (source: Source) => (options: Options): Reader => {
  const whole = AnthropicMessages.codec.stream.initial()
  const open = new Map<number, Block>()
  const calls: Array<Block> = []
  let count = 0
  let isComplete = false

  const begin = (index: number, block: JsonObject): ReadonlyArray<StreamPart> => {
    const type = string(block["type"])
    if (type === "text") {
      const id = `text-${count++}`
      open.set(index, { kind: "text", id, name: "", input: "", signature: "" })
      const text = string(block["text"])
      return [{ type: "text-start", id }, ...(text === "" ? [] : [{ type: "text-delta" as const, id, delta: text }])]
    }
    if (type === "thinking" || type === "redacted_thinking") {
      const id = `reasoning-${count++}`
      const isRedacted = type === "redacted_thinking"
      open.set(index, { kind: "reasoning", id, name: "", input: "", signature: string(block["signature"]) })
      return [{ type: "reasoning-start", id, ...(isRedacted ? { metadata: { anthropic: signed(block) } } : {}) }]
    }
    if (type === "tool_use") {
      const call: Block = {
        kind: "tool",
        id: string(block["id"]),
        name: string(block["name"]),
        input: "",
        signature: "",
        given: block["input"]
      }
      open.set(index, call)
      calls.push(call)
      return [{ type: "tool-params-start", id: call.id, name: call.name }]
    }
    return []
  }

  const go = (index: number, delta: JsonObject): ReadonlyArray<StreamPart> => {
    const block = open.get(index)
    if (block === undefined) return []
    switch (delta["type"]) {
      case "text_delta":
        return block.kind === "text" ? [{ type: "text-delta", id: block.id, delta: string(delta["text"]) }] : []
      case "thinking_delta":
        return block.kind === "reasoning"
          ? [{ type: "reasoning-delta", id: block.id, delta: string(delta["thinking"]) }]
          : []
      case "signature_delta":
        block.signature += string(delta["signature"])
        return []
      case "input_json_delta": {
        const piece = string(delta["partial_json"])
        if (block.kind !== "tool" || piece === "") return []
        block.input += piece
        return [{ type: "tool-params-delta", id: block.id, delta: piece }]
      }
      default:
        return []
    }
  }

  const stop = (index: number): ReadonlyArray<StreamPart> => {
    const block = open.get(index)
    open.delete(index)
    switch (block?.kind) {
      case "text":
        return [{ type: "text-end", id: block.id }]
      case "reasoning":
        return [{
          type: "reasoning-end",
          id: block.id,
          ...(block.signature === "" ? {} : { metadata: { anthropic: { signature: block.signature } } })
        }]
      case "tool":
        return [{ type: "tool-params-end", id: block.id }]
      default:
        return []
    }
  }

  return {
    add: (event) => {
      whole.add(event)
      const { content_block, delta, index, message, type } = fields(event)
      const at = typeof index === "number" ? index : -1
      switch (type) {
        case "message_start":
          return Result.succeed([metadataPart(identity(fields(message)), message ?? null)])
        case "content_block_start":
          return Result.succeed(begin(at, fields(content_block)))
        case "content_block_delta":
          return Result.succeed(go(at, fields(delta)))
        case "content_block_stop":
          return Result.succeed(stop(at))
        case "message_stop":
          isComplete = true
          return Result.succeed([])
        default:
          return Result.succeed([])
      }
    },
    end: () => {
      if (!isComplete) return Result.fail(cutOff(source))
      return Result.flatMap(answerOf(AnthropicMessages.codec, source, whole.finish()), (answer) =>
        Result.map(
          Result.all(calls.map((call) =>
            Result.map(
              call.input === ""
                ? Result.succeed({ params: call.given ?? {} })
                : paramsOf(call.name, call.input, answer.reason, options),
              (parsed): ReadonlyArray<StreamPart> =>
                parsed === undefined
                  ? []
                  : [{ type: "tool-call", id: call.id, name: call.name, params: parsed.params }]
            )
          )),
          (tools) => [...[...open.keys()].flatMap(stop), ...tools.flat(), finishPart(answer, tools.flat().length > 0)]
        ))
    }
  }
}

export const isLast = (event: Json): boolean => fields(event)["type"] === "message_stop"

// internal

interface Block {
  readonly kind: "text" | "reasoning" | "tool"
  readonly id: string
  readonly name: string
  /** JSON text of the input of a tool. */
  input: string
  signature: string
  readonly given?: Json | undefined
}

/** What the API wants to have back with a thought. */
const signed = ({ data, signature, type }: JsonObject): Record<string, string> =>
  type === "redacted_thinking"
    ? { type, data: string(data) }
    : typeof signature === "string"
    ? { signature }
    : {}

const identity = ({ id, model }: JsonObject) => ({
  ...(typeof id === "string" ? { id } : {}),
  ...(typeof model === "string" ? { model } : {})
})

const fields = (json: Json | undefined): JsonObject => (isObject(json) ? json : {})

const string = (json: Json | undefined): string => (typeof json === "string" ? json : "")
