import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import type { Batch } from "../../event/internal/kernel.ts"
import { CurrentGroup, EntryGroup } from "../../event/internal/registry.ts"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import type { Component } from "./check.ts"
import type { Trunk } from "./feed.ts"

/** What one document installs: built as a whole, in its place from when its group is, and released as a whole. */
export interface Generation {
  readonly group: EntryGroup
  readonly trunk: Trunk
  readonly scope: Scope.Closeable
  readonly components: ReadonlyArray<{ readonly index: number; readonly kind: string; readonly version: string }>
}

/** The component whose Layer failed. */
export interface Failed {
  readonly kind: string
  readonly index: number
  readonly cause: Cause.Cause<unknown>
}

export const makeTrunk: Effect.Effect<Trunk> = PubSub.unbounded<Batch>()

/**
 * Builds the layers of a document, one after the other, those that provide services first. Nothing is in its place
 * afterwards. If one fails or is interrupted, what was built is released in reverse order. `restore` makes the layers
 * themselves as interruptible as the caller wants them.
 */
export const build = Effect.fnUntraced(function*<R>(
  components: ReadonlyArray<Component<R>>,
  host: Context.Context<R | AgentRuntime>,
  trunk: Trunk,
  before: Generation | undefined,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.fn.Return<Generation, Failed> {
  const runtime = Context.get(host, AgentRuntime)
  const group = new EntryGroup(runtime.kernel.registry, before?.group)
  const scope = yield* Scope.make("sequential")
  const memoMap = yield* Layer.makeMemoMap
  let context = host.pipe(
    Context.add(AgentRuntime, { ...runtime, trunk }),
    Context.add(CurrentGroup, group)
  )
  const ordered = components.toSorted((a, b) =>
    Number(b.plugin.provides) - Number(a.plugin.provides) || a.index - b.index
  )
  for (const { index, layer, plugin } of ordered) {
    const inner = yield* Scope.fork(scope, "sequential")
    const built = Effect.provideContext(Layer.buildWithMemoMap(layer, memoMap, inner), context)
    const exit = yield* Effect.exit(restore(built))
    if (Exit.isFailure(exit)) {
      yield* Scope.close(scope, exit)
      if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
      return yield* Effect.fail({ kind: plugin.kind, index, cause: exit.cause })
    }
    if (plugin.provides) context = Context.merge(context, exit.value)
  }
  return {
    group,
    trunk,
    scope,
    components: components.map(({ index, plugin }) => ({ index, kind: plugin.kind, version: plugin.version }))
  }
}, Effect.uninterruptible)
