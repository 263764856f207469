/**
 * One runtime for agents: what is installed in it, what is open in it, and where its events go. A runtime is a value,
 * given as a Layer; two of them in one process never share state.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as EventId from "./event/EventId.ts"
import { makeDigest } from "./event/internal/digest.ts"
import { Dispatcher } from "./event/internal/dispatcher.ts"
import { flush as flushRuntime, type FlushTimeout } from "./event/internal/flush.ts"
import { type Batch, Kernel, type KernelOptions } from "./event/internal/kernel.ts"
import { Registry } from "./event/internal/registry.ts"
import { AgentRuntime } from "./event/internal/runtime.ts"
import { planFor } from "./middleware/internal/plan.ts"
import { currentFrame, currentRuntime } from "./scope/internal/current.ts"

export {
  /**
   * Subscribers did not handle all events in time.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  FlushTimeout
} from "./event/internal/flush.ts"
export {
  /**
   * The service that everything managed needs.
   *
   * @stability experimental
   * @category services
   * @since 0.1.0
   */
  AgentRuntime
} from "./event/internal/runtime.ts"

/**
 * How a runtime is set up.
 *
 * **Details**
 *
 * - `policies`: everything that governs and observes this runtime. It is built afresh for it, also when the same value
 *   is given to several runtimes, and released after the runtime has closed, so that subscribers in it see the last
 *   events.
 * - `require`: names of guardrails without which no call may run (`PolicyMissing`).
 * - `audit`: puts a keyed digest (HMAC-SHA-256) of what was judged on every decision, and checks just before the work
 *   that it is what runs. `true` draws a key for this runtime.
 * - `capacity`: the ring between emission and dispatcher: a number of events, or events and bytes. Default 65,536 events
 *   and 64 MiB. Ends of scopes whose start was recorded always fit.
 * - `onFull`: when the ring is full, `"drain"` (the default) builds events on the emitting fiber, as long as observers
 *   and subscribers allow; `"drop"` drops. What is dropped is counted and announced as a gap.
 * - `closeTimeout`: longest time that subscribers may take to handle the last events. Default 10 seconds.
 * - `flushTimeout`: longest time of `flush`. Default 30 seconds.
 * - `capture`: how much of an error events show: `cause` (default no), and `messageLength` (default 1,000 characters).
 * - `headerAllowList`: names of request headers whose values events may show. Default: `accept`, `content-type`,
 *   `user-agent`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface RuntimeOptions<E = never, R = never> {
  readonly policies?: Layer.Layer<never, E, R> | undefined
  readonly require?: ReadonlyArray<string> | undefined
  readonly audit?: boolean | { readonly key: string | Redacted.Redacted<string> } | undefined
  readonly capacity?: number | { readonly events?: number | undefined; readonly bytes?: number | undefined } | undefined
  readonly onFull?: "drain" | "drop" | undefined
  readonly closeTimeout?: Duration.Input | undefined
  readonly flushTimeout?: Duration.Input | undefined
  readonly capture?: {
    readonly cause?: boolean | undefined
    readonly messageLength?: number | undefined
  } | undefined
  readonly headerAllowList?: ReadonlyArray<string> | undefined
}

/**
 * Makes a runtime of its own with these options. Every call of this function is another runtime; the layer that it
 * returns is memoised like any layer.
 *
 * **Example** (A governed application)
 *
 * ```ts
 * const Runtime = AgentRuntime.layerWith({
 *   policies: Layer.mergeAll(Middleware.layer(noSecrets), Subscriber.layer(log)),
 *   require: ["no-secrets"]
 * })
 * program.pipe(Effect.provide(Runtime))
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerWith = <E = never, R = never>(
  options: RuntimeOptions<E, R>
): Layer.Layer<AgentRuntime, E, Exclude<R, AgentRuntime>> => {
  const runtime = Layer.effect(AgentRuntime, make(options))
  const policies: Layer.Layer<never, E, R> = options.policies ?? Layer.empty
  // Fresh inside, or a policy value that another runtime has built already would be shared with it and install nothing
  // here; suspended outside, so that this layer itself is memoised like any other.
  return Layer.suspend(() => Layer.fresh(closing.pipe(Layer.provideMerge(policies), Layer.provideMerge(runtime))))
}

/**
 * A runtime with every option at its default. Like any layer it is built once for each memo map: provided twice to one
 * program, it is one runtime.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<AgentRuntime> = Layer.effect(
  AgentRuntime,
  Effect.tap(make({}), (runtime) => Effect.addFinalizer(() => close(runtime)))
)

/**
 * Waits until every event emitted so far has been handled by every subscriber that gets it.
 *
 * **Details**
 *
 * Inside a handler it does not wait for the subscriber that it is called from, nor for one that waits for a flush itself,
 * so it cannot deadlock. Inside a call it does not wait for the call's own end.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const flush: Effect.Effect<void, FlushTimeout, AgentRuntime> = Effect.withFiber<
  void,
  FlushTimeout,
  AgentRuntime
>((fiber) => {
  const runtime = currentRuntime(fiber)
  return flushRuntime(runtime, currentFrame(fiber), runtime.kernel.options.flushTimeout)
})

/**
 * What went wrong where the work may not see it (a subscriber, a sanitizer, an injector, a full ring), and how often.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const troubles: Effect.Effect<
  ReadonlyArray<{ readonly kind: string; readonly name: string; readonly count: number }>,
  never,
  AgentRuntime
> = Effect.map(AgentRuntime, ({ dispatcher }) => dispatcher.troubles)

// internal

const defaultAllowList = ["accept", "content-type", "user-agent"]

const kernelOptions = (options: RuntimeOptions<unknown, unknown>): KernelOptions => {
  const capacity = typeof options.capacity === "number" ? { events: options.capacity } : options.capacity
  return {
    capacityEvents: Math.max(1, capacity?.events ?? 65_536),
    capacityBytes: Math.max(1, capacity?.bytes ?? 67_108_864),
    onFull: options.onFull ?? "drain",
    closeTimeout: Duration.fromInputUnsafe(options.closeTimeout ?? "10 seconds"),
    flushTimeout: Duration.fromInputUnsafe(options.flushTimeout ?? "30 seconds"),
    capture: {
      cause: options.capture?.cause ?? false,
      messageLength: options.capture?.messageLength ?? 1000
    },
    headerAllowList: new Set((options.headerAllowList ?? defaultAllowList).map((name) => name.toLowerCase())),
    require: options.require ?? [],
    audit: options.audit === undefined || options.audit === false
      ? undefined
      : makeDigest(options.audit === true ? undefined : options.audit.key)
  }
}

function make(options: RuntimeOptions<unknown, unknown>): Effect.Effect<AgentRuntime["Service"], never, Scope.Scope> {
  return Effect.gen(function*() {
    const context = yield* Effect.context<Scope.Scope>()
    const scope = yield* Effect.scope
    const trunk = yield* PubSub.unbounded<Batch>()
    const kernel = new Kernel(
      kernelOptions(options),
      new Registry(),
      Context.get(context, Clock.Clock),
      Context.get(context, EventId.Generator),
      planFor
    )
    const dispatcher = new Dispatcher(kernel, trunk)
    yield* Effect.forkIn(dispatcher.run, scope)
    return { kernel, dispatcher, trunk }
  })
}

/**
 * Closes a runtime: nothing new may start, what is open ends as interrupted, subscribers handle the last events under
 * the time limit, and streams of events end.
 */
function close(runtime: AgentRuntime["Service"]): Effect.Effect<void> {
  return Effect.suspend(() => {
    const { kernel } = runtime
    if (kernel.closed) return Effect.void
    kernel.closed = true
    kernel.interruptOpen("shutdown")
    const target = kernel.sequence
    const late = () => kernel.mailboxes.filter((mailbox) => !mailbox.isDone(kernel, target))
    const isDone = () => kernel.dispatched >= target && late().length === 0
    return Effect.flatMap(Effect.timeoutOption(kernel.waiters.until(isDone), kernel.options.closeTimeout), (result) => {
      const reports = Option.isSome(result) ? [] : late().map((mailbox) => {
        const left = mailbox.pending(kernel)
        return Effect.logWarning(
          `heddle: its runtime closed before subscriber "${mailbox.options.name}" had handled ${left} events`
        )
      })
      for (const mailbox of kernel.mailboxes.slice()) {
        if (Option.isNone(result) && mailbox.isNamed) mailbox.abandon()
        else mailbox.close()
      }
      return Effect.all(reports, { discard: true })
    })
  })
}

const closing: Layer.Layer<never, never, AgentRuntime> = Layer.effectDiscard(
  Effect.gen(function*() {
    const runtime = yield* AgentRuntime
    yield* Effect.addFinalizer(() => close(runtime))
  })
)
