import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Frame } from "../../event/internal/frame.ts"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import { Span } from "../../event/internal/span.ts"
import type { Category } from "../../event/LifecycleEvent.ts"
import { ScopeStack } from "../ScopeStack.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

export const currentFrame = (fiber: AnyFiber): Frame => Context.get(fiber.context, ScopeStack)

export const currentRuntime = (fiber: AnyFiber): AgentRuntime["Service"] =>
  Context.getUnsafe(fiber.context, AgentRuntime)

/** The same context with another current frame. */
export const withFrame = <R>(context: Context.Context<R>, frame: Frame): Context.Context<R> =>
  Context.addUnsafe(context, ScopeStack.key, frame)

/** Runs an effect with another current frame, and puts the old context back whatever happens. */
export const inFrame = <A, E, R>(effect: Effect.Effect<A, E, R>, frame: Frame): Effect.Effect<A, E, R> =>
  Effect.updateContext(effect, (context: Context.Context<R>) => withFrame(context, frame))

/**
 * Makes the span of a scope that is about to open under `frame`. Under a scope of another runtime it is a new root that
 * links to that scope.
 */
export const makeSpan = (
  runtime: AgentRuntime["Service"],
  fiber: AnyFiber,
  frame: Frame,
  parent: Span | undefined,
  name: string,
  category: Category,
  isCall: boolean
): Span => {
  const { kernel } = runtime
  const isForeign = parent !== undefined && parent.kernel !== kernel
  const span = new Span(
    kernel,
    isForeign ? undefined : parent,
    frame,
    kernel.plan(frame.level),
    name,
    category,
    isCall
  )
  if (span.parent === undefined) {
    if (isForeign) span.link = parent
    span.trace = fiber.cache.span
  }
  return span
}

/** Whether callers must wait before they start something in this frame. */
export const isGated = (runtime: AgentRuntime["Service"], frame: Frame): boolean => {
  if (frame.inside !== undefined) return false
  const { gates } = runtime.kernel
  for (let i = 0; i < gates.length; i++) if (gates[i]!.isFull(runtime.kernel)) return true
  const audience = frame.level?.audience
  if (audience === undefined) return false
  for (let i = 0; i < audience.length; i++) {
    const mailbox = audience[i]!
    if (mailbox.options.strategy === "suspend" && mailbox.isFull(runtime.kernel)) return true
  }
  return false
}

/** Waits until no subscriber that asked to suspend callers is full. */
export const awaitGates = (runtime: AgentRuntime["Service"], frame: Frame): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { kernel } = runtime
    const full = [...kernel.gates, ...(frame.level?.audience ?? [])]
      .find((mailbox) => mailbox.options.strategy === "suspend" && mailbox.isFull(kernel))
    if (full === undefined) return Effect.void
    return Effect.flatMap(full.waiters.until(() => !full.isFull(kernel)), () => awaitGates(runtime, frame))
  })
