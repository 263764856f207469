import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { withContext } from "../../middleware/internal/installer.ts"
import { type AnyFiber, Framed } from "../../scope/internal/operation.ts"

/** The steps of a pull in a context of its own: what `withContext` does, without anything made for each step. */
export class Within<A, E> extends Framed<A, E, never> {
  private readonly pull: Effect.Effect<A, E, unknown>
  private readonly context: Context.Context<never>
  private readonly onExit: ((exit: Exit.Exit<A, E>) => void) | undefined
  /** Who takes a step now, and the context that it came with. */
  private fiber: AnyFiber | undefined = undefined
  private outer: Context.Context<never> | undefined = undefined

  constructor(
    pull: Effect.Effect<A, E, unknown>,
    context: Context.Context<never>,
    onExit?: (exit: Exit.Exit<A, E>) => void
  ) {
    super()
    this.pull = pull
    this.context = context
    this.onExit = onExit
  }

  override perform(fiber: AnyFiber): Effect.Effect<A, E> {
    // Steps follow each other. One that begins while another is under way has to remember its own way back.
    return this.fiber === undefined ? super.perform(fiber) : withContext(this.pull, this.context)
  }

  enter(fiber: AnyFiber): Effect.Effect<A, E> {
    this.fiber = fiber
    this.outer = fiber.context
    fiber.setContext(this.context)
    // It has the services that the pull requires.
    return this.pull as Effect.Effect<A, E>
  }

  leave(exit: Exit.Exit<A, E>): undefined {
    const { fiber, outer } = this
    if (fiber !== undefined && outer !== undefined) fiber.setContext(outer)
    this.fiber = undefined
    this.outer = undefined
    this.onExit?.(exit)
  }
}
