/**
 * Where the ids of scopes and marks come from.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * Makes the id of the next scope or mark: UUID version 7, text form, never twice the same.
 *
 * **Details**
 *
 * Read once, when a runtime is built. The default (`undefined`) is a generator of the runtime's own.
 *
 * **Example** (Counting ids in a test)
 *
 * ```ts
 * let n = 0
 * const next = () => `00000000-0000-7000-8000-${String(++n).padStart(12, "0")}`
 * const layer = AgentRuntime.layerWith({}).pipe(Layer.provide(Layer.succeed(EventId.Generator, next)))
 * ```
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export const Generator: Context.Reference<(() => string) | undefined> = Context.Reference<(() => string) | undefined>(
  "heddle/event/EventId/Generator",
  { defaultValue: () => undefined }
)
