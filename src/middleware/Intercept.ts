/**
 * Policy that changes what runs: request intercepts rewrite requests, execution intercepts wrap the work, stream
 * intercepts wrap streams. A failing intercept fails the call (`InterceptFailed`).
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Call } from "./Call.ts"
import {
  type Applies,
  type Entry,
  type ExecutionInterceptEntry,
  makeEntry,
  type MaybeEffect,
  type RequestInterceptEntry,
  type StreamInterceptEntry
} from "./internal/entry.ts"

interface CommonOptions {
  /** Names the intercept in errors. Unique among the intercepts of its kind in a runtime. */
  readonly name: string
  /** Lower runs first and wraps outermost. Default `0`. */
  readonly priority?: number | undefined
  /** Calls it applies to. Default: all. */
  readonly applies?: Applies<Call> | undefined
}

/**
 * Rewrites requests before they are recorded and judged.
 *
 * **Details**
 *
 * Return the call with another `input`, `request`, `annotated` or `metadata`; a change of anything else fails the call.
 * `breakChain` skips the later request intercepts of the same level.
 *
 * **Example** (Capping a parameter)
 *
 * ```ts
 * const cap = Intercept.request({
 *   name: "cap",
 *   applies: { kind: "tool", name: "search" },
 *   transform: (call) => call.kind === "tool" ? { ...call, input: { ...Object(call.input), limit: 10 } } : call
 * })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const request = <E = never, R = never>(
  options: CommonOptions & {
    readonly breakChain?: boolean | undefined
    readonly transform: (call: Call) => MaybeEffect<Call, E, R>
  }
): Entry<R> =>
  makeEntry<RequestInterceptEntry, R>({
    kind: "requestIntercept",
    name: options.name,
    priority: options.priority ?? 0,
    applies: options.applies,
    breakChain: options.breakChain ?? false,
    transform: options.transform
  })

/**
 * Wraps the work: retry, timeout, race, cache, route, replace.
 *
 * **Details**
 *
 * `next` is an Effect, to be run zero or many times, also concurrently. The first run hangs directly under the call,
 * each further one in a scope `attempt`. `next(call)` runs another request, which is judged again. A block inside `next`
 * is final. Errors that come out of `next` keep their identity; the intercept's own become `InterceptFailed`.
 *
 * Without `stream` it does not wrap streamed calls.
 *
 * **Example** (Retrying)
 *
 * ```ts
 * const retry = Intercept.execution({
 *   name: "retry",
 *   around: (_call, next) => Effect.retry(next(), { times: 2 })
 * })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const execution = <E = never, R = never, E2 = never, R2 = never>(
  options: CommonOptions & {
    readonly around: (
      call: Call,
      next: (call?: Call) => Effect.Effect<unknown, unknown>
    ) => Effect.Effect<unknown, E, R>
    readonly stream?:
      | ((
        call: Call,
        next: (call?: Call) => Stream.Stream<unknown, unknown>
      ) => Stream.Stream<unknown, E2, R2>)
      | undefined
  }
): Entry<R | R2> =>
  makeEntry<ExecutionInterceptEntry, R | R2>({
    kind: "executionIntercept",
    name: options.name,
    priority: options.priority ?? 0,
    applies: options.applies,
    around: options.around,
    stream: options.stream
  })

/**
 * Wraps streamed calls only: filter, map, replace or restart the stream of chunks.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const stream = <E = never, R = never>(
  options: CommonOptions & {
    readonly around: (
      call: Call,
      next: (call?: Call) => Stream.Stream<unknown, unknown>
    ) => Stream.Stream<unknown, E, R>
  }
): Entry<R> =>
  makeEntry<StreamInterceptEntry, R>({
    kind: "streamIntercept",
    name: options.name,
    priority: options.priority ?? 0,
    applies: options.applies,
    stream: options.around
  })
