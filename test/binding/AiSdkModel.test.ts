/** Models of the AI SDK under policy: what goes in, what comes out, what is tried again, and what ends a stream. */
import { assert, describe, it } from "@effect/vitest"
import { APICallError, generateText, Output, streamText, wrapLanguageModel } from "ai"
import { setImmediate } from "node:timers/promises"
import { z } from "zod"
import * as AiSdk from "../../src/binding/AiSdk.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { Annotated, type LifecycleEvent } from "../../src/index.ts"
import {
  answerOf,
  askedOf,
  list,
  model,
  type Params,
  type Part,
  partsOf,
  stop,
  streamOf,
  text,
  usage
} from "./aiSdkSupport.ts"
import { collect, deferred, recording, rejection } from "./promisesSupport.ts"

type Event = LifecycleEvent.LifecycleEvent

const wrapped = (heddle: Promises.Heddle, played: ReturnType<typeof model>) =>
  wrapLanguageModel({ model: played, middleware: AiSdk.middleware(heddle) })

const endOf = (events: ReadonlyArray<Event>) => {
  const end = events.find((event) => event._tag === "ScopeEnd" && event.category === "llm")
  if (end?._tag !== "ScopeEnd") throw new Error("no model call has ended")
  return end
}

const overloaded = () =>
  new APICallError({
    message: "overloaded",
    url: "https://example.org",
    requestBodyValues: {},
    statusCode: 503,
    responseHeaders: { "retry-after-ms": "1" },
    isRetryable: true
  })

const user = (text: string) => [{ role: "user" as const, content: [{ type: "text" as const, text }] }]

describe("a model", () => {
  it("tells by which model a call was answered, why it ended and what it used", async () => {
    const { events, heddle } = await recording()
    const played = model({
      doGenerate: async () => answerOf(text("fine"), { response: { id: "r-1", modelId: "gpt-test-1" } })
    })
    await generateText({ model: wrapped(heddle, played), prompt: "how are you?" })
    const [start, end] = await events()
    assert.strictEqual(start?.name, "openai.responses")
    assert.strictEqual((start!.profile as { modelName?: string }).modelName, "gpt-test")
    const { annotatedRequest, annotatedResponse } = { ...start?.profile, ...end?.profile } as {
      annotatedRequest: Annotated.AnnotatedRequest
      annotatedResponse: Annotated.AnnotatedResponse
    }
    assert.strictEqual(Annotated.textOf(Annotated.lastUserMessage(annotatedRequest)!), "how are you?")
    const { finishReasons, id, usage } = annotatedResponse
    assert.deepStrictEqual({ id, model: annotatedResponse.model, finishReasons, usage }, {
      id: "r-1",
      model: "gpt-test-1",
      finishReasons: [{ reason: "stop", raw: "stop" }],
      usage: { inputTokens: 7, outputTokens: 5, cacheReadTokens: 3, reasoningTokens: 2 }
    })
  })

  it("tells the same of a call that was streamed", async () => {
    const { events, heddle } = await recording()
    const played = model({ doStream: async () => ({ stream: streamOf(partsOf(() => list(["fi", "ne"]))) }) })
    await streamText({ model: wrapped(heddle, played), prompt: "how are you?" }).consumeStream()
    const { annotatedResponse: said, chunkCount } = endOf(await events()).profile as {
      annotatedResponse: Annotated.AnnotatedResponse
      chunkCount: number
    }
    assert.strictEqual(Annotated.textOf(said.messages[0]!), "fine")
    assert.strictEqual(said.model, "gpt-test-1")
    assert.deepStrictEqual(said.usage, { inputTokens: 7, outputTokens: 5, cacheReadTokens: 3, reasoningTokens: 2 })
    assert.strictEqual(chunkCount, 7)
  })

  it("gives its caller the answer as the model gave it, and events no headers, bodies and keys", async () => {
    const { events, heddle } = await recording()
    const answer = answerOf(text("fine"), {
      request: { body: "raw-request" },
      response: { timestamp: new Date(0), headers: { "x-secret": "sk-1" }, body: "raw-response" }
    })
    const played = model({ doGenerate: async () => answer })
    const got = await wrapped(heddle, played).doGenerate({
      prompt: user("hi"),
      headers: { authorization: "Bearer sk-2", accept: undefined }
    })
    assert.strictEqual(got, answer)
    assert.deepStrictEqual(played.doGenerateCalls[0]?.headers, { authorization: "Bearer sk-2" })
    const told = JSON.stringify(await events())
    for (const hidden of ["sk-1", "sk-2", "raw-request", "raw-response"]) assert.notInclude(told, hidden)
  })

  it("gets bytes as base64, addresses as such, and what JSON cannot say as JSON says it", async () => {
    const { events, heddle } = await recording()
    const played = model({ doGenerate: async () => answerOf(text("fine")) })
    const url = new URL("https://example.org/cat.png")
    await wrapped(heddle, played).doGenerate({
      prompt: [
        {
          role: "user",
          content: [
            { type: "file", mediaType: "image/png", data: { type: "data", data: new Uint8Array([1, 2, 3]) } },
            { type: "file", mediaType: "image/png", data: { type: "url", url } }
          ]
        },
        {
          role: "assistant",
          content: [{ type: "tool-call", toolCallId: "c", toolName: "t", input: { on: new Date(0), no: undefined } }]
        }
      ]
    })
    const [first, second] = played.doGenerateCalls[0]!.prompt
    assert.deepStrictEqual(first?.content, [
      { type: "file", mediaType: "image/png", data: { type: "data", data: "AQID" } },
      { type: "file", mediaType: "image/png", data: { type: "url", url } }
    ])
    assert.deepInclude(second?.content[0], { input: { on: "1970-01-01T00:00:00.000Z" } })
    assert.include(JSON.stringify((await events())[0]?.data), "https://example.org/cat.png")
  })

  it("runs with the options and headers that a request intercept left", async () => {
    const { heddle } = await recording([
      Promises.Intercept.request({
        name: "cooler",
        transform: (call) =>
          call.kind === "llm"
            ? {
              ...call,
              request: {
                headers: { ...call.request.headers, "x-by": "heddle" },
                body: { ...call.request.body as object, temperature: 0, maxOutputTokens: 10 } as never
              }
            }
            : call
      })
    ])
    const played = model({ doGenerate: async () => answerOf(text("fine")) })
    const controller = new AbortController()
    await generateText({
      model: wrapped(heddle, played),
      prompt: "hi",
      temperature: 1,
      providerOptions: { openai: { store: false } },
      abortSignal: controller.signal
    })
    const [{ abortSignal, headers, maxOutputTokens, providerOptions, temperature }] = played.doGenerateCalls as [Params]
    assert.deepStrictEqual({ maxOutputTokens, providerOptions, temperature }, {
      maxOutputTokens: 10,
      providerOptions: { openai: { store: false } },
      temperature: 0
    })
    assert.strictEqual(headers?.["x-by"], "heddle")
    assert.isFalse(abortSignal?.aborted)
  })

  it("is not asked when policy has the answer, which reaches the caller in the SDK's form", async () => {
    const cached = answerOf(text("from the cache"), { response: { id: "r", timestamp: new Date(5) } })
    const { heddle } = await recording([
      Promises.Intercept.execution({ name: "cache", around: async () => JSON.parse(JSON.stringify(cached)) })
    ])
    const played = model({ doGenerate: async () => answerOf(text("from the model")) })
    const result = await generateText({ model: wrapped(heddle, played), prompt: "hi" })
    assert.strictEqual(result.text, "from the cache")
    assert.deepStrictEqual(result.response.timestamp, new Date(5))
    assert.lengthOf(played.doGenerateCalls, 0)
  })

  it("fails with a CallError when policy answers with what is no answer", async () => {
    const { heddle } = await recording([Promises.Intercept.execution({ name: "cache", around: async () => "hello" })])
    const error = AiSdk.callError(
      await rejection(
        generateText({ model: wrapped(heddle, model({ doGenerate: async () => answerOf([]) })), prompt: "hi" })
      )
    )
    assert.strictEqual(error?.reason._tag, "InvalidOutput")
  })

  it("is asked again by the SDK in a call of its own, but not after a block", async () => {
    let asked = 0
    const { heddle, tree } = await recording([
      Promises.Guardrail.make({
        name: "no-forbidden",
        check: (call) =>
          JSON.stringify(call).includes("forbidden") ? Promises.Guardrail.reject("no") : Promises.Guardrail.allow
      })
    ])
    const played = model({
      doGenerate: async () => {
        if (asked++ === 0) throw overloaded()
        return answerOf(text("fine"))
      }
    })
    assert.strictEqual((await generateText({ model: wrapped(heddle, played), prompt: "hi" })).text, "fine")
    const error = await rejection(generateText({ model: wrapped(heddle, played), prompt: "forbidden" }))
    assert.strictEqual(AiSdk.callError(error), error)
    assert.strictEqual(asked, 2)
    await tree(`
      llm openai.responses → Failure AI_APICallError: overloaded
      llm openai.responses → Success
      llm openai.responses → Blocked by no-forbidden: no
        mark guardrail no-forbidden [warn]
    `)
  })

  it("answers with objects, whose form policies see", async () => {
    const seen: Array<unknown> = []
    const { heddle } = await recording([
      Promises.Guardrail.make({
        name: "look",
        check: (call) => {
          if (call.kind === "llm") {
            seen.push((call.request.body as { responseFormat?: { type: string } }).responseFormat?.type)
          }
          return Promises.Guardrail.allow
        }
      })
    ])
    const played = model({ doGenerate: async () => answerOf(text("{\"city\":\"Paris\"}")) })
    const { output } = await generateText({
      model: wrapped(heddle, played),
      prompt: "where?",
      output: Output.object({ schema: z.object({ city: z.string() }) })
    })
    assert.deepStrictEqual(output, { city: "Paris" })
    assert.deepStrictEqual(seen, ["json"])
  })
})

describe("a stream of a model", () => {
  const open = async (heddle: Promises.Heddle, parts: AsyncIterable<Part>, abortSignal?: AbortSignal) => {
    const played = model({
      doStream: async () => ({ stream: streamOf(parts), request: { body: "raw" }, response: { headers: { a: "b" } } })
    })
    return wrapped(heddle, played).doStream({ prompt: user("hi"), ...abortSignal === undefined ? {} : { abortSignal } })
  }
  const ended = (heddle: Promises.Heddle) =>
    (async () => {
      for await (const event of heddle.events()) if (event._tag === "ScopeEnd" && event.category === "llm") return event
      throw new Error("no model call has ended")
    })()

  it("comes with the request and the headers of its answer", async () => {
    const { heddle } = await recording()
    const { request, response, stream } = await open(heddle, partsOf(() => list(["a"])))
    assert.deepStrictEqual({ request, response }, { request: { body: "raw" }, response: { headers: { a: "b" } } })
    assert.deepStrictEqual((await collect(stream)).map(({ type }) => type), [
      "stream-start",
      "response-metadata",
      "text-start",
      "text-delta",
      "text-end",
      "finish"
    ])
  })

  it("asks its provider for a part when its reader has room for it", async () => {
    const { heddle } = await recording()
    let made = 0
    const parts = async function*(): AsyncGenerator<Part> {
      for (; made < 100; made++) yield { type: "ping" }
    }
    const reader = (await open(heddle, parts())).stream.getReader()
    for (let i = 0; i < 5; i++) await reader.read()
    // Whoever asks ahead would do so now.
    for (let turn = 0; turn < 50; turn++) await setImmediate()
    assert.isBelow(made, 10)
    await reader.cancel()
  })

  it("ends as interrupted when its reader cancels it between two parts", async () => {
    const { heddle } = await recording()
    const end = ended(heddle)
    const reader = (await open(heddle, partsOf(() => list(["a", "b"])))).stream.getReader()
    await reader.read()
    await reader.cancel()
    assert.deepStrictEqual((await end).outcome, { _tag: "Interrupted", origin: "consumer" })
  })

  it("ends as interrupted when its reader cancels it while a part is awaited", async () => {
    const { heddle } = await recording()
    const waiting = deferred()
    const parts = async function*(): AsyncGenerator<Part> {
      yield { type: "ping" }
      waiting.resolve()
      await new Promise(() => undefined)
    }
    const end = ended(heddle)
    const reader = (await open(heddle, parts())).stream.getReader()
    await reader.read()
    const reading = reader.read()
    await waiting.promise
    await reader.cancel()
    assert.strictEqual((await end).outcome._tag, "Interrupted")
    assert.isTrue((await reading).done)
  })

  it("passes on errors and what comes after them, and ends as a failure", async () => {
    const { heddle } = await recording()
    const error = new Error("the line is cut")
    const end = ended(heddle)
    const { stream } = await open(
      heddle,
      list<Part>([
        { type: "text-start", id: "t" },
        { type: "error", error },
        { type: "finish", finishReason: { unified: "error", raw: undefined }, usage }
      ])
    )
    const parts = await collect(stream)
    assert.deepStrictEqual(parts.map(({ type }) => type), ["text-start", "error", "finish"])
    assert.strictEqual(parts[1]?.type === "error" ? parts[1].error : undefined, error)
    assert.strictEqual((await end).outcome._tag, "Failure")
  })

  it("that fails before it begins rejects with the error itself, and the SDK tries again", async () => {
    let asked = 0
    const { heddle, tree } = await recording()
    const played = model({
      doStream: async () => {
        if (asked++ === 0) throw overloaded()
        return { stream: streamOf(partsOf(() => list(["fine"]))) }
      }
    })
    const { text } = streamText({ model: wrapped(heddle, played), prompt: "hi" })
    assert.strictEqual(await text, "fine")
    await tree(`
      llm openai.responses → Failure AI_APICallError: overloaded
      llm openai.responses → Success
    `)
  })

  it("comes from policy alone when policy has the parts", async () => {
    const { heddle } = await recording([
      Promises.Intercept.stream({
        name: "cache",
        around: async function*() {
          yield* list<Part>([
            { type: "text-start", id: "t" },
            { type: "text-delta", id: "t", delta: "cached" },
            { type: "text-end", id: "t" },
            { type: "finish", finishReason: stop, usage }
          ])
        }
      })
    ])
    const played = model({ doStream: async () => ({ stream: streamOf(partsOf(() => list(["fresh"]))) }) })
    assert.strictEqual(await streamText({ model: wrapped(heddle, played), prompt: "hi" }).text, "cached")
    assert.lengthOf(played.doStreamCalls, 0)
  })

  it("that policy cuts tells the reader why, with the CallError itself", async () => {
    const { heddle } = await recording([
      Promises.Guardrail.output({
        name: "no-keys",
        hold: "boundary",
        check: ({ text = "" }) => text.includes("sk-") ? Promises.Guardrail.reject("a key") : Promises.Guardrail.allow
      })
    ])
    const played = model({
      doStream: async (params) => ({
        stream: streamOf(partsOf(() => list(["All ", askedOf(params), " is sk-", "123. "])))
      })
    })
    const { stream, text: whole } = streamText({
      model: wrapped(heddle, played),
      prompt: "good. ",
      onError: () => undefined
    })
    let said = ""
    const reading = async () => {
      for await (const part of stream) if (part.type === "text-delta") said += part.text
    }
    const error = await rejection(reading())
    assert.strictEqual(said, "All good. ")
    assert.instanceOf(error, Promises.CallError)
    assert.strictEqual(error.reason._tag, "GuardrailRejected")
    assert.strictEqual(await rejection(Promise.resolve(whole)), error)
  })
})
