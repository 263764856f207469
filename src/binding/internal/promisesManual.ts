/** Calls that run elsewhere, for code without Effect. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { CallError } from "../../call/CallError.ts"
import { bufferedLlmCarrier, type Carrier, streamedLlmCarrier, toolCarrier } from "../../call/internal/carrier.ts"
import { type EndOptions, type Failed, startManual } from "../../call/internal/manual.ts"
import * as LlmCall from "../../call/LlmCall.ts"
import * as ToolCall from "../../call/ToolCall.ts"
import type { Usage } from "../../codec/Annotated.ts"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import type { ScopeHandle } from "../../event/internal/span.ts"
import type { PureSchema, Request } from "../Promises.ts"
import type { Membership } from "./promisesRoster.ts"
import type { Tracker } from "./promisesTask.ts"

/** What is told of a call besides its name and what it is given. */
interface Told {
  /** On both events of the call; keys under `heddle.` and `otel.` are renamed to `user.…`. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** The scope or call to start it under, instead of the current scope. */
  readonly parent?: ScopeHandle | undefined
  /** When it started, in microseconds since the Unix epoch. Now, unless set. */
  readonly timestamp?: number | undefined
  /** Interrupts the start while it waits for subscribers, and nothing later. */
  readonly signal?: AbortSignal | undefined
}

/** What is told of a tool call. `checked` is what `toolCheck` gave for it. */
export interface ToolStartOptions extends Told {
  readonly toolCallId?: string | undefined
  readonly checked?: ToolCall.CheckedTool<unknown> | undefined
}

/** What is told of a model call. `checked` is what `llmCheck` gave for it. */
export interface LlmStartOptions extends Told, Pick<LlmCall.LlmCallOptions, "model" | "codec"> {
  readonly streaming?: boolean | undefined
  readonly checked?: LlmCall.CheckedLlm<unknown> | undefined
}

type Unfinished = Exclude<Failed, { readonly exit: unknown }>

/** How a tool call ended: with its output, with an error, or interrupted. */
export type ToolEnding = EndOptions & (Unfinished | { readonly output?: unknown; readonly error?: undefined })

/** How a model call ended: with its response, with an error, or interrupted. */
export type LlmEnding =
  & EndOptions
  & { readonly usage?: Usage | undefined }
  & (Unfinished | { readonly response?: unknown; readonly error?: undefined })

/** What policy is asked about a tool call. */
export interface ToolCheckOptions extends Pick<Told, "metadata"> {
  readonly toolCallId?: string | undefined
  /** Interrupts the check. */
  readonly signal?: AbortSignal | undefined
}

/** What policy is asked about a model call. */
export interface LlmCheckOptions extends Pick<LlmStartOptions, "metadata" | "model" | "codec" | "streaming"> {
  /** Interrupts the check. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Calls that run elsewhere, for hosts that only tell what happens before and after a call. Nothing governs them, which
 * their events say (`heddle.governed: false`); sanitizers and injectors do run on these. A host that can stop work asks
 * for a check first.
 */
export interface ManualCalls {
  /**
   * Announces a tool call. It ends with `toolEnd`, in any order with other calls; else as `Interrupted` with the scope or
   * call that it was started in, or with its runtime. The start event is emitted at once, unless a subscriber suspends it.
   */
  readonly toolStart: (name: string, input: unknown, options?: ToolStartOptions) => Promise<ToolCall.ToolHandle>
  /** Ends a tool call, once. Rejects with a `CallError`: `InvalidManualCall` or `AlreadyEnded`. */
  readonly toolEnd: (handle: ToolCall.ToolHandle, ending?: ToolEnding) => Promise<void>
  /** Runs request intercepts and guardrails alone. Rejects with a `CallError` like a call that is refused. */
  readonly toolCheck: {
    <S extends PureSchema>(
      name: string,
      input: unknown,
      options: ToolCheckOptions & { readonly schema: S }
    ): Promise<ToolCall.CheckedTool<S["Type"]>>
    <I>(
      name: string,
      input: I,
      options?: ToolCheckOptions & { readonly schema?: undefined }
    ): Promise<ToolCall.CheckedTool<I>>
  }
  /** Announces a model call, as `toolStart`. Without a request, it is that of `checked`. */
  readonly llmStart: (
    name: string,
    request: Request | undefined,
    options?: LlmStartOptions
  ) => Promise<LlmCall.LlmHandle>
  /** Ends a model call, once, as `toolEnd`. Its codec annotates the response. */
  readonly llmEnd: (handle: LlmCall.LlmHandle, ending?: LlmEnding) => Promise<void>
  /** Runs request intercepts and guardrails alone, as `toolCheck`. */
  readonly llmCheck: {
    <S extends PureSchema>(
      name: string,
      request: Request,
      options: LlmCheckOptions & { readonly schema: S }
    ): Promise<LlmCall.CheckedLlm<LlmCall.TypedRequest<S["Type"]>>>
    (
      name: string,
      request: Request,
      options?: LlmCheckOptions & { readonly schema?: undefined }
    ): Promise<LlmCall.CheckedLlm>
  }
}

type Kind = "tool" | "llm"

/** Where these calls are made: a runtime for code without Effect. */
export interface ManualHost extends Tracker {
  /** Runs what belongs to a call, unless nothing may start any more. */
  readonly run: <A>(
    kind: Kind,
    name: string,
    signal: AbortSignal | undefined,
    effect: Effect.Effect<A, unknown, AgentRuntime>
  ) => Promise<A>
  /** Runs what may run always: a host may tell of an end wherever it is. */
  readonly runAlways: (effect: Effect.Effect<void, unknown, AgentRuntime>) => Promise<void>
}

export const manualCalls = (host: ManualHost): ManualCalls => {
  /** Starts a call that ends as interrupted when what it was started through is closed. */
  const start = <H extends ScopeHandle>(
    kind: Kind,
    name: string,
    signal: AbortSignal | undefined,
    start: (onEnd: () => void) => Effect.Effect<H, unknown, AgentRuntime>,
    interrupt: (handle: H) => Effect.Effect<void, unknown, AgentRuntime>
  ): Promise<H> => {
    let tracked: Membership | undefined
    const started = Effect.contextWith((context: Context.Context<AgentRuntime>) =>
      Effect.map(start(() => tracked?.leave()), (handle) => {
        const stop = () => Effect.provideContext(Effect.ignore(interrupt(handle)), context)
        tracked = host.add({ call: { kind, name }, callId: handle.uuid, isOwned: false, stop })
        return handle
      })
    )
    return host.run(kind, name, signal, started)
  }
  const shutdown = { interrupted: "shutdown" } as const

  return {
    toolStart: (name, input, options) =>
      start(
        "tool",
        name,
        options?.signal,
        (onEnd) => startManual("tool", toolCarrier, input, { ...options, name, onEnd }),
        (handle) => ToolCall.end(handle, shutdown)
      ),
    toolEnd: (handle, ending) => host.runAlways(ToolCall.end(handle, ending)),
    toolCheck: <I>(
      name: string,
      input: I,
      options?: ToolCheckOptions & { readonly schema?: PureSchema | undefined }
    ): Promise<ToolCall.CheckedTool<I>> => {
      const { metadata, schema, signal, toolCallId } = options ?? {}
      const call = { name, input, metadata, toolCallId }
      const check = schema === undefined ? ToolCall.check(call) : ToolCall.check({ ...call, schema })
      // With a schema, what it decodes has the schema's type, which is that of the caller.
      return host.run("tool", name, signal, check as Effect.Effect<ToolCall.CheckedTool<I>, CallError, AgentRuntime>)
    },
    llmStart: (name, request, options) =>
      start(
        "llm",
        name,
        options?.signal,
        (onEnd) => startManual("llm", carrierOf(options), requestOf(request), { ...options, name, onEnd }),
        (handle) => LlmCall.end(handle, shutdown)
      ),
    llmEnd: (handle, ending) => host.runAlways(LlmCall.end(handle, ending)),
    llmCheck: (
      name: string,
      request: Request,
      options?: LlmCheckOptions & { readonly schema?: PureSchema | undefined }
    ): Promise<LlmCall.CheckedLlm> => {
      const { codec, metadata, model, schema, signal, streaming } = options ?? {}
      const call = {
        name,
        request: { headers: request.headers ?? {}, body: request.body },
        codec,
        metadata,
        model,
        streaming
      }
      const check = schema === undefined ? LlmCall.check(call) : LlmCall.check({ ...call, schema })
      return host.run("llm", name, signal, check as Effect.Effect<LlmCall.CheckedLlm, CallError, AgentRuntime>)
    }
  }
}

const carrierOf = (options: LlmStartOptions | undefined): Carrier =>
  options?.streaming === true ? streamedLlmCarrier : bufferedLlmCarrier

const requestOf = (request: Request | undefined): LlmCall.LlmRequest | undefined =>
  request === undefined ? undefined : { body: request.body, headers: request.headers ?? {} }
