/** Results of managed calls as the responses that SDKs parse. */
import type { RequestOptions } from "./sdk.ts"

/** What an SDK knows of a request that was answered. */
export interface Answered {
  readonly response: Response
  readonly options: RequestOptions
  readonly controller: AbortController
  readonly requestLogID: string
  readonly retryOfRequestLogID: undefined
  /** In milliseconds since the epoch. */
  readonly startTime: number
}

/** A response without its body. */
export interface Head {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly url: string
}

export const headOf = ({ headers, status, statusText, url }: Response): Head => ({ headers, status, statusText, url })

/** The answer of a request whose result is there. `head` is that of the provider's response, if one was asked for. */
export const answerOf = (data: unknown, head: Head | undefined, options: RequestOptions): Answered => {
  const isText = typeof data === "string" && head !== undefined && !isJson(head)
  const isEmpty = data === undefined || data === null
  const body = isEmpty ? null : isText ? data : JSON.stringify(data)
  const response = responseOf(body, head, "application/json")
  if (isEmpty) response.headers.set("content-length", "0")
  return answered(response, options, new AbortController())
}

export const answered = (response: Response, options: RequestOptions, controller: AbortController): Answered => ({
  response,
  options,
  controller,
  requestLogID: "heddle",
  retryOfRequestLogID: undefined,
  // From now on: what it took to get here was limited by the request that is behind it.
  startTime: performance.timeOrigin + performance.now()
})

/** A response with another body. Without a head it is one that no provider gave. */
export const responseOf = (
  body: string | ReadableStream<Uint8Array> | null,
  head: Head | undefined,
  contentType: string
): Response => {
  if (head === undefined) return new Response(body, { headers: { "content-type": contentType } })
  const headers = new Headers(head.headers)
  for (const name of ["content-length", "content-encoding", "transfer-encoding"]) headers.delete(name)
  const response = new Response(body, { status: head.status, statusText: head.statusText, headers })
  return Object.defineProperty(response, "url", { value: head.url, configurable: true })
}

// internal

const isJson = ({ headers }: Head): boolean =>
  /^application\/(?:json|.*\+json)$/.test((headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase())
