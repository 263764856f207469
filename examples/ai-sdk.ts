// An agent of the AI SDK under policy: guarded tools, a guard on its stream, and a tree of its run. Offline: the model is
// a script. With a provider of the SDK in place of it, nothing else changes.
import { isStepCount, simulateReadableStream, streamText, tool, wrapLanguageModel } from "ai"
import { MockLanguageModelV4 } from "ai/test"
import { z } from "zod"
import * as AiSdk from "../src/binding/AiSdk.ts"
import { Guardrail, make } from "../src/binding/Promises.ts"

const noSecretFiles = Guardrail.make({
  name: "no-secret-files",
  applies: "tool",
  check: (call) => JSON.stringify(call).includes(".env") ? Guardrail.reject("off limits") : Guardrail.allow
})
const noKeys = Guardrail.output({
  name: "no-keys",
  applies: "llm",
  hold: "boundary",
  check: ({ text = "" }) => text.includes("sk-") ? Guardrail.reject("it shows a key") : Guardrail.allow
})

await using heddle = await make({
  middleware: [noSecretFiles, noKeys],
  subscribers: [{
    name: "trace",
    handle: (event) => {
      if (event._tag === "ScopeEnd") console.log("ended", event.category, event.name, event.outcome._tag)
    }
  }]
})

const usage = {
  inputTokens: { total: 9, noCache: 9, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 7, text: 7, reasoning: 0 }
}
const call = (toolCallId: string, path: string) =>
  ({ type: "tool-call", toolCallId, toolName: "readFile", input: JSON.stringify({ path }) }) as const
const say = (delta: string) => ({ type: "text-delta", id: "t", delta }) as const
const finish = (unified: "stop" | "tool-calls") =>
  ({ type: "finish", usage, finishReason: { unified, raw: undefined } }) as const

const scripted = new MockLanguageModelV4({
  provider: "openai.responses",
  modelId: "gpt-5",
  doStream: [
    { stream: simulateReadableStream({ chunks: [call("1", "notes.txt"), call("2", ".env"), finish("tool-calls")] }) },
    {
      stream: simulateReadableStream({
        chunks: [
          { type: "text-start", id: "t" },
          say("One file is off limits. "),
          say("The other says: the key "),
          say("is sk-123."),
          { type: "text-end", id: "t" },
          finish("stop")
        ]
      })
    }
  ]
})

const model = wrapLanguageModel({ model: scripted, middleware: AiSdk.middleware(heddle) })
const tools = AiSdk.tools(heddle, {
  readFile: tool({
    inputSchema: z.object({ path: z.string() }),
    execute: async ({ path }) => `the key in ${path} is sk-123`
  })
})

const { stream } = streamText({
  model,
  tools,
  prompt: "What do the files say?",
  stopWhen: isStepCount(3),
  telemetry: { integrations: AiSdk.telemetry(heddle), functionId: "reader" },
  onError: () => undefined
})

try {
  for await (const part of stream) {
    if (part.type === "tool-error") console.log("the model is told:", AiSdk.callError(part.error)?.message)
    if (part.type === "text-delta") console.log("said", part.text)
  }
} catch (error) {
  console.log("failed", AiSdk.callError(error)?.message)
}
