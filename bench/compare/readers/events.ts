/** Events with something of every kind in them: the agent of the exporters' tests, and every payload of the codecs' tests. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { readdir, readFile } from "node:fs/promises"
import * as AnthropicMessages from "../../../src/codec/AnthropicMessages.ts"
import * as Gemini from "../../../src/codec/Gemini.ts"
import * as OpenAiChat from "../../../src/codec/OpenAiChat.ts"
import * as OpenAiResponses from "../../../src/codec/OpenAiResponses.ts"
import { type AgentRuntime, type LifecycleEvent, LlmCall } from "../../../src/index.ts"
import { TestRuntime } from "../../../src/testing/index.ts"
import { agentRun } from "../../../test/exporter/otelRun.ts"

type Events = ReadonlyArray<LifecycleEvent.LifecycleEvent>

const codecs = {
  "openai-chat": OpenAiChat.codec,
  "openai-responses": OpenAiResponses.codec,
  "anthropic-messages": AnthropicMessages.codec,
  gemini: Gemini.codec
}

const root = new URL("../../../test/codec/payloads/", import.meta.url)

/** What the agent of the tests did. */
export const agentEvents = (): Promise<Events> => Effect.runPromise(Effect.provide(agentRun, TestClock.layer()))

/** A call with each request, answered with a text, and one with each response, to a request with a tool. */
export const payloadEvents = async (): Promise<Events> => {
  const calls: Array<Effect.Effect<void, never, AgentRuntime.AgentRuntime>> = []
  for (const [provider, codec] of Object.entries(codecs)) {
    const files = (await readdir(new URL(provider, root))).filter((name) => /\.(?:request|response)\.json$/.test(name))
    const payload = async (name: string): Promise<LifecycleEvent.Json> =>
      JSON.parse(await readFile(new URL(`${provider}/${name}`, root), "utf8"))
    const [request, response] = [await payload("tools-single.request.json"), await payload("text.response.json")]
    for (const file of files) {
      const one = await payload(file)
      const body = file.endsWith(".request.json") ? one : request
      const answer = file.endsWith(".response.json") ? one : response
      const call = LlmCall.run({ name: provider, codec, request: { headers: {}, body } }, () => Effect.succeed(answer))
      calls.push(Effect.ignore(call))
    }
  }
  return Effect.runPromise(
    Effect.all(calls, { discard: true }).pipe(
      Effect.andThen(TestRuntime.events),
      Effect.provide(TestRuntime.layer()),
      Effect.scoped
    )
  )
}
