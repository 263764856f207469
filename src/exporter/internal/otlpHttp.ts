import * as Effect from "effect/Effect"
import type * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ExportError } from "../ExportError.ts"
import {
  beginningOf,
  type GivenHeaders,
  plainHeaders,
  refusalOf,
  retryAfterOf,
  shownUrl,
  silenceOf
} from "./httpAnswer.ts"

/** Where and how one signal is posted. */
export interface Target {
  readonly url: string
  readonly headers: GivenHeaders
  readonly compression: "gzip" | "none"
}

/** Statuses that allow another attempt (OTLP specification, "Failures"). */
const transient: ReadonlySet<number> = new Set([429, 502, 503, 504])

const tooLarge = 413

/** A request that can be sent again and again: its body is encoded once. */
export const request = (
  { compression, headers, url }: Target,
  body: HttpBody.HttpBody
): Effect.Effect<HttpClientRequest.HttpClientRequest> => {
  const post = HttpClientRequest.post(url).pipe(
    HttpClientRequest.setHeaders({ "user-agent": "heddle", ...plainHeaders(headers) }),
    HttpClientRequest.setBody(body)
  )
  return compression === "gzip" ? HttpClientRequest.compressBody(post, "gzip") : Effect.succeed(post)
}

/**
 * Sends a request. Only what the specification calls retryable may be tried again; an answer that makes no sense is
 * taken by its status.
 */
export const send = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<void, ExportError, HttpClient.HttpClient> => {
  const target = shownUrl(request.url)
  return HttpClient.execute(request).pipe(
    Effect.mapError((error) =>
      new ExportError({ target, reason: silenceOf(error), isRetryable: error.reason._tag === "TransportError" })
    ),
    Effect.flatMap((response) =>
      response.status >= 200 && response.status < 300 ? accepted(target, response) : refused(target, response)
    ),
    Effect.scoped,
    // An export is no part of the trace that it is about.
    Effect.provideService(HttpClient.TracerPropagationEnabled, false)
  )
}

const refused = (
  target: string,
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<never, ExportError> =>
  Effect.flatMap(
    Effect.all([refusalOf(response), retryAfterOf(response)]),
    ([reason, retryAfter]) =>
      Effect.fail(
        new ExportError({
          target,
          reason,
          isRetryable: transient.has(response.status),
          isTooLarge: response.status === tooLarge,
          retryAfter
        })
      )
  )

/** An answer may say that some of the items were refused. */
const accepted = (
  target: string,
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<void, ExportError> =>
  Effect.flatMap(beginningOf(response), (text) => {
    const partial = Option.getOrUndefined(decodeAnswer(text))?.partialSuccess
    const lost = partial === undefined
      ? 0
      : Number(partial.rejectedSpans ?? partial.rejectedLogRecords ?? partial.rejectedDataPoints ?? 0)
    if (partial === undefined || !(lost > 0)) return Effect.void
    const why = partial.errorMessage ?? ""
    return Effect.fail(
      new ExportError({
        target,
        reason: `${lost} items were refused${why === "" ? "" : `: ${why.slice(0, 200)}`}`,
        isRetryable: false,
        lost
      })
    )
  })

const Count = Schema.optional(Schema.Union([Schema.String, Schema.Finite]))

const decodeAnswer = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({
  partialSuccess: Schema.optional(Schema.Struct({
    rejectedSpans: Count,
    rejectedLogRecords: Count,
    rejectedDataPoints: Count,
    errorMessage: Schema.optional(Schema.String)
  }))
})))
