/**
 * Points in time under the current scope.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { MarkDetail } from "../event/internal/eventRecord.ts"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import type { DataSchema, Severity } from "../event/LifecycleEvent.ts"
import { siteOf } from "./internal/current.ts"
import { type AnyFiber, Operation } from "./internal/operation.ts"

/**
 * What a mark carries besides its name.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface MarkOptions {
  readonly data?: unknown
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly severity?: Severity | undefined
  readonly dataSchema?: DataSchema | undefined
}

/**
 * Emits a mark under the current scope, or as a root of its own outside of every scope.
 *
 * **Details**
 *
 * Never waits and never fails. Nothing is built while nobody listens.
 *
 * **Example** (Reporting progress)
 *
 * ```ts
 * yield* Mark.emit("progress", { data: { done: 3, of: 10 }, severity: "info" })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const emit = (name: string, options?: MarkOptions): Effect.Effect<void, never, AgentRuntime> =>
  new Emit(name, options)

// internal

class Emit extends Operation<void, never, AgentRuntime> implements MarkDetail {
  readonly name: string
  readonly data: unknown
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly severity: Severity | undefined
  readonly dataSchema: DataSchema | undefined

  constructor(name: string, options: MarkOptions | undefined) {
    super()
    this.name = name
    this.data = options?.data
    this.metadata = options?.metadata
    this.severity = options?.severity
    this.dataSchema = options?.dataSchema
  }

  get category(): undefined {
    return undefined
  }

  perform(fiber: AnyFiber): Effect.Effect<void> {
    const { clock, frame, kernel } = siteOf(fiber)
    kernel.mark(frame, frame.span?.kernel === kernel ? frame.span : undefined, clock, this.data, this)
    return Effect.void
  }
}
