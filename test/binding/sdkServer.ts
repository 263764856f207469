/** A local server that speaks the wire formats of OpenAI and Anthropic, for tests of their SDKs. */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

export interface Asked {
  readonly path: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Body
  /** Aborted when the client goes away before it has its answer. */
  readonly signal: AbortSignal
}

/** What tests look at in a request. */
export interface Body {
  readonly model?: string
  readonly stream?: boolean
  readonly messages?: ReadonlyArray<{ readonly role: string; readonly content: unknown }>
  readonly input?: unknown
  readonly [key: string]: unknown
}

export type Reply =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly json: unknown }
  /** The status of a stream waits for its first frame, unless it is said at once. */
  | { readonly frames: AsyncIterable<string>; readonly isAtOnce?: boolean }

export interface Server {
  readonly url: string
  readonly asked: ReadonlyArray<Asked>
  readonly close: () => Promise<void>
}

/** Answers what it is asked. What `handle` throws is an answer too: the status 400. */
export const serve = async (handle: (asked: Asked) => Promise<Reply> | Reply): Promise<Server> => {
  const asked: Array<Asked> = []
  const server = Http.createServer((request, response) => {
    const gone = new AbortController()
    response.on("close", () => {
      if (!response.writableFinished) gone.abort(new Error("the client went away"))
    })
    answer(handle, request, response, gone.signal, asked).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/** Runs work with a server, and closes it. */
export const withServer = async <A>(
  handle: (asked: Asked) => Promise<Reply> | Reply,
  work: (server: Server) => Promise<A>
): Promise<A> => {
  const server = await serve(handle)
  try {
    return await work(server)
  } finally {
    await server.close()
  }
}

/** The text of the last message of the user. */
export const askedText = ({ body }: Asked): string => {
  const content = typeof body.input === "string" ? body.input : body.messages?.findLast(({ role }) => role === "user")
    ?.content
  return typeof content === "string" ? content : JSON.stringify(content)
}

const answer = async (
  handle: (asked: Asked) => Promise<Reply> | Reply,
  request: Http.IncomingMessage,
  response: Http.ServerResponse,
  signal: AbortSignal,
  asked: Array<Asked>
): Promise<void> => {
  let text = ""
  for await (const chunk of request.setEncoding("utf8")) text += chunk
  const question: Asked = { path: request.url ?? "", headers: request.headers, body: JSON.parse(text) as Body, signal }
  asked.push(question)
  let reply: Reply
  let frames: AsyncIterator<string> | undefined
  let first: IteratorResult<string> | undefined
  try {
    reply = await handle(question)
    if ("frames" in reply) {
      frames = reply.frames[Symbol.asyncIterator]()
      if (reply.isAtOnce !== true) first = await frames.next()
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    reply = { status: 400, json: { type: "error", error: { type: "invalid_request_error", message } } }
  }
  if (frames === undefined || !("frames" in reply)) {
    const { headers, json, status } = reply as Exclude<Reply, { readonly frames: unknown }>
    response.writeHead(status ?? 200, {
      "content-type": "application/json",
      "x-request-id": "req-1",
      "request-id": "req-1",
      ...headers
    })
    response.end(JSON.stringify(json))
    return
  }
  response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": "req-1", "request-id": "req-1" })
  response.flushHeaders()
  for (let next = first ?? await frames.next(); next.done !== true; next = await frames.next()) {
    const bytes = Buffer.from(next.value)
    // Cut where it hurts: inside of lines, of names and of characters.
    for (let i = 0; i < bytes.length; i += 7) {
      response.write(bytes.subarray(i, i + 7))
      await new Promise((resolve) => setImmediate(resolve))
      if (signal.aborted) return void await frames.return?.()
    }
  }
  response.end()
}
