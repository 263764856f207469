import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"
import type { Frame, Observers } from "../../event/internal/frame.ts"
import type { Kernel, Site } from "../../event/internal/kernel.ts"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import { type Origin, Span, type SpanSpec } from "../../event/internal/span.ts"
import { ScopeStack } from "../ScopeStack.ts"
import { exported, traceUnder } from "./propagationRemote.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

export const currentFrame = (fiber: AnyFiber): Frame => Context.get(fiber.context, ScopeStack)

export const currentRuntime = (fiber: AnyFiber): AgentRuntime["Service"] =>
  Context.getUnsafe(fiber.context, AgentRuntime)

const currentKernel = (fiber: AnyFiber): Kernel => Context.getUnsafe(fiber.context, AgentRuntime).kernel

/** Everything about where this fiber is. */
export const siteOf = (fiber: AnyFiber): Site => {
  const { context } = fiber
  const frame = currentFrame(fiber)
  if (frame instanceof Span && isSite(frame, context)) return frame
  const kernel = currentKernel(fiber)
  const last = kernel.lastSite
  if (last !== undefined && last.context === context && last.observers.epoch === kernel.registry.epoch) return last
  const clock = currentClock(fiber)
  return kernel.lastSite = { context, kernel, frame, clock, observers: kernel.plan(frame.level) }
}

/** A scope tells all about where the fiber is that entered it, until something else is provided inside of it. */
const isSite = (span: Span, context: Context.Context<never>): span is Span & Site =>
  span.context === context && span.observers?.epoch === span.kernel.registry.epoch

export const currentClock = (fiber: AnyFiber): Clock.Clock => Context.get(fiber.context, Clock.Clock)

/** The same context with another current frame. Work in another scope has the span of that scope as its parent. */
export const withFrame = <R>(context: Context.Context<R>, frame: Frame): Context.Context<R> => {
  const next = Context.addUnsafe(context, ScopeStack.key, frame)
  const { span } = frame
  if (span === undefined || (span.kernel.spanParent === undefined && !span.isRemote)) return next
  if (span === Context.get(context, ScopeStack).span) return next
  const parent = span.isRemote ? span.origin?.trace : span.kernel.spanParent?.(span)
  return Context.addUnsafe(next, Tracer.ParentSpan.key, parent)
}

/** Goes into a scope that was opened in the given context. */
export const enter = (fiber: AnyFiber, outer: Context.Context<never>, span: Span): void =>
  fiber.setContext(span.context = withFrame(outer, span))

/** Runs an effect with another current frame, and puts the old context back whatever happens. */
export const inFrame = <A, E, R>(effect: Effect.Effect<A, E, R>, frame: Frame): Effect.Effect<A, E, R> =>
  Effect.updateContext(effect, (context: Context.Context<R>) => withFrame(context, frame))

/**
 * Makes the span of a scope that is about to open under `frame`. Under a scope of another runtime it is a new root that
 * links to that scope.
 */
export const makeSpan = (
  kernel: Kernel,
  observers: Observers,
  fiber: AnyFiber,
  frame: Frame,
  parent: Span | undefined,
  spec: SpanSpec,
  metadata: Readonly<Record<string, unknown>> | undefined
): Span => {
  if (parent !== undefined && parent.kernel === kernel) {
    const span = new Span(kernel, parent, frame, observers, spec, metadata)
    if (parent.isRemote) {
      span.origin = { link: undefined, trace: traceUnder(parent, exported(fiber.cache.span)) }
    } else if (kernel.spanParent !== undefined && parent === frame.span) {
      span.origin = between(kernel.spanParent(parent), exported(fiber.cache.span))
    }
    return span
  }
  const root = new Span(kernel, undefined, frame, observers, spec, metadata)
  const trace = kernel.spanParent === undefined ? fiber.cache.span : exported(fiber.cache.span)
  if (parent !== undefined || trace !== undefined) root.origin = { link: parent, trace }
  return root
}

/** A span of the application's that stands between a scope and what opens under it. */
const between = (parent: Tracer.AnySpan, trace: Tracer.AnySpan | undefined): Origin | undefined =>
  trace === undefined || trace === parent || (trace.spanId === parent.spanId && trace.traceId === parent.traceId)
    ? undefined
    : { link: undefined, trace }

/** Whether callers must wait before they start something in this frame. */
export const isGated = (kernel: Kernel, frame: Frame): boolean => {
  if (frame.inside !== undefined) return false
  for (const gate of kernel.gates) if (gate.isFull(kernel)) return true
  if (frame.level === undefined) return false
  for (const mailbox of frame.level.audience) {
    if (mailbox.options.strategy === "suspend" && mailbox.isFull(kernel)) return true
  }
  return false
}

/** Waits until no subscriber that asked to suspend callers is full. */
export const awaitGates = (kernel: Kernel, frame: Frame): Effect.Effect<void> =>
  Effect.suspend(() => {
    const full = [...kernel.gates, ...(frame.level?.audience ?? [])]
      .find((mailbox) => mailbox.options.strategy === "suspend" && mailbox.isFull(kernel))
    if (full === undefined) return Effect.void
    return Effect.andThen(full.waiters.until(() => !full.isFull(kernel)), awaitGates(kernel, frame))
  })
