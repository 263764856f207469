/**
 * What a fiber carries: the innermost open scope, and the middleware and subscribers provided around it.
 *
 * It is one plain `Context.Reference`, so every fiber inherits it from the fiber that forks it. That is why parallel
 * branches never see each other's scopes and why nothing has to be copied or restored by hand.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { type Frame, rootFrame } from "../event/internal/frame.ts"

/**
 * The current frame. Its content belongs to the library: read the current scope with `ExecutionScope.current`.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export const ScopeStack: Context.Reference<Frame> = Context.Reference<Frame>("heddle/scope/ScopeStack", {
  defaultValue: () => rootFrame
})
