/** Requests to a provider over HTTP: JSON in, and JSON or server-sent events out. Whoever stops waiting aborts the request. */
import * as AiError from "effect/ai/AiError"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Sse from "../../codec/internal/sse.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import {
  type Answer,
  complaintOf,
  cutOff,
  failed,
  invalidResponse,
  networkError,
  reasonOf,
  retryAfterOf,
  type Source
} from "./languageModelError.ts"

type Secret = string | Redacted.Redacted<string>

/** The body of an answer, with what else the HTTP response said. */
export interface Received extends Answer {
  readonly json: Json
}

/** An endpoint of a provider. `method` names what is being done, for errors. */
export interface Endpoint {
  readonly source: Source
  readonly call: (method: string, body: Json) => Effect.Effect<Received, AiError.AiError>
  /** Events until the provider's end of the stream. A complaint among them fails it. */
  readonly events: (method: string, body: Json) => Stream.Stream<Json, AiError.AiError>
}

export const endpoint = (options: {
  readonly module: string
  readonly provider: string
  readonly client: HttpClient.HttpClient
  readonly baseUrl: string
  readonly path: string
  readonly headers: Readonly<Record<string, Secret>>
}): Endpoint => {
  const url = join(options.baseUrl, options.path)
  const scrub = scrubber(Object.values(options.headers))
  const source: Source = {
    module: options.module,
    provider: options.provider,
    url: scrub(UrlParams.redactUrl(url)),
    scrub
  }
  const client = HttpClient.withScope(options.client)
  const base = HttpClientRequest.post(url).pipe(HttpClientRequest.setHeaders(Record.map(options.headers, reveal)))
  const secretNames = Object.keys(options.headers).filter((name) => Redacted.isRedacted(options.headers[name]))

  const execute = (
    method: string,
    body: Json,
    accept: string
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, AiError.AiError, Scope.Scope> =>
    HttpClientRequest.bodyJson(HttpClientRequest.accept(base, accept), body).pipe(
      Effect.mapError((error) =>
        failed(source, method, new AiError.InvalidUserInputError({ description: scrub(String(error.reason._tag)) }))
      ),
      Effect.flatMap((request) => Effect.mapError(client.execute(request), network(method))),
      Effect.updateService(Headers.CurrentRedactedNames, (names) => [...names, ...secretNames]),
      Effect.flatMap((response) =>
        response.status >= 200 && response.status < 300
          ? Effect.succeed(response)
          : refused(method, response)
      )
    )

  const network = (method: string) => (error: HttpClientError.HttpClientError): AiError.AiError =>
    failed(source, method, networkError(source, error))

  /** The status says that this is no answer. */
  const refused = (method: string, response: HttpClientResponse.HttpClientResponse) =>
    Effect.flatMap(Effect.orElseSucceed(response.text, () => ""), (body) => {
      const answer: Answer = { status: response.status, headers: response.headers, body }
      return complain(method, complaintOf(Result.getOrUndefined(parse(body))) ?? {}, answer)
    })

  const complain = (method: string, complaint: Parameters<typeof reasonOf>[1], answer: Answer) =>
    Effect.flatMap(
      retryAfterOf(answer.headers),
      (retryAfter) => Effect.fail(failed(source, method, reasonOf(source, complaint, answer, retryAfter)))
    )

  const call: Endpoint["call"] = (method, body) =>
    Effect.gen(function*() {
      const response = yield* execute(method, body, "application/json")
      const text = yield* Effect.mapError(response.text, network(method))
      const answer: Answer = { status: response.status, headers: response.headers, body: text }
      const json = parse(text)
      if (Result.isFailure(json)) {
        return yield* failed(source, method, invalidResponse(source, "expected JSON, got something else", answer))
      }
      const complaint = complaintOf(json.success)
      return complaint === undefined ? { ...answer, json: json.success } : yield* complain(method, complaint, answer)
    }).pipe(Effect.scoped)

  const events: Endpoint["events"] = (method, body) =>
    Stream.unwrap(Effect.gen(function*() {
      const response = yield* execute(method, body, "text/event-stream")
      const answer: Answer = { status: response.status, headers: response.headers, body: "" }
      // Some servers complain with status 200, and some do not stream.
      if (/\b(?:json|html)\b/.test(response.headers["content-type"] ?? "")) {
        const text = yield* Effect.mapError(response.text, network(method))
        const complaint = complaintOf(Result.getOrUndefined(parse(text)))
        const whole = { ...answer, body: text }
        if (complaint !== undefined) return yield* complain(method, complaint, whole)
        return yield* failed(source, method, invalidResponse(source, "expected server-sent events", whole))
      }
      let hasEnded = false
      return response.stream.pipe(
        Stream.mapError(network(method)),
        Stream.onEnd(Effect.sync(() => (hasEnded = true))),
        Sse.decode(),
        Stream.mapError((error) => {
          if (AiError.isAiError(error)) return error
          // What is torn by the end of the body was cut off on the way.
          if (hasEnded) return failed(source, method, cutOff(source))
          const description = `event ${error.path.slice(1)}: expected ${error.expected}, got ${error.actual}`
          return failed(source, method, invalidResponse(source, description, answer))
        }),
        Stream.mapEffect((event) => {
          const complaint = complaintOf(event)
          return complaint === undefined ? Effect.succeed(event) : complain(method, complaint, answer)
        })
      )
    }))

  return { source, call, events }
}

// internal

const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Json))

const reveal = (value: Secret): string => (Redacted.isRedacted(value) ? Redacted.value(value) : value)

/** Takes every secret out of a text, also where a scheme stands before it in the header. */
const scrubber = (values: ReadonlyArray<Secret>): (text: string) => string => {
  const secrets = values.flatMap((value) => {
    if (!Redacted.isRedacted(value)) return []
    const text = Redacted.value(value)
    return [text, text.replace(/^\w+ +/, "")]
  }).filter((text) => text.length > 3)
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "[key]"), text)
}

/** A path under a base address, whose query stays behind it. */
const join = (baseUrl: string, path: string): string => {
  const [address = "", ...query] = baseUrl.split("?")
  return [`${address.replace(/\/+$/, "")}${path}`, ...query].join("?")
}
