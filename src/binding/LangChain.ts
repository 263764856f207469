/**
 * LangChain.js and LangGraph.js under a runtime: a middleware for agents, a managed chat model, and callbacks that say where
 * work belongs.
 *
 * **What is governed**
 *
 * - `middleware`: the model calls and the tool calls of a `createAgent`, streamed ones as they flow.
 * - `model`: the calls of a chat model, wherever it is used: in chains, in nodes of graphs, in tools.
 *
 * **What is told of, and not governed**
 *
 * - `callbacks`: chains, graphs, nodes and retrievers become scopes. Models and tools that nothing governs are told of as
 *   such (`heddle.governed: false`); those that are governed are never told of twice.
 *
 * **What is not**
 *
 * Vector stores, embeddings, loaders and parsers; tools that a provider runs on its own servers; what other middleware of an
 * agent asks a model of its own, unless that is a managed `model`.
 *
 * Requests and responses on events have the format of OpenAI's Chat Completions, whatever the provider's is.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { BaseCallbackHandler } from "@langchain/core/callbacks/base"
import type { BaseChatModel } from "@langchain/core/language_models/chat_models"
import { AIMessage } from "@langchain/core/messages"
import { type AgentMiddleware, createMiddleware } from "langchain"
import type { CallError, GuardrailRejected } from "../call/CallError.ts"
import { Callbacks } from "./internal/langChainCallbacks.ts"
import { manageModel, manageRunnable } from "./internal/langChainModel.ts"
import { type Host, scopeOfRun, within as withinScope } from "./internal/langChainRuns.ts"
import { runTool } from "./internal/langChainTool.ts"
import { callErrorOf } from "./internal/sdkBlock.ts"

/**
 * How an agent goes on when policy says no. Without these, a block ends its run.
 *
 * **Details**
 *
 * - `onModelBlocked`: turns a block of a model call into what the model is taken to have said.
 * - `onToolBlocked`: turns a block of a tool call into what the model is told instead, as a message of status `error`.
 *
 * The call ends `Blocked` in any case.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly onModelBlocked?: ((rejection: GuardrailRejected) => string) | undefined
  readonly onToolBlocked?: ((rejection: GuardrailRejected, tool: string) => string) | undefined
}

/**
 * A middleware for `createAgent`: the agent's model calls and tool calls are managed calls of the runtime.
 *
 * **Details**
 *
 * - Put it last in the list: middleware behind it may ask another model or run another tool, which it would not see. What
 *   stands before it, such as retries, makes each attempt a call of its own.
 * - A block rejects the run with a `MiddlewareError` of LangChain, whose `cause` is the `CallError`: see `callError`. So
 *   LangChain wraps all errors that come through a middleware.
 * - Tokens are held back by stream guardrails in every mode of streaming. The agent itself gets whole messages.
 * - `interrupt()` in a tool ends its call as `Interrupted`, with a mark `Graph Interrupt` that says what it waits for. On
 *   resumption the tool runs again, as a call of its own.
 * - The `signal` of the run ends calls as `Interrupted`.
 *
 * **Example** (An agent under policy)
 *
 * ```ts
 * const agent = createAgent({ model, tools, middleware: [LangChain.middleware(heddle)] })
 * await agent.invoke({ messages }, { callbacks: [LangChain.callbacks(heddle)] })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const middleware = (heddle: Host, options: Options = {}): AgentMiddleware =>
  createMiddleware({
    name: "heddle",
    wrapModelCall: async (request, handler) => {
      try {
        return await handler({ ...request, model: manageRunnable(heddle, request.model) })
      } catch (error) {
        const reason = callErrorOf(error)?.reason
        if (options.onModelBlocked === undefined || reason?._tag !== "GuardrailRejected") throw error
        return new AIMessage(options.onModelBlocked(reason))
      }
    },
    wrapToolCall: (request, handler) => runTool(heddle, request, handler, options.onToolBlocked)
  })

/**
 * A chat model like the given one, whose calls are managed calls of the runtime, named after its class.
 *
 * **Details**
 *
 * - It is of the given model's type. What it makes of itself (`bindTools`, `withConfig`, `withStructuredOutput`, `pipe` …) is
 *   managed too.
 * - A block rejects with the `CallError` itself. What LangChain answers from its cache is no call.
 * - Request intercepts may rewrite messages and the options of the call. The name of the model is told and cannot be
 *   changed.
 * - A stream is held back as guardrails say, also from callbacks that get tokens, and so from LangGraph's
 *   `streamMode: "messages"`.
 * - The `signal` of the call ends it as `Interrupted`. `break` in a loop that reads a stream does too, but LangChain reads
 *   one chunk ahead: the provider hears of it with its next chunk.
 *
 * The given model is not changed, and what is asked through it is not managed.
 *
 * **Example** (A model in a chain)
 *
 * ```ts
 * const chain = prompt.pipe(LangChain.model(heddle, new ChatOpenAI({ model: "gpt-5" }))).pipe(new StringOutputParser())
 * ```
 *
 * @throws {TypeError} when it makes something of itself that is no chat model with options, which then would not be managed
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const model = <M extends BaseChatModel>(heddle: Host, model: M): M => manageModel(heddle, model)

/**
 * A callback handler that makes scopes of runs. Give it once, to the outermost run: LangChain hands it on.
 *
 * **Details**
 *
 * - Graphs that are outermost, and agents, are of category `agent`, retrievers of `retriever`, all else of `function`.
 *   Steps that LangGraph hides get no scope.
 * - Scopes hang under each other as LangChain says that runs do, also in parallel branches; the outermost hangs under the
 *   scope in which it was started. Managed calls of this binding find their place in them. What your code opens in a node
 *   finds it with `within`, since no callback can change where code is.
 * - `interrupt()` ends the scope of its node as `Interrupted`, with a mark `Graph Interrupt` there and on the graph; what
 *   resumes the graph begins with a mark `Graph Resume`.
 * - Of the metadata of runs, only what LangChain and LangGraph put there is told.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const callbacks = (heddle: Host): BaseCallbackHandler => new Callbacks(heddle)

/**
 * Runs work in the scope of the run that the code is in: of the node, the chain or the tool. Without callbacks of this runtime
 * it runs where it is.
 *
 * **Example** (A call in a node of a graph)
 *
 * ```ts
 * graph.addNode("load", ({ path }) => LangChain.within(heddle, () => heddle.tool("read_file", { path }, read)))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const within = <A>(heddle: Host, work: () => Promise<A>): Promise<A> =>
  withinScope(heddle, scopeOfRun(heddle), work)

/**
 * The `CallError` that an error is, or that LangChain has wrapped.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export const callError: (error: unknown) => CallError | undefined = callErrorOf
