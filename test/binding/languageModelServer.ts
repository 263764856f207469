/** A local HTTP server that answers with bytes as they are given, for tests of language models. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { setImmediate } from "node:timers/promises"

interface Asked {
  readonly url: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: any
  /** Done when the client went away before it had the whole answer. */
  readonly gone: Deferred.Deferred<void>
}

/** What is sent: pieces one by one; after them the answer ends, the connection breaks, or nothing happens any more. */
export interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly pieces: ReadonlyArray<string | Uint8Array>
  readonly last?: "end" | "break" | "hang"
}

export const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  pieces: [JSON.stringify(value)]
})

export const events = (
  list: ReadonlyArray<unknown>,
  last: Reply["last"] = "end",
  cut: (text: string) => Reply["pieces"] = (text) => [text]
): Reply => ({
  headers: { "content-type": "text/event-stream" },
  pieces: cut(
    list.map((event) => typeof event === "string" ? event : `data: ${JSON.stringify(event)}\n\n`).join("")
  ),
  last
})

/** Every byte for itself. */
export const byteByByte = (text: string): ReadonlyArray<Uint8Array> =>
  Array.from(new TextEncoder().encode(text), (byte) => Uint8Array.of(byte))

export const key = "sk-secret-0123456789"
export const apiKey = Redacted.make(key)

export interface Server {
  readonly url: string
  readonly asked: ReadonlyArray<Asked>
}

/** A server for as long as the scope; the replies one after the other, the last one for ever. */
export const serve = (...replies: readonly [Reply, ...ReadonlyArray<Reply>]) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const asked: Array<Asked> = []
        const server = Http.createServer((request, response) => {
          void answer(request, response, asked, (index) => replies[Math.min(index, replies.length - 1)]!)
        })
        await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
        return { server, asked }
      }),
      ({ server }) =>
        Effect.promise(() =>
          new Promise<void>((resolve) => {
            server.close(() => resolve())
            server.closeAllConnections()
          })
        )
    ),
    ({ asked, server }): Server => ({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked })
  )

const answer = async (
  request: Http.IncomingMessage,
  response: Http.ServerResponse,
  asked: Array<Asked>,
  replyOf: (index: number) => Reply
): Promise<void> => {
  let text = ""
  for await (const chunk of request.setEncoding("utf8")) text += chunk
  const gone = Deferred.makeUnsafe<void>()
  const index = asked.length
  response.on("close", () => {
    if (!response.writableFinished) Deferred.doneUnsafe(gone, Effect.void)
  })
  asked.push({ url: request.url ?? "", headers: request.headers, body: JSON.parse(text), gone })
  const { headers, last, pieces, status } = replyOf(index)
  response.writeHead(status ?? 200, headers)
  for (const piece of pieces) {
    // What breaks after it is to break after it.
    if (last === "break") await new Promise<void>((resolve) => void response.write(piece, () => resolve()))
    else response.write(piece)
    if (pieces.length > 1) await setImmediate()
  }
  if (last === "break") response.destroy()
  else if (last !== "hang") response.end()
}

/** Runs a program with a model, over real connections. */
export const run = <A, E, R, S, F>(
  effect: Effect.Effect<A, E, R>,
  layer: Layer.Layer<S, F, HttpClient.HttpClient>
) => Effect.provide(effect, Layer.provide(layer, FetchHttpClient.layer), { local: true })
