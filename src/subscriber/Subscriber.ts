/**
 * Who is told. A subscriber is a fiber with a buffer of its own; it gets events in the order of their emission, one
 * after the other. It can be slow, fail or die without hurting the work, the runtime or another subscriber.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type BufferOptions, defaultBuffer } from "../event/EventBus.ts"
import { type Frame, type Inside, Level } from "../event/internal/frame.ts"
import type { Kernel } from "../event/internal/kernel.ts"
import { Mailbox, type MailboxOptions } from "../event/internal/mailbox.ts"
import { CurrentGroup, DuplicateEntry, placeFor, type Registrable } from "../event/internal/registry.ts"
import { AgentRuntime } from "../event/internal/runtime.ts"
import { subscribe } from "../event/internal/subscription.ts"
import type { LifecycleEvent } from "../event/LifecycleEvent.ts"
import type { MaybeEffect } from "../middleware/internal/entry.ts"
import { asInstaller } from "../middleware/internal/installer.ts"
import { isPromise } from "../middleware/internal/promise.ts"
import { currentFrame, currentRuntime, inFrame } from "../scope/internal/current.ts"

/**
 * What a subscriber is made of.
 *
 * **Details**
 *
 * - `handle` gets one event at a time. A failure or a defect of it is counted and logged, and the next event follows.
 *   What it emits itself is not delivered back to it.
 * - `filter` runs before the buffer.
 * - `buffer`: 131,072 events, then newer ones are dropped, unless set. Events that were dropped are announced as a
 *   `heddle.gap` mark.
 * - `lateEnds`: whether it wants ends whose start it was too late for. Default: no.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface SubscriberOptions<E, R> {
  readonly name: string
  readonly handle: (event: LifecycleEvent) => MaybeEffect<void, E, R>
  readonly filter?: ((event: LifecycleEvent) => boolean) | undefined
  readonly buffer?: BufferOptions | undefined
  readonly lateEnds?: boolean | undefined
}

/**
 * Subscribes to all events of the runtime for as long as the layer lives.
 *
 * **Details**
 *
 * When the layer is released, what was emitted before is still handled, under the runtime's `closeTimeout`.
 *
 * **Gotchas**
 *
 * A subscriber composed around a runtime from outside is released before it and cannot see its last events. Give it to
 * `AgentRuntime.layerWith({ policies })` to see them.
 *
 * **Example** (Counting blocked calls)
 *
 * ```ts
 * const counter = Subscriber.layer({
 *   name: "blocked",
 *   filter: (event) => event._tag === "ScopeEnd" && event.outcome._tag === "Blocked",
 *   handle: () => Metric.update(blockedCalls, 1)
 * })
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  options: SubscriberOptions<E, R>
): Layer.Layer<never, DuplicateEntry, AgentRuntime | Exclude<R, Scope.Scope>> =>
  Layer.effectDiscard(
    Effect.gen(function*() {
      const runtime = yield* AgentRuntime
      const { kernel } = runtime
      const context = yield* Effect.context<R>()
      const scope = yield* Effect.scope
      yield* claim(runtime, options.name)
      const mailbox = yield* subscribe(runtime, mailboxOptions(kernel, options), true)
      yield* Effect.forkIn(handling(mailbox, kernel, options, context), scope)
      yield* Effect.addFinalizer(() => {
        const target = kernel.sequence
        return drained(mailbox, kernel, () => mailbox.isDone(kernel, target))
      })
    })
  )

/**
 * Subscribes around an effect: the subscriber sees only what is born under it, in every runtime.
 *
 * **Details**
 *
 * The events emitted before the effect ended are handled before it returns. Events of fibers that outlive the effect are
 * not promised.
 *
 * **Example** (Watching one step)
 *
 * ```ts
 * const watched = plan(goal).pipe(Subscriber.provide({ name: "plan", handle: (event) => Console.log(event.name) }))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const provide =
  <E2 = never, R2 = never>(options: SubscriberOptions<E2, R2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | R2 | AgentRuntime> =>
    Effect.withFiber<A, E, R | R2 | AgentRuntime>((fiber) => {
      const { kernel } = currentRuntime(fiber)
      const { inside, level, span } = currentFrame(fiber)
      const mailbox = new Mailbox(mailboxOptions(kernel, options), true)
      const frame: Frame = { span, level: new Level(level, [], mailbox), inside }
      const handler = handling(mailbox, kernel, options, fiber.context)
      return Effect.acquireUseRelease(
        // Owned by this effect: it ends when the mailbox is closed, or with the release below.
        Effect.forkDetach(handler),
        () => inFrame(self, frame),
        (handling) =>
          Effect.suspend(() => drained(mailbox, kernel, mailbox.drainedAsOfNow())).pipe(
            Effect.andThen(Effect.sync(() => mailbox.close())),
            Effect.andThen(Fiber.interrupt(handling))
          )
      )
    })

// internal

/** Names are unique in a runtime, also those of exporters; those of a group are beside the ones that it will replace. */
const claim = Effect.fnUntraced(function*(
  { kernel }: AgentRuntime["Service"],
  name: string
): Effect.fn.Return<void, DuplicateEntry, Scope.Scope> {
  const place = placeFor(kernel.registry, yield* CurrentGroup)
  const entry: Registrable = { kind: "subscriber", name, priority: 0 }
  yield* Effect.acquireRelease(
    Effect.suspend(() => {
      const isTaken = place === kernel.registry &&
        kernel.mailboxes.some((mailbox) => mailbox.options.name === name && mailbox.isNamed)
      const claimed = isTaken ? new DuplicateEntry(entry) : place.install([entry], Context.empty())
      return claimed instanceof DuplicateEntry ? Effect.fail(claimed) : Effect.succeed(claimed)
    }),
    (release) => Effect.sync(release)
  )
})

const mailboxOptions = <E, R>(kernel: Kernel, options: SubscriberOptions<E, R>): MailboxOptions => {
  const { capacity, strategy } = options.buffer ?? defaultBuffer
  const { filter } = options
  return {
    name: options.name,
    capacity,
    strategy,
    filter: filter === undefined ? undefined : (event) => {
      try {
        return filter(event)
      } catch (defect) {
        kernel.trouble("subscriber filter failed", options.name, defect)
        return false
      }
    },
    lateEnds: options.lateEnds ?? false
  }
}

/** Takes events until the mailbox is closed and empty. */
const handling = <E, R>(
  mailbox: Mailbox,
  kernel: Kernel,
  options: SubscriberOptions<E, R>,
  context: Parameters<typeof asInstaller>[1]
): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    // What was provided around the place of the subscription holds for its handler too.
    const { inside: outer, level } = currentFrame(fiber)
    const inside: Inside = { mailbox, parent: outer }
    const frame: Frame = { span: undefined, level, inside }
    const failed = (detail: unknown) => kernel.trouble("subscriber failed", options.name, detail)
    const one = (event: LifecycleEvent): Effect.Effect<void> | undefined => {
      try {
        const result = options.handle(event)
        if (result === undefined) return undefined
        if (isPromise(result)) throw new TypeError("handle returned a Promise; return an Effect instead")
        if (!Effect.isEffect(result)) return undefined
        return Effect.catchCause(
          Effect.asVoid(asInstaller(result, context, frame)),
          (cause) => Effect.sync(() => failed(cause))
        )
      } catch (defect) {
        failed(defect)
        return undefined
      }
    }
    const loop: Effect.Effect<void> = Effect.flatMap(mailbox.take, (first) => {
      let event = first
      // A handler without effects takes all that was here when its turn began, or it would fall behind many emitters.
      const batch = Math.max(batchSize, mailbox.size)
      for (let n = 0; event !== undefined; n++) {
        const work = one(event)
        if (work !== undefined) return Effect.flatMap(work, () => loop)
        if (n === batch) return Effect.flatMap(Effect.yieldNow, () => loop)
        event = mailbox.takeNow()
      }
      return mailbox.closed ? Effect.void : loop
    })
    return loop
  })

/** How many events are handled at least before other fibers get their turn. */
const batchSize = 512

/** Waits, under the runtime's limit, until what was emitted before has been handled; what is left is reported. */
const drained = (mailbox: Mailbox, kernel: Kernel, isDone: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (isDone()) return Effect.void
    return Effect.flatMap(
      Effect.timeoutOption(kernel.waiters.until(isDone), kernel.options.closeTimeout),
      (result) => {
        if (Option.isSome(result)) return Effect.void
        const left = mailbox.abandon()
        return Effect.logWarning(
          `heddle: subscriber "${mailbox.options.name}" was closed before it had handled ${left} events`
        )
      }
    )
  })
