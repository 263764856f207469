/**
 * Managed model calls, buffered and streamed.
 *
 * The runtime neither sends nor parses anything: the work gets the request as policy left it, and talks to the provider.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { AnnotatedRequest, Usage } from "../codec/Annotated.ts"
import type { Codec } from "../codec/Codec.ts"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import type { ScopeHandle } from "../event/internal/span.ts"
import type { LlmRequest } from "../middleware/Call.ts"
import type { CallError, GuardrailRejected } from "./CallError.ts"
import { managed } from "./internal/buffered.ts"
import { bufferedLlmCarrier, type Carrier, streamedLlmCarrier } from "./internal/carrier.ts"
import { type Checked, checked } from "./internal/check.ts"
import { defaultMaxBytes } from "./internal/fold.ts"
import { type CallOptions, CallSpec } from "./internal/managedCall.ts"
import { type CallHandle, endManual, type EndOptions, type Failed, startManual } from "./internal/manual.ts"
import { managedStream } from "./internal/streamed.ts"

export type {
  /**
   * What is sent to a model.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  LlmRequest
} from "../middleware/Call.ts"

/**
 * What a model call is made with.
 *
 * **Details**
 *
 * - `name`: the name of the call, for example that of the provider.
 * - `model`: on both events, as `profile.modelName`.
 * - `codec`: reads the provider's wire format. Middleware gets `call.annotated` and may edit it, output guardrails get
 *   `output.annotated` and its text, and events carry `profile.annotatedRequest` and `profile.annotatedResponse`. A body
 *   that it cannot read fails the call with `CodecFailed` before anything is sent; a response that it cannot read is only
 *   not annotated. What the work sends and returns stays as the provider has it.
 * - `metadata`: on both events; keys under `heddle.` and `otel.` are renamed to `user.…`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface LlmCallOptions {
  readonly name: string
  readonly request: LlmRequest
  readonly model?: string | undefined
  readonly codec?: Codec | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/**
 * A request whose body was decoded by the call's `schema`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface TypedRequest<Body> {
  readonly headers: LlmRequest["headers"]
  readonly body: Body
}

interface StreamOptions<State, Chunk> extends LlmCallOptions {
  readonly fold?: Fold<State, Chunk> | undefined
}

interface RunOptions<A> extends LlmCallOptions {
  /**
   * The response's type. Policies and observers see it encoded; a response that an intercept put in place of the real one
   * must have it (`InvalidOutput`).
   */
  readonly output?: Schema.Top | undefined
  /** Turns a block into a response. The call still ends `Blocked`. */
  readonly onBlocked?: ((rejection: GuardrailRejected) => A) | undefined
}

/**
 * How the chunks of a stream become the response that its end event shows and output guardrails judge.
 *
 * **Details**
 *
 * `initial` is the first state, or a function that makes it. After `maxBytes` of chunks (1 MiB unless set, weighed
 * roughly) the fold stops, the end event says `heddle.fold_truncated`, and output guardrails fail closed, since they
 * could not judge the whole. Without a fold, the call's `codec` makes the provider's response of them; without
 * a codec, strings are joined and other chunks listed.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Fold<in out State, in Chunk> {
  readonly initial: State | (() => State)
  readonly step: (state: State, chunk: Chunk) => State
  readonly finish: (state: State) => unknown
  readonly maxBytes?: number | undefined
}

/**
 * Runs a model call that gives one response.
 *
 * **Example** (Asking a model)
 *
 * ```ts
 * const answer = LlmCall.run(
 *   { name: "openai", model: "gpt-5", request: { headers: {}, body: { model: "gpt-5", messages } } },
 *   ({ body }) => postJson("/v1/chat/completions", body)
 * )
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const run: {
  <S extends Schema.Top, A, E, R>(
    options: RunOptions<A> & {
      /** Decodes the body for the work (`InvalidInput`); policies and observers see it as it is. */
      readonly schema: S
    },
    work: (request: TypedRequest<S["Type"]>) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | CallError, R | S["DecodingServices"] | AgentRuntime>
  <A, E, R>(
    options: RunOptions<A> & { readonly schema?: undefined },
    work: (request: LlmRequest) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | CallError, R | AgentRuntime>
} = <A, E, R>(
  options: RunOptions<A> & { readonly schema?: Schema.Top | undefined },
  work: (request: LlmRequest) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CallError, R | AgentRuntime> =>
  managed(specOf(options, bufferedLlmCarrier), work, options.onBlocked)

/**
 * Runs a model call that gives a stream of chunks.
 *
 * **Details**
 *
 * Nothing happens before the first pull; each run of the stream is a call of its own. The provider is pulled only when
 * the consumer pulls, and nothing is kept back unless an output guardrail says `hold`. The call ends when the provider
 * ends or fails, when a guardrail rejects, when the consumer stops reading (`Interrupted`, origin `"consumer"`), or when
 * its fiber is interrupted.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const stream: {
  <S extends Schema.Top, Chunk, E, R, State = unknown>(
    options: StreamOptions<State, Chunk> & {
      /** Decodes the body for the work (`InvalidInput`); policies and observers see it as it is. */
      readonly schema: S
    },
    work: (request: TypedRequest<S["Type"]>) => Stream.Stream<Chunk, E, R>
  ): Stream.Stream<Chunk, E | CallError, R | S["DecodingServices"] | AgentRuntime>
  <Chunk, E, R, State = unknown>(
    options: StreamOptions<State, Chunk> & { readonly schema?: undefined },
    work: (request: LlmRequest) => Stream.Stream<Chunk, E, R>
  ): Stream.Stream<Chunk, E | CallError, R | AgentRuntime>
} = <Chunk, E, R, State>(
  options: StreamOptions<State, Chunk> & { readonly schema?: Schema.Top | undefined },
  work: (request: LlmRequest) => Stream.Stream<Chunk, E, R>
): Stream.Stream<Chunk, E | CallError, R | AgentRuntime> =>
  managedStream(
    specOf(options, streamedLlmCarrier),
    options.fold === undefined ? undefined : { ...options.fold, maxBytes: options.fold.maxBytes ?? defaultMaxBytes },
    work
  )

/**
 * Identity of a model call that was started by hand. It may be the parent of scopes and calls.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type LlmHandle = CallHandle<"llm">

/**
 * What a check lets run.
 *
 * **Details**
 *
 * - `request`: as request intercepts left it, in containers that nobody else holds. With a `schema`, its body is decoded.
 * - `annotated`: its provider-neutral form, if the check has a codec.
 * - `metadata`: of the call, as request intercepts left it.
 * - `decisions`: what the guardrails decided. `start` puts them on the end event.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface CheckedLlm<out Request = LlmRequest> extends Checked {
  readonly request: Request
  readonly annotated?: AnnotatedRequest | undefined
}

/**
 * Announces a model call that runs elsewhere: for hosts that only tell what happens before and after a call.
 *
 * **Details**
 *
 * As `ToolCall.start`: its events say `heddle.governed: false`, sanitizers and injectors run on them, guardrails and
 * intercepts do not, and what is still open ends as `Interrupted` with its scope or its runtime. `codec` annotates both
 * events; a body that it cannot read is only not annotated. `streaming` says that the answer comes in chunks.
 *
 * Fails with a `CallError` for the reason `RuntimeClosed`, or `InvalidManualCall` for a parent, a timestamp or a check that
 * is none.
 *
 * @stability experimental
 * @category manual lifecycle
 * @since 0.1.0
 */
export const start = (
  options:
    & Omit<LlmCallOptions, "request">
    & {
      readonly streaming?: boolean | undefined
      readonly parent?: ScopeHandle | undefined
      readonly timestamp?: number | undefined
    }
    & (
      | { readonly request: LlmRequest; readonly checked?: CheckedLlm<unknown> | undefined }
      | { readonly request?: undefined; readonly checked: CheckedLlm<unknown> }
    )
): Effect.Effect<LlmHandle, CallError, AgentRuntime> => startManual("llm", carrierOf(options), options.request, options)

/**
 * Ends a model call that `start` announced, once.
 *
 * **Details**
 *
 * With the provider's `response` (of a stream: what its chunks make together), which the call's codec annotates; otherwise
 * as `ToolCall.end`. `usage` counts where the response itself says nothing of it.
 *
 * Fails with a `CallError`: `InvalidManualCall` for a handle that `start` of this runtime did not give, `AlreadyEnded` for
 * a call that has ended before, which changes nothing.
 *
 * @stability experimental
 * @category manual lifecycle
 * @since 0.1.0
 */
export const end = (
  handle: LlmHandle,
  ending:
    & EndOptions
    & { readonly usage?: Usage | undefined }
    & (
      | Failed
      | { readonly response?: unknown; readonly error?: undefined }
    ) = {}
): Effect.Effect<void, CallError, AgentRuntime> =>
  endManual("llm", handle, "response" in ending ? { ...ending, output: ending.response } : ending)

/**
 * Asks policy about a model call that runs elsewhere: for hosts that can stop work, but not hand it over.
 *
 * **Details**
 *
 * As `ToolCall.check`: request intercepts and guardrails alone, and no events but marks for what was rejected. A body that
 * the codec cannot read is `CodecFailed`.
 *
 * @stability experimental
 * @category manual lifecycle
 * @since 0.1.0
 */
export const check: {
  <S extends Schema.Top>(
    options: CheckOptions & {
      /** Decodes the body (`InvalidInput`); policies see it as it is. */
      readonly schema: S
    }
  ): Effect.Effect<CheckedLlm<TypedRequest<S["Type"]>>, CallError, S["DecodingServices"] | AgentRuntime>
  (options: CheckOptions & { readonly schema?: undefined }): Effect.Effect<CheckedLlm, CallError, AgentRuntime>
} = (
  options: CheckOptions & { readonly schema?: Schema.Top | undefined }
): Effect.Effect<CheckedLlm, CallError, AgentRuntime> =>
  checked(
    specOf(options, carrierOf(options)),
    (request, annotated, checked) => ({
      request: request as LlmRequest,
      ...(annotated === undefined ? undefined : { annotated }),
      ...checked
    })
  )

// internal

interface CheckOptions extends LlmCallOptions {
  readonly streaming?: boolean | undefined
}

const carrierOf = ({ streaming }: { readonly streaming?: boolean | undefined }): Carrier =>
  streaming === true ? streamedLlmCarrier : bufferedLlmCarrier

const specOf = (
  options: CallOptions & { readonly request?: LlmRequest | undefined },
  carrier: Carrier
): CallSpec => new CallSpec(carrier, options.request, options)
