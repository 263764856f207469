/**
 * The event tree in a terminal.
 *
 * A renderer turns lifecycle events into lines while they come: a scope prints a line when it opens and one, with its
 * duration and outcome, when it closes. Lines of branches that run at once are kept apart by a short id at their head,
 * the last four characters of the scope's uuid. It remembers open scopes only, never throws, and prints nothing from an
 * event that a terminal could take for a command.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as EffectConsole from "effect/Console"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { BufferOptions } from "../event/EventBus.ts"
import type { DuplicateEntry } from "../event/internal/registry.ts"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import type { LifecycleEvent } from "../event/LifecycleEvent.ts"
import type { MaybeEffect } from "../middleware/internal/entry.ts"
import * as eventTree from "./internal/eventTree.ts"
import * as Subscriber from "./Subscriber.ts"

/**
 * How lines look.
 *
 * **Details**
 *
 * - `color`: paint with ANSI colours; off by default.
 * - `data`: show the beginning of payloads (inputs, outputs, data of marks) as JSON; off by default. Payloads are shown
 *   as observers may see them, after sanitizers.
 * - `width`: columns of a line, at least 40 and 120 by default; longer lines are cut.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface RenderOptions {
  readonly color?: boolean | undefined
  readonly data?: boolean | undefined
  readonly width?: number | undefined
}

/**
 * Turns events, in the order of their emission, into lines without line breaks.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Renderer {
  readonly render: (event: LifecycleEvent) => ReadonlyArray<string>
}

/**
 * Creates a renderer with a memory of its own.
 *
 * **When to use**
 *
 * Use to show events that come from somewhere else than a runtime of this process, such as a recorded file.
 *
 * **Details**
 *
 * A line reads: id, indentation by depth, sign, category, name, then what is known. Signs are `▸` opened, `✓` succeeded,
 * `✗` failed, `⊘` blocked, `■` interrupted, `↻` a further attempt, `•` mark, `!` warning. A scope whose parent is not
 * open, or was never seen, stands at the left edge; `in <name> <id>` names the parent wherever the indentation alone
 * would mislead.
 *
 * **Gotchas**
 *
 * A scope whose end was dropped is forgotten once 10,000 others are open.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const renderer = (options?: RenderOptions): Renderer => {
  const lineOf = makeLineOf(options)
  return { render: (event) => [lineOf(event)] }
}

/**
 * How events are shown, and where.
 *
 * **Details**
 *
 * - `write`: gets one line at a time, without a line break; by default it is the `log` of Effect's `Console` service. A
 *   line that could not be written is counted and logged, like any failure of a subscriber.
 * - `filter`: which events are shown. The others are to the tree as if they had never been, so keep or drop starts and
 *   ends of a scope together.
 * - `buffer`: as that of any subscriber. A terminal that is too slow for it gets a line that says what was dropped.
 * - `name`: of the subscriber, `"console"` unless set. Two in one runtime need two names.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions<E = never, R = never> extends RenderOptions {
  readonly write?: ((line: string) => MaybeEffect<void, E, R>) | undefined
  readonly filter?: ((event: LifecycleEvent) => boolean) | undefined
  readonly buffer?: BufferOptions | undefined
  readonly name?: string | undefined
}

/**
 * Shows the event tree of a runtime live, for as long as the layer lives.
 *
 * **Details**
 *
 * Each build of the layer has a tree of its own. The `Console`, like everything that `write` needs, is that of the place
 * where the layer is built. `AgentRuntime.flush` waits until the events so far have been written.
 *
 * **Gotchas**
 *
 * Composed around a runtime from outside it is released before it, and does not show its last events. Give it to
 * `AgentRuntime.layerWith({ policies })` to see how the runtime closes.
 *
 * **Example** (Watching an agent)
 *
 * ```ts
 * const Runtime = AgentRuntime.layerWith({ policies: Console.layer({ color: true }) })
 * scout("What is a heddle?").pipe(Effect.provide(Runtime))
 * // 03d1 ▸ agent scout
 * // 03d2   ▸ tool search
 * // 03d2   ✓ tool search  182 ms
 * // 03d1 ✓ agent scout  184 ms
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  options?: LayerOptions<E, R>
): Layer.Layer<never, DuplicateEntry, AgentRuntime | Exclude<R, Scope.Scope>> =>
  Layer.suspend(() => {
    const lineOf = makeLineOf(options)
    const write: (line: string) => MaybeEffect<void, E, R> = options?.write ?? EffectConsole.log
    return Subscriber.layer({
      name: options?.name ?? "console",
      filter: options?.filter,
      buffer: options?.buffer,
      handle: (event) => write(lineOf(event))
    })
  })

// internal

const makeLineOf = (options: RenderOptions | undefined): (event: LifecycleEvent) => string => {
  const state = eventTree.make()
  const width = options?.width ?? 120
  const resolved: eventTree.Options = {
    color: options?.color ?? false,
    data: options?.data ?? false,
    width: width >= 40 ? Math.floor(width) : 40
  }
  return (event) => eventTree.render(state, event, resolved)
}
