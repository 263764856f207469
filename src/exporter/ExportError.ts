/**
 * Why events could not be handed over.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"

/**
 * Error raised inside of an exporter when a batch could not be handed over. It ends there: counted, and logged at a
 * limited rate.
 *
 * **Details**
 *
 * - `target`: where the events were to go, a path or a URL without credentials and query.
 * - `reason`: what happened and what was expected.
 * - `isRetryable`: whether the same batch may be taken later.
 * - `retryAfter`: how long the target asked to wait.
 * - `isTooLarge`: whether the target would take less at once.
 * - `lost`: how many events of the batch are lost if it is not tried again. Default: all of them.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class ExportError extends Data.TaggedError("ExportError")<{
  readonly target: string
  readonly reason: string
  readonly isRetryable: boolean
  readonly retryAfter?: Duration.Duration | undefined
  readonly isTooLarge?: boolean | undefined
  readonly lost?: number | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    return `could not export to ${this.target}: ${this.reason}`
  }
}
