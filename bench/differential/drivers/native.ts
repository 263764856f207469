/** What the differential test uses of the reference's Node binding. Its types may not be installed. */
import { loadPeer } from "../../harness/peer.ts"
import type { Flat } from "../Policy.ts"
import type { AtofEvent } from "../Recording.ts"
import type { Json } from "../Script.ts"

export interface Handle {
  readonly uuid: string
}

/** A request as the reference has it. */
export interface NativeRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly content: Json
}

export interface ToolOutcome {
  readonly result: Json
}

export interface EventFields {
  readonly data?: Json
  readonly categoryProfile?: Json
  readonly metadata?: Json
}

type Sanitize<A> = (value: A) => A
export type FieldSanitize = (event: AtofEvent, fields: EventFields) => EventFields
type Transform = (argument: { readonly name: string; readonly request: NativeRequest }) => {
  readonly request: NativeRequest
}
type NextChunks = (request: NativeRequest) => Promise<AsyncIterable<Json>>

/** The callbacks of each kind of registration. */
export interface Callbacks {
  readonly ToolConditionalExecutionGuardrail: (name: string, input: Json) => string | null
  readonly ToolExecutionIntercept: (
    context: { readonly toolName: string; readonly args: Json },
    next: (input: Json) => Promise<ToolOutcome>
  ) => Promise<ToolOutcome>
  readonly ToolSanitizeRequestGuardrail: (name: string, input: Json) => Json
  readonly ToolSanitizeResponseGuardrail: (name: string, result: Json) => Json
  readonly LlmConditionalExecutionGuardrail: (request: NativeRequest) => string | null
  readonly LlmExecutionIntercept: (
    request: NativeRequest,
    next: (request: NativeRequest) => Promise<Json>
  ) => Promise<Json>
  readonly LlmStreamExecutionIntercept: (request: NativeRequest, next: NextChunks) => Promise<AsyncIterable<Json>>
  readonly LlmSanitizeRequestGuardrail: Sanitize<NativeRequest>
  readonly LlmSanitizeResponseGuardrail: Sanitize<Json>
  readonly MarkSanitizeGuardrail: FieldSanitize
  readonly ScopeSanitizeStartGuardrail: FieldSanitize
  readonly ScopeSanitizeEndGuardrail: FieldSanitize
  readonly EventMetadataInjector: (event: { readonly name: string }) => Flat
}

/** Those with `breakChain`. */
export interface ChainCallbacks {
  readonly ToolRequestIntercept: (name: string, input: Json) => Json
  readonly LlmRequestIntercept: Transform
}

type Registrations =
  & { readonly [K in keyof Callbacks as `register${K}`]: (name: string, priority: number, f: Callbacks[K]) => void }
  & {
    readonly [K in keyof Callbacks as `scopeRegister${K}`]: (
      scope: string,
      name: string,
      priority: number,
      f: Callbacks[K]
    ) => void
  }
  & {
    readonly [K in keyof ChainCallbacks as `register${K}`]: (
      name: string,
      priority: number,
      breakChain: boolean,
      f: ChainCallbacks[K]
    ) => void
  }
  & {
    readonly [K in keyof ChainCallbacks as `scopeRegister${K}`]: (
      scope: string,
      name: string,
      priority: number,
      breakChain: boolean,
      f: ChainCallbacks[K]
    ) => void
  }

type Optional<A> = A | null | undefined

export interface Native extends Registrations {
  readonly registerSubscriber: (name: string, callback: (event: AtofEvent) => void) => void
  readonly flushSubscribers: () => Promise<void>
  readonly createScopeStack: () => unknown
  readonly withScopeStack: <A>(stack: unknown, callback: () => A) => A
  readonly getHandle: () => Handle
  readonly withScope: <A>(
    name: string,
    type: number,
    callback: (handle: Handle) => A,
    parent: Optional<Handle>,
    attributes: Optional<number>,
    data: undefined,
    metadata: Optional<Json>,
    input: Optional<Json>
  ) => Promise<Awaited<A>>
  readonly pushScope: (
    name: string,
    type: number,
    parent: Optional<Handle>,
    attributes: Optional<number>,
    data: undefined,
    metadata: Optional<Json>,
    input: Optional<Json>
  ) => Handle
  readonly popScope: (handle: Handle, output?: Json) => void
  readonly event: (
    name: string,
    parent: Optional<Handle>,
    data: Optional<Json>,
    metadata: Optional<Json>,
    timestamp: undefined,
    dataSchema: Optional<{ readonly name: string; readonly version: string }>,
    severity: Optional<number>
  ) => void
  readonly toolCallExecuteAsync: (
    name: string,
    input: Json,
    work: (input: Json) => Promise<ToolOutcome>,
    parent: Optional<Handle>,
    attributes: undefined,
    data: undefined,
    metadata: Optional<Json>,
    toolCallId: Optional<string>
  ) => Promise<ToolOutcome>
  readonly OpenAIChatCodec: new() => unknown
}

interface CallOptions {
  readonly handle?: Handle | undefined
  readonly metadata?: Json | undefined
  readonly modelName?: string | undefined
  readonly codec?: unknown
  readonly responseCodec?: unknown
}

export interface NativeStream {
  /** The next chunk; null at the end. */
  readonly next: () => Promise<Json>
  readonly close: () => Promise<void>
}

export interface Typed {
  readonly JsonPassthrough: new() => unknown
  readonly typedLlmExecute: (
    name: string,
    request: NativeRequest,
    work: (request: NativeRequest) => Promise<Json>,
    codec: unknown,
    options: CallOptions
  ) => Promise<Json>
  readonly typedLlmStreamExecute: (
    name: string,
    request: NativeRequest,
    work: (request: NativeRequest) => AsyncIterable<Json>,
    collector: (chunk: Json) => void,
    finalizer: () => Json,
    chunkCodec: unknown,
    responseCodec: unknown,
    options: CallOptions
  ) => Promise<NativeStream>
}

export const loadNative = async (): Promise<{ readonly native: Native; readonly typed: Typed }> => {
  const main = await loadPeer<{ readonly default: Native }>("nemo-relay-node")
  const typed = await loadPeer<{ readonly default: Typed }>("nemo-relay-node/typed")
  return { native: main.default, typed: typed.default }
}
