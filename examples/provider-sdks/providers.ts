/** OpenAI and Anthropic in one local server: a model that asks for files and then tells what it read. */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

interface Providers extends AsyncDisposable {
  readonly url: string
  /** How many requests have come. */
  readonly count: () => number
}

interface Body {
  readonly stream?: boolean
  readonly tools?: ReadonlyArray<unknown>
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: unknown }>
}

export const startProviders = async (): Promise<Providers> => {
  let count = 0
  const server = Http.createServer(async (request, response) => {
    count++
    let text = ""
    for await (const chunk of request) text += String(chunk)
    const body: Body = JSON.parse(text)
    const isOpenAi = request.url === "/chat/completions"
    if (body.stream === true) {
      response.writeHead(200, { "content-type": "text/event-stream" })
      for (const piece of ["The key ", "in notes.txt ", "is sk-", "123."]) response.write(chunkOf(piece))
      return void response.end("data: [DONE]\n\n")
    }
    const isAsking = body.tools !== undefined && body.messages.length === 1
    const answer = isOpenAi ? chatOf(isAsking) : messageOf(isAsking)
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => count,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const paths = ["notes.txt", ".env"]

const said = "I read what I may read."

const chunkOf = (content: string): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`

const chatOf = (isAsking: boolean) => {
  const tool_calls = paths.map((path, i) => ({
    id: `call_${i}`,
    type: "function",
    function: { name: "read_file", arguments: JSON.stringify({ path }) }
  }))
  const message = isAsking ? { content: null, tool_calls } : { content: said }
  return {
    model: "gpt-5",
    choices: [{
      index: 0,
      message: { role: "assistant", ...message },
      finish_reason: isAsking ? "tool_calls" : "stop"
    }],
    usage: { prompt_tokens: 12, completion_tokens: 6, total_tokens: 18 }
  }
}

const messageOf = (isAsking: boolean) => ({
  type: "message",
  role: "assistant",
  model: "claude-opus-5-5",
  content: isAsking
    ? paths.map((path, i) => ({ type: "tool_use", id: `toolu_${i}`, name: "read_file", input: { path } }))
    : [{ type: "text", text: said }],
  stop_reason: isAsking ? "tool_use" : "end_turn",
  usage: { input_tokens: 12, output_tokens: 6 }
})
