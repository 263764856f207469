/** Streams of the SDK of OpenAI under a runtime: how they begin, end, fail and are left. */
import { assert, describe, it } from "@effect/vitest"
import { OpenAI } from "openai"
import * as OpenAiSdk from "../../src/binding/OpenAiSdk.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { collect, deferred, type Recording, recording, rejection, untilAborted } from "./promisesSupport.ts"
import { type Asked, withServer } from "./sdkServer.ts"
import * as Wire from "./sdkWire.ts"

const params = { model: "gpt-5", messages: [{ role: "user" as const, content: "hello" }], stream: true as const }

const name = "openai.chat.completions"

const withClient = <A>(
  frames: (asked: Asked) => AsyncIterable<string>,
  work: (client: OpenAI, recording: Recording) => Promise<A>,
  middleware: Promises.Options["middleware"] = []
): Promise<A> =>
  withServer((asked) => ({ frames: frames(asked) }), async ({ url }) => {
    const recorder = await recording(middleware)
    try {
      return await work(
        OpenAiSdk.manage(new OpenAI({ apiKey: "sk-secret", baseURL: url, maxRetries: 0 }), recorder.heddle),
        recorder
      )
    } finally {
      await recorder.heddle.close()
    }
  })

const textOf = (chunks: ReadonlyArray<OpenAI.ChatCompletionChunk>): string =>
  chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")

/** What a provider says before it waits; when it is left, it tells. */
const waiting = (left: () => void, ...texts: ReadonlyArray<string>) => ({ signal }: Asked) =>
  Wire.chatFrames((async function*() {
    signal.addEventListener("abort", left, { once: true })
    yield* texts
    await untilAborted(signal)
  })())

async function* says(...texts: ReadonlyArray<string>) {
  yield* texts
}

describe("a stream of the OpenAI SDK under a runtime", () => {
  it("has text beyond ASCII whole, wherever its bytes are cut, and its usage on the end event", () =>
    withClient(() => Wire.chatFrames(says("Grüße ", "aus 東京 🗼")), async (client, { events, tree }) => {
      const chunks = await collect(await client.chat.completions.create(params))
      assert.strictEqual(textOf(chunks), "Grüße aus 東京 🗼")
      assert.deepInclude(chunks.at(-1), { usage: Wire.usage })
      await tree(`llm ${name} → Success`)
      const end = (await events()).at(-1)
      assert.deepInclude(end?.profile?.annotatedResponse, {
        model: "gpt-5-2026",
        usage: { inputTokens: 11, outputTokens: 7, totalTokens: 18 }
      })
      assert.include(JSON.stringify(end?.data), "Grüße aus 東京 🗼")
    }))

  it("gives the raw response with events as the provider sends them", () =>
    withClient(
      ({ path }) => (path === "/responses" ? Wire.responseFrames : Wire.chatFrames)(says("a", "b")),
      async (client) => {
        const response = await client.responses.create({ model: "gpt-5", input: "x", stream: true }).asResponse()
        assert.strictEqual(response.headers.get("x-request-id"), "req-1")
        assert.strictEqual(await response.text(), (await collect(Wire.responseFrames(says("a", "b")))).join(""))
        const chat = await client.chat.completions.create(params).asResponse()
        assert.strictEqual(await chat.text(), (await collect(Wire.chatFrames(says("a", "b")))).join(""))
      }
    ))

  it("is not read ahead of its reader, but for its first event", () => {
    const made: Array<string> = []
    return withClient(() => Wire.chatFrames(says()), async (client) => {
      const stream = await client.chat.completions.create(params)
      assert.deepStrictEqual(made, ["a"])
      for await (const { choices } of stream) {
        // All that may happen without the reader happens in these turns: nothing of it waits for a network.
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
        if (choices[0]?.delta.content === "b") break
      }
      assert.deepStrictEqual(made, ["a", "b"])
    }, [Promises.Intercept.stream({
      name: "local",
      around: async function*() {
        for (const content of ["a", "b", "c", "d"]) {
          made.push(content)
          yield { id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] }
        }
      }
    })])
  })

  it("can be read twice with tee", () =>
    withClient(() => Wire.chatFrames(says("a", "b")), async (client, { tree }) => {
      const [one, two] = (await client.chat.completions.create(params)).tee()
      assert.deepStrictEqual(
        await Promise.all([collect(one), collect(two)].map(async (chunks) => textOf(await chunks))),
        [
          "ab",
          "ab"
        ]
      )
      await tree(`llm ${name} → Success`)
    }))

  it("is created before its first event, once the provider answers", async () => {
    const created = deferred()
    const { heddle } = await recording()
    async function* late() {
      await created.promise
      yield "late"
    }
    await withServer(() => ({ frames: Wire.chatFrames(late()), isAtOnce: true }), async ({ url }) => {
      const client = OpenAiSdk.manage(new OpenAI({ apiKey: "sk-secret", baseURL: url }), heddle)
      const stream = await client.chat.completions.create(params)
      created.resolve()
      assert.strictEqual(textOf(await collect(stream)), "late")
    })
    await heddle.close()
  })

  it("that is blocked is not created, and rejects with the CallError itself", () =>
    withClient(() => Wire.chatFrames(says("a")), async (client) => {
      const error = await rejection(client.chat.completions.create(params))
      assert.instanceOf(error, Promises.CallError)
      const wrapped = await rejection(client.chat.completions.stream(params).finalContent())
      assert.instanceOf(wrapped, OpenAI.OpenAIError)
      assert.instanceOf(wrapped.cause, Promises.CallError)
      assert.strictEqual(OpenAiSdk.callError(wrapped), wrapped.cause)
    }, [Promises.Guardrail.make({ name: "no", check: () => Promises.Guardrail.reject("never") })]))

  it("that shows what it must not fails in the middle with the CallError itself", () => {
    const left = deferred()
    return withClient(waiting(left.resolve, "fine, ", "secret"), async (client, { tree }) => {
      const seen: Array<OpenAI.ChatCompletionChunk> = []
      const error = await rejection((async () => {
        for await (const chunk of await client.chat.completions.create(params)) seen.push(chunk)
      })())
      assert.instanceOf(error, Promises.CallError)
      assert.strictEqual(textOf(seen), "fine, ")
      await left.promise
      await tree(`
        llm ${name} → Blocked by no-secrets: it shows one
          mark guardrail no-secrets [warn]
      `)
    }, [Promises.Guardrail.output({
      name: "no-secrets",
      applies: { kind: "llm" },
      check: ({ text = "" }) =>
        text.includes("secret") ? Promises.Guardrail.reject("it shows one") : Promises.Guardrail.allow
    })])
  })

  it("that its reader leaves ends as interrupted by the consumer, and the provider is told", () => {
    const left = deferred()
    return withClient(waiting(left.resolve, "a", "b"), async (client, { events }) => {
      const stream = await client.chat.completions.create(params)
      for await (const _ of stream) break
      await left.promise
      assert.isTrue(stream.controller.signal.aborted)
      const end = (await events()).findLast(({ _tag }) => _tag === "ScopeEnd")
      assert.deepInclude(end, { outcome: { _tag: "Interrupted", origin: "consumer" } })
    })
  })

  it("ends without a word when its controller is aborted while it waits, and the provider is told", () => {
    const left = deferred()
    return withClient(waiting(left.resolve, "a"), async (client, { tree }) => {
      const stream = await client.chat.completions.create(params)
      const seen: Array<OpenAI.ChatCompletionChunk> = []
      for await (const chunk of stream) {
        seen.push(chunk)
        // When it waits for the next.
        setImmediate(() => stream.controller.abort())
      }
      assert.strictEqual(textOf(seen), "a")
      await left.promise
      await tree(`llm ${name} → Interrupted`)
    })
  })

  it("that is cancelled as a raw response ends the call", () => {
    const left = deferred()
    return withClient(waiting(left.resolve, "a"), async (client, { tree }) => {
      const response = await client.chat.completions.create(params).asResponse()
      const reader = response.body!.getReader()
      await reader.read()
      await reader.cancel()
      await left.promise
      await tree(`llm ${name} → Interrupted by consumer`)
    })
  })

  it("that the provider breaks off with an error fails with it", () =>
    withClient(
      () =>
        (async function*() {
          for await (const frame of Wire.chatFrames(says("a"))) {
            yield frame
            yield `data: {"error":{"message":"overloaded","code":"busy"}}\n\n`
          }
        })(),
      async (client, { tree }) => {
        const error = await rejection((async () => collect(await client.chat.completions.create(params)))())
        assert.instanceOf(error, OpenAI.APIError)
        assert.strictEqual(error.code, "busy")
        await tree(`llm ${name} → Failure Error: overloaded`)
      }
    ))

  it("that breaks off without an end fails", () =>
    withClient(
      () =>
        (async function*() {
          for await (const frame of Wire.chatFrames(says("a"))) {
            yield frame
            throw new Error("the server dies")
          }
        })(),
      async (client, { events }) => {
        await rejection((async () => collect(await client.chat.completions.create(params)))())
        const end = (await events()).findLast(({ _tag }) => _tag === "ScopeEnd")
        assert.deepNestedInclude(end, { "outcome._tag": "Failure" })
      }
    ))

  it("does not pass for the whole if the scope around it is aborted while it is read", () => {
    const left = deferred()
    return withClient(waiting(left.resolve, "a"), async (client, { finalTree, heddle }) => {
      const controller = new AbortController()
      const read = deferred<unknown>()
      const scope = heddle.scope("agent", { signal: controller.signal }, async () => {
        const reading = (async () => {
          for await (const _ of await client.chat.completions.create(params)) setImmediate(() => controller.abort())
        })()
        read.resolve(await rejection(reading))
      })
      await rejection(scope)
      assert.instanceOf(await read.promise, OpenAI.APIUserAbortError)
      await left.promise
      await finalTree(`
        function agent → Interrupted
          llm ${name} → Interrupted by fiber
      `)
    })
  })

  it("may come from policies without a provider", () =>
    withClient(() => Wire.chatFrames(says("real")), async (client) => {
      assert.strictEqual(textOf(await collect(await client.chat.completions.create(params))), "cached")
    }, [Promises.Intercept.stream({
      name: "cache",
      around: async function*() {
        yield { id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content: "cached" } }] }
      }
    })]))
})
