import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import type { Span } from "../../event/internal/span.ts"
import { type TraceContext, traceOf } from "./otelId.ts"

/** Puts the application's own spans under the scopes in which they are made, for as long as the Effect Scope is open. */
export const adoptSpans: Effect.Effect<void, never, AgentRuntime | Scope.Scope> = Effect.gen(function*() {
  const { kernel } = yield* AgentRuntime
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      kernel.spanAdopters++
      kernel.spanParent = spanOf
    }),
    () =>
      Effect.sync(() => {
        if (--kernel.spanAdopters === 0) kernel.spanParent = undefined
      })
  )
})

const spanOf = (scope: Span): Tracer.AnySpan => scope.effectSpan ??= new ScopeSpan(scope)

/** The Effect span of a scope. Most scopes have no spans of the application inside, so that their ids are made late. */
class ScopeSpan implements Tracer.ExternalSpan {
  readonly _tag = "ExternalSpan"
  readonly annotations: Context.Context<never> = Context.empty()
  private readonly scope: Span
  private made: TraceContext | undefined = undefined

  constructor(scope: Span) {
    this.scope = scope
  }

  get traceId(): string {
    return this.ids.traceId
  }

  get spanId(): string {
    return this.ids.spanId
  }

  get sampled(): boolean {
    return this.ids.sampled ?? true
  }

  private get ids(): TraceContext {
    return this.made ??= traceOf(this.scope)
  }
}
