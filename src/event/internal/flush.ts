import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Frame } from "./frame.ts"
import { isInside, isMuted } from "./frame.ts"
import type { Mailbox } from "./mailbox.ts"
import type { AgentRuntime } from "./runtime.ts"

/**
 * Subscribers did not handle all events in time.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class FlushTimeout extends Data.TaggedError("FlushTimeout")<{
  /** Names of the subscribers that were not done. */
  readonly waitingFor: ReadonlyArray<string>
  /** The limit, milliseconds. */
  readonly afterMillis: number
}> {
  override get message(): string {
    const who = this.waitingFor.length === 0 ? "the dispatcher" : this.waitingFor.map((name) => `"${name}"`).join(", ")
    return `events were not handled within ${this.afterMillis} ms; still waiting for ${who}`
  }
}

/** Waits until every event emitted so far has been handled by everyone who gets it. */
export const flush = (
  runtime: AgentRuntime["Service"],
  frame: Frame,
  limit: Duration.Duration
): Effect.Effect<void, FlushTimeout> =>
  Effect.suspend(() => {
    const { kernel } = runtime
    // Inside a sanitizer the dispatcher itself would wait.
    if (isMuted(frame.inside)) return Effect.void
    const target = kernel.sequence
    const isAwaited = (mailbox: Mailbox): boolean =>
      // Only a flush from inside of a handler could wait in a circle.
      (frame.inside === undefined || mailbox.flushing === 0) && !isInside(frame.inside, mailbox) &&
      !mailbox.isDone(kernel, target)
    const waitingFor = (): Array<string> =>
      [...kernel.mailboxes, ...kernel.locals].filter(isAwaited).map((mailbox) => mailbox.options.name)
    const isReady = (): boolean => {
      if (kernel.dispatched < target) return false
      for (const mailbox of kernel.mailboxes) if (isAwaited(mailbox)) return false
      for (const mailbox of kernel.locals) if (isAwaited(mailbox)) return false
      return true
    }
    if (isReady()) return Effect.void
    const handlers: Array<Mailbox> = []
    for (let node = frame.inside; node !== undefined; node = node.parent) {
      if (node.mailbox !== undefined) handlers.push(node.mailbox)
    }
    const change = (by: number) =>
      Effect.sync(() => {
        for (const mailbox of handlers) mailbox.flushing += by
        kernel.waiters.notify()
      })
    return Effect.acquireUseRelease(change(1), () => kernel.waiters.until(isReady), () => change(-1)).pipe(
      Effect.timeoutOrElse({
        duration: limit,
        orElse: () => Effect.fail(new FlushTimeout({ waitingFor: waitingFor(), afterMillis: Duration.toMillis(limit) }))
      })
    )
  })
