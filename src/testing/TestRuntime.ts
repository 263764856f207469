/**
 * A runtime for tests: it records every event, counts its ids, takes its times from the test's clock, and freezes
 * payloads deeply, so that code which changes a recorded payload fails where it does so.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AgentRuntime from "../AgentRuntime.ts"
import * as EventId from "../event/EventId.ts"
import type { LifecycleEvent } from "../event/LifecycleEvent.ts"
import * as Subscriber from "../subscriber/Subscriber.ts"
import * as EventTree from "./EventTree.ts"
import { deepFreeze } from "./internal/deepFreeze.ts"

/**
 * The record of a test runtime.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class TestRuntime extends Context.Service<TestRuntime, {
  /** Events recorded so far; those emitted just now may still be on their way. Use `events` to wait for them. */
  readonly recorded: ReadonlyArray<LifecycleEvent>
}>()("heddle/testing/TestRuntime") {}

/**
 * Makes a runtime with a recorder.
 *
 * **Details**
 *
 * Ids are `00000000-0000-7000-8000-000000000001` and so on, in the order in which scopes open and marks are built. Every
 * build of the layer starts anew. Options are those of `AgentRuntime.layerWith`.
 *
 * **Example** (Asserting on the tree of a program)
 *
 * ```ts
 * it.effect("searches before it answers", () =>
 *   Effect.gen(function*() {
 *     yield* agent("question")
 *     yield* TestRuntime.assertTree(`
 *       agent scout → Success
 *         tool search → Success
 *     `)
 *   }).pipe(Effect.provide(TestRuntime.layer())))
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  options?: AgentRuntime.RuntimeOptions<E, R>
): Layer.Layer<AgentRuntime.AgentRuntime | TestRuntime, E, Exclude<R, AgentRuntime.AgentRuntime>> =>
  Layer.fresh(Layer.unwrap(Effect.sync(() => {
    const recorded: Array<LifecycleEvent> = []
    let count = 0
    const next = () => `00000000-0000-7000-8000-${(++count).toString(16).padStart(12, "0")}`
    // Composed around the policies, so that it is there before whatever they emit, and lives as long as the runtime.
    const recorder: Layer.Layer<never, never, AgentRuntime.AgentRuntime> = Layer.orDie(Subscriber.layer({
      name: "heddle/testing/TestRuntime",
      lateEnds: true,
      buffer: { capacity: Number.POSITIVE_INFINITY, strategy: "dropping" },
      handle: (event) => {
        recorded.push(deepFreeze(event))
      }
    }))
    const policies: Layer.Layer<never, E, R | AgentRuntime.AgentRuntime> = options?.policies === undefined
      ? recorder
      : Layer.provideMerge(options.policies, recorder)
    return Layer.mergeAll(
      AgentRuntime.layerWith({ ...options, policies }).pipe(Layer.provide(Layer.succeed(EventId.Generator, next))),
      Layer.succeed(TestRuntime, { recorded })
    )
  })))

/**
 * All events emitted so far, after they have been handled.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const events: Effect.Effect<
  ReadonlyArray<LifecycleEvent>,
  AgentRuntime.FlushTimeout,
  TestRuntime | AgentRuntime.AgentRuntime
> = Effect.gen(function*() {
  const { recorded } = yield* TestRuntime
  yield* AgentRuntime.flush
  return recorded.slice()
})

/**
 * Asserts on the tree of all events so far; fails with a readable difference (as a defect, like every assertion).
 *
 * @stability experimental
 * @category assertions
 * @since 0.1.0
 */
export const assertTree = (
  expected: Parameters<typeof EventTree.assertTree>[1],
  options?: EventTree.RenderOptions
): Effect.Effect<void, AgentRuntime.FlushTimeout, TestRuntime | AgentRuntime.AgentRuntime> =>
  Effect.map(events, (events) => EventTree.assertTree(events, expected, options))

/**
 * Asserts that the events so far keep the rules of a lifecycle stream, with no hole in their sequence.
 *
 * @stability experimental
 * @category assertions
 * @since 0.1.0
 */
export const assertWellFormed = (
  options?: EventTree.WellFormedOptions
): Effect.Effect<void, AgentRuntime.FlushTimeout, TestRuntime | AgentRuntime.AgentRuntime> =>
  Effect.map(events, (events) => EventTree.assertWellFormed(events, { contiguous: true, ...options }))
