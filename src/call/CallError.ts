/**
 * The one error of managed calls, and its reasons.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as SchemaIssue from "effect/SchemaIssue"

/**
 * A guardrail rejected the call: its request, or what came out.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class GuardrailRejected extends Data.TaggedError("GuardrailRejected")<{
  readonly guardrail: string
  readonly reason: string
}> {
  readonly isRetryable = false
  override get message(): string {
    return `guardrail "${this.guardrail}" rejected it: ${this.reason}`
  }
}

/**
 * A guardrail gave no decision: it failed, threw, answered something else, or took too long (`timedOut`).
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class GuardrailFailed extends Data.TaggedError("GuardrailFailed")<{
  readonly guardrail: string
  readonly cause: unknown
  readonly timedOut: boolean
}> {
  get isRetryable(): boolean {
    return this.timedOut
  }
  override get message(): string {
    return `guardrail "${this.guardrail}" gave no decision: ${describe(this.cause)}`
  }
}

/**
 * The runtime requires guardrails that are not in place.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class PolicyMissing extends Data.TaggedError("PolicyMissing")<{ readonly missing: ReadonlyArray<string> }> {
  readonly isRetryable = false
  override get message(): string {
    return `required guardrails are not installed: ${this.missing.join(", ")}`
  }
}

/**
 * An intercept failed on its own account. `cause` is an Effect `Cause`, or what it did wrong in words.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class InterceptFailed extends Data.TaggedError("InterceptFailed")<{
  readonly intercept: string
  readonly cause: Cause.Cause<unknown> | string
}> {
  readonly isRetryable = true
  override get message(): string {
    return `intercept "${this.intercept}" failed: ${describe(this.cause)}`
  }
}

/**
 * A provider codec could not read or write a payload; `path` says where.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class CodecFailed extends Data.TaggedError("CodecFailed")<{
  readonly path: string
  readonly cause: unknown
}> {
  readonly isRetryable = false
  override get message(): string {
    return `the codec failed at ${this.path}: ${describe(this.cause)}`
  }
}

/**
 * The input that would run does not match the call's `schema`.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class InvalidInput extends Data.TaggedError("InvalidInput")<{ readonly cause: unknown }> {
  readonly isRetryable = false
  override get message(): string {
    return `the input does not match its schema: ${describe(this.cause)}`
  }
}

/**
 * A result that an intercept put in place of the real one does not match the call's `output` schema.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class InvalidOutput extends Data.TaggedError("InvalidOutput")<{ readonly cause: unknown }> {
  readonly isRetryable = false
  override get message(): string {
    return `the replaced result does not match the output schema: ${describe(this.cause)}`
  }
}

/**
 * The runtime has closed: nothing runs ungoverned.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class RuntimeClosed extends Data.TaggedError("RuntimeClosed")<{}> {
  readonly isRetryable = false
  override get message(): string {
    return "its runtime has closed"
  }
}

/**
 * A call that is started and ended by hand was told something that makes no sense: `what` is it (the handle, the parent,
 * the timestamp, the check), `actual` says what came, `expected` what was wanted.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class InvalidManualCall extends Data.TaggedError("InvalidManualCall")<{
  readonly what: "handle" | "parent" | "timestamp" | "checked"
  readonly actual: string
  readonly expected: string
}> {
  readonly isRetryable = false
  override get message(): string {
    return `its ${this.what} is ${this.actual}; expected ${this.expected}`
  }
}

/**
 * A call that is ended by hand has ended before: by `end`, with the `scope` around it, or with its runtime (`shutdown`).
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class AlreadyEnded extends Data.TaggedError("AlreadyEnded")<{ readonly by: "end" | "scope" | "shutdown" }> {
  readonly isRetryable = false
  override get message(): string {
    const how = { end: "by an earlier end", scope: "with the scope around it", shutdown: "with its runtime" }[this.by]
    return `it has ended already, ${how}; expected one end for each start`
  }
}

/**
 * Why a call failed before, around or after its work.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export type Reason =
  | GuardrailRejected
  | GuardrailFailed
  | PolicyMissing
  | InterceptFailed
  | CodecFailed
  | InvalidInput
  | InvalidOutput
  | RuntimeClosed
  | InvalidManualCall
  | AlreadyEnded

/**
 * A managed call failed for a reason of the runtime. Errors of the work itself keep their own type.
 *
 * **Details**
 *
 * `uuid` is the call's scope. Recover from one reason with `Effect.catchReason`.
 *
 * **Example** (Answering a block)
 *
 * ```ts
 * call.pipe(Effect.catchReason("CallError", "GuardrailRejected", (block) => Effect.succeed(`refused: ${block.reason}`)))
 * ```
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class CallError extends Data.TaggedError("CallError")<{
  readonly kind: "tool" | "llm"
  readonly name: string
  readonly uuid: string
  readonly reason: Reason
}> {
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return `${this.kind} call "${this.name}": ${this.reason.message}`
  }
}

// internal

const formatIssue = SchemaIssue.makeFormatterDefault()

const describe = (cause: unknown): string => {
  try {
    if (typeof cause === "string") return cause
    if (SchemaIssue.isIssue(cause)) return formatIssue(cause)
    if (cause instanceof Error && SchemaIssue.isIssue(cause.cause)) return formatIssue(cause.cause)
    if (typeof cause === "object" && cause !== null && "message" in cause && typeof cause.message === "string") {
      return cause.message
    }
    if (typeof cause === "object" && cause !== null && "reasons" in cause && Array.isArray(cause.reasons)) {
      const reason: unknown = cause.reasons[0]
      if (typeof reason !== "object" || reason === null) return "interrupted"
      if ("error" in reason) return describe(reason.error)
      if ("defect" in reason) return describe(reason.defect)
      return "it was interrupted"
    }
    return String(cause)
  } catch {
    return "[unprintable]"
  }
}
