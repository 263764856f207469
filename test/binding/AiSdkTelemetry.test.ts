/** Runs and steps of the AI SDK as scopes, told by the real package. */
import { assert, describe, it } from "@effect/vitest"
import { embed, generateText, isStepCount, streamText, tool, wrapLanguageModel } from "ai"
import { MockEmbeddingModelV4 } from "ai/test"
import { z } from "zod"
import * as AiSdk from "../../src/binding/AiSdk.ts"
import type * as Promises from "../../src/binding/Promises.ts"
import {
  answerOf,
  askedOf,
  type Content,
  list,
  model,
  type Part,
  streamOf,
  text,
  toolCall,
  usage
} from "./aiSdkSupport.ts"
import { deferred, recording, rejection, untilAborted } from "./promisesSupport.ts"

/** What runs need that are governed and observed. */
const setup = (heddle: Promises.Heddle, played: ReturnType<typeof model>) => ({
  model: wrapLanguageModel({ model: played, middleware: AiSdk.middleware(heddle) }),
  maxRetries: 0,
  telemetry: { integrations: AiSdk.telemetry(heddle) }
})

const both: Content = [...toolCall("lookup", { text: "a" }, "1"), ...toolCall("lookup", { text: "b" }, "2")]

/** Asks for two tools, then answers. */
const agent = () => {
  let i = 0
  return model({
    doGenerate: async () => answerOf(i++ === 0 ? both : text("done")),
    doStream: async () => {
      const parts: ReadonlyArray<Part> = i++ === 0
        ? [...both as ReadonlyArray<Part>, {
          type: "finish",
          finishReason: { unified: "tool-calls", raw: undefined },
          usage
        }]
        : [
          { type: "text-start", id: "t" },
          { type: "text-delta", id: "t", delta: "done" },
          { type: "text-end", id: "t" },
          { type: "finish", finishReason: { unified: "stop", raw: undefined }, usage }
        ]
      return { stream: streamOf(list(parts)) }
    }
  })
}

const lookup = (heddle: Promises.Heddle) =>
  AiSdk.tools(heddle, {
    lookup: tool({
      inputSchema: z.object({ text: z.string() }),
      execute: async ({ text }) => {
        heddle.mark(`looked for ${text}`)
        return text
      }
    })
  })

const looped = (name: string) => `
  agent ${name} → Success
    function step 0 → Success
      tool lookup → Success
        mark looked for a
      tool lookup → Success
        mark looked for b
      llm openai.responses → Success
    function step 1 → Success
      llm openai.responses → Success
`

describe("a run", () => {
  it("has its steps inside, and in them model calls beside tools", async () => {
    const { heddle, tree } = await recording()
    await generateText({ ...setup(heddle, agent()), prompt: "go", tools: lookup(heddle), stopWhen: isStepCount(3) })
    await tree(looped("generateText"), { sort: true })
  })

  it("that is streamed looks the same, wherever it is read", async () => {
    const { heddle, tree } = await recording()
    const result = await heddle.scope("request", () => ({
      stream: streamText({ ...setup(heddle, agent()), prompt: "go", tools: lookup(heddle), stopWhen: isStepCount(3) })
    }))
    await heddle.scope("reader", () => result.stream.consumeStream())
    await tree(
      `
      function reader → Success
      function request → Success
        ${looped("streamText").trim().replaceAll("\n", "\n      ")}
      `,
      { sort: true }
    )
  })

  it("shows what was asked and said under the name that its user gave it, and which model was to answer", async () => {
    const { events, heddle } = await recording()
    const { telemetry, ...rest } = setup(heddle, model({ doGenerate: async () => answerOf(text("fine")) }))
    await generateText({
      ...rest,
      telemetry: { ...telemetry, functionId: "greeter" },
      instructions: "be kind",
      prompt: "hello"
    })
    const [start] = await events()
    const end = (await events()).at(-1)
    assert.strictEqual(start!.name, "greeter")
    assert.deepInclude(start!.metadata, {
      "ai.operation": "ai.generateText",
      "ai.provider": "openai.responses",
      "ai.model": "gpt-test"
    })
    assert.include(JSON.stringify(start!.data), "be kind")
    assert.include(JSON.stringify(start!.data), "hello")
    assert.deepStrictEqual(end?.data, { text: "fine", finishReason: "stop" })
  })

  it("that may not record what goes in and out records neither", async () => {
    const { events, heddle } = await recording()
    const played = model({ doGenerate: async () => answerOf(text("public")) })
    await generateText({
      model: played,
      prompt: "secret",
      telemetry: { integrations: AiSdk.telemetry(heddle), recordInputs: false, recordOutputs: false }
    })
    const told = JSON.stringify(await events())
    assert.include(told, "generateText")
    for (const word of ["secret", "public"]) assert.notInclude(told, word)
  })

  it("is the parent of its own calls only, when many go on at once", async () => {
    const { events, heddle } = await recording()
    const names = ["one", "two", "three"]
    let missing = names.length
    const all = deferred()
    const played = model({
      doGenerate: async (params) => {
        if (--missing === 0) all.resolve()
        await all.promise
        return answerOf(text(`${askedOf(params)} answered`))
      }
    })
    await Promise.all(names.map((name) => {
      const { telemetry, ...rest } = setup(heddle, played)
      return generateText({ ...rest, telemetry: { ...telemetry, functionId: name }, prompt: `ask ${name}` })
    }))
    const told = await events()
    for (const name of names) {
      const root = told.find((event) => event.name === name)
      const call = told.find(({ _tag, category, rootUuid }) =>
        _tag === "ScopeStart" && category === "llm" && rootUuid === root?.uuid
      )
      assert.include(JSON.stringify(call?.data), `ask ${name}`)
    }
  })

  it("inside of a tool belongs to the tool", async () => {
    const { heddle, tree } = await recording()
    let i = 0
    const outer = model({ doGenerate: async () => answerOf(i++ === 0 ? toolCall("ask", {}) : text("done")) })
    await generateText({
      ...setup(heddle, outer),
      prompt: "go",
      stopWhen: isStepCount(2),
      tools: AiSdk.tools(heddle, {
        ask: tool({
          inputSchema: z.object({}),
          execute: async () => {
            const inner = model({ doGenerate: async () => answerOf(text("inner")) })
            return (await generateText({ ...setup(heddle, inner), prompt: "deeper" })).text
          }
        })
      })
    })
    await tree(`
      agent generateText → Success
        function step 0 → Success
          llm openai.responses → Success
          tool ask → Success
            agent generateText → Success
              function step 0 → Success
                llm openai.responses → Success
        function step 1 → Success
          llm openai.responses → Success
    `)
  })

  it("that fails says why, and its user gets the error itself", async () => {
    const { heddle, tree } = await recording()
    const error = new Error("the line is cut")
    const played = model({ doGenerate: () => Promise.reject(error) })
    assert.strictEqual(await rejection(generateText({ ...setup(heddle, played), prompt: "go" })), error)
    await tree(`
      agent generateText → Failure Error: the line is cut
        function step 0 → Failure Error: the line is cut
          llm openai.responses → Failure Error: the line is cut
    `)
  })

  for (const streaming of [false, true]) {
    it(`that is aborted is interrupted with all inside${streaming ? ", also when it is streamed" : ""}`, async () => {
      const { heddle, finalTree } = await recording()
      const controller = new AbortController()
      const begun = deferred()
      const wait = ({ abortSignal }: { readonly abortSignal?: AbortSignal | undefined }): Promise<never> => {
        begun.resolve()
        return untilAborted(abortSignal!)
      }
      const options = {
        ...setup(heddle, model({ doGenerate: wait, doStream: wait })),
        prompt: "go",
        abortSignal: controller.signal
      }
      const running = streaming
        ? streamText({ ...options, onError: () => undefined }).consumeStream()
        : rejection(generateText(options))
      await begun.promise
      controller.abort()
      await running
      await finalTree(`
        agent ${streaming ? "streamText" : "generateText"} → Interrupted
          function step 0 → Interrupted
            llm openai.responses → Interrupted
      `)
    })
  }

  it("of another kind is a scope of its kind", async () => {
    const { heddle, tree } = await recording()
    await embed({
      model: new MockEmbeddingModelV4({ doEmbed: async () => ({ embeddings: [[1, 2]], warnings: [] }) }),
      value: "hello",
      telemetry: { integrations: AiSdk.telemetry(heddle) }
    })
    await tree("embedder embed → Success")
  })

  it("goes on as if nothing was, when its runtime has closed", async () => {
    const { heddle } = await recording()
    await heddle.close()
    const { text: said } = await generateText({
      model: agent(),
      prompt: "go",
      tools: { lookup: tool({ inputSchema: z.object({ text: z.string() }), execute: async ({ text }) => text }) },
      stopWhen: isStepCount(3),
      telemetry: { integrations: AiSdk.telemetry(heddle) }
    })
    assert.strictEqual(said, "done")
  })
})
