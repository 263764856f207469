/** The contract of bindings, kept by LangChain: a model on its own, and the model and the tool of an agent. */
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import { tool } from "@langchain/core/tools"
import { createAgent } from "langchain"
import * as z from "zod"
import * as LangChain from "../../src/binding/LangChain.ts"
import { bindingContract, type BufferedRun, type Host, type StreamedRun } from "./BindingTest.ts"
import { lastText, PlayedModel, StreamedModel } from "./langChainSupport.ts"

const signalOf = (signal: AbortSignal | undefined) => signal === undefined ? {} : { signal }

/** A model that answers with what the work makes of the last message. */
const playing = ({ work }: Pick<BufferedRun, "work">) =>
  new PlayedModel(async ({ messages, signal }) => new AIMessage(await work(lastText(messages), { signal })))

const streaming = ({ work }: Pick<StreamedRun, "work">) =>
  new StreamedModel(({ messages, signal }) => work(lastText(messages), { signal }))

const readsAhead = "LangChain reads one chunk ahead, and a generator that waits for it cannot be left"

async function* stream({ heddle }: Host, { signal, text, work }: StreamedRun): AsyncGenerator<string> {
  const model = LangChain.model(heddle, streaming({ work }))
  for await (const chunk of await model.stream(text, signalOf(signal))) yield chunk.text
}

bindingContract("LangChain.model", {
  model: async ({ heddle }, { signal, text, work }) =>
    (await LangChain.model(heddle, playing({ work })).invoke(text, signalOf(signal))).text,
  stream,
  impossible: { breaks: readsAhead }
})

// agents

const middlewareOf = ({ heddle }: Host) => [LangChain.middleware(heddle)]

/** LangChain wraps whatever comes through a middleware. */
const wrapped = {
  blockOf: LangChain.callError,
  isFailure: (caught: unknown, thrown: Error) => caught instanceof Error && rootOf(caught) === thrown
}

const rootOf = (error: Error): Error => error.cause instanceof Error ? rootOf(error.cause) : error

bindingContract("LangChain.middleware", {
  ...wrapped,
  tool: async (host, { signal, text, work }) => {
    const agent = createAgent({
      model: new PlayedModel(({ messages }) =>
        ToolMessage.isInstance(messages.at(-1))
          ? new AIMessage("done")
          : new AIMessage({ content: "", tool_calls: [{ name: "lookup", args: { text }, id: "call-1" }] })
      ),
      tools: [
        tool(
          ({ text }: { readonly text: string }, config) =>
            work(text, { signal: config.signal ?? new AbortController().signal }),
          {
            name: "lookup",
            description: "Looks it up",
            schema: z.object({ text: z.string() })
          }
        )
      ],
      middleware: middlewareOf(host)
    })
    const { messages } = await agent.invoke({ messages: [new HumanMessage("go")] }, signalOf(signal))
    return messages.filter((message) => ToolMessage.isInstance(message)).map((message: BaseMessage) => message.text)
      .join("")
  },
  model: async (host, { signal, text, work }) => {
    const agent = createAgent({ model: playing({ work }), tools: [], middleware: middlewareOf(host) })
    const { messages } = await agent.invoke({ messages: [new HumanMessage(text)] }, signalOf(signal))
    return messages.at(-1)?.text ?? ""
  },
  stream: async function*(host, { signal, text, work }) {
    const agent = createAgent({ model: streaming({ work }), tools: [], middleware: middlewareOf(host) })
    const messages = await agent.stream({ messages: [new HumanMessage(text)] }, {
      streamMode: "messages",
      ...signalOf(signal)
    })
    for await (const [message] of messages) yield message.text
  },
  impossible: { breaks: readsAhead }
})
