/**
 * What runs around work. Entries (guardrails, intercepts, sanitizers, injectors) are values; this module puts them in
 * place: for an application as a Layer, for a part of it as an aspect around an effect or a stream.
 *
 * There is no removal: an installed entry goes with its layer, a provided one with its effect.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Level } from "../event/internal/frame.ts"
import { CurrentGroup, DuplicateEntry, type Installed, placeFor } from "../event/internal/registry.ts"
import { AgentRuntime } from "../event/internal/runtime.ts"
import { currentFrame, currentRuntime, inFrame } from "../scope/internal/current.ts"
import type { Entry, EntryKind } from "./internal/entry.ts"
import { explain as explainCall, type Explanation, type Question } from "./internal/explain.ts"
import { planFor } from "./internal/plan.ts"

export {
  /**
   * Another entry of the same kind and name is already installed in the runtime.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  DuplicateEntry
} from "../event/internal/registry.ts"

export type {
  /**
   * A managed call as middleware sees it.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Call,
  /**
   * What is sent to a model.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  LlmRequest
} from "./Call.ts"

export type {
  /**
   * Which calls or events an entry applies to: a kind (`"tool"`, `"llm"`), a selection, or a predicate.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Applies,
  /**
   * One piece of middleware, and the services that its callbacks need where it is installed.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Entry,
  /**
   * What an entry does.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  EntryKind,
  /**
   * A plain value, or an Effect of it. A plain value costs no fiber step.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  MaybeEffect
} from "./internal/entry.ts"

export type {
  /**
   * One entry of an explanation, and why it runs or not.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  ExplainedEntry,
  /**
   * What would run for a call, and what would not.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Explanation
} from "./internal/explain.ts"

/**
 * Services that the callbacks of an entry need.
 *
 * @stability experimental
 * @category utility types
 * @since 0.1.0
 */
export type EntryServices<E> = E extends Entry<infer R> ? R : never

/**
 * An effect or a stream with middleware around it.
 *
 * @stability experimental
 * @category utility types
 * @since 0.1.0
 */
export type Managed<T, R2> = T extends Effect.Effect<infer A, infer E, infer R> ? Effect.Effect<A, E, R | R2>
  : T extends Stream.Stream<infer A, infer E, infer R> ? Stream.Stream<A, E, R | R2>
  : never

/**
 * One entry that is in place, as seen from where it is asked.
 *
 * **Details**
 *
 * `level` is `0` for the runtime, `1` for the outermost aspect around the asking effect, and so on. `references` counts
 * how often the same entry value is installed; it runs once.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Registration {
  readonly kind: EntryKind
  readonly name: string
  readonly priority: number
  readonly level: number
  readonly references: number
}

/**
 * Installs entries in the runtime for as long as the layer lives.
 *
 * **Details**
 *
 * Callbacks run with the services of the place where the layer is built. The same entry value may be installed again:
 * it counts references and runs once.
 *
 * **Gotchas**
 *
 * A layer governs the whole runtime, also when it is provided to a part of the program only, and it ends with that part.
 * For a part of a program, use `provide`. Layers are built once for each memo map: to govern every runtime that is made
 * of one policy value, give it to `AgentRuntime.layerWith({ policies })`.
 *
 * **Example** (A policy for an application)
 *
 * ```ts
 * const Policies = Middleware.layer(noSecrets, retry)
 * const Runtime = AgentRuntime.layerWith({ policies: Policies })
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = <const Es extends ReadonlyArray<Entry<unknown>>>(
  ...entries: Es
): Layer.Layer<never, DuplicateEntry, AgentRuntime | EntryServices<Es[number]>> =>
  Layer.effectDiscard(
    Effect.gen(function*() {
      const { kernel } = yield* AgentRuntime
      const context = yield* Effect.context<EntryServices<Es[number]>>()
      const place = placeFor(kernel.registry, yield* CurrentGroup)
      yield* Effect.acquireRelease(
        Effect.suspend(() => {
          const installed = place.install(entries, context)
          return installed instanceof DuplicateEntry ? Effect.fail(installed) : Effect.succeed(installed)
        }),
        (remove) => Effect.sync(remove)
      )
    })
  )

/**
 * Puts entries around an effect or a stream: they hold for it and for all that it forks, in every runtime, and for
 * nobody else.
 *
 * **Details**
 *
 * Provided entries may repeat names, and all run. Within a kind, order is priority, then level (outer first), then name.
 *
 * **Example** (A guardrail for one step)
 *
 * ```ts
 * const careful = plan(goal).pipe(Middleware.provide(noSecrets))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const provide =
  <const Es extends ReadonlyArray<Entry<unknown>>>(...entries: Es) =>
  <T extends Effect.Effect<unknown, unknown, unknown> | Stream.Stream<unknown, unknown, unknown>>(
    self: T
  ): Managed<T, EntryServices<Es[number]>> => {
    const install = (context: Context.Context<never>): ReadonlyArray<Installed> =>
      entries.map((entry) => ({ entry, context }))
    return withLevel(self, install) as Managed<T, EntryServices<Es[number]>>
  }

/**
 * The entries in place here, in the order in which they run within each kind.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const registrations: Effect.Effect<ReadonlyArray<Registration>, never, AgentRuntime> = Effect.withFiber<
  ReadonlyArray<Registration>,
  never,
  AgentRuntime
>((fiber) => {
  const { steps } = planFor(currentRuntime(fiber).kernel, currentFrame(fiber).level)
  return Effect.succeed(steps.map(({ entry, level, references }) => ({
    kind: entry.kind,
    name: entry.name,
    priority: entry.priority,
    level,
    references
  })))
})

/**
 * What would run for this call from here, in order, and why; and what would not.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const explain = (call: Question): Effect.Effect<Explanation, never, AgentRuntime> =>
  Effect.withFiber<Explanation, never, AgentRuntime>((fiber) =>
    Effect.succeed(explainCall(planFor(currentRuntime(fiber).kernel, currentFrame(fiber).level), call))
  )

// internal

const withLevel = (
  self: Effect.Effect<unknown, unknown, unknown> | Stream.Stream<unknown, unknown, unknown>,
  install: (context: Context.Context<never>) => ReadonlyArray<Installed>
): unknown =>
  Stream.isStream(self)
    ? Stream.fromChannel(Channel.fromTransform((_upstream, scope) =>
      Effect.withFiber((fiber) => {
        const level = new Level(currentFrame(fiber).level, install(fiber.context), undefined)
        // A scope of its own: its finalizers are governed too, whoever closes the stream.
        const inner = Scope.makeUnsafe()
        return Effect.andThen(
          Scope.addFinalizerExit(scope, (exit) => atLevel(Scope.close(inner, exit), level)),
          Effect.map(
            atLevel(Channel.toPullScoped(Stream.toChannel(self), inner), level),
            (pull) => atLevel(pull, level)
          )
        )
      })
    ))
    : Effect.withFiber((fiber) =>
      atLevel(self, new Level(currentFrame(fiber).level, install(fiber.context), undefined))
    )

const atLevel = <A, E, R>(self: Effect.Effect<A, E, R>, level: Level): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const { inside, span } = currentFrame(fiber)
    return inFrame(self, { span, level, inside })
  })
