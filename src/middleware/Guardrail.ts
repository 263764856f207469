/**
 * Policy that says no. A guardrail looks at exactly the request that will run, an output guardrail at what came out;
 * neither changes anything. They fail closed: no decision is a rejection of its own kind (`GuardrailFailed`).
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Call } from "./Call.ts"
import {
  type Applies,
  type Decision,
  type Entry,
  type GuardrailEntry,
  type Hold,
  makeEntry,
  type MaybeEffect,
  type Output,
  type OutputGuardrailEntry
} from "./internal/entry.ts"

export type {
  /**
   * What a guardrail answers. Make one with `allow` or `reject`.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Decision,
  /**
   * How much of a stream is kept back until it was judged.
   *
   * **Details**
   *
   * - `"none"`: each piece is judged as it arrives and goes on at once.
   * - `{ chars }`: the last `chars` characters are kept back.
   * - `"boundary"`: up to the end of a sentence or a line.
   * - `"full"`: everything, until the stream has ended.
   *
   * Characters and boundaries are those of string chunks. Chunks of other types are weighed by the strings in them and
   * have no boundary before the end.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Hold,
  /**
   * What an output guardrail judges.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Output
} from "./internal/entry.ts"

/**
 * Lets the call run.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const allow: Decision = Object.freeze({ _tag: "Allow" })

/**
 * Blocks the call. The reason is shown to the caller and to observers.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const reject = (reason: string): Decision => ({ _tag: "Reject", reason })

interface CommonOptions {
  /** Names the guardrail in decisions and errors. Unique among the guardrails of a runtime. */
  readonly name: string
  /** Lower runs first. Default `0`. */
  readonly priority?: number | undefined
  /** Calls it judges. Default: all. */
  readonly applies?: Applies<Call> | undefined
  /** `"shadow"` never blocks: what it would have blocked is recorded as `wouldBlock`. Default `"enforce"`. */
  readonly mode?: "enforce" | "shadow" | undefined
  /** Longest time a check may take before it has failed. Default 30 seconds. */
  readonly timeout?: Duration.Input | undefined
}

const defaultTimeout = Duration.seconds(30)

const timeoutOf = (input: Duration.Input | undefined): Duration.Duration =>
  input === undefined ? defaultTimeout : Duration.fromInputUnsafe(input)

/**
 * Judges requests: after all request intercepts, before anything runs, and again whenever an execution intercept passes
 * on another request.
 *
 * **Example** (Refusing a path)
 *
 * ```ts
 * const noSecrets = Guardrail.make({
 *   name: "no-secrets",
 *   applies: { kind: "tool", name: "read_file" },
 *   check: (call) =>
 *     call.kind === "tool" && String(call.input).endsWith(".env")
 *       ? Guardrail.reject("environment files are off limits")
 *       : Guardrail.allow
 * })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = <E = never, R = never>(
  options: CommonOptions & { readonly check: (call: Call) => MaybeEffect<Decision, E, R> }
): Entry<R> =>
  makeEntry<GuardrailEntry, R>({
    kind: "guardrail",
    name: options.name,
    priority: options.priority ?? 0,
    applies: options.applies,
    mode: options.mode ?? "enforce",
    timeout: timeoutOf(options.timeout),
    check: options.check
  })

/**
 * Judges results: the response of a buffered call, or a stream as it flows.
 *
 * **Details**
 *
 * A stream is judged whenever `hold` lets chunks go, and once at its end. A rejection interrupts the provider; the end
 * event says how much had been released. A shadow guardrail holds nothing back.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const output = <E = never, R = never>(
  options: CommonOptions & {
    /** Default `"none"`. */
    readonly hold?: Hold | undefined
    readonly check: (output: Output, call: Call) => MaybeEffect<Decision, E, R>
  }
): Entry<R> =>
  makeEntry<OutputGuardrailEntry, R>({
    kind: "outputGuardrail",
    name: options.name,
    priority: options.priority ?? 0,
    applies: options.applies,
    mode: options.mode ?? "enforce",
    timeout: timeoutOf(options.timeout),
    hold: options.hold ?? "none",
    check: options.check
  })
