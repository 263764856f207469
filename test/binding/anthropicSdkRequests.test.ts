/** The SDK of Anthropic under a runtime: its requests, streams and tool runner. */
import { Anthropic } from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import * as AnthropicSdk from "../../src/binding/AnthropicSdk.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { deferred, type Recording, recording, rejection, untilAborted } from "./promisesSupport.ts"
import { type Asked, type Reply, type Server, withServer } from "./sdkServer.ts"
import * as Wire from "./sdkWire.ts"

const params = { model: "claude-opus-5-5", max_tokens: 64, messages: [{ role: "user" as const, content: "hello" }] }

const hello = (): Reply => ({ json: Wire.message([Wire.text("hi")]) })

const withClient = <A>(
  handle: (asked: Asked) => Promise<Reply> | Reply,
  work: (client: Anthropic, recording: Recording, server: Server) => Promise<A>,
  middleware: Promises.Options["middleware"] = []
): Promise<A> =>
  withServer(handle, async (server) => {
    const recorder = await recording(middleware)
    const client = new Anthropic({ apiKey: "sk-secret", baseURL: server.url, maxRetries: 2 })
    try {
      return await work(AnthropicSdk.manage(client, recorder.heddle), recorder, server)
    } finally {
      await recorder.heddle.close()
    }
  })

const refusing = Promises.Guardrail.make({ name: "no", check: () => Promises.Guardrail.reject("never") })

describe("a request of the Anthropic SDK under a runtime", () => {
  it("is one call, however often the SDK retries it, with usage on its events and no key", () => {
    let failures = 2
    return withClient(
      () => failures-- > 0 ? { status: 529, headers: { "retry-after-ms": "1" }, json: { error: {} } } : hello(),
      async (client, { events, tree }, server) => {
        const { data, response } = await client.beta.messages.create({ ...params, betas: ["context-1m-2025-08-07"] })
          .withResponse()
        assert.deepStrictEqual(data.content as ReadonlyArray<unknown>, [Wire.text("hi")])
        assert.strictEqual(response.status, 200)
        assert.strictEqual(server.asked.length, 3)
        for (const { headers } of server.asked) assert.strictEqual(headers["anthropic-beta"], "context-1m-2025-08-07")
        await tree("llm anthropic.messages → Success")
        const [start, end] = await events()
        assert.strictEqual(start?.profile?.modelName, params.model)
        assert.deepInclude(end?.profile?.annotatedResponse, { model: params.model })
        assert.deepNestedInclude(end, { "profile.annotatedResponse.usage.inputTokens": 11 })
        assert.notInclude(JSON.stringify([start, end]), "sk-")
      }
    )
  })

  it("that is blocked rejects with the CallError itself, and nothing is sent, nor retried", () =>
    withClient(hello, async (client, _, server) => {
      assert.instanceOf(await rejection(client.messages.create(params)), Promises.CallError)
      assert.instanceOf(await rejection(client.messages.create({ ...params, stream: true })), Promises.CallError)
      assert.instanceOf(await rejection(client.withOptions({ timeout: 9 }).messages.create(params)), Promises.CallError)
      const wrapped = await rejection(client.messages.stream(params).finalMessage())
      assert.instanceOf(wrapped, Anthropic.AnthropicError)
      assert.instanceOf(AnthropicSdk.callError(wrapped), Promises.CallError)
      assert.strictEqual(server.asked.length, 0)
    }, [refusing]))

  it("that is no model call passes as it is", () =>
    withClient(() => ({ json: { input_tokens: 3 } }), async (client, { tree }) => {
      const { max_tokens: _, ...counted } = params
      assert.deepInclude(await client.messages.countTokens(counted), { input_tokens: 3 })
      await tree("")
    }, [refusing]))

  it("fails with the SDK's own error", () =>
    withClient(
      () => ({ status: 429, json: { type: "error", error: { type: "rate_limit_error", message: "slow down" } } }),
      async (client, { events }) => {
        const error = await rejection(client.messages.create(params, { maxRetries: 0 }))
        assert.instanceOf(error, Anthropic.RateLimitError)
        assert.strictEqual(error.type, "rate_limit_error")
        assert.deepNestedInclude((await events()).at(-1), { "outcome._tag": "Failure" })
      }
    ))

  it("that its caller aborts rejects with the SDK's own error", () => {
    const begun = deferred()
    return withClient(
      ({ signal }) => {
        begun.resolve()
        return untilAborted(signal)
      },
      async (client, { tree }) => {
        const controller = new AbortController()
        const failed = rejection(client.messages.create(params, { signal: controller.signal }))
        await begun.promise
        controller.abort()
        assert.instanceOf(await failed, Anthropic.APIUserAbortError)
        await tree("llm anthropic.messages → Interrupted")
      }
    )
  })

  it("gives the stream helpers what they need: events, snapshots, the final message", () =>
    withClient(
      () => ({
        frames: Wire.messageFrames((async function*() {
          yield "Grüße aus "
          yield "東京 🗼"
        })())
      }),
      async (client, { events, tree }) => {
        const texts: Array<string> = []
        const stream = client.messages.stream(params).on("text", (text) => void texts.push(text))
        const message = await stream.finalMessage()
        assert.deepStrictEqual(texts, ["Grüße aus ", "東京 🗼"])
        assert.deepInclude(message.content[0], { type: "text", text: "Grüße aus 東京 🗼" })
        assert.strictEqual(message.usage.output_tokens, 7)
        await tree("llm anthropic.messages → Success")
        assert.deepNestedInclude((await events()).at(-1), { "profile.annotatedResponse.usage.outputTokens": 7 })
      }
    ))

  it("that its reader leaves ends as interrupted by the consumer, and the provider is told", () => {
    const left = deferred()
    return withClient(
      ({ signal }) => {
        signal.addEventListener("abort", () => left.resolve(), { once: true })
        return {
          frames: Wire.messageFrames((async function*() {
            yield "a"
            await untilAborted(signal)
          })())
        }
      },
      async (client, { tree }) => {
        for await (const _ of await client.messages.create({ ...params, stream: true })) break
        await left.promise
        await tree("llm anthropic.messages → Interrupted by consumer")
      }
    )
  })
})
