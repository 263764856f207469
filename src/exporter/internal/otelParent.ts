import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import type { Span } from "../../event/internal/span.ts"
import { traceOf } from "./otelId.ts"

/** Puts the application's own spans under the scopes in which they are made, for as long as the Effect Scope is open. */
export const adoptSpans: Effect.Effect<void, never, AgentRuntime | Scope.Scope> = Effect.gen(function*() {
  const { kernel } = yield* AgentRuntime
  const known = new WeakMap<Span, Tracer.AnySpan>()
  const spanParent = (span: Span): Tracer.AnySpan => {
    const made = known.get(span)
    if (made !== undefined) return made
    const parent = Tracer.externalSpan(traceOf(span))
    known.set(span, parent)
    return parent
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const before = kernel.spanParent
      kernel.spanParent = spanParent
      return before
    }),
    (before) =>
      Effect.sync(() => {
        // Another exporter that came later goes on.
        if (kernel.spanParent === spanParent) kernel.spanParent = before
      })
  )
})
