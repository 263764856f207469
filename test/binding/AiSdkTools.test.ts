/** Tools of the AI SDK under policy, in runs of the real package. */
import { assert, describe, it } from "@effect/vitest"
import { generateText, isStepCount, streamText, tool, type ToolSet } from "ai"
import { z } from "zod"
import * as AiSdk from "../../src/binding/AiSdk.ts"
import * as Promises from "../../src/binding/Promises.ts"
import {
  answerOf,
  type Content,
  list,
  model,
  type Params,
  type Part,
  streamOf,
  text,
  toolCall,
  usage
} from "./aiSdkSupport.ts"
import { deferred, recording, rejection } from "./promisesSupport.ts"

const inputSchema = z.object({ text: z.string() })

const noForbidden = Promises.Guardrail.make({
  name: "no-forbidden",
  applies: "tool",
  check: (call) =>
    JSON.stringify(call).includes("forbidden") ? Promises.Guardrail.reject("it is forbidden") : Promises.Guardrail.allow
})

/** A model that says these one after the other. */
const saying = (...contents: ReadonlyArray<Content>) => {
  let i = 0
  return model({ doGenerate: async () => answerOf(contents[i++] ?? text("done")) })
}

/** What the model was told in its last call that tools gave. */
const toldOf = (calls: ReadonlyArray<Params>) =>
  calls.at(-1)!.prompt.flatMap((message) =>
    message.role === "tool" ? message.content.map((part) => part.type === "tool-result" ? part.output : part) : []
  )

const lookup = (execute: (input: { readonly text: string }) => unknown = ({ text }) => `found ${text}`): ToolSet => ({
  lookup: tool({ inputSchema, execute: async (input) => execute(input) })
})

describe("a tool", () => {
  it("tells the id of the model's call", async () => {
    const { events, heddle } = await recording()
    await generateText({
      model: saying(toolCall("lookup", { text: "x" }, "call-7")),
      prompt: "go",
      tools: AiSdk.tools(heddle, lookup()),
      stopWhen: isStepCount(2)
    })
    const [start] = await events()
    assert.strictEqual((start!.profile as { toolCallId?: string }).toolCallId, "call-7")
    assert.deepStrictEqual(start!.data, { text: "x" })
  })

  it("that is blocked tells the model why, and the run goes on", async () => {
    const { heddle } = await recording([noForbidden])
    const played = saying(toolCall("lookup", { text: "forbidden" }))
    const { steps, text } = await generateText({
      model: played,
      prompt: "go",
      tools: AiSdk.tools(heddle, lookup()),
      stopWhen: isStepCount(5)
    })
    assert.strictEqual(text, "done")
    const [told] = toldOf(played.doGenerateCalls)
    assert.strictEqual(told?.type, "error-text")
    assert.include(JSON.stringify(told), "it is forbidden")
    assert.deepStrictEqual(AiSdk.blocks(steps).map(({ reason }) => reason._tag), ["GuardrailRejected"])
  })

  it("that is blocked ends the run where that is wanted", async () => {
    const { heddle } = await recording([noForbidden])
    const run = async (text: string) => {
      const played = saying(toolCall("lookup", { text }))
      const { steps } = await generateText({
        model: played,
        prompt: "go",
        tools: AiSdk.tools(heddle, lookup()),
        stopWhen: [isStepCount(5), AiSdk.stopOnBlock]
      })
      for (const block of AiSdk.blocks(steps)) throw block
      return played.doGenerateCalls.length
    }
    assert.instanceOf(await rejection(run("forbidden")), Promises.CallError)
    assert.strictEqual(await run("fine"), 2)
  })

  it("that fails for another reason is no block", async () => {
    const { heddle } = await recording()
    const { steps } = await generateText({
      model: saying(toolCall("lookup", { text: "x" })),
      prompt: "go",
      tools: AiSdk.tools(heddle, lookup(() => Promise.reject(new Error("the disk is full")))),
      stopWhen: [isStepCount(5), AiSdk.stopOnBlock]
    })
    assert.lengthOf(steps, 2)
    assert.deepStrictEqual(AiSdk.blocks(steps), [])
  })

  it("that is blocked gives the result that its user has for it", async () => {
    const { heddle, tree } = await recording([noForbidden])
    const played = saying(toolCall("lookup", { text: "forbidden" }))
    await generateText({
      model: played,
      prompt: "go",
      tools: AiSdk.tools(heddle, lookup(), { onBlocked: ({ reason }, tool) => `${tool} was refused: ${reason}` }),
      stopWhen: isStepCount(2)
    })
    assert.deepStrictEqual(toldOf(played.doGenerateCalls), [
      { type: "text", value: "lookup was refused: it is forbidden" }
    ])
    await tree(`
      tool lookup → Blocked by no-forbidden: it is forbidden
        mark guardrail no-forbidden [warn]
    `)
  })

  it("asks for approval as before, with what the model wanted", async () => {
    const { heddle, tree } = await recording([
      Promises.Intercept.request({
        name: "other",
        transform: (call) => ({ ...call, input: { text: "other" } }) as never
      })
    ])
    const asked: Array<unknown> = []
    const { content } = await generateText({
      model: saying(toolCall("lookup", { text: "x" })),
      prompt: "go",
      tools: AiSdk.tools(heddle, {
        lookup: tool({
          inputSchema,
          needsApproval: async (input) => {
            asked.push(input)
            return true
          },
          execute: async () => "never"
        })
      })
    })
    assert.deepStrictEqual(asked, [{ text: "x" }])
    assert.include(content.map(({ type }) => type), "tool-approval-request")
    await tree("")
  })

  it("that the SDK does not execute stays the same object, and others keep all else", () => {
    const client = tool({ inputSchema, outputSchema: z.string() })
    const server = tool({
      inputSchema,
      description: "d",
      execute: async () => "x",
      toModelOutput: () => ({ type: "text", value: "y" })
    })
    const heddle = {} as Promises.Heddle
    const managed = AiSdk.tools(heddle, { client, server })
    assert.strictEqual(managed.client, client)
    assert.deepStrictEqual({ ...managed.server, execute: undefined }, { ...server, execute: undefined } as never)
    assert.notStrictEqual(managed.server.execute, server.execute)
  })

  it("finds its own object as `this`", async () => {
    const { heddle } = await recording()
    const counter = {
      inputSchema,
      count: 41,
      async execute(this: { readonly count: number }) {
        return this.count + 1
      }
    }
    const { counter: managed } = AiSdk.tools(heddle, { counter: counter as unknown as ToolSet[string] })
    const result: unknown = await managed!.execute!({ text: "" }, {
      toolCallId: "c",
      messages: [],
      context: {} as never
    })
    assert.strictEqual(result, 42)
  })
})

describe("a tool with preliminary results", () => {
  const progress = (ended: () => void = () => undefined): ToolSet => ({
    lookup: tool({
      inputSchema,
      async *execute({ text }) {
        try {
          yield "looking"
          yield "reading"
          yield `found ${text}`
        } finally {
          ended()
        }
      }
    })
  })

  const streamed = async (tools: ToolSet, text = "x") => {
    const parts: ReadonlyArray<Part> = [
      ...toolCall("lookup", { text }) as ReadonlyArray<Part>,
      { type: "finish", finishReason: { unified: "tool-calls", raw: undefined }, usage }
    ]
    const { stream } = streamText({
      model: model({ doStream: async () => ({ stream: streamOf(list(parts)) }) }),
      prompt: "go",
      tools
    })
    const results: Array<readonly [unknown, boolean]> = []
    for await (const part of stream) {
      if (part.type === "tool-result") results.push([part.output, part.preliminary ?? false])
      if (part.type === "tool-error") throw part.error
    }
    return results
  }

  it("gives them as before, and its last one as the result", async () => {
    const { events, heddle } = await recording()
    const plain = await streamed(progress())
    assert.lengthOf(plain, 4)
    assert.deepStrictEqual(await streamed(AiSdk.tools(heddle, progress())), plain)
    const end = (await events()).find(({ _tag }) => _tag === "ScopeEnd")
    assert.strictEqual(end?.data, "found x")
  })

  it("gives out nothing that a guardrail has yet to judge", async () => {
    const { heddle } = await recording([
      Promises.Guardrail.output({
        name: "no-keys",
        applies: "tool",
        check: ({ value }) =>
          String(value).includes("sk-") ? Promises.Guardrail.reject("a key") : Promises.Guardrail.allow
      })
    ])
    const tools = AiSdk.tools(heddle, progress())
    assert.deepStrictEqual(await streamed(tools), [["found x", true], ["found x", false]])
    assert.instanceOf(await rejection(streamed(tools, "sk-1")), Promises.CallError)
  })

  it("gives what policy made of the result, last", async () => {
    const { heddle } = await recording([
      Promises.Intercept.execution({ name: "loud", around: async (_call, next) => String(await next()).toUpperCase() })
    ])
    assert.deepStrictEqual((await streamed(AiSdk.tools(heddle, progress()))).at(-1), ["FOUND X", false])
  })

  it("ends as interrupted when nobody takes them any more, and so does its generator", async () => {
    const { heddle, tree } = await recording()
    const ended = deferred()
    const { lookup } = AiSdk.tools(heddle, progress(ended.resolve))
    const results = lookup!.execute!({ text: "x" }, {
      toolCallId: "c",
      messages: [],
      context: {} as never
    }) as AsyncIterable<unknown>
    for await (const result of results) {
      assert.strictEqual(result, "looking")
      break
    }
    await ended.promise
    await tree("tool lookup → Interrupted")
  })

  it("that come from a function which is no generator, give the last", async () => {
    const { heddle } = await recording()
    const tools = AiSdk.tools(heddle, { lookup: tool({ inputSchema, execute: () => list(["a", "b"]) }) })
    assert.deepStrictEqual(await streamed(tools), [["b", false]])
  })
})
