/** Where runs of LangChain and LangGraph belong, and how they end. */
import { assert, describe, it } from "@effect/vitest"
import { Document } from "@langchain/core/documents"
import { AIMessage, HumanMessage } from "@langchain/core/messages"
import { StringOutputParser } from "@langchain/core/output_parsers"
import { BaseRetriever } from "@langchain/core/retrievers"
import { RunnableLambda, RunnableMap } from "@langchain/core/runnables"
import { tool } from "@langchain/core/tools"
import { FakeLLM } from "@langchain/core/utils/testing"
import { Annotation, Command, END, interrupt, MemorySaver, Send, START, StateGraph } from "@langchain/langgraph"
import { createAgent } from "langchain"
import * as z from "zod"
import * as LangChain from "../../src/binding/LangChain.ts"
import type * as Promises from "../../src/binding/Promises.ts"
import { EventTree } from "../../src/testing/index.ts"
import { lastText, PlayedModel, StreamedModel, wanting } from "./langChainSupport.ts"
import { deferred, recording, rejection, untilAborted } from "./promisesSupport.ts"

const echo = () => new PlayedModel(({ messages }) => new AIMessage(`re ${lastText(messages)}`))

const lookup = (work: (text: string) => string | Promise<string>) =>
  tool(({ text }: { readonly text: string }) => work(text), {
    name: "lookup",
    description: "Looks it up",
    schema: z.object({ text: z.string() })
  })

const messages = [new HumanMessage("go")]

/** Resolves when so many have come. */
const gate = (count: number) => {
  const open = deferred()
  let missing = count
  return () => {
    if (--missing === 0) open.resolve()
    return open.promise
  }
}

const State = Annotation.Root({
  said: Annotation<ReadonlyArray<string>>({ reducer: (one, two) => [...one, ...two], default: () => [] }),
  about: Annotation<string>()
})

/** A graph that asks whether to go on, and works on two things at once then. */
const asking = (leaf: (about: string) => Promise<string>) =>
  new StateGraph(State)
    .addNode("ask", () => ({ said: [interrupt<{ readonly question: string }, string>({ question: "go on?" })] }))
    .addNode("leaf", async ({ about }: { readonly about: string }) => ({ said: [await leaf(about)] }))
    .addEdge(START, "ask")
    .addConditionalEdges("ask", () => [new Send("leaf", { about: "one" }), new Send("leaf", { about: "two" })], [
      "leaf"
    ])
    .addEdge("leaf", END)
    .compile({ checkpointer: new MemorySaver() })

const governed = ({ metadata }: { readonly metadata: Readonly<Record<string, unknown>> | undefined }) =>
  metadata?.["heddle.governed"] !== false

describe("Callbacks of LangChain", () => {
  it("hang models and tools of an agent under its steps, each once, beside each other", async () => {
    const { heddle, tree } = await recording()
    const agent = createAgent({
      name: "scout",
      model: wanting("lookup", { text: "x" }),
      tools: [lookup(async (text) => {
        heddle.mark("looking")
        return RunnableLambda.from((text: string) => `found ${text}`).invoke(text)
      })],
      middleware: [LangChain.middleware(heddle)]
    })
    await heddle.scope("request", () => agent.invoke({ messages }, { callbacks: [LangChain.callbacks(heddle)] }))
    await tree(`
      function request → Success
        agent scout → Success
          function model_request → Success
            llm PlayedModel → Success
            function RunnableLambda → Success
          function tools → Success
            tool lookup → Success
              mark looking
              function RunnableLambda → Success
          function model_request → Success
            llm PlayedModel → Success
            function RunnableLambda → Success
    `)
  })

  it("tell of models and tools that nothing governs, and that nothing does", async () => {
    const { events, heddle, tree } = await recording()
    const agent = createAgent({
      name: "free",
      model: wanting("lookup", { text: "x" }),
      tools: [lookup((text) => text)]
    })
    await agent.invoke({ messages }, { callbacks: [LangChain.callbacks(heddle)] })
    await FakeLLM.prototype.invoke.call(new FakeLLM({ response: "yes" }), "go", {
      callbacks: [LangChain.callbacks(heddle)]
    })
    await tree(`
      agent free → Success
        function model_request → Success
          llm PlayedModel → Success
          function RunnableLambda → Success
        function tools → Success
          tool lookup → Success
        function model_request → Success
          llm PlayedModel → Success
          function RunnableLambda → Success
      llm FakeLLM → Success
    `)
    const starts = (await events()).filter((event) => event._tag === "ScopeStart")
    const calls = starts.filter(({ category }) => category === "llm" || category === "tool")
    assert.strictEqual(calls.length, 4)
    for (const call of calls) assert.isFalse(governed(call))
    const call = calls.find(({ category }) => category === "tool")
    assert.deepStrictEqual(call?.data, { text: "x" })
    assert.strictEqual(call?.profile?.toolCallId, "call-1")
  })

  it("tell a tool inside of a managed tool from the managed one", async () => {
    const { events, heddle, tree } = await recording()
    const inner = lookup((text) => `inner ${text}`)
    const agent = createAgent({
      name: "scout",
      model: wanting("lookup", { text: "x" }),
      tools: [lookup(async (text) => await inner.invoke({ text }))],
      middleware: [LangChain.middleware(heddle)]
    })
    await agent.invoke({ messages }, { callbacks: [LangChain.callbacks(heddle)] })
    await tree(`
      agent scout → Success
        function model_request → Success
          llm PlayedModel → Success
          function RunnableLambda → Success
        function tools → Success
          tool lookup → Success
            tool lookup → Success
        function model_request → Success
          llm PlayedModel → Success
          function RunnableLambda → Success
    `)
    const tools = (await events()).filter((event) => event._tag === "ScopeStart" && event.category === "tool")
    assert.deepStrictEqual(tools.map(governed), [true, false])
  })

  it("keep branches apart that run at once", async () => {
    const { heddle, tree } = await recording()
    const model = LangChain.model(heddle, echo())
    const both = gate(2)
    const branch = (name: string) =>
      RunnableLambda.from(async (text: string) => {
        await both()
        await LangChain.within(heddle, () => heddle.scope(`own ${name}`, () => model.invoke(`${text} own`)))
        return (await model.invoke(text)).text
      }).withConfig({ runName: name })
    const chain = RunnableMap.from({ left: branch("left"), right: branch("right") })
    assert.deepStrictEqual(await chain.invoke("go", { callbacks: [LangChain.callbacks(heddle)] }), {
      left: "re go",
      right: "re go"
    })
    await tree(`
      function RunnableMap → Success
        function left → Success
          function own left → Success
            llm PlayedModel → Success
          llm PlayedModel → Success
        function right → Success
          function own right → Success
            llm PlayedModel → Success
          llm PlayedModel → Success
    `)
  })

  it("keep runs apart that share a handler and run at once", async () => {
    const { events, heddle } = await recording()
    const handler = LangChain.callbacks(heddle)
    const all = gate(3)
    const model = LangChain.model(
      heddle,
      new PlayedModel(async ({ messages }) => {
        await all()
        return new AIMessage(`re ${lastText(messages)}`)
      })
    )
    await Promise.all(
      ["one", "two", "three"].map((runName) =>
        RunnableLambda.from((text: string) => model.invoke(text)).invoke(runName, { runName, callbacks: [handler] })
      )
    )
    const roots = EventTree.fromEvents(await events())
    assert.deepStrictEqual(roots.map(({ name }) => name).toSorted(), ["one", "three", "two"])
    for (const { children, name } of roots) {
      assert.strictEqual(children.length, 1)
      assert.include(JSON.stringify(children[0]?.start?.data), name)
    }
  })

  it("show an interrupt of a graph, and what resumes it", async () => {
    const { events, heddle, tree } = await recording()
    const model = LangChain.model(heddle, echo())
    const both = gate(2)
    const graph = asking(async (about) => {
      await both()
      return (await model.invoke(about)).text
    })
    const config = { callbacks: [LangChain.callbacks(heddle)], configurable: { thread_id: "t1" } }
    await graph.invoke({ said: ["hello"] }, config)
    const { said } = await graph.invoke(new Command({ resume: "yes" }), config)
    assert.deepStrictEqual(said, ["hello", "yes", "re one", "re two"])
    await tree(`
      agent LangGraph → Success
        function ask → Interrupted
          mark Graph Interrupt
        mark Graph Interrupt
      agent LangGraph → Success
        mark Graph Resume
        function ask → Success
          function RunnableLambda → Success
        function leaf → Success
          llm PlayedModel → Success
        function leaf → Success
          llm PlayedModel → Success
    `)
    const all = await events()
    const marks = all.filter((event) => event._tag === "Mark").map(({ data, name }) =>
      `${name} ${JSON.stringify(data)}`
    )
    assert.match(marks[0] ?? "", /^Graph Interrupt .*"question":"go on\?"/)
    assert.strictEqual(marks[2], "Graph Resume {\"resume\":\"yes\"}")
    assert.strictEqual(all[0]?.metadata?.["thread_id"], "t1")
  })

  it("show an interrupt in a managed tool, which runs again when the agent is resumed", async () => {
    const { heddle, tree } = await recording()
    let ran = 0
    const agent = createAgent({
      name: "careful",
      model: wanting("lookup", { text: "x" }),
      tools: [lookup((text) => {
        ran++
        return `${interrupt(`may I look up ${text}?`)} found`
      })],
      checkpointer: new MemorySaver(),
      middleware: [LangChain.middleware(heddle)]
    })
    const config = { callbacks: [LangChain.callbacks(heddle)], configurable: { thread_id: "t1" } }
    await agent.invoke({ messages }, config)
    const { messages: said } = await agent.invoke(new Command({ resume: "yes" }), config)
    assert.strictEqual(said.at(-1)?.text, "yes found")
    assert.strictEqual(ran, 2)
    await tree(`
      agent careful → Success
        function model_request → Success
          llm PlayedModel → Success
          function RunnableLambda → Success
        function tools → Interrupted
          tool lookup → Interrupted
            mark Graph Interrupt
          mark Graph Interrupt
        mark Graph Interrupt
      agent careful → Success
        mark Graph Resume
        function tools → Success
          tool lookup → Success
        function model_request → Success
          llm PlayedModel → Success
          function RunnableLambda → Success
    `)
  })

  it("end every scope once when a run fails, with its error", async () => {
    const { heddle, tree } = await recording()
    const model = LangChain.model(heddle, new PlayedModel(() => Promise.reject(new Error("out of paper"))))
    const chain = RunnableLambda.from((text: string) => model.invoke(text))
    const thrown = await rejection(chain.invoke("go", { callbacks: [LangChain.callbacks(heddle)] }))
    assert.strictEqual((thrown as Error).message, "out of paper")
    await tree(`
      function RunnableLambda → Failure Error: out of paper
        llm PlayedModel → Failure Error: out of paper
    `)
  })

  it("end every scope as interrupted when the signal of the run is aborted", async () => {
    const { events, heddle } = await recording()
    const begun = deferred()
    const agent = createAgent({
      name: "scout",
      model: new PlayedModel(({ signal }) => {
        begun.resolve()
        return untilAborted(signal)
      }),
      tools: [],
      middleware: [LangChain.middleware(heddle)]
    })
    const controller = new AbortController()
    const config = { callbacks: [LangChain.callbacks(heddle)], signal: controller.signal }
    const running = agent.invoke({ messages }, config)
    await begun.promise
    controller.abort()
    await rejection(running)
    const recorded = await events()
    const ends = recorded.filter((event) => event._tag === "ScopeEnd")
    assert.deepStrictEqual(
      ends.map(({ name, outcome }) => `${name} ${outcome._tag}`),
      ["PlayedModel Interrupted", "model_request Interrupted", "scout Interrupted"]
    )
  })

  it("end a chain with the reason of the signal, where the signal has one of its own", async () => {
    const { heddle, tree } = await recording()
    const begun = deferred()
    const model = LangChain.model(
      heddle,
      new PlayedModel(({ signal }) => {
        begun.resolve()
        return untilAborted(signal)
      })
    )
    const controller = new AbortController()
    const running = model.pipe(new StringOutputParser()).invoke("go", {
      callbacks: [LangChain.callbacks(heddle)],
      signal: controller.signal
    })
    await begun.promise
    const reason = new Error("no longer wanted")
    controller.abort(reason)
    assert.strictEqual(await rejection(running), reason)
    await tree(`
      function RunnableSequence → Failure Error: no longer wanted
        llm PlayedModel → Interrupted
    `)
  })

  it("leave a stream where it belongs to be interrupted from outside", async () => {
    const { heddle, tree } = await recording()
    const begun = deferred()
    const told = deferred()
    const model = LangChain.model(
      heddle,
      new StreamedModel(async function*({ signal }) {
        signal.addEventListener("abort", () => told.resolve(), { once: true })
        begun.resolve()
        yield await untilAborted(signal)
      })
    )
    const chain = RunnableLambda.from(async (text: string) => {
      for await (const chunk of await model.stream(text)) return chunk.text
      return ""
    })
    const controller = new AbortController()
    const running = heddle.scope(
      "request",
      { signal: controller.signal },
      () => chain.invoke("go", { callbacks: [LangChain.callbacks(heddle)] })
    )
    await begun.promise
    controller.abort()
    await rejection(running)
    await told.promise
    await heddle.flush()
    await tree(`
      function request → Interrupted
        function RunnableLambda → Interrupted by fiber
          llm StreamedModel → Interrupted by fiber
    `)
  })

  it("end what nobody reads on with what is around it", async () => {
    const { events, heddle } = await recording()
    const stream = RunnableLambda.from(async (text: string) => {
      for await (const chunk of await new StreamedModel(endless).stream(text)) return chunk.text
      return ""
    })
    assert.strictEqual(await stream.invoke("go", { callbacks: [LangChain.callbacks(heddle)] }), "piece")
    const recorded = await events()
    EventTree.assertTree(
      recorded,
      `
      function RunnableLambda → Success
        llm StreamedModel → Interrupted by langchain`
    )
    EventTree.assertWellFormed(recorded)
  })

  it("make scopes of retrievers", async () => {
    class Shelf extends BaseRetriever {
      override lc_namespace = ["test"]
      override async _getRelevantDocuments(query: string) {
        return [new Document({ pageContent: `about ${query}`, metadata: { page: 1 } })]
      }
    }
    const { events, heddle } = await recording()
    await new Shelf().invoke("heddles", { callbacks: [LangChain.callbacks(heddle)] })
    const [start, end] = await events()
    assert.deepInclude(start, { name: "Shelf", category: "retriever", data: "heddles" })
    assert.deepStrictEqual(end?.data, [{ id: undefined, pageContent: "about heddles", metadata: { page: 1 } }])
  })

  it("tell of each run to its own runtime only", async () => {
    const [one, two] = await Promise.all([recording(), recording()])
    const governing: Promises.Heddle = one.heddle
    const model = LangChain.model(governing, echo())
    await model.invoke("go", { callbacks: [LangChain.callbacks(two.heddle)] })
    assert.deepStrictEqual((await one.events()).map(governed), [true, true])
    const [start] = await two.events()
    assert.isFalse(start !== undefined && governed(start))
  })
})

async function* endless(): AsyncGenerator<string> {
  for (;;) yield "piece"
}
