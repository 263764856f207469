import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"

/** Headers as an application gives them. */
export type GivenHeaders = Readonly<Record<string, string | Redacted.Redacted<string>>>

export const plainHeaders = (headers: GivenHeaders): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value])
  )

/** A URL without credentials and query, fit for a log. */
export const shownUrl = (url: string): string => {
  if (!URL.canParse(url)) return "a URL that cannot be parsed"
  const { host, pathname, protocol } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/** Bytes of an answer that are read at most. */
const answerBytes = 65_536

/** The beginning of a body as text; the connection is free then. A body that breaks off ends there. */
export const beginningOf = (response: HttpClientResponse): Effect.Effect<string> => {
  let size = 0
  return response.stream.pipe(
    Stream.takeUntil((bytes) => (size += bytes.length) >= answerBytes),
    Stream.decodeText,
    Stream.mkString,
    Effect.catch(() => Effect.succeed(""))
  )
}

/** Why a target refused, in words for a log. */
export const refusalOf = (response: HttpClientResponse): Effect.Effect<string> =>
  Effect.map(beginningOf(response), (text) => {
    const line = text.replaceAll(/[^\P{C}]+|\s+/gu, " ").trim().slice(0, 200)
    return `expected an answer 2xx, got ${response.status}${line === "" ? "" : `: ${line}`}`
  })

/**
 * Why there was no answer, in words for a log. The error itself is not kept: it has the request in it, with all its
 * headers and the whole URL.
 */
export const silenceOf = ({ reason }: HttpClientError): string => {
  const code = codeOf(reason)
  return `expected an answer 2xx, got none (${code === undefined ? reason._tag : `${reason._tag}, ${code}`})`
}

/** The code that the system gave to a failure, such as `ECONNREFUSED`; it is on the failure or on one of its causes. */
const codeOf = (failure: unknown, depth = 0): string | undefined => {
  if (typeof failure !== "object" || failure === null || depth > 8) return undefined
  if ("code" in failure && typeof failure.code === "string" && /^[A-Z_]+$/.test(failure.code)) return failure.code
  return "cause" in failure ? codeOf(failure.cause, depth + 1) : undefined
}

/** How long the target asks to wait (RFC 9110, 10.2.3), if it does. */
export const retryAfterOf = ({ headers }: HttpClientResponse): Effect.Effect<Duration.Duration | undefined> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const value = headers["retry-after"]
    if (value === undefined) return undefined
    const parsed = Headers.parseRetryAfter(value)
    return Result.isFailure(parsed) ? undefined : Headers.retryAfterDelay(parsed.success, now)
  })
