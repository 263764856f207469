/** Any server that speaks the OpenAI chat API. */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Completion, Model, ModelError } from "./chat.ts"
import type { OpenAiServer } from "./options.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Completion))

export const layer = (server: OpenAiServer): Layer.Layer<Model> =>
  Layer.effect(
    Model,
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const url = endpoint(server)
      return Model.of({
        name: server.model,
        headers: server.apiKey === undefined
          ? {}
          : { authorization: Redacted.make(`Bearer ${Redacted.value(server.apiKey)}`) },
        complete: Effect.fnUntraced(function*(_step, _messages, { body, headers }) {
          const request = HttpClientRequest.post(url).pipe(
            HttpClientRequest.setHeaders(
              Record.map(headers, (value) => (Redacted.isRedacted(value) ? Redacted.value(value) : value))
            ),
            HttpClientRequest.bodyJsonUnsafe(body)
          )
          const { status, text } = yield* client.execute(request).pipe(
            Effect.flatMap((response) => Effect.map(response.text, (text) => ({ status: response.status, text }))),
            Effect.mapError((error) =>
              new ModelError({ message: `${url} cannot be reached (${error.reason._tag})`, isTransient: true })
            )
          )
          if (status !== 200) {
            const said = safe(server, text)
            return yield* new ModelError({
              message: `${url} answered HTTP ${status}${said === "" ? "" : `: ${said}`}`,
              isTransient: status === 408 || status === 429 || status >= 500
            })
          }
          return yield* Effect.mapError(decode(text), () =>
            new ModelError({
              message: `${url} answered with something that is no chat completion: ${safe(server, text) || "nothing"}`,
              isTransient: false
            }))
        })
      })
    })
  ).pipe(
    Layer.provide(FetchHttpClient.layer),
    // Data goes where it was said to go, also if the server would rather have it elsewhere.
    Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))
  )

/** Address of the server's chat API. */
export const endpoint = ({ baseUrl }: OpenAiServer): string =>
  `${baseUrl.origin}${baseUrl.pathname.replace(/\/+$/, "")}/chat/completions`

/** The beginning of what a server said, on one line. Some repeat the key that they were given. */
const safe = ({ apiKey }: OpenAiServer, text: string): string => {
  const line = text.slice(0, 4096).replace(/[\s\p{Cc}]+/gu, " ").trim()
  return (apiKey === undefined ? line : line.replaceAll(Redacted.value(apiKey), "[key]")).slice(0, 160)
}
