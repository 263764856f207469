/**
 * The fold of the encoded parts of a stream into the response that would have come without streaming.
 *
 * Texts and thoughts come in pieces by id. Parameters of a tool call come in pieces and then whole; pieces alone, of a
 * stream that was cut, stay as text.
 */
import type { StreamState } from "../../codec/Codec.ts"
import { isObject, type JsonObject } from "../../codec/internal/json.ts"
import { makeUnread, ofJson } from "../../codec/internal/unread.ts"
import type { Json } from "../../event/LifecycleEvent.ts"

type Draft = Record<string, Json>

/** Parts that come whole. */
const whole = new Set(["tool-result", "tool-approval-request", "file", "source"])

export const makeState = (): StreamState => {
  const unread = makeUnread()
  const content: Array<Draft> = []
  const open = new Map<string, Draft>()
  const rest: Draft = {}

  const begin = (key: string, draft: Draft): Draft => {
    content.push(draft)
    open.set(key, draft)
    return draft
  }

  const addPiece = (key: string, field: "text" | "params", fresh: Draft, delta: Json | undefined): boolean => {
    if (typeof delta !== "string") return false
    const draft = open.get(key) ?? begin(key, fresh)
    draft[field] = String(draft[field] ?? "") + delta
    return true
  }

  const addPart = (part: JsonObject): boolean => {
    const { delta, error, id, name, type } = part
    const key = typeof id === "string" ? id : ""
    switch (type) {
      case "text-start":
        begin(`text ${key}`, { type: "text", text: "" })
        return true
      case "text-delta":
        return addPiece(`text ${key}`, "text", { type: "text", text: "" }, delta)
      case "reasoning-start":
        begin(`reasoning ${key}`, { type: "reasoning", text: "" })
        return true
      case "reasoning-delta":
        return addPiece(`reasoning ${key}`, "text", { type: "reasoning", text: "" }, delta)
      case "tool-params-start":
        begin(`tool ${key}`, { type: "tool-call", id: key, name: name ?? "", params: "" })
        return true
      case "tool-params-delta":
        return addPiece(`tool ${key}`, "params", { type: "tool-call", id: key, name: "", params: "" }, delta)
      case "text-end":
      case "reasoning-end":
      case "tool-params-end":
        return true
      case "tool-call": {
        const draft = open.get(`tool ${key}`)
        if (draft === undefined) content.push({ ...part })
        else Object.assign(draft, part)
        return true
      }
      case "response-metadata":
        rest.metadata = { ...isObject(rest.metadata) ? rest.metadata : undefined, ...part }
        return true
      case "finish":
        rest.finish = part
        return true
      case "error":
        rest.error = { message: messageOf(error) }
        return true
      default:
        if (typeof type !== "string" || !whole.has(type)) return false
        content.push({ ...part })
        return true
    }
  }

  return {
    add: ofJson(unread, (chunk) => {
      if (!isObject(chunk) || !addPart(chunk)) unread.add(chunk)
    }),
    text: () => content.reduce((text, part) => part.type === "text" ? text + String(part.text) : text, ""),
    finish: () => {
      const summary = unread.summary()
      return {
        content: content.map(copied),
        ...rest,
        ...summary === undefined ? undefined : { unread_chunks: summary }
      }
    }
  }
}

// internal

const copied = (part: Draft): Draft => ({ ...part })

const messageOf = (error: Json | undefined): string =>
  isObject(error) && typeof error.message === "string" ? error.message : typeof error === "string" ? error : "unknown"
