/** The contract of bindings, kept by the AI SDK through its middleware and its tools. */
import {
  experimental_streamTextLowMemory as streamTextLowMemory,
  generateText,
  isStepCount,
  streamText,
  tool,
  wrapLanguageModel
} from "ai"
import { z } from "zod"
import * as AiSdk from "../../src/binding/AiSdk.ts"
import { answerOf, askedOf, model, partsOf, streamOf, text, textsOf, toolCall } from "./aiSdkSupport.ts"
import { bindingContract, type Driver, type Host } from "./BindingTest.ts"

const governed = ({ heddle }: Host, played: ReturnType<typeof model>) =>
  wrapLanguageModel({ model: played, middleware: AiSdk.middleware(heddle) })

const never = new AbortController().signal

/** One question to a streaming model, by one of the two functions that the SDK has for it. */
const streaming =
  (ask: typeof streamText | typeof streamTextLowMemory): Driver["stream"] => (host, { signal, text, work }) => {
    const { stream } = ask({
      model: governed(
        host,
        model({
          doStream: async (params) => ({
            stream: streamOf(partsOf(() => work(askedOf(params), { signal: params.abortSignal ?? never })))
          })
        })
      ),
      prompt: text,
      maxRetries: 0,
      onError: () => undefined,
      ...signal === undefined ? {} : { abortSignal: signal }
    })
    return textsOf(stream)
  }

bindingContract("ai sdk", {
  tool: async ({ heddle }, { signal, text: asked, work }) => {
    const tools = AiSdk.tools(heddle, {
      lookup: tool({
        inputSchema: z.object({ text: z.string() }),
        execute: ({ text }, { abortSignal = never }) => work(text, { signal: abortSignal })
      })
    })
    const { steps } = await generateText({
      model: model({ doGenerate: async () => answerOf(toolCall("lookup", { text: asked })) }),
      prompt: "go",
      tools,
      stopWhen: isStepCount(1),
      maxRetries: 0,
      ...signal === undefined ? {} : { abortSignal: signal }
    })
    for (const part of steps[0]!.content) {
      if (part.type === "tool-error") throw part.error
      if (part.type === "tool-result") return part.output as string
    }
    throw new Error("the tool was not called")
  },
  model: async (host, { signal, text: asked, work }) => {
    const answer = await generateText({
      model: governed(
        host,
        model({
          doGenerate: async (params) =>
            answerOf(text(await work(askedOf(params), { signal: params.abortSignal ?? never })))
        })
      ),
      prompt: asked,
      maxRetries: 0,
      ...signal === undefined ? {} : { abortSignal: signal }
    })
    return answer.text
  },
  stream: streaming(streamText),
  impossible: { breaks: "streamText keeps a copy of what its reader leaves" }
})

bindingContract("ai sdk in little memory", { stream: streaming(streamTextLowMemory) })
