/** The callback handler: runs of LangChain and LangGraph as scopes, and calls that nothing governs as such. */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base"
import type { DocumentInterface } from "@langchain/core/documents"
import type { Serialized } from "@langchain/core/load/serializable"
import { BaseMessage, ToolMessage } from "@langchain/core/messages"
import type { ChatGeneration, Generation, LLMResult } from "@langchain/core/outputs"
import * as OpenAiChat from "../../codec/OpenAiChat.ts"
import type { Category } from "../../event/LifecycleEvent.ts"
import { toJson } from "./langChainMessages.ts"
import { isManagedBy } from "./langChainModel.ts"
import { requestOf, toResponse } from "./langChainPayload.ts"
import {
  bubbleOf,
  type Ending,
  type Host,
  markInterrupt,
  openScope,
  type RunHandler,
  Runs,
  within
} from "./langChainRuns.ts"

type Metadata = Readonly<Record<string, unknown>> | undefined

/** Names its parameters in the order in which LangChain 1.4 gives them; its types have another, of the same types. */
export class Callbacks extends BaseCallbackHandler implements RunHandler {
  readonly name = "heddle"
  readonly heddle: Host
  readonly runs: Runs
  /** Runs in which a graph was interrupted, until they end. */
  readonly #interrupted = new Map<string, ReadonlyArray<unknown>>()

  constructor(heddle: Host) {
    super()
    // In the background, a callback would run in the asynchronous context of whoever comes first.
    this.awaitHandlers = true
    this.heddle = heddle
    this.runs = new Runs(heddle)
  }

  override copy(): BaseCallbackHandler {
    return this
  }

  // chains, graphs and their nodes

  override async handleChainStart(
    chain: Serialized,
    inputs: unknown,
    runId: string,
    parentId?: string,
    tags?: ReadonlyArray<string>,
    metadata?: Metadata,
    _runType?: string,
    runName?: string
  ): Promise<void> {
    if (tags?.includes("langsmith:hidden")) return this.runs.begin(runId, parentId, this.runs.inside(parentId))
    const parts = nameParts(chain)
    const isGraph = parts.includes("pregel")
    const isAgent = isGraph && (parentId === undefined || metadata?.["ls_integration"] === "langchain_create_agent")
    await this.#open(
      runId,
      parentId,
      runName ?? parts.at(-1) ?? "chain",
      isAgent ? "agent" : "function",
      inputs,
      metadata
    )
    const resume = isGraph && inputs instanceof Object && "resume" in inputs ? inputs.resume : undefined
    if (resume === undefined) return
    await within(
      this.heddle,
      this.runs.inside(runId),
      async () => this.heddle.mark("Graph Resume", { data: { resume: readable(resume) } })
    )
  }

  override async handleChainEnd(outputs: unknown, runId: string): Promise<void> {
    const interrupts = this.#interrupted.get(runId)
    if (interrupts !== undefined) {
      this.#interrupted.delete(runId)
      await within(this.heddle, this.runs.inside(runId), async () => markInterrupt(this.heddle, interrupts))
    }
    await this.runs.end(runId, { _tag: "Success", output: readable(outputs) })
  }

  override async handleChainError(error: unknown, runId: string, parentId?: string): Promise<void> {
    const ending = endingOf(error)
    this.#interrupted.delete(runId)
    if (ending._tag === "Interrupted" && ending.interrupts !== undefined && parentId !== undefined) {
      this.#interrupted.set(parentId, [...this.#interrupted.get(parentId) ?? [], ...ending.interrupts])
    }
    await this.runs.end(runId, ending)
  }

  // retrievers

  override async handleRetrieverStart(
    retriever: Serialized,
    query: string,
    runId: string,
    parentId?: string,
    _tags?: ReadonlyArray<string>,
    metadata?: Metadata,
    runName?: string
  ): Promise<void> {
    const name = runName ?? nameParts(retriever).at(-1) ?? "retriever"
    await this.#open(runId, parentId, name, "retriever", query, metadata)
  }

  override async handleRetrieverEnd(documents: ReadonlyArray<DocumentInterface>, runId: string): Promise<void> {
    const output = documents.map(({ id, metadata, pageContent }) => ({ id, pageContent, metadata }))
    await this.runs.end(runId, { _tag: "Success", output })
  }

  override handleRetrieverError(error: unknown, runId: string): Promise<void> {
    return this.runs.end(runId, endingOf(error))
  }

  // tools

  override async handleToolStart(
    tool: Serialized,
    input: string,
    runId: string,
    parentId?: string,
    _tags?: ReadonlyArray<string>,
    metadata?: Metadata,
    runName?: string,
    toolCallId?: string
  ): Promise<void> {
    const name = runName ?? nameParts(tool).at(-1) ?? "tool"
    const parent = this.runs.inside(parentId)
    if (this.#isGoverned("tool", name, parentId)) return this.runs.begin(runId, parentId, parent)
    const handle = await this.heddle.toolStart(name, parsed(input), {
      parent,
      toolCallId,
      metadata: metadataOf(runId, metadata)
    })
    this.runs.begin(runId, parentId, handle, (ending) => this.heddle.toolEnd(handle, told(ending, "output")))
  }

  override handleToolEnd(output: unknown, runId: string): Promise<void> {
    return this.runs.end(runId, {
      _tag: "Success",
      output: ToolMessage.isInstance(output) ? output.content : readable(output)
    })
  }

  override handleToolError(error: unknown, runId: string): Promise<void> {
    return this.runs.end(runId, endingOf(error))
  }

  // models

  override async handleChatModelStart(
    model: Serialized,
    messages: ReadonlyArray<ReadonlyArray<BaseMessage>>,
    runId: string,
    parentId?: string,
    extra?: Readonly<Record<string, unknown>>,
    _tags?: ReadonlyArray<string>,
    metadata?: Metadata,
    runName?: string
  ): Promise<void> {
    const name = runName ?? nameParts(model).at(-1) ?? "model"
    if (isManagedBy(this.heddle, model) || this.#isGoverned("llm", undefined, parentId)) {
      return this.runs.begin(runId, parentId, this.runs.inside(parentId))
    }
    const options = extra?.["options"] instanceof Object ? extra["options"] : {}
    const { body, model: modelName } = requestOf(modelNameIn(metadata), messages.flat(), options)
    await this.#startModel(runId, parentId, name, { body }, {
      codec: OpenAiChat.codec,
      model: modelName,
      metadata: metadataOf(runId, metadata)
    }, (generations) => isChat(generations) ? toResponse(generations) : generations)
  }

  override async handleLLMStart(
    model: Serialized,
    prompts: ReadonlyArray<string>,
    runId: string,
    parentId?: string,
    _extra?: Readonly<Record<string, unknown>>,
    _tags?: ReadonlyArray<string>,
    metadata?: Metadata,
    runName?: string
  ): Promise<void> {
    const name = runName ?? nameParts(model).at(-1) ?? "model"
    if (this.#isGoverned("llm", undefined, parentId)) {
      return this.runs.begin(runId, parentId, this.runs.inside(parentId))
    }
    await this.#startModel(runId, parentId, name, { body: { prompt: prompts.join("\n") } }, {
      model: modelNameIn(metadata),
      metadata: metadataOf(runId, metadata)
    }, (generations) => ({ choices: generations.map(({ text }, index) => ({ index, text })) }))
  }

  override handleLLMEnd({ generations }: LLMResult, runId: string): Promise<void> {
    return this.runs.end(runId, { _tag: "Success", output: generations.flat() })
  }

  override handleLLMError(error: unknown, runId: string): Promise<void> {
    return this.runs.end(runId, endingOf(error))
  }

  // internal

  async #open(
    runId: string,
    parentId: string | undefined,
    name: string,
    category: Category,
    input: unknown,
    metadata: Metadata
  ): Promise<void> {
    const { end, scope } = await openScope(this.heddle, this.runs.inside(parentId), name, {
      category,
      input: readable(input),
      metadata: metadataOf(runId, metadata)
    })
    this.runs.begin(runId, parentId, scope, end)
  }

  async #startModel(
    runId: string,
    parentId: string | undefined,
    name: string,
    request: Parameters<Host["llmStart"]>[1],
    options: Parameters<Host["llmStart"]>[2],
    responseOf: (generations: ReadonlyArray<Generation>) => unknown
  ): Promise<void> {
    const handle = await this.heddle.llmStart(name, request, { ...options, parent: this.runs.inside(parentId) })
    this.runs.begin(runId, parentId, handle, (ending) =>
      this.heddle.llmEnd(
        handle,
        ending._tag === "Success"
          ? { response: responseOf(ending.output as ReadonlyArray<Generation>) }
          : told(ending, "response")
      ))
  }

  /** Whether the code is in a managed call that makes this run: it is no further call then. */
  #isGoverned(category: "tool" | "llm", name: string | undefined, parentId: string | undefined): boolean {
    const current = this.heddle.current()
    return current !== undefined && current.category === category && (name === undefined || current.name === name) &&
      !this.runs.isInside(current, parentId)
  }
}

// what runs are told with

const nameParts = ({ id }: Serialized): ReadonlyArray<string> => Array.isArray(id) ? id : []

/** What LangChain and LangGraph know of a run. All else in its metadata may be anything, also a key. */
const known = ["thread_id", "langgraph_node", "langgraph_step", "langgraph_checkpoint_ns", "lc_agent_name"]

const metadataOf = (runId: string, metadata: Metadata): Record<string, unknown> => ({
  langchain_run_id: runId,
  ...Object.fromEntries(known.flatMap((key) => metadata?.[key] === undefined ? [] : [[key, metadata[key]]]))
})

const modelNameIn = (metadata: Metadata): string | undefined => {
  const name = metadata?.["ls_model_name"]
  return typeof name === "string" ? name : undefined
}

const endingOf = (error: unknown): Ending => {
  const bubble = bubbleOf(error)
  if (bubble !== undefined) {
    const { interrupts } = bubble
    return interrupts === undefined
      ? { _tag: "Success", output: undefined }
      : { _tag: "Interrupted", reason: error, interrupts }
  }
  return error instanceof Error && isAbort(error) ? { _tag: "Interrupted", reason: error } : { _tag: "Failure", error }
}

/** LangGraph and LangChain say of an aborted signal no more than these messages, where they do not throw its reason. */
const isAbort = ({ message, name }: Error): boolean =>
  name === "Error" ? message === "Abort" || message === "Aborted" : aborts.has(name)

const aborts: ReadonlySet<string> = new Set(["AbortError", "ModelAbortError", "TimeoutError"])

const told = <K extends "output" | "response">(ending: Ending, key: K) => {
  switch (ending._tag) {
    case "Success":
      return { [key]: ending.output }
    case "Failure":
      return { error: ending.error }
    case "Interrupted":
      return { interrupted: ending.interrupts === undefined ? "langchain" : "langgraph" }
  }
}

// payloads

const isChat = (generations: ReadonlyArray<Generation>): generations is ReadonlyArray<ChatGeneration> =>
  generations.every((generation) => "message" in generation)

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A state as its reader knows it: messages as they are sent, not as LangChain would store them. */
const readable = (value: unknown): unknown => {
  if (BaseMessage.isInstance(value)) return toJson(value)
  if (Array.isArray(value)) return value.map(readable)
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, value]) => [key, readable(value)]))
}
