/** What went wrong at a provider, as reasons of `AiError`. No reason holds a key: what the provider or the platform says is scrubbed. */
import * as AiError from "effect/ai/AiError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClientError from "effect/http/HttpClientError"
import { isObject } from "../../codec/internal/json.ts"
import type { Json } from "../../event/LifecycleEvent.ts"

/** What a provider says in place of an answer. */
export interface Complaint {
  readonly message?: string | undefined
  readonly type?: string | undefined
  readonly code?: string | undefined
  readonly parameter?: string | undefined
}

/** Where an error comes from, and what must not stand in it. */
export interface Source {
  readonly module: string
  readonly provider: string
  readonly url: string
  readonly scrub: (text: string) => string
}

/** An answer, as far as errors tell of it. */
export interface Answer {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: string
}

/** `{ error: { message, type, code, param } }`, which both providers say; some servers only say a text. */
export const complaintOf = (body: Json | undefined): Complaint | undefined => {
  if (!isObject(body)) return undefined
  const error = body["error"] ?? (body["object"] === "error" ? body : undefined)
  if (typeof error === "string") return { message: error }
  if (!isObject(error)) return undefined
  const field = (key: string) => {
    const value = error[key]
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined
  }
  return { message: field("message"), type: field("type"), code: field("code"), parameter: field("param") }
}

export const failed = (source: Source, method: string, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: source.module, method, reason })

/** The reason of a complaint. Its own words come before the status, which is 200 for those inside a stream. */
export const reasonOf = (
  source: Source,
  complaint: Complaint,
  answer: Answer,
  retryAfter: Duration.Duration | undefined
): AiError.AiErrorReason => {
  const description = source.scrub(complaint.message ?? (answer.body.trim() || `HTTP ${answer.status}`)).slice(
    0,
    maxText
  )
  const common = { http: httpOf(source, answer), metadata: metadataOf(source, complaint, answer.headers) }
  const kind = kindOf(complaint, answer.status)
  switch (kind) {
    case "quota":
      return new AiError.QuotaExhaustedError(common)
    case "rate":
      return new AiError.RateLimitError({ ...common, ...(retryAfter === undefined ? {} : { retryAfter }) })
    case "policy":
      return new AiError.ContentPolicyError({ description, ...common })
    case "key":
      return new AiError.AuthenticationError({ kind: "InvalidKey", description, ...common })
    case "permission":
      return new AiError.AuthenticationError({ kind: "InsufficientPermissions", description, ...common })
    case "provider":
      return new AiError.InternalProviderError({ description, ...common })
    case "request":
      return new AiError.InvalidRequestError({
        description,
        ...(complaint.parameter === undefined ? {} : { parameter: source.scrub(complaint.parameter) }),
        ...common
      })
    case "unknown":
      return new AiError.UnknownError({ description: `HTTP ${answer.status}: ${description}`, ...common })
  }
}

/** How long to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, section 10.2.3). */
export const retryAfterOf = (headers: Headers.Headers): Effect.Effect<Duration.Duration | undefined> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const millis = Number.parseFloat(headers["retry-after-ms"] ?? "")
    if (millis >= 0) return Duration.millis(millis)
    const text = headers["retry-after"] ?? ""
    if (/^\s*\d+(?:\.\d+)?\s*$/.test(text)) return Duration.seconds(Number(text))
    const date = Date.parse(text)
    return Number.isNaN(date) ? undefined : Duration.millis(Math.max(0, date - now))
  })

/** A response that is no answer of this API, or one that makes no sense. */
export const invalidResponse = (source: Source, description: string, answer?: Answer): AiError.InvalidResponseError =>
  new AiError.InvalidResponseError({
    description: source.scrub(description).slice(0, maxText),
    ...(answer === undefined ? {} : { http: httpOf(source, answer) })
  })

/** The connection broke, or there was none. The platform's own error may repeat the request, so only its code is told. */
export const networkError = (source: Source, error: HttpClientError.HttpClientError): AiError.NetworkError => {
  const { _tag } = error.reason
  return new AiError.NetworkError({
    reason: _tag === "EncodeError" || _tag === "InvalidUrlError" ? _tag : "TransportError",
    method: "POST",
    url: source.url,
    description: source.scrub(causeOf(error.reason)).slice(0, maxText)
  })
}

/** The stream ended before the provider said that it was complete. */
export const cutOff = (source: Source): AiError.NetworkError =>
  new AiError.NetworkError({
    reason: "TransportError",
    method: "POST",
    url: source.url,
    description: "the stream ended before the answer was complete"
  })

// internal

const maxText = 2048

type Kind = "quota" | "rate" | "policy" | "key" | "permission" | "provider" | "request" | "unknown"

const words: ReadonlyArray<readonly [RegExp, Kind]> = [
  [/^(?:insufficient_quota|billing_error|billing_hard_limit_reached|quota_exceeded)$/, "quota"],
  [/^rate_limit/, "rate"],
  [/content_filter|content_policy|ResponsibleAIPolicyViolation|moderation_blocked/, "policy"],
  [/^(?:authentication_error|invalid_api_key|invalid_authentication)$/, "key"],
  [/^permission_(?:error|denied)$/, "permission"],
  [/^(?:overloaded_error|overloaded|api_error|server_error|internal_server_error|timeout_error)$/, "provider"],
  [/^(?:not_found_error|request_too_large|context_length_exceeded|model_not_found)$/, "request"]
]

/** A code is finer than a type, a type finer than the status. `invalid_request_error` also stands where keys are wrong. */
const kindOf = ({ code, type }: Complaint, status: number): Kind => {
  for (const word of [code, type]) {
    const known = word === undefined ? undefined : words.find(([pattern]) => pattern.test(word))
    if (known !== undefined) return known[1]
  }
  if (status === 401) return "key"
  if (status === 402) return "quota"
  if (status === 403) return "permission"
  if (status === 429) return "rate"
  if (status >= 500 || status === 408 || status === 409) return "provider"
  return (status >= 400 && status < 500) || type === "invalid_request_error" ? "request" : "unknown"
}

const told = /^(?:retry-after(?:-ms)?|(?:x-)?request-id|content-type|location|x-ratelimit-.*|anthropic-ratelimit-.*)$/

const httpOf = (source: Source, { body, headers, status }: Answer): typeof AiError.HttpContext.Type => ({
  response: {
    status,
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => told.test(name) ? [[name, source.scrub(value)]] : [])
    )
  },
  ...(body === "" ? {} : { body: source.scrub(body).slice(0, maxText) })
})

const metadataOf = (
  { provider, scrub }: Source,
  { code, message, type }: Complaint,
  headers: Headers.Headers
): AiError.ProviderMetadata => {
  const requestId = headers["request-id"] ?? headers["x-request-id"]
  const said: Record<string, string | undefined> = { type, code, message: message?.slice(0, maxText), requestId }
  return {
    [provider]: Object.fromEntries(
      Object.entries(said).flatMap(([key, text]) => text === undefined ? [] : [[key, scrub(text)]])
    )
  }
}

const causeOf = (reason: HttpClientError.HttpClientErrorReason): string => {
  if (reason.description !== undefined) return reason.description
  const codes: Array<string> = []
  let cause: unknown = reason.cause
  // `fetch failed` says nothing; what it stands for is one or two causes deeper.
  for (let depth = 0; depth < 4 && typeof cause === "object" && cause !== null; depth++) {
    const { code, name } = cause as { readonly code?: unknown; readonly name?: unknown }
    if (typeof code === "string") codes.push(code)
    else if (typeof name === "string") codes.push(name)
    cause = (cause as { readonly cause?: unknown }).cause
  }
  return codes.length === 0 ? "no connection" : codes.join(", ")
}
