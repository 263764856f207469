import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Tracer from "effect/Tracer"
import type { Frame } from "../../event/internal/frame.ts"
import { withFrame } from "../../scope/internal/current.ts"
import { Carried } from "../../scope/internal/propagationContext.ts"

/**
 * The context of a callback: the services of the place where its entry was installed, with the scope, the span, the
 * baggage, the clock and the scheduler of the call. (Merging the installer's context over that of the fiber would bring a stale
 * current scope with it.)
 */
export const callbackContext = (
  installer: Context.Context<never>,
  fiber: Fiber.Fiber<unknown, unknown>,
  frame: Frame
): Context.Context<never> => {
  let context = withFrame(installer, frame)
  const clock = Context.get(fiber.context, Clock.Clock)
  if (Context.get(installer, Clock.Clock) !== clock) context = Context.add(context, Clock.Clock, clock)
  const carried = Context.get(fiber.context, Carried)
  if (Context.get(installer, Carried) !== carried) context = Context.add(context, Carried, carried)
  const { scheduler, span } = fiber.cache
  if (span !== Context.getOrUndefined(installer, Tracer.ParentSpan)) {
    context = span === undefined
      ? Context.omit(Tracer.ParentSpan)(context)
      : Context.add(context, Tracer.ParentSpan, span)
  }
  if (Context.get(installer, Scheduler.Scheduler) !== scheduler) {
    context = Context.add(context, Scheduler.Scheduler, scheduler)
  }
  return context
}

/**
 * Runs an effect with exactly this context and puts the old one back whatever happens. The caller knows that the
 * context has what the effect requires: it was captured where the effect's entry was installed, under those types.
 */
export const withContext = <A, E>(
  effect: Effect.Effect<A, E, unknown>,
  context: Context.Context<never>
): Effect.Effect<A, E> =>
  Effect.updateContext(effect, (): Context.Context<unknown> => context as Context.Context<unknown>)

/** Runs the effect of a callback where its entry was installed. */
export const asInstaller = <A, E>(
  effect: Effect.Effect<A, E, unknown>,
  installer: Context.Context<never>,
  frame: Frame
): Effect.Effect<A, E> => Effect.withFiber((fiber) => withContext(effect, callbackContext(installer, fiber, frame)))
