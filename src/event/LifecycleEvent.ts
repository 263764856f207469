/**
 * What happened, as one typed record.
 *
 * A scope (an agent step, a tool call, a model call) gives one `ScopeStart` and exactly one `ScopeEnd` with the same
 * `uuid`; a `Mark` is a point in time under a scope. Events are immutable. Payloads are carried by reference, so a
 * consumer must not change them.
 *
 * The wire form (ATOF 0.1, snake_case) is in `Atof`; names here are camelCase.
 *
 * @stability experimental
 * @since 0.1.0
 */

/**
 * Any JSON value.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * Kind of work a scope stands for.
 *
 * **Details**
 *
 * The eleven names are those of ATOF 0.1. Other strings are kept as they are, since readers of the format must keep
 * categories they do not know.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
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
  | (string & {})

/**
 * Facts about a scope that depend on its category.
 *
 * **Details**
 *
 * - `modelName`: model of an `llm` scope.
 * - `toolCallId`: the provider's id of a `tool` scope.
 * - `subtype`: required by ATOF on `custom` scopes.
 * - `timeToFirstChunk`: seconds from the start of a streamed `llm` scope to its first released chunk.
 * - `chunkCount`: chunks released to the consumer of a streamed `llm` scope.
 *
 * Unknown keys are kept.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Profile {
  readonly modelName?: string | undefined
  readonly toolCallId?: string | undefined
  readonly subtype?: string | undefined
  readonly annotatedRequest?: unknown
  readonly annotatedResponse?: unknown
  readonly timeToFirstChunk?: number | undefined
  readonly chunkCount?: number | undefined
  readonly [key: string]: unknown
}

/**
 * Name and version of the schema that `data` follows.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DataSchema {
  readonly name: string
  readonly version: string
}

/**
 * An error as observers see it: its tag and a capped message. `cause` is there only if the runtime was asked to
 * capture causes.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ErrorInfo {
  readonly tag: string
  readonly message: string
  readonly cause?: string | undefined
}

/**
 * How a scope ended.
 *
 * **Details**
 *
 * - `Failure`: a typed failure, or a defect (`isDefect`). A cause with a failure and an interruption is a `Failure`.
 *   `error` is absent when an error sanitizer failed and the field was cleared.
 * - `Blocked`: this call's own guardrail rejected it; `by` names the guardrail.
 * - `Interrupted`: `origin` is `"consumer"` (a stream abandoned by its reader), `"shutdown"` (its runtime closed),
 *   `"scope"` (a call that runs elsewhere, when the scope around it closed), `"fiber:<id>"` (the fiber that interrupted it,
 *   when known), or what the host of such a call says.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Success" }
  | { readonly _tag: "Failure"; readonly error: ErrorInfo | undefined; readonly isDefect: boolean }
  | { readonly _tag: "Blocked"; readonly by: string; readonly reason: string }
  | { readonly _tag: "Interrupted"; readonly origin?: string | undefined }

/**
 * What one guardrail decided about one call.
 *
 * **Details**
 *
 * - `verdict`: `allow`, `reject`, `wouldBlock` (a shadow guardrail that rejected or failed), `failed` (the check gave
 *   no decision) or `skipped` (an earlier guardrail had already rejected).
 * - `durationMicros`: time the check took, microseconds.
 * - `digest`: keyed digest of what was judged, hexadecimal HMAC-SHA-256; with `audit` only.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DecisionRecord {
  readonly guardrail: string
  readonly verdict: "allow" | "reject" | "wouldBlock" | "failed" | "skipped"
  readonly reason?: string | undefined
  readonly durationMicros: number
  readonly digest?: string | undefined
}

/**
 * How serious a mark is.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Severity = "trace" | "debug" | "info" | "warn" | "error"

/**
 * Fields that every event has.
 *
 * **Details**
 *
 * - `uuid`: UUID version 7, text form. A scope's start and end share it; each mark has its own.
 * - `parentUuid`: the enclosing scope, absent on a root.
 * - `rootUuid`: the outermost scope of this tree; a mark outside every scope is its own root.
 * - `sequence`: 1, 2, 3… per runtime, of the events that were built; `0` on an event read from a foreign file.
 * - `timestamp`: microseconds since the Unix epoch; never goes backwards within a runtime.
 * - `data`: the payload as observers may see it, after sanitizers.
 * - `metadata`: keys under `heddle.` and `otel.` are written by the runtime only.
 * - `wire`: parts of a decoded ATOF record that this model has no field for, kept so that encoding loses nothing.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface EventFields {
  readonly uuid: string
  readonly parentUuid?: string | undefined
  readonly rootUuid: string
  readonly sequence: number
  readonly timestamp: number
  readonly name: string
  readonly category: Category | undefined
  readonly profile: Profile | undefined
  readonly data: unknown
  readonly dataSchema: DataSchema | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly wire?: Readonly<Record<string, unknown>> | undefined
}

/**
 * A scope opened. `data` is its input, `attributes` are the sorted ATOF flags.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ScopeStart extends EventFields {
  readonly _tag: "ScopeStart"
  readonly category: Category
  readonly attributes: ReadonlyArray<string>
}

/**
 * A scope closed. `data` is its output; `timestamp` is strictly later than that of its start.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ScopeEnd extends EventFields {
  readonly _tag: "ScopeEnd"
  readonly category: Category
  readonly attributes: ReadonlyArray<string>
  readonly outcome: Outcome
  readonly decisions: ReadonlyArray<DecisionRecord>
}

/**
 * A point in time under a scope.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Mark extends EventFields {
  readonly _tag: "Mark"
  readonly severity?: Severity | undefined
}

/**
 * One record of the lifecycle stream.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type LifecycleEvent = ScopeStart | ScopeEnd | Mark

/**
 * Whether the event opens a scope.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isScopeStart = (event: LifecycleEvent): event is ScopeStart => event._tag === "ScopeStart"

/**
 * Whether the event closes a scope.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isScopeEnd = (event: LifecycleEvent): event is ScopeEnd => event._tag === "ScopeEnd"

/**
 * Whether the event is a mark.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isMark = (event: LifecycleEvent): event is Mark => event._tag === "Mark"

/**
 * Name of the mark by which a subscriber is told that events were dropped before it could take them. It is delivered
 * to that subscriber alone; its `data` is a `Gap` and its `sequence` is that of the last event dropped.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export const gapMark = "heddle.gap"

/**
 * Events that a subscriber did not get: how many, and the sequence numbers of the first and the last of them.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly dropped: number
  readonly firstSequence: number
  readonly lastSequence: number
}
