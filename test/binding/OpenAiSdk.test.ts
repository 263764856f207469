/** The contract of bindings, kept by the SDK of OpenAI: by each of its surfaces. */
import { OpenAI } from "openai"
import * as OpenAiSdk from "../../src/binding/OpenAiSdk.ts"
import { bindingContract, type BufferedRun, type Driver, type Host, type StreamedRun } from "./BindingTest.ts"
import { askedText, serve, withServer } from "./sdkServer.ts"
import * as Wire from "./sdkWire.ts"

const model = "gpt-5"

const clientOf = (host: Host, url: string): OpenAI =>
  OpenAiSdk.manage(new OpenAI({ apiKey: "sk-test", baseURL: url, maxRetries: 0 }), host.heddle)

const messages = (text: string) => [{ role: "user" as const, content: text }]

type Options = { readonly signal: AbortSignal | undefined }

/** One call against a server that answers as the work says. */
const whole = (
  wire: (text: string) => unknown,
  call: (client: OpenAI, text: string, options: Options) => Promise<string>
) =>
(host: Host, { signal, text, work }: BufferedRun): Promise<string> =>
  withServer(
    async (asked) => ({ json: wire(await work(askedText(asked), asked)) }),
    ({ url }) => call(clientOf(host, url), text, { signal })
  )

const pieces = <A>(
  wire: (pieces: AsyncIterable<string>) => AsyncIterable<string>,
  call: (client: OpenAI, text: string, options: Options) => Promise<AsyncIterable<A>> | AsyncIterable<A>,
  textOf: (event: A) => string
) =>
  async function*(host: Host, { signal, text, work }: StreamedRun): AsyncGenerator<string> {
    const server = await serve((asked) => ({ frames: wire(work(askedText(asked), asked)) }))
    try {
      for await (const event of await call(clientOf(host, server.url), text, { signal })) {
        const piece = textOf(event)
        if (piece !== "") yield piece
      }
      // The SDK ends an aborted stream without a word.
      signal?.throwIfAborted()
    } finally {
      await server.close()
    }
  }

const chatText = (chunk: OpenAI.ChatCompletionChunk) => chunk.choices[0]?.delta.content ?? ""

const responseText = (event: OpenAI.Responses.ResponseStreamEvent) =>
  event.type === "response.output_text.delta" ? event.delta : ""

const isFailure: Driver["isFailure"] = (caught, thrown) =>
  caught instanceof OpenAI.APIError && caught.status === 400 && caught.message.includes(thrown.message)

bindingContract("openai chat.completions.create", {
  model: whole(Wire.chat, async (client, text, options) => {
    const answer = await client.chat.completions.create({ model, messages: messages(text) }, options)
    return answer.choices[0]?.message.content ?? ""
  }),
  stream: pieces(
    Wire.chatFrames,
    (client, text, options) =>
      client.chat.completions.create({ model, messages: messages(text), stream: true }, options),
    chatText
  ),
  isFailure
})

bindingContract("openai responses.create", {
  model: whole(
    Wire.response,
    async (client, text, options) => (await client.responses.create({ model, input: text }, options)).output_text
  ),
  stream: pieces(
    Wire.responseFrames,
    (client, text, options) => client.responses.create({ model, input: text, stream: true }, options),
    responseText
  ),
  isFailure
})

bindingContract("openai helpers", {
  model: whole(Wire.chat, async (client, text, options) => {
    const { data } = await client.chat.completions.parse({ model, messages: messages(text) }, options).withResponse()
    return data.choices[0]?.message.content ?? ""
  }),
  stream: pieces(
    Wire.chatFrames,
    (client, text, options) => client.chat.completions.stream({ model, messages: messages(text) }, options),
    chatText
  ),
  blockOf: OpenAiSdk.callError,
  isFailure
})

bindingContract("openai responses.stream", {
  stream: pieces(
    Wire.responseFrames,
    (client, text, options) => client.responses.stream({ model, input: text }, options),
    responseText
  ),
  blockOf: OpenAiSdk.callError,
  isFailure
})

bindingContract("openai runTools", {
  tool: (host, { signal, text, work }) =>
    withServer(
      ({ body }) => ({
        json: body.messages?.at(-1)?.role === "tool"
          ? Wire.chat("done")
          : Wire.chatToolCalls({ id: "call_1", name: "lookup", input: { text } })
      }),
      async ({ url }) => {
        const runner = clientOf(host, url).chat.completions.runTools({
          model,
          messages: messages("go"),
          tools: [{
            type: "function",
            function: {
              name: "lookup",
              description: "Looks up.",
              parameters: { type: "object" },
              parse: (text: string) => JSON.parse(text) as { readonly text: string },
              function: ({ text }: { readonly text: string }, runner: { readonly controller: AbortController }) =>
                work(text, runner.controller)
            }
          }]
        }, { signal })
        await runner.finalContent()
        return await runner.finalFunctionToolCallResult() ?? ""
      }
    ),
  blockOf: OpenAiSdk.callError,
  isFailure: (caught, thrown) => caught instanceof OpenAI.OpenAIError && caught.cause === thrown
})
