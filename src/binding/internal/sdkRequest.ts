/** Requests of SDKs as model requests, and back. */
import * as Redacted from "effect/Redacted"
import type { LlmRequest } from "../../call/LlmCall.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import type { RequestOptions } from "./sdk.ts"

/**
 * What is judged and recorded: the JSON that would be sent, so that nothing which changes later, or which only shows when
 * it is made JSON, comes past. Of headers those of this request; the client's own, its key among them, are added when it
 * is sent.
 */
export const requestOf = (options: RequestOptions): LlmRequest => ({
  headers: Object.fromEntries(
    [...headersOf(options.headers).values].map(([name, value]) => [name, isSecret(name) ? Redacted.make(value) : value])
  ),
  body: jsonOf(options.body)
})

/** The model that a body names. */
export const modelOf = (body: Json): string | undefined =>
  isJsonObject(body) && typeof body["model"] === "string" ? body["model"] : undefined

/** The body to send. Whether the answer is streamed stays as the caller wants it, who reads it as the one or the other. */
export const bodyFor = ({ stream }: RequestOptions, { body }: LlmRequest): Json =>
  isJsonObject(body) && (body["stream"] === true) !== (stream === true) ? { ...body, stream: stream === true } : body

/** The headers to send: the caller's own unless policies changed them. */
export const headersFor = (options: RequestOptions, request: LlmRequest): unknown => {
  const { nulls, values } = headersOf(options.headers)
  const wanted = new Map(
    Object.entries(request.headers).map(([name, value]) => [
      name.toLowerCase(),
      Redacted.isRedacted(value) ? Redacted.value(value) : value
    ])
  )
  const isSame = wanted.size === values.size && [...values].every(([name, value]) => wanted.get(name) === value)
  if (isSame) return options.headers
  // A header that is null is not sent, whatever the client's defaults say.
  return Object.fromEntries([...[...nulls, ...values.keys()].map((name) => [name, null] as const), ...wanted])
}

// internal

const isSecret = (name: string): boolean => /authorization|cookie|key|secret|token/.test(name)

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isJsonObject = (json: Json): json is { readonly [key: string]: Json } => isObject(json)

/** A body that is text may be JSON already; what is no JSON is refused by the call's codec, or by the provider. */
const jsonOf = (body: unknown): Json => {
  if (body === undefined) return null
  const text = typeof body === "string" ? body : JSON.stringify(body)
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

interface Headings {
  readonly values: Map<string, string>
  /** Names that are not to be sent. */
  readonly nulls: ReadonlyArray<string>
}

/** Headers in any of the forms that SDKs take: `Headers`, lists of pairs, records, or parsed by the SDK. */
const headersOf = (headers: unknown): Headings => {
  if (!isObject(headers) && !Array.isArray(headers)) return { values: new Map(), nulls: [] }
  if (isObject(headers) && headers["values"] instanceof Headers) {
    const { nulls } = headers
    return { values: new Map(headers["values"]), nulls: nulls instanceof Set ? [...nulls].map(String) : [] }
  }
  const pairs: Iterable<readonly [string, unknown]> = headers instanceof Headers || Array.isArray(headers)
    ? headers as Iterable<readonly [string, unknown]>
    : Object.entries(headers)
  const values = new Headers()
  const nulls: Array<string> = []
  for (const [name, value] of pairs) {
    for (const one of Array.isArray(value) ? value as ReadonlyArray<unknown> : [value]) {
      if (one === null) {
        values.delete(name)
        nulls.push(name.toLowerCase())
      } else if (one !== undefined) values.append(name, String(one))
    }
  }
  return { values: new Map(values), nulls: nulls.filter((name) => !values.has(name)) }
}
