import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
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

export interface PostOptions {
  readonly url: string
  readonly headers?: GivenHeaders | undefined
  readonly contentType: string
}

/**
 * Posts bytes and takes any 2xx for an answer, whatever its body says. 408, 425, 429 and 5xx (but 501 and 505) may be
 * tried again, as may anything that is no HTTP answer.
 */
export const makePost = (
  client: HttpClient.HttpClient,
  { contentType, headers, url }: PostOptions
): (body: Uint8Array<ArrayBuffer>) => Effect.Effect<void, ExportError> => {
  const target = shownUrl(url)
  const request = HttpClientRequest.post(url).pipe(
    HttpClientRequest.setHeaders(plainHeaders(headers ?? {}))
  )
  return (body) =>
    client.execute(HttpClientRequest.bodyUint8Array(request, body, contentType)).pipe(
      Effect.provideService(HttpClient.TracerPropagationEnabled, false),
      Effect.mapError((error) => unreachable(target, error)),
      Effect.flatMap((response) =>
        response.status >= 200 && response.status < 300
          ? Effect.asVoid(beginningOf(response))
          : Effect.flatMap(refusal(target, response), Effect.fail)
      )
    )
}

// internal

const mayPass = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505)

const refusal = (target: string, response: HttpClientResponse): Effect.Effect<ExportError> =>
  Effect.map(
    Effect.all([refusalOf(response), retryAfterOf(response)]),
    ([reason, retryAfter]) => new ExportError({ target, reason, isRetryable: mayPass(response.status), retryAfter })
  )

const unreachable = (target: string, error: HttpClientError): ExportError =>
  new ExportError({
    target,
    reason: silenceOf(error),
    isRetryable: error.reason._tag !== "InvalidUrlError" && error.reason._tag !== "EncodeError"
  })
