/**
 * Call options and answers of language models as JSON, and back.
 *
 * Options may hold bytes, addresses and dates. What is judged and recorded is the JSON that providers send: bytes as
 * base64, which the SDK takes as well, and everything else as `JSON.stringify` writes it.
 */
import * as DateTime from "effect/DateTime"
import * as Base64 from "effect/encoding/Base64"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { LlmRequest } from "../../call/LlmCall.ts"
import { isRecord } from "../../event/internal/openRecord.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import type { GenerateResult, Params } from "./aiSdkTypes.ts"

/**
 * A value as JSON. What is JSON already stays as it is, and what cannot be JSON too: a codec refuses it.
 *
 * Throws where a value contains itself, or a getter or `toJSON` of it throws.
 */
export const toJson = (value: unknown): Json => convert(value, []) as Json

/** Call options as the request of a managed call. What is not sent stays behind: the signal. */
export const requestOf = (params: Params): LlmRequest => {
  const { abortSignal: _, headers, ...options } = params
  return { headers: headersOf(headers), body: toJson(options) }
}

/** Call options that are what policies left of a request. */
export const paramsOf = ({ body, headers }: LlmRequest, abortSignal: AbortSignal): Params => {
  // A body is that of call options, edited by policies, who answer for its shape as they do with every provider.
  const options = revived(body) as Params
  const plain = Object.entries(headers).map(([name, value]) =>
    [name, Redacted.isRedacted(value) ? Redacted.value(value) : value] as const
  )
  return { ...options, ...plain.length === 0 ? {} : { headers: Object.fromEntries(plain) }, abortSignal }
}

/** What a model answered, without what is about its connection. */
export const responseOf = (result: GenerateResult): Json => {
  const { request: _, response, ...answer } = result
  const { body: _body, headers: _headers, ...about } = response ?? {}
  return toJson(response === undefined ? answer : { ...answer, response: about })
}

/** Whether a value is an answer as far as the SDK cannot do without. */
export const isAnswer = (value: unknown): value is GenerateResult =>
  isRecord(value) && Array.isArray(value["content"]) && isRecord(value["finishReason"]) && isRecord(value["usage"])

/** An answer that policies made, as a model's. */
export const resultOf = (answer: GenerateResult): GenerateResult => {
  const { content, response, warnings } = answer
  const moment: unknown = response?.timestamp
  const timestamp = typeof moment === "string" ? Option.getOrUndefined(DateTime.make(moment)) : undefined
  return {
    ...answer,
    content: content.map((part) => addressed(part) as typeof part),
    // An answer that stood in a cache may be without.
    warnings: warnings ?? [],
    ...timestamp === undefined ? {} : { response: { ...response, timestamp: DateTime.toDateUtc(timestamp) } }
  }
}

// internal

const secret = /authorization|cookie|key|secret|token/i

const headersOf = (headers: Params["headers"]): LlmRequest["headers"] =>
  Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, secret.test(name) ? Redacted.make(value) : value]]
    )
  )

const convert = (value: unknown, above: ReadonlyArray<object>): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (value instanceof Uint8Array) return Base64.encode(value)
  if ("toJSON" in value && typeof value.toJSON === "function") return value.toJSON()
  if (above.includes(value)) throw new TypeError("a value that contains itself is no JSON")
  const inside = [...above, value]
  if (Array.isArray(value)) {
    const items: Array<unknown> = value.map((item) => convert(item, inside))
    return items.some((item, i) => item !== value[i]) ? items : value
  }
  const entries = Object.entries(value)
  const written = entries.map(([key, item]) => [key, convert(item, inside)] as const)
  const isSame = written.every(([, item], i) => item === entries[i]![1] && isWritten(item))
  return isSame && isPlain(value) ? value : Object.fromEntries(written.filter(([, item]) => isWritten(item)))
}

/** Whether `JSON.stringify` writes a property with this value. */
const isWritten = (value: unknown): boolean =>
  value !== undefined && typeof value !== "function" && typeof value !== "symbol"

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The body with its addresses as the SDK has them. They stand in files only. */
const revived = (body: Json): unknown => {
  if (!isRecord(body) || !Array.isArray(body["prompt"])) return body
  return { ...body, prompt: body["prompt"].map(withContent) }
}

const withContent = (message: unknown): unknown =>
  isRecord(message) && Array.isArray(message["content"])
    ? { ...message, content: message["content"].map(addressed) }
    : message

/** A part with its address, and with those of the files that a tool answered. */
const addressed = (part: unknown): unknown => {
  if (!isRecord(part)) return part
  const { data, output } = part
  if (isRecord(data) && data["type"] === "url" && typeof data["url"] === "string") {
    const url = URL.parse(data["url"])
    return url === null ? part : { ...part, data: { ...data, url } }
  }
  return isRecord(output) && output["type"] === "content" && Array.isArray(output["value"])
    ? { ...part, output: { ...output, value: output["value"].map(addressed) } }
    : part
}
