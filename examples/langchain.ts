// LangChain.js and LangGraph.js under policy: an agent, a stream, and a graph that asks. It runs offline, with fake models.
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages"
import { tool } from "@langchain/core/tools"
import { FakeListChatModel } from "@langchain/core/utils/testing"
import { Annotation, Command, END, interrupt, MemorySaver, START, StateGraph } from "@langchain/langgraph"
import { createAgent, fakeModel } from "langchain"
import * as z from "zod"
import * as LangChain from "../src/binding/LangChain.ts"
import { Guardrail, make, Sanitizer } from "../src/binding/Promises.ts"
import type { LifecycleEvent } from "../src/index.ts"
import { EventTree } from "../src/testing/index.ts"

const events: Array<LifecycleEvent.LifecycleEvent> = []

const hide = (value: unknown) => JSON.parse(JSON.stringify(value ?? null).replaceAll(/sk-\w+/g, "[hidden]"))

await using heddle = await make({
  middleware: [
    Guardrail.make({
      name: "no-secret-files",
      applies: { kind: "tool" },
      check: (call) => JSON.stringify(call).includes(".env") ? Guardrail.reject("off limits") : Guardrail.allow
    }),
    Guardrail.output({
      name: "no-keys",
      applies: { kind: "llm" },
      hold: "boundary",
      check: ({ text = "" }) => text.includes("sk-") ? Guardrail.reject("it shows a key") : Guardrail.allow
    }),
    Sanitizer.request({ name: "hide", sanitize: hide }),
    Sanitizer.response({ name: "hide", sanitize: hide }),
    Sanitizer.scopeStart({ name: "hide", sanitize: hide }),
    Sanitizer.scopeEnd({ name: "hide", sanitize: hide })
  ],
  subscribers: [{ name: "trace", handle: (event) => void events.push(event) }]
})

const callbacks = [LangChain.callbacks(heddle)]

// An agent. The fake model wants two files, then sums up.
const governed = LangChain.middleware(heddle, { onToolBlocked: ({ reason }) => `refused: ${reason}` })

const agent = createAgent({
  name: "scout",
  model: fakeModel()
    .respondWithTools([
      { name: "read_file", args: { path: "notes.txt" }, id: "call-1" },
      { name: "read_file", args: { path: ".env" }, id: "call-2" }
    ])
    .respond(new AIMessage("I read what I may read.")),
  tools: [
    tool(({ path }: { readonly path: string }) => `the key in ${path} is sk-123`, {
      name: "read_file",
      description: "Reads a file",
      schema: z.object({ path: z.string() })
    })
  ],
  middleware: [governed]
})

const { messages } = await agent.invoke({ messages: [new HumanMessage("Read my files.")] }, { callbacks })
console.log("the model was told:", hide(messages.slice(2, 4).map(({ text }: BaseMessage) => text)).join(", "))
console.log("the agent said:", messages.at(-1)?.text)

// A stream, letter by letter. The guardrail lets whole sentences go, and no key.
const model = LangChain.model(heddle, new FakeListChatModel({ responses: ["The sun shines. The key is sk-123."] }))

try {
  let read = ""
  for await (const chunk of await model.stream("How is the weather?")) {
    read += chunk.text
    if (read.endsWith(".")) console.log("the stream said:", read)
  }
} catch (error) {
  console.log("the stream failed:", LangChain.callError(error)?.message)
}

// A graph that asks a person, and goes on when it has the answer.
const graph = new StateGraph(Annotation.Root({ answer: Annotation<string> }))
  .addNode("approve", () => ({ answer: interrupt<string, string>("May I send it?") }))
  .addNode(
    "send",
    ({ answer }) =>
      LangChain.within(
        heddle,
        () => heddle.tool("send_mail", { answer }, ({ answer }) => ({ answer: `sent, since you said ${answer}` }))
      )
  )
  .addEdge(START, "approve")
  .addEdge("approve", "send")
  .addEdge("send", END)
  .compile({ checkpointer: new MemorySaver() })

const config = { callbacks, configurable: { thread_id: "thread-1" } }
await graph.invoke({}, config)
const { answer } = await graph.invoke(new Command({ resume: "yes" }), config)
console.log("the graph said:", answer)

await heddle.flush()
console.log(EventTree.render(events))
