/**
 * Managed tool calls: the work runs inside a scope of its own, with everything that was put around it.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import type { ScopeHandle } from "../event/internal/span.ts"
import type { CallError, GuardrailRejected } from "./CallError.ts"
import { managed } from "./internal/buffered.ts"
import { toolCarrier } from "./internal/carrier.ts"
import { type Checked, checked } from "./internal/check.ts"
import { type CallOptions, CallSpec } from "./internal/managedCall.ts"
import { type CallHandle, endManual, type EndOptions, type Failed, startManual } from "./internal/manual.ts"

/**
 * What a tool call is made with, besides its input.
 *
 * **Details**
 *
 * - `toolCallId`: the id that the model gave the call.
 * - `output`: the result's type. Policies and observers see it encoded; a result that an intercept put in place of the
 *   real one must have it (`InvalidOutput`).
 * - `metadata`: on both events of the call; keys under `heddle.` and `otel.` are renamed to `user.…`.
 * - `onBlocked`: turns a block into a result, for example a text that tells the model why. The call still ends
 *   `Blocked`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ToolCallOptions<A> {
  readonly toolCallId?: string | undefined
  readonly output?: Schema.Top | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly onBlocked?: ((rejection: GuardrailRejected) => A) | undefined
}

/**
 * Runs a tool.
 *
 * **Details**
 *
 * Plain objects and arrays at the top level of the input are copied: what the caller changes later changes nothing that
 * was judged, recorded or run. With `schema`, the work gets the decoded input (`InvalidInput` if it does not decode), and
 * middleware sees both.
 *
 * **Example** (Searching under policy)
 *
 * ```ts
 * const hits = ToolCall.run({ name: "search", input: { query } }, ({ query }) => index.search(query))
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const run: {
  <S extends Schema.Top, A, E, R>(
    options: ToolCallOptions<A> & { readonly name: string; readonly input: unknown; readonly schema: S },
    work: (input: S["Type"]) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | CallError, R | S["DecodingServices"] | AgentRuntime>
  <const I, A, E, R>(
    options: ToolCallOptions<A> & { readonly name: string; readonly input: I; readonly schema?: undefined },
    work: (input: I) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | CallError, R | AgentRuntime>
} = <I, A, E, R>(
  options: ToolCallOptions<A> & {
    readonly name: string
    readonly input: I
    readonly schema?: Schema.Top | undefined
  },
  work: (input: I) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CallError, R | AgentRuntime> => managed(specOf(options), work, options.onBlocked)

/**
 * Makes a function of one argument a managed tool: same arguments, same result, governed.
 *
 * **Example** (Wrapping a function)
 *
 * ```ts
 * const readFile = ToolCall.wrap("read_file")((input: { readonly path: string }) => fs.readFileString(input.path))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const wrap = <A = never>(name: string, options?: ToolCallOptions<A>) =>
<I, B, E, R>(
  work: (input: I) => Effect.Effect<B, E, R>
): (input: I) => Effect.Effect<A | B, E | CallError, R | AgentRuntime> =>
(input) => managed<I, A | B, E, R>(new CallSpec(toolCarrier, input, { ...options, name }), work, options?.onBlocked)

/**
 * Identity of a tool call that was started by hand. It may be the parent of scopes and calls.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type ToolHandle = CallHandle<"tool">

/**
 * What a check lets run.
 *
 * **Details**
 *
 * - `input`: what request intercepts made of the input, decoded if the check has a `schema`; in containers that nobody
 *   else holds.
 * - `metadata`: of the call, as request intercepts left it.
 * - `decisions`: what the guardrails decided. `start` puts them on the end event.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface CheckedTool<out I> extends Checked {
  readonly input: I
}

/**
 * Announces a tool call that runs elsewhere: for hosts that only tell what happens before and after a call.
 *
 * **Details**
 *
 * Its events are those of any tool call, and say `heddle.governed: false` in their metadata: no guardrail and no
 * intercept runs around it. A host that can stop work asks `check` first. Sanitizers and metadata injectors do run, since
 * they are about events.
 *
 * The current scope stays what it was. `end` ends the call, in any order with other calls. A call that is still open ends
 * as `Interrupted` with the scope or managed call that it was started in (origin `"scope"`; if that has ended before, the
 * nearest around it that is open), and with its runtime (origin `"shutdown"`).
 *
 * - `parent`: the scope or call to start it under, instead of the current scope.
 * - `timestamp`: when it started, in microseconds since the Unix epoch; now unless set. Times of a runtime never go
 *   backwards: an earlier time than that of the last event counts as that (`heddle.timestamp` in the metadata keeps what
 *   was said), and a later one moves the time of the runtime forwards.
 * - `checked`: what `check` gave for it. Its decisions travel on the end event; input and metadata are those that were
 *   judged, unless set.
 *
 * Fails with a `CallError` for the reason `RuntimeClosed`, or `InvalidManualCall` for a parent, a timestamp or a check that
 * is none.
 *
 * **Example** (Between two callbacks of a host)
 *
 * ```ts
 * const handle = yield* ToolCall.start({ name: "search", input: { query }, toolCallId: "call_1" })
 * // …the host runs it…
 * yield* ToolCall.end(handle, { output: hits })
 * ```
 *
 * @stability experimental
 * @category manual lifecycle
 * @since 0.1.0
 */
export const start = (
  options:
    & Pick<ToolCallOptions<never>, "toolCallId" | "metadata">
    & {
      readonly name: string
      readonly parent?: ScopeHandle | undefined
      readonly timestamp?: number | undefined
    }
    & (
      | { readonly input: unknown; readonly checked?: CheckedTool<unknown> | undefined }
      | { readonly input?: undefined; readonly checked: CheckedTool<unknown> }
    )
): Effect.Effect<ToolHandle, CallError, AgentRuntime> => startManual("tool", toolCarrier, options.input, options)

/**
 * Ends a tool call that `start` announced, once.
 *
 * **Details**
 *
 * With its `output`; with the `error` that it failed with (`isDefect` for one that nobody expected); as `interrupted`
 * (a text says by what, as the `origin` of the outcome); or with an Effect `Exit`. An `error` that is `undefined` is none.
 * `metadata` is added to that of the start. `timestamp` is as for `start`; an end is always later than its start.
 *
 * Fails with a `CallError`: `InvalidManualCall` for a handle that `start` of this runtime did not give, `AlreadyEnded` for
 * a call that has ended before, which changes nothing.
 *
 * **Example** (With the exit of an effect)
 *
 * ```ts
 * Effect.acquireUseRelease(
 *   ToolCall.start({ name: "search", input: { query } }),
 *   () => host.search(query),
 *   (handle, exit) => ToolCall.end(handle, { exit })
 * )
 * ```
 *
 * @stability experimental
 * @category manual lifecycle
 * @since 0.1.0
 */
export const end = (
  handle: ToolHandle,
  ending: EndOptions & (Failed | { readonly output?: unknown; readonly error?: undefined }) = {}
): Effect.Effect<void, CallError, AgentRuntime> => endManual("tool", handle, ending)

/**
 * Asks policy about a tool call that runs elsewhere: for hosts that can stop work, but not hand it over.
 *
 * **Details**
 *
 * Request intercepts rewrite the input, guardrails judge what they made of it; nothing else runs, and the call has no
 * events. What a guardrail rejects, or would block, is a mark of category `guardrail` under the current scope. Allowed
 * decisions are seen once `checked` is given to `start`.
 *
 * Fails with a `CallError` like a call that is refused. Between the check and the work of the host nothing holds the input
 * as it was judged: that is the host's to do.
 *
 * **Example** (Before a host runs a tool)
 *
 * ```ts
 * const checked = yield* ToolCall.check({ name: "search", input: { query } })
 * const handle = yield* ToolCall.start({ name: "search", checked })
 * ```
 *
 * @stability experimental
 * @category manual lifecycle
 * @since 0.1.0
 */
export const check: {
  <S extends Schema.Top>(
    options: CheckOptions & { readonly input: unknown; readonly schema: S }
  ): Effect.Effect<CheckedTool<S["Type"]>, CallError, S["DecodingServices"] | AgentRuntime>
  <const I>(
    options: CheckOptions & { readonly input: I; readonly schema?: undefined }
  ): Effect.Effect<CheckedTool<I>, CallError, AgentRuntime>
} = <I>(
  options: CheckOptions & { readonly input: I; readonly schema?: Schema.Top | undefined }
): Effect.Effect<CheckedTool<I>, CallError, AgentRuntime> =>
  checked(specOf(options), (input, _annotated, checked) => ({ input: input as I, ...checked }))

// internal

interface CheckOptions extends Pick<ToolCallOptions<never>, "toolCallId" | "metadata"> {
  readonly name: string
}

const specOf = (options: CallOptions & { readonly input?: unknown }): CallSpec =>
  new CallSpec(toolCarrier, options.input, options)
