import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Site } from "../../event/internal/kernel.ts"
import type { Span } from "../../event/internal/span.ts"
import { asPlan } from "../../middleware/internal/plan.ts"
import { enter, isGated, makeSpan, siteOf } from "../../scope/internal/current.ts"
import { type AnyFiber, Operation, performWithExit } from "../../scope/internal/operation.ts"
import type { CallError } from "../CallError.ts"
import { type CallSpec, copyMetadata } from "./managedCall.ts"

/** A call that may turn out to be plain. */
export interface PlainCall<I, A, E, R> {
  readonly spec: CallSpec
  readonly body: (payload: I) => Effect.Effect<A, E, R>
  /** Runs it as any call. */
  readonly govern: (site: Site, fiber: AnyFiber) => Effect.Effect<A, E | CallError, R>
}

/** Whether nothing is to be judged, changed or decoded: then a call is its scope and its work. */
export const isPlain = (spec: CallSpec, { frame, kernel, observers }: Site): boolean => {
  const chains = asPlan(observers, kernel, frame.level).chainsOf(spec.category)
  return chains.isEmpty && chains.missing.length === 0 && !kernel.closed && !isGated(kernel, frame) &&
    spec.schema === undefined && spec.codec === undefined && spec.output === undefined
}

/** Runs a plain call, in the order of any other: first the exit frame, then the start and the scope, in one step. */
export const runPlain = <I, A, E, R>(
  call: PlainCall<I, A, E, R>,
  site: Site,
  fiber: AnyFiber
): Effect.Effect<A, E | CallError, R> => {
  const { clock, context, frame, kernel, observers } = site
  const span = makeSpan(kernel, observers, fiber, frame, frame.span, call.spec, undefined)
  span.clock = clock
  const run = new PlainRun(call, context, span)
  return performWithExit(fiber, run, (exit) => run.end(fiber, exit))
}

class PlainRun<I, A, E, R> extends Operation<A, E | CallError, R> {
  private readonly call: PlainCall<I, A, E, R>
  private readonly outer: Context.Context<never>
  private readonly span: Span

  constructor(call: PlainCall<I, A, E, R>, outer: Context.Context<never>, span: Span) {
    super()
    this.call = call
    this.outer = outer
    this.span = span
  }

  perform(fiber: AnyFiber): Effect.Effect<A, E | CallError, R> {
    const { call, outer, span } = this
    const { kernel } = span
    // The runtime has closed since the call was seen to be plain.
    if (kernel.closed) return call.govern(siteOf(fiber), fiber)
    const { carrier, metadata, payload } = call.spec
    const copy = carrier.copy(payload)
    if (metadata !== undefined) span.metadata = copyMetadata(metadata)
    const isListening = kernel.isListening(span)
    kernel.startSpan(
      span,
      span.clock,
      isListening ? carrier.observable(copy, kernel.options.headerAllowList) : undefined
    )
    enter(fiber, outer, span)
    // The work gets containers that no event holds.
    return call.body((isListening && copy !== payload ? carrier.copyAgain(copy) : copy) as I)
  }

  end(fiber: AnyFiber, exit: Exit.Exit<A, E | CallError>): undefined {
    const { call, outer, span } = this
    fiber.setContext(outer)
    span.kernel.endSpan(span, exit, exit._tag === "Success" ? shown(call.spec, span, exit.value) : undefined, undefined)
  }
}

/** What the end event shows, in containers that the caller does not hold. */
const shown = (spec: CallSpec, span: Span, value: unknown): unknown =>
  span.kernel.isListening(span) ? spec.carrier.copyResult(value) : undefined
