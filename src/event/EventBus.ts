/**
 * The lifecycle events of a runtime as a stream.
 *
 * Guarantees: events come in the order in which they were emitted, from the moment of subscription on; the stream ends
 * after the last event of its runtime. It is lossy only where its own buffer says so, and never in silence: what did not
 * fit is announced as a `heddle.gap` mark. A slow reader never delays the work or another reader, unless it asked for
 * the strategy `"suspend"`.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Strategy } from "./internal/mailbox.ts"
import { AgentRuntime } from "./internal/runtime.ts"
import { subscribe } from "./internal/subscription.ts"
import type { LifecycleEvent } from "./LifecycleEvent.ts"

/**
 * The buffer between the runtime and one reader.
 *
 * **Details**
 *
 * `capacity` counts events. When it is full, `"dropping"` keeps what is in it and drops what comes, `"sliding"` drops
 * the oldest, and `"suspend"` drops nothing: calls and scopes wait before their start event until there is room; ends
 * and marks never wait.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface BufferOptions {
  readonly capacity: number
  readonly strategy: Strategy
}

/**
 * The buffer of a reader that asks for none: 131,072 events, then newer ones are dropped.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export const defaultBuffer: BufferOptions = { capacity: 131_072, strategy: "dropping" }

/**
 * Streams the events of the current runtime.
 *
 * **Details**
 *
 * The subscription begins when the stream is first pulled. `filter` runs before the buffer. An end whose start came
 * before the subscription is left out, unless `lateEnds` asks for it.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const stream = (options?: {
  readonly filter?: ((event: LifecycleEvent) => boolean) | undefined
  readonly buffer?: BufferOptions | undefined
  readonly lateEnds?: boolean | undefined
}): Stream.Stream<LifecycleEvent, never, AgentRuntime> =>
  Stream.unwrap(Effect.gen(function*() {
    const runtime = yield* AgentRuntime
    const mailbox = yield* subscribe(runtime, {
      name: "stream",
      ...(options?.buffer ?? defaultBuffer),
      filter: options?.filter,
      lateEnds: options?.lateEnds ?? false
    }, false)
    return Stream.fromPull(Effect.succeed(mailbox.pull))
  }))
