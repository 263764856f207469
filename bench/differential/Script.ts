/**
 * A scripted agent, as a generator of operations. It knows no runtime: a driver reads the operations one by one, does each
 * with the API that it drives, and hands back what came of it. So one script is the same agent everywhere.
 */
import type { Policy } from "./Policy.ts"

/** What scripts compute with; every driver must carry it unchanged. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

export type JsonObject = { readonly [key: string]: Json }

/** A run of a script: yields operations, is resumed with their results. */
export type Script<A> = Generator<Operation, A, unknown>

/** A script that has not begun. */
export type Body<A = Json> = () => Script<A>

/** What became of an attempt, in the words that all runtimes have in common. */
export type Settled =
  | { readonly ok: Json }
  | { readonly blocked: string }
  | { readonly failed: string }

/** A piece that a provider's stream gives: a chunk, a mark that it emits meanwhile, or its end by an error. */
export type Piece =
  | { readonly chunk: Json }
  | { readonly mark: string }
  | { readonly fail: string }

export interface Request {
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
}

export interface ScopeOptions {
  readonly category?: Category
  readonly input?: Json
  readonly metadata?: JsonObject
  readonly attributes?: ReadonlyArray<"parallel" | "relocatable">
  /** The result of the scope's body becomes its output. */
  readonly reports?: boolean
  /** Policies that hold inside of this scope only. */
  readonly policies?: ReadonlyArray<Policy>
}

export type Category =
  | "agent"
  | "function"
  | "tool"
  | "llm"
  | "retriever"
  | "embedder"
  | "reranker"
  | "guardrail"
  | "evaluator"
  | "custom"
  | "unknown"

export interface ToolOptions {
  readonly metadata?: JsonObject
  readonly toolCallId?: string
}

export interface LlmOptions {
  readonly metadata?: JsonObject
  readonly model?: string
  /** The request and the response are those of OpenAI's Chat Completions, and to be read as such. */
  readonly codec?: "openai-chat"
}

export interface StreamOptions extends LlmOptions {
  /** Stop reading after so many chunks. Default: read all. */
  readonly take?: number
}

export interface MarkOptions {
  readonly data?: Json
  readonly metadata?: JsonObject
  readonly severity?: "trace" | "debug" | "info" | "warn" | "error"
  readonly dataSchema?: { readonly name: string; readonly version: string }
}

export type Operation =
  | { readonly _tag: "Scope"; readonly name: string; readonly options: ScopeOptions; readonly body: Body }
  | {
    readonly _tag: "Tool"
    readonly name: string
    readonly input: Json
    readonly options: ToolOptions
    readonly work: (input: Json) => Script<Json>
  }
  | {
    readonly _tag: "Llm"
    readonly name: string
    readonly request: Request
    readonly options: LlmOptions
    readonly work: (request: Request) => Script<Json>
  }
  | {
    readonly _tag: "LlmStream"
    readonly name: string
    readonly request: Request
    readonly options: StreamOptions
    readonly work: (request: Request) => ReadonlyArray<Piece>
  }
  | { readonly _tag: "Mark"; readonly name: string; readonly options: MarkOptions }
  | { readonly _tag: "Attempt"; readonly body: Body }
  | { readonly _tag: "Parallel"; readonly isolated: boolean; readonly bodies: ReadonlyArray<Body> }
  | { readonly _tag: "Wait"; readonly promise: Promise<void> }
  | { readonly _tag: "Next"; readonly value: Json | undefined }

function* perform<A>(operation: Operation): Script<A> {
  // A driver resumes an operation with its result; a generator's type cannot say which belongs to which.
  return (yield operation) as A
}

export const scope = (name: string, options: ScopeOptions, body: Body): Script<Json> =>
  perform({ _tag: "Scope", name, options, body })

export const tool = (
  name: string,
  input: Json,
  work: (input: Json) => Script<Json>,
  options: ToolOptions = {}
): Script<Json> => perform({ _tag: "Tool", name, input, options, work })

export const llm = (
  name: string,
  request: Request,
  work: (request: Request) => Script<Json>,
  options: LlmOptions = {}
): Script<Json> => perform({ _tag: "Llm", name, request, options, work })

/** Reads a streamed call, and gives the chunks that its consumer got. */
export const llmStream = (
  name: string,
  request: Request,
  work: (request: Request) => ReadonlyArray<Piece>,
  options: StreamOptions = {}
): Script<Json> => perform({ _tag: "LlmStream", name, request, options, work })

export const mark = (name: string, options: MarkOptions = {}): Script<void> => perform({ _tag: "Mark", name, options })

/** Goes on after a failure, and says what it was. */
export const attempt = (body: Body): Script<Settled> => perform({ _tag: "Attempt", body })

/** Runs branches at the same time, on the scope that is current: in the reference all on one stack. */
export const parallel = (...bodies: ReadonlyArray<Body>): Script<ReadonlyArray<Json>> =>
  perform({ _tag: "Parallel", isolated: false, bodies })

/** The same, with the reference's remedy: a scope stack for each branch, and the parent handed over. */
export const isolated = (...bodies: ReadonlyArray<Body>): Script<ReadonlyArray<Json>> =>
  perform({ _tag: "Parallel", isolated: true, bodies })

/** The rest of the call that an execution intercept wraps, with another request if one is given. */
export const next = (value?: Json): Script<Json> => perform({ _tag: "Next", value })

/** A meeting point: each arrival waits until so many have arrived. */
export const meeting = (parties: number): () => Script<void> => {
  let open = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  let arrived = 0
  return () => {
    if (++arrived === parties) open()
    return perform({ _tag: "Wait", promise })
  }
}

/** Ends a script with a failure. */
export class ScriptError extends Error {
  override readonly name = "ScriptError"
}

export const fail = (message: string): never => {
  throw new ScriptError(message)
}

/** A script that does nothing but give a value. */
// oxlint-disable-next-line require-yield
export function* give<A>(value: A): Script<A> {
  return value
}
