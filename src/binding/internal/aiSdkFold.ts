/**
 * The fold of the parts that a model streams into the answer that it would have given at once.
 *
 * Blocks of text and of reasoning come in pieces by their id, also mixed. The input of a tool comes in pieces too, and then
 * once more as a whole.
 */
import type { StreamState } from "../../codec/Codec.ts"
import type { Draft } from "../../codec/internal/accumulate.ts"
import { isObject, type JsonObject } from "../../codec/internal/json.ts"
import { makeUnread, ofJson } from "../../codec/internal/unread.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import { toJson } from "./aiSdkJson.ts"

export const makeState = (): StreamState => {
  const unread = makeUnread()
  const body: Draft = {}
  const content: Array<Draft> = []
  /** Blocks that may grow, by their type and id. */
  const open = new Map<string, Draft>()
  let said = ""

  const begin = (key: string, block: Draft): void => {
    content.push(block)
    open.set(key, block)
  }

  const grow = (key: string, field: string, part: JsonObject): void => {
    const block = open.get(key)
    if (block === undefined || typeof part["delta"] !== "string") return unread.add(part)
    block[field] = textOf(block[field]) + part["delta"]
    if (block["type"] === "text") said += part["delta"]
  }

  const end = (key: string, { providerMetadata }: JsonObject): void => {
    const block = open.get(key)
    if (block !== undefined && providerMetadata !== undefined) block["providerMetadata"] = providerMetadata
    open.delete(key)
  }

  /** A part of the answer that came whole. A call takes the place of the input that announced it. */
  const put = (part: JsonObject): void => {
    const key = `tool ${textOf(part["toolCallId"])} ${textOf(part["type"])}`
    const before = open.get(key)
    const isOpen = part["type"] === "tool-call" || part["preliminary"] === true
    if (before !== undefined) replace(before, part)
    else if (isOpen) return begin(key, { ...part })
    else content.push({ ...part })
    if (!isOpen) open.delete(key)
  }

  const addPart = (part: Json): void => {
    if (!isObject(part) || typeof part["type"] !== "string") return unread.add(part)
    const key = `${part["type"].split("-")[0]} ${textOf(part["id"])}`
    switch (part["type"]) {
      case "text-start":
      case "reasoning-start":
        return begin(key, { type: part["type"] === "text-start" ? "text" : "reasoning", text: "" })
      case "text-delta":
      case "reasoning-delta":
        return grow(key, "text", part)
      case "tool-input-start":
        return begin(`${key} tool-call`, {
          type: "tool-call",
          toolCallId: part["id"] ?? null,
          toolName: part["toolName"] ?? null,
          input: ""
        })
      case "tool-input-delta":
        return grow(`${key} tool-call`, "input", part)
      case "text-end":
      case "reasoning-end":
        return end(key, part)
      case "tool-input-end":
      case "ping":
      case "raw":
        return
      case "stream-start":
      case "response-metadata":
      case "finish":
      case "error":
        return about(part)
      case "tool-call":
      case "tool-result":
      case "file":
      case "reasoning-file":
      case "source":
      case "custom":
      case "tool-approval-request":
        return put(part)
      default:
        return unread.add(part)
    }
  }

  /** What is said of the answer as a whole. */
  const about = ({ type, ...rest }: JsonObject): void => {
    if (type === "response-metadata") body["response"] = { ...orNone(body["response"]), ...rest }
    else Object.assign(body, rest)
  }

  const add = ofJson(unread, addPart)
  return {
    add: (chunk) => {
      let json: unknown
      try {
        json = toJson(isError(chunk) ? { type: "error", error: errorOf(chunk.error) } : chunk)
      } catch {
        return unread.add(undefined)
      }
      add(json)
    },
    text: () => said,
    finish: () => {
      const rest = unread.summary()
      return {
        content: content.map(copyOf),
        ...body,
        ...(rest === undefined ? {} : { unread_chunks: rest })
      }
    }
  }
}

// internal

const textOf = (json: Json | undefined): string => typeof json === "string" ? json : ""

const copyOf = (block: Draft): Draft => ({ ...block })

const orNone = (json: Json | undefined): JsonObject => isObject(json) ? json : {}

const replace = (block: Draft, part: JsonObject): void => {
  for (const key of Object.keys(block)) delete block[key]
  Object.assign(block, part)
}

const isError = (chunk: unknown): chunk is { readonly type: "error"; readonly error: unknown } =>
  typeof chunk === "object" && chunk !== null && "type" in chunk && chunk.type === "error" && "error" in chunk

const errorOf = (error: unknown): Json => ({
  message: error instanceof Error ? error.message : typeof error === "string" ? error : "an error that is no Error",
  ...(error instanceof Error ? { type: error.name } : {})
})
