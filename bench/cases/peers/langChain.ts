/** LangChain.js: a tool, a fake chat model and its stream, without and with a callback handler. LangSmith is off. */
import { type Batch, casesOf } from "../../harness/Case.ts"
import { loadPeer } from "../../harness/peer.ts"
import { chatBody, chatResponse, chunkCount, search, smallInput, type ToolInput } from "../work.ts"

interface Config {
  readonly callbacks: ReadonlyArray<unknown>
}

interface Tools {
  readonly tool: (
    work: (input: ToolInput) => Promise<string>,
    options: { readonly name: string; readonly description: string; readonly schema: unknown }
  ) => { readonly invoke: (input: unknown, config?: Config) => Promise<unknown> }
}

interface Callbacks {
  readonly BaseCallbackHandler: { readonly fromMethods: (methods: Record<string, () => void>) => unknown }
}

interface Promises {
  readonly awaitAllCallbacks: () => Promise<void>
}

interface Testing {
  readonly FakeListChatModel: new(options: { readonly responses: ReadonlyArray<string> }) => {
    readonly invoke: (messages: unknown, config?: Config) => Promise<unknown>
    readonly stream: (messages: unknown, config?: Config) => Promise<AsyncIterable<unknown>>
  }
}

interface Zod {
  readonly z: {
    readonly object: (shape: Record<string, unknown>) => unknown
    readonly string: () => unknown
    readonly number: () => unknown
  }
}

const { timed } = casesOf(import.meta.url)

const load = async () => {
  process.env.LANGSMITH_TRACING = "false"
  process.env.LANGCHAIN_TRACING_V2 = "false"
  const { BaseCallbackHandler } = await loadPeer<Callbacks>("@langchain/core/callbacks/base")
  const { awaitAllCallbacks } = await loadPeer<Promises>("@langchain/core/callbacks/promises")
  const counter = { events: 0 }
  const count = (): void => {
    counter.events++
  }
  const handler = BaseCallbackHandler.fromMethods({
    handleToolStart: count,
    handleToolEnd: count,
    handleChatModelStart: count,
    handleLLMEnd: count,
    handleLLMNewToken: count
  })
  return { awaitAllCallbacks, config: { callbacks: [handler] }, counter }
}

const batchOf = async (
  eventsOfOne: number,
  make: (config: Config | undefined) => Promise<() => Promise<void>>
): Promise<Batch> => {
  const { awaitAllCallbacks, config, counter } = await load()
  const operation = await make(eventsOfOne === 0 ? undefined : config)
  let expected = 0
  return {
    run: async (operations) => {
      expected += operations * eventsOfOne
      for (let i = 0; i < operations; i++) await operation()
      await awaitAllCallbacks()
    },
    check: () => counter.events === expected ? undefined : `${counter.events} of ${expected} callbacks came`
  }
}

const toolCase = (id: string, title: string, events: number) =>
  timed(`peer/langchain/tool/${id}`, `LangChain: ${title}`, () =>
    batchOf(events, async (config) => {
      const { tool } = await loadPeer<Tools>("@langchain/core/tools")
      const { z } = await loadPeer<Zod>("zod")
      const searchTool = tool(async (input) => String(search(input)), {
        name: "search",
        description: "searches",
        schema: z.object({ query: z.string(), limit: z.number() })
      })
      return async () => {
        await searchTool.invoke(smallInput, config)
      }
    }))

const fakeModel = async (response: string) => {
  const { FakeListChatModel } = await loadPeer<Testing>("@langchain/core/utils/testing")
  return new FakeListChatModel({ responses: [response] })
}

const llmCase = (id: string, title: string, events: number) =>
  timed(`peer/langchain/llm/${id}`, `LangChain: ${title}`, () =>
    batchOf(events, async (config) => {
      const model = await fakeModel(chatResponse.choices[0]!.message.content)
      return async () => {
        await model.invoke(chatBody.messages, config)
      }
    }))

const streamCase = (id: string, title: string, events: number) =>
  timed(`peer/langchain/stream/${id}`, `LangChain: ${title}`, () =>
    batchOf(events, async (config) => {
      // The fake model streams character by character.
      const model = await fakeModel("x".repeat(chunkCount))
      return async () => {
        for await (const _ of await model.stream(chatBody.messages, config)) { /* all of it */ }
      }
    }), chunkCount)

export const tool = [toolCase("none", "tool.invoke", 0), toolCase("sub", "tool.invoke, 1 handler", 2)]
export const llm = [llmCase("none", "fake chat model", 0), llmCase("sub", "fake chat model, 1 handler", 2)]
export const stream = [
  streamCase("none", "fake chat model", 0),
  streamCase("sub", "fake chat model, 1 handler", chunkCount + 2)
]

export const cases = [...tool, ...llm, ...stream]
