/** AI SDK: `generateText` and `streamText` with its own mock model. */
import { casesOf } from "../../harness/Case.ts"
import { loadPeer } from "../../harness/peer.ts"
import { chatBody, chatResponse, chunkCount } from "../work.ts"

interface Ai {
  readonly generateText: (options: Record<string, unknown>) => Promise<unknown>
  readonly streamText: (options: Record<string, unknown>) => { readonly textStream: AsyncIterable<string> }
}

interface MockModel {
  doGenerateCalls: Array<unknown>
  doStreamCalls: Array<unknown>
}

interface AiTest {
  readonly MockLanguageModelV4: new(options: Record<string, unknown>) => MockModel
}

const { timed } = casesOf(import.meta.url)

const prompt = {
  instructions: chatBody.messages[0]!.content,
  messages: chatBody.messages.slice(1).map(({ content, role }) => ({ role, content }))
}

const finish = {
  finishReason: { unified: "stop", raw: "stop" },
  usage: {
    inputTokens: { total: 700, noCache: 700, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 7, text: 7, reasoning: 0 }
  }
}

/** The mock remembers every call, which the work must not pay for. */
const forget = (model: MockModel): void => {
  model.doGenerateCalls.length = 0
  model.doStreamCalls.length = 0
}

export const generate = timed("peer/ai-sdk/llm", "AI SDK: generateText, mock model", async () => {
  const { generateText } = await loadPeer<Ai>("ai")
  const { MockLanguageModelV4 } = await loadPeer<AiTest>("ai/test")
  const text = chatResponse.choices[0]!.message.content
  const model = new MockLanguageModelV4({
    doGenerate: async () => ({ content: [{ type: "text", text }], ...finish, warnings: [] })
  })
  return {
    run: async (operations) => {
      for (let i = 0; i < operations; i++) {
        await generateText({ model, ...prompt })
        if (i % 100 === 99) forget(model)
      }
      forget(model)
    }
  }
})

export const stream = timed("peer/ai-sdk/stream", "AI SDK: streamText, mock model", async () => {
  const { streamText } = await loadPeer<Ai>("ai")
  const { MockLanguageModelV4 } = await loadPeer<AiTest>("ai/test")
  const parts = [
    { type: "stream-start", warnings: [] },
    { type: "text-start", id: "1" },
    ...Array.from({ length: chunkCount }, (_, index) => ({ type: "text-delta", id: "1", delta: `token ${index}` })),
    { type: "text-end", id: "1" },
    { type: "finish", ...finish }
  ]
  const model = new MockLanguageModelV4({ doStream: async () => ({ stream: ReadableStream.from(parts) }) })
  let received = 0
  let expected = 0
  return {
    run: async (operations) => {
      for (let i = 0; i < operations; i++) {
        expected += chunkCount
        for await (const _ of streamText({ model, ...prompt }).textStream) received++
        forget(model)
      }
    },
    check: () => received === expected ? undefined : `${received} of ${expected} chunks came`
  }
}, chunkCount)

export const cases = [generate, stream]
