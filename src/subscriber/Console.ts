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
import type { LifecycleEvent } from "../event/LifecycleEvent.ts"
import * as eventTree from "./internal/eventTree.ts"

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
  const state = eventTree.make()
  const width = options?.width ?? 120
  const resolved: eventTree.Options = {
    color: options?.color ?? false,
    data: options?.data ?? false,
    width: width >= 40 ? Math.floor(width) : 40
  }
  return { render: (event) => [eventTree.render(state, event, resolved)] }
}
