/**
 * Adds metadata to events: who, where, which release.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { LifecycleEvent } from "../event/LifecycleEvent.ts"
import { type Entry, type InjectorEntry, makeEntry, type MaybeEffect } from "./internal/entry.ts"

/**
 * A value that an injector may add.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type FlatValue = string | number | boolean | ReadonlyArray<string | number | boolean>

/**
 * Makes an injector. It only inserts: a key that the event already has keeps its value.
 *
 * **Details**
 *
 * An answer with a value that is not flat is ignored as a whole. A failing injector is counted and logged; the event goes
 * on without its keys.
 *
 * **Example** (Tagging events with a release)
 *
 * ```ts
 * const release = MetadataInjector.make({ name: "release", inject: () => ({ "app.release": "2026.11" }) })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = <E = never, R = never>(options: {
  /** Names the injector. Unique among the injectors of a runtime. */
  readonly name: string
  /** Lower runs first, and so wins over a later one. Default `0`. */
  readonly priority?: number | undefined
  /** Longest time it may take before it has failed. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  readonly inject: (event: LifecycleEvent) => MaybeEffect<Readonly<Record<string, FlatValue>>, E, R>
}): Entry<R> =>
  makeEntry<InjectorEntry, R>({
    kind: "metadataInjector",
    name: options.name,
    priority: options.priority ?? 0,
    timeout: options.timeout === undefined ? Duration.seconds(5) : Duration.fromInputUnsafe(options.timeout),
    inject: options.inject
  })
