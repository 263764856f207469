/** The contract of bindings, kept by the SDK of Anthropic: by each of its surfaces. */
import { Anthropic } from "@anthropic-ai/sdk"
import * as AnthropicSdk from "../../src/binding/AnthropicSdk.ts"
import { bindingContract, type BufferedRun, type Driver, type Host, type StreamedRun } from "./BindingTest.ts"
import { askedText, serve, withServer } from "./sdkServer.ts"
import * as Wire from "./sdkWire.ts"

const clientOf = (host: Host, url: string): Anthropic =>
  AnthropicSdk.manage(new Anthropic({ apiKey: "sk-test", baseURL: url, maxRetries: 0 }), host.heddle)

const paramsOf = (text: string) => ({
  model: "claude-opus-5-5",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: text }]
})

type Options = { readonly signal: AbortSignal | undefined }

const whole = (
  call: (
    client: Anthropic,
    text: string,
    options: Options
  ) => Promise<{ readonly content: ReadonlyArray<{ readonly type: string; readonly text?: string }> }>
) =>
(host: Host, { signal, text, work }: BufferedRun): Promise<string> =>
  withServer(
    async (asked) => ({ json: Wire.message([Wire.text(await work(askedText(asked), asked))]) }),
    async ({ url }) => (await call(clientOf(host, url), text, { signal })).content[0]?.text ?? ""
  )

type Event = Anthropic.MessageStreamEvent | Anthropic.Beta.BetaRawMessageStreamEvent

const pieces = (
  call: (client: Anthropic, text: string, options: Options) => Promise<AsyncIterable<Event>> | AsyncIterable<Event>
) =>
  async function*(host: Host, { signal, text, work }: StreamedRun): AsyncGenerator<string> {
    const server = await serve((asked) => ({ frames: Wire.messageFrames(work(askedText(asked), asked)) }))
    try {
      for await (const event of await call(clientOf(host, server.url), text, { signal })) {
        if (event.type === "content_block_delta" && event.delta.type === "text_delta") yield event.delta.text
      }
      // The SDK ends an aborted stream without a word.
      signal?.throwIfAborted()
    } finally {
      await server.close()
    }
  }

const isFailure: Driver["isFailure"] = (caught, thrown) =>
  caught instanceof Anthropic.APIError && caught.status === 400 && caught.message.includes(thrown.message)

bindingContract("anthropic messages.create", {
  model: whole((client, text, options) => client.messages.create(paramsOf(text), options)),
  stream: pieces((client, text, options) => client.messages.create({ ...paramsOf(text), stream: true }, options)),
  isFailure
})

bindingContract("anthropic beta.messages.create", {
  model: whole((client, text, options) => client.beta.messages.create(paramsOf(text), options)),
  stream: pieces((client, text, options) => client.beta.messages.create({ ...paramsOf(text), stream: true }, options)),
  isFailure
})

bindingContract("anthropic helpers", {
  model: whole((client, text, options) => client.messages.parse(paramsOf(text), options)),
  stream: pieces((client, text, options) => client.beta.messages.stream(paramsOf(text), options)),
  blockOf: AnthropicSdk.callError,
  isFailure
})
