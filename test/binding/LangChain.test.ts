/** What is governed of LangChain: streams in every mode, what policies rewrite, blocks that become messages. */
import { assert, describe, it } from "@effect/vitest"
import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage
} from "@langchain/core/messages"
import { StringOutputParser } from "@langchain/core/output_parsers"
import { ChatGenerationChunk } from "@langchain/core/outputs"
import { tool } from "@langchain/core/tools"
import { createAgent, fakeModel } from "langchain"
import { ConfigurableModel } from "langchain/chat_models/universal"
import * as z from "zod"
import * as LangChain from "../../src/binding/LangChain.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { EventTree } from "../../src/testing/index.ts"
import { PlayedModel, StreamedModel, wanting } from "./langChainSupport.ts"
import { deferred, recording, rejection, untilAborted } from "./promisesSupport.ts"

const secret = "sk-123"

const noSecrets = (hold: "full" | "boundary") =>
  Promises.Guardrail.output({
    name: "no-secrets",
    applies: "llm",
    hold,
    check: ({ text = "" }) =>
      text.includes(secret) ? Promises.Guardrail.reject("it shows a key") : Promises.Guardrail.allow
  })

const refuse = (applies: "llm" | "tool") =>
  Promises.Guardrail.make({ name: "refuse", applies, check: () => Promises.Guardrail.reject("not today") })

const rewrite = (change: (body: Record<string, unknown>) => Record<string, unknown>) =>
  Promises.Intercept.request({
    name: "rewrite",
    applies: "llm",
    transform: (call) =>
      call.kind === "llm"
        ? { ...call, request: { ...call.request, body: change(call.request.body as Record<string, unknown>) as never } }
        : call
  })

async function* texts(...pieces: ReadonlyArray<string>): AsyncGenerator<string> {
  yield* pieces
}

describe("A managed model of LangChain", () => {
  it("tells callbacks no token that a guardrail holds back, streamed or not", async () => {
    const { heddle } = await recording([noSecrets("full")])
    const model = LangChain.model(heddle, new StreamedModel(() => texts("the key is ", "sk-", "123")))
    const told: Array<string> = []
    const callbacks = [{ handleLLMNewToken: (token: string) => void told.push(token) }]
    const streamed = async () => {
      for await (const chunk of await model.stream("go", { callbacks })) told.push(chunk.text)
    }
    assert.instanceOf(await rejection(streamed()), Promises.CallError)
    assert.instanceOf(await rejection(model.invoke("go", { callbacks })), Promises.CallError)
    assert.deepStrictEqual(told, [])
  })

  it("tells callbacks each token that was let go, once and in order", async () => {
    const { heddle } = await recording([noSecrets("boundary")])
    const model = LangChain.model(heddle, new StreamedModel(() => texts("One. ", "Two. ", "Three.")))
    const told: Array<string> = []
    const callbacks = [{
      awaitHandlers: true,
      name: "teller",
      handleLLMNewToken: (token: string) => void told.push(token)
    }]
    let read = ""
    for await (const chunk of await model.stream("go", { callbacks })) read += chunk.text
    assert.strictEqual(read, "One. Two. Three.")
    assert.deepStrictEqual(told, ["One. ", "Two. ", "Three."])
  })

  it("governs the events of its stream too", async () => {
    const { events, heddle } = await recording([noSecrets("full")])
    const model = LangChain.model(heddle, new StreamedModel(() => texts("the key is ", secret)))
    const read = async () => {
      for await (const _ of model.streamEvents("go")) { /* nothing is let go */ }
    }
    assert.instanceOf(await rejection(read()), Promises.CallError)
    EventTree.assertTree(
      await events(),
      `
      llm StreamedModel → Blocked by no-secrets: it shows a key
        mark guardrail no-secrets [warn]`
    )
  })

  it("governs a provider that has events of its own", async () => {
    const { heddle } = await recording([noSecrets("full")])
    class Native extends StreamedModel {
      override async *_streamChatModelEvents(): AsyncGenerator<never> {
        throw new Error("asked past the runtime")
      }
    }
    const model = LangChain.model(heddle, new Native(() => texts("all ", "is well")))
    let text = ""
    for await (const piece of model.streamEvents("go").text) text += piece
    assert.strictEqual(text, "all is well")
  })

  it("adds up the usage that chunks of a stream say", async () => {
    const { events, heddle } = await recording()
    const chunk = (content: string, input_tokens: number, output_tokens: number) => {
      const usage_metadata = { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens }
      return new ChatGenerationChunk({
        text: content,
        message: new AIMessageChunk({ content, usage_metadata } as never)
      })
    }
    class Counting extends StreamedModel {
      override async *_streamResponseChunks() {
        yield chunk("one ", 10, 1)
        yield chunk("two", 0, 4)
      }
    }
    let usage: unknown
    for await (const { usage_metadata } of await LangChain.model(heddle, new Counting(() => texts())).stream("go")) {
      usage = usage_metadata
    }
    assert.deepStrictEqual(usage, { input_tokens: 0, output_tokens: 4, total_tokens: 4 })
    const end = (await events()).find((event) => event._tag === "ScopeEnd")
    const counted = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
    assert.include(JSON.stringify(end?.data), JSON.stringify(counted).slice(1, -1))
  })

  it("stays managed with tools and options bound, in sequences, and when it is made late", async () => {
    const { events, heddle } = await recording([refuse("llm")])
    const model = LangChain.model(heddle, new PlayedModel(() => new AIMessage("no")))
    const played = async () => new PlayedModel(() => new AIMessage("no"))
    const late = LangChain.model(heddle, Object.assign(new ConfigurableModel({}), { _getModelInstance: played }))
    const lookup = { type: "function", function: { name: "lookup", parameters: {} } }
    const all = [
      model,
      model.bindTools([lookup]),
      model.withConfig({ tags: ["a"] }),
      model.withConfig({ tags: ["a"] }).withConfig({ tags: ["b"] }),
      model.pipe(new StringOutputParser()),
      model.withRetry({ stopAfterAttempt: 1 }),
      model.withStructuredOutput(z.object({ a: z.string() })),
      late
    ]
    for (const runnable of all) assert.instanceOf(await rejection(runnable.invoke("go")), Promises.CallError)
    assert.strictEqual(EventTree.fromEvents(await events()).length, all.length)
    assert.instanceOf(model, PlayedModel)
    assert.strictEqual(LangChain.model(heddle, model), model)
  })

  it("refuses to make of itself what it could not manage", async () => {
    const { heddle } = await recording()
    class Odd extends PlayedModel {
      override bindTools() {
        return new StringOutputParser() as never
      }
    }
    const model = LangChain.model(heddle, new Odd(() => new AIMessage("no")))
    assert.throws(() => model.bindTools(), /expected a chat model.* StringOutputParser is neither/)
  })

  it("is asked with what policies have rewritten, and all else as it was", async () => {
    const asked: Array<ReadonlyArray<BaseMessage>> = []
    const options: Array<object> = []
    const { heddle } = await recording([
      rewrite((body) => ({
        ...body,
        temperature: 0,
        messages: JSON.parse(JSON.stringify(body["messages"]).replace("I am Ann", "I am [name]"))
      }))
    ])
    const model = LangChain.model(
      heddle,
      new PlayedModel((call) => {
        asked.push(call.messages)
        options.push(call.options)
        return new AIMessage("yes")
      })
    )
    const messages = [
      new SystemMessage("be kind"),
      new HumanMessage({ content: "I am Ann", id: "h1", additional_kwargs: { mine: 1 } }),
      new AIMessage({ content: "", tool_calls: [{ id: "c1", name: "lookup", args: { q: 1 } }] }),
      new ToolMessage({ content: "found", tool_call_id: "c1", artifact: { rows: 3 } })
    ]
    await model.invoke(messages)
    const [system, human, ai, answer] = asked[0]!
    assert.strictEqual(system, messages[0])
    assert.strictEqual(ai, messages[2])
    assert.strictEqual(answer, messages[3])
    assert.instanceOf(human, HumanMessage)
    assert.strictEqual(human?.text, "I am [name]")
    assert.strictEqual(human?.id, "h1")
    assert.deepStrictEqual(human?.additional_kwargs, { mine: 1 })
    assert.propertyVal(options[0], "temperature", 0)
  })

  it("keeps what Chat Completions do not say of a message that is rewritten", async () => {
    const asked: Array<ReadonlyArray<BaseMessage>> = []
    const { heddle } = await recording([
      rewrite((body) => JSON.parse(JSON.stringify(body).replaceAll("old", "new")))
    ])
    const model = LangChain.model(
      heddle,
      new PlayedModel((call) => {
        asked.push(call.messages)
        return new AIMessage("yes")
      })
    )
    const artifact = { rows: 3 }
    await model.invoke([
      new AIMessage({ content: "old", id: "a1", tool_calls: [{ id: "c1", name: "lookup", args: { q: "old" } }] }),
      new ToolMessage({ content: "old", tool_call_id: "c1", artifact, status: "error" })
    ])
    const [ai, answer] = asked[0]!
    assert.isTrue(AIMessage.isInstance(ai))
    assert.deepInclude(ai, { content: "new", id: "a1" })
    assert.deepStrictEqual(AIMessage.isInstance(ai) && ai.tool_calls, [
      { id: "c1", name: "lookup", args: { q: "new" }, type: "tool_call" as const }
    ])
    assert.isTrue(ToolMessage.isInstance(answer))
    const { content, status, tool_call_id } = answer as ToolMessage
    assert.deepStrictEqual([content, status, tool_call_id], ["new", "error", "c1"])
    assert.strictEqual((answer as ToolMessage).artifact, artifact)
  })

  it("fails rather than ask another model than policy wanted", async () => {
    const { heddle } = await recording([rewrite((body) => ({ ...body, model: "cheaper" }))])
    let asked = 0
    const model = LangChain.model(heddle, new PlayedModel(() => new AIMessage(`${++asked}`)))
    const error = await rejection(model.invoke("go"))
    assert.instanceOf(error, TypeError)
    assert.match(String(error), /`model` of a LangChain model cannot be changed/)
    assert.strictEqual(asked, 0)
  })

  it("gives what an intercept answers, or makes of an answer, as a message", async () => {
    const choices = (content: string) => ({ choices: [{ index: 0, message: { role: "assistant", content } }] })
    const cached = Promises.Intercept.execution({
      name: "cached",
      applies: "llm",
      around: async (_call, next) => {
        const answer = JSON.stringify(await next())
        return answer.includes("found") ? JSON.parse(answer.replace("found", "made")) : choices("cached")
      },
      stream: async function*(_call, next) {
        for await (const chunk of next()) yield JSON.parse(JSON.stringify(chunk).replace("found", "made"))
      }
    })
    const { heddle } = await recording([cached])
    const invoke = async (text: string) =>
      LangChain.model(heddle, new PlayedModel(() => new AIMessage({ content: text, id: "m1" }))).invoke("go")
    const made = await invoke("found")
    assert.deepInclude(made, { content: "made", id: "m1" })
    assert.strictEqual((await invoke("other")).text, "cached")
    let streamed = ""
    const model = LangChain.model(heddle, new StreamedModel(() => texts("it is ", "found")))
    for await (const chunk of await model.stream("go")) streamed += chunk.text
    assert.strictEqual(streamed, "it is made")
  })

  it("says on its events which model answered, why it stopped, and what it used", async () => {
    const { events, heddle } = await recording()
    const answer = new AIMessage({ content: "yes", response_metadata: { model_name: "m-1", stop_reason: "end_turn" } })
    const cached = { input_token_details: { cache_read: 3 } }
    Object.assign(answer, { usage_metadata: { input_tokens: 5, output_tokens: 2, total_tokens: 7, ...cached } })
    await LangChain.model(heddle, fakeModel().respond(answer)).invoke("go")
    const end = (await events()).find((event) => event._tag === "ScopeEnd")
    const annotated = end?.profile?.annotatedResponse
    assert.deepInclude(annotated, {
      model: "m-1",
      finishReasons: [{ reason: "stop", raw: "stop" }],
      usage: { inputTokens: 5, outputTokens: 2, totalTokens: 7, cacheReadTokens: 3 }
    })
  })
})

describe("An agent with the middleware", () => {
  const lookup = (work: (text: string, signal: AbortSignal | undefined) => string | Promise<string>) =>
    tool(({ text }: { readonly text: string }, config) => work(text, config.signal), {
      name: "lookup",
      description: "Looks it up",
      schema: z.object({ text: z.string() })
    })
  const messages = [new HumanMessage("go")]

  it("streams no token that a guardrail holds back", async () => {
    const { heddle } = await recording([noSecrets("full")])
    const agent = createAgent({
      model: new StreamedModel(() => texts("the key is ", "sk-", "123")),
      tools: [],
      middleware: [LangChain.middleware(heddle)]
    })
    for (const streamMode of ["messages", "updates", "values"] as const) {
      const seen: Array<unknown> = []
      const read = async () => {
        for await (const part of await agent.stream({ messages }, { streamMode })) seen.push(part)
      }
      const error = await rejection(read())
      assert.strictEqual(LangChain.callError(error)?.reason._tag, "GuardrailRejected")
      assert.notInclude(JSON.stringify(seen), "key")
    }
  })

  it("goes on after a block with what it is told to say instead", async () => {
    const { events, heddle } = await recording([refuse("tool"), noSecrets("full")])
    const agent = createAgent({
      name: "scout",
      model: wanting("lookup", { text: "x" }, (answer) => `${answer} ${secret}`),
      tools: [lookup(() => "never")],
      middleware: [LangChain.middleware(heddle, {
        onToolBlocked: ({ reason }, tool) => `${tool} refused: ${reason}`,
        onModelBlocked: ({ reason }) => `I may not say: ${reason}`
      })]
    })
    const { messages: said } = await agent.invoke({ messages })
    assert.deepStrictEqual(said.map((message: BaseMessage) => message.text), [
      "go",
      "",
      "lookup refused: not today",
      "I may not say: it shows a key"
    ])
    const answer = said[2]
    assert.isTrue(ToolMessage.isInstance(answer) && answer.status === "error" && answer.tool_call_id === "call-1")
    const outcomes = EventTree.fromEvents(await events()).map(({ category, outcome }) => `${category} ${outcome?._tag}`)
    assert.deepStrictEqual(outcomes, ["llm Success", "tool Blocked", "llm Blocked"])
  })

  it("runs a tool with the input, and answers with the output, that policies left", async () => {
    const { heddle } = await recording([
      Promises.Intercept.request({
        name: "other-input",
        applies: "tool",
        transform: (call) => call.kind === "tool" ? { ...call, input: { text: "other" } } : call
      }),
      Promises.Intercept.execution({
        name: "louder",
        applies: "tool",
        around: async (_call, next) => `${String(await next())}!`
      })
    ])
    const agent = createAgent({
      model: wanting("lookup", { text: "x" }, (answer) => `I read: ${answer}`),
      tools: [lookup((text) => `found ${text}`)],
      middleware: [LangChain.middleware(heddle)]
    })
    const { messages: said } = await agent.invoke({ messages })
    assert.strictEqual(said.at(-1)?.text, "I read: found other!")
  })

  it("tells its tool when a policy interrupts the call", async () => {
    const told = deferred()
    const { heddle } = await recording([
      Promises.Intercept.execution({
        name: "impatient",
        applies: "tool",
        around: async (_call, next) => {
          const controller = new AbortController()
          const waiting = next(undefined, { signal: controller.signal })
          await begun.promise
          controller.abort(new Error("too slow"))
          return await waiting.catch(() => "gave up")
        }
      })
    ])
    const begun = deferred()
    const agent = createAgent({
      model: wanting("lookup", { text: "x" }, (answer) => answer),
      tools: [lookup((_text, signal) => {
        signal?.addEventListener("abort", () => told.resolve(), { once: true })
        begun.resolve()
        return untilAborted(signal!)
      })],
      middleware: [LangChain.middleware(heddle)]
    })
    const { messages: said } = await agent.invoke({ messages })
    await told.promise
    assert.strictEqual(said.at(-1)?.text, "gave up")
  })
})
