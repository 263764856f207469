/**
 * Policy for observers only: a sanitizer changes what events show, never what the work or its caller gets. It fails
 * closed for observers: if it fails, the field is cleared and the event says so (`heddle.cleared`).
 *
 * Order on each event: `request`, `response` and `error`, then metadata injectors, then `mark`, `scopeStart` and
 * `scopeEnd`, which have the last word.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { ErrorInfo, LifecycleEvent } from "../event/LifecycleEvent.ts"
import { type Applies, type Entry, makeEntry, type MaybeEffect, type SanitizerEntry } from "./internal/entry.ts"
import type { EventFields } from "./internal/observe.ts"

export type {
  /**
   * What mark and scope sanitizers get and give back.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  EventFields
} from "./internal/observe.ts"

interface Options<Payload, A> {
  /** Names the sanitizer. Unique among the sanitizers of its kind in a runtime. */
  readonly name: string
  /** Lower runs first. Default `0`. */
  readonly priority?: number | undefined
  /** Events it applies to: by category (`"tool"`, `"llm"`), name, or a predicate over the event. Default: all. */
  readonly applies?: Applies<LifecycleEvent> | undefined
  /** Longest time it may take before it has failed. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** Gets the payload and the event so far; returns the payload to show. It must not change what it gets. */
  readonly sanitize: (payload: Payload, event: LifecycleEvent) => A
}

/** The services of an answer, which may be an Effect: what is plain, or not known, needs none. */
type ServicesOf<A> = 0 extends 1 & A ? never : A extends Effect.Effect<unknown, unknown, infer R> ? R : never

const make = <A>(
  kind: SanitizerEntry["kind"],
  // A payload is whatever the event holds; each constructor says what that is for its kind.
  options: Options<never, A>
): Entry<ServicesOf<A>> =>
  makeEntry<SanitizerEntry, ServicesOf<A>>({
    kind,
    name: options.name,
    priority: options.priority ?? 0,
    applies: options.applies,
    timeout: options.timeout === undefined ? Duration.seconds(5) : Duration.fromInputUnsafe(options.timeout),
    sanitize: options.sanitize as SanitizerEntry["sanitize"]
  })

/**
 * Changes the request that the start event of a call shows: a tool's input, or `{ headers, body }` of a model call.
 *
 * **Example** (Hiding a password)
 *
 * ```ts
 * const hide = Sanitizer.request({
 *   name: "hide-password",
 *   applies: "tool",
 *   sanitize: (input) => ({ ...Object(input), password: "***" })
 * })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const request = <A>(options: Options<unknown, A>): Entry<ServicesOf<A>> => make("requestSanitizer", options)

/**
 * Changes the response that the end event of a successful call shows.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const response = <A>(options: Options<unknown, A>): Entry<ServicesOf<A>> => make("responseSanitizer", options)

/**
 * Changes the error that the end event of a failed or blocked scope shows: `{ tag, message }`. For a block, `message` is
 * the reason. It gets the reasons of decisions that did not block, or that failed, in the same way, one at a time.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const error = <E = never, R = never>(
  options: Options<ErrorInfo, MaybeEffect<ErrorInfo | string | undefined, E, R>>
): Entry<R> => make<MaybeEffect<unknown, E, R>>("errorSanitizer", options)

/**
 * Changes the fields of a mark. What is left out of the answer stays; a value of another form replaces `data`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const mark = <A>(options: Options<EventFields, A>): Entry<ServicesOf<A>> => make("markSanitizer", options)

/**
 * Changes the fields of every start event, calls included. What is left out of the answer stays; a value of another form
 * replaces `data`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const scopeStart = <A>(options: Options<EventFields, A>): Entry<ServicesOf<A>> =>
  make("scopeStartSanitizer", options)

/**
 * Changes the fields of every end event, calls included. What is left out of the answer stays; a value of another form
 * replaces `data`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const scopeEnd = <A>(options: Options<EventFields, A>): Entry<ServicesOf<A>> =>
  make("scopeEndSanitizer", options)
