import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type Frame, rootFrame } from "../../event/internal/frame.ts"
import type { Kernel } from "../../event/internal/kernel.ts"
import type { Mailbox } from "../../event/internal/mailbox.ts"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import { subscribe } from "../../event/internal/subscription.ts"
import type { LifecycleEvent } from "../../event/LifecycleEvent.ts"
import { asInstaller } from "../../middleware/internal/installer.ts"
import { currentFrame } from "../../scope/internal/current.ts"
import { ExportError } from "../ExportError.ts"

/**
 * How events travel from the runtime to a target.
 *
 * **Details**
 *
 * - `name`: of the exporter, in its counters and in the log.
 * - `filter`: which events are exported.
 * - `maxBatchSize`: events handed over at once. Default 512.
 * - `maxQueueSize`: events that wait at most; newer ones are dropped, counted and announced as a `heddle.gap` mark.
 *   Default 131,072.
 * - `scheduledDelay`: how long an event may wait for others to fill its batch, unless somebody waits for a flush.
 *   Default 1 second; 0 hands over at once.
 * - `exportTimeout`: longest time of one attempt. Default 30 seconds.
 * - `retry`: when a batch is tried again after a failure that allows it. Default: from 0.5 to 10 seconds with jitter,
 *   for a minute. A target that asks to wait longer is obeyed, up to a minute. While a flush or the end of the runtime
 *   waits, a batch has one more attempt once its target has been away for 3 seconds, and is lost then.
 * - `closeTimeout`: longest time that the last events may take when the layer is released; when the runtime closes, its
 *   own limit holds. Default: that of the runtime.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DeliveryOptions {
  readonly name: string
  readonly filter?: ((event: LifecycleEvent) => boolean) | undefined
  readonly maxBatchSize?: number | undefined
  readonly maxQueueSize?: number | undefined
  readonly scheduledDelay?: Duration.Input | undefined
  readonly exportTimeout?: Duration.Input | undefined
  readonly retry?: Schedule.Schedule<unknown, ExportError> | undefined
  readonly closeTimeout?: Duration.Input | undefined
}

/**
 * What an exporter does with events. `export` gets them in the order of emission, one batch after the other. `flush`, if
 * there is one, hands over what `export` has only taken in. It runs when somebody waits for that, and every so often.
 */
export interface Exporter<R> {
  readonly export: (events: NonEmptyReadonlyArray<LifecycleEvent>) => Effect.Effect<void, ExportError, R>
  readonly flush?: {
    readonly run: Effect.Effect<void, ExportError, R>
    readonly every?: Duration.Duration | undefined
  } | undefined
}

/** `start` as a layer. */
export const layer = <R = never>(
  options: DeliveryOptions,
  exporter: Exporter<R>
): Layer.Layer<never, never, AgentRuntime | Exclude<R, Scope.Scope>> => Layer.effectDiscard(start(options, exporter))

/**
 * Delivers the events of the runtime to an exporter for as long as the Effect Scope is open, and what was emitted
 * before it closed within the time limit. No failure, defect or delay of the exporter reaches the work; what is emitted
 * by the exporter itself is not delivered to it.
 */
export const start = Effect.fnUntraced(function*<R>(options: DeliveryOptions, exporter: Exporter<R>) {
  const runtime = yield* AgentRuntime
  const { kernel } = runtime
  const context = yield* Effect.context<R>()
  const scope = yield* Effect.scope
  const outer = yield* Effect.withFiber((fiber) => Effect.succeed(currentFrame(fiber)))
  const mailbox = yield* subscribe(runtime, {
    name: options.name,
    capacity: options.maxQueueSize ?? 131_072,
    strategy: "dropping",
    filter: safely(options, kernel),
    lateEnds: false
  }, true)
  const frame: Frame = { ...rootFrame, level: outer.level, inside: { mailbox, parent: outer.inside } }
  const inside = <A, E>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E> =>
    // An exporter's own requests are no work of the application.
    asInstaller(Effect.withTracerEnabled(effect, false), context, frame)
  const delivery: Delivery = {
    kernel,
    mailbox,
    counters: countersOf(options.name),
    reported: { dropped: 0 },
    name: options.name,
    maxBatchSize: Math.max(1, options.maxBatchSize ?? 512),
    scheduledDelay: Duration.fromInputUnsafe(options.scheduledDelay ?? "1 second"),
    exportTimeout: Duration.fromInputUnsafe(options.exportTimeout ?? "30 seconds"),
    closeTimeout: Duration.fromInputUnsafe(options.closeTimeout ?? kernel.options.closeTimeout),
    retry: options.retry ?? defaultRetry,
    export: (events) => inside(Effect.suspend(() => exporter.export(events))),
    state: { awaySince: undefined, isDown: false, isUnflushed: false }
  }
  yield* Effect.addFinalizer(() => countDropped(delivery))
  const flush = exporter.flush === undefined ? undefined : yield* flushing(delivery, inside(exporter.flush.run))
  if (flush !== undefined && exporter.flush?.every !== undefined) {
    yield* Effect.forkIn(Effect.forever(Effect.andThen(Effect.sleep(exporter.flush.every), flush)), scope)
  }
  yield* Effect.forkIn(delivering(delivery, flush), scope)
  yield* Effect.addFinalizer(() => drained(delivery))
})

// internal

interface Delivery {
  readonly kernel: Kernel
  readonly mailbox: Mailbox
  readonly counters: ReturnType<typeof countersOf>
  /** What the counters know already. */
  readonly reported: { dropped: number }
  readonly name: string
  readonly maxBatchSize: number
  readonly scheduledDelay: Duration.Duration
  readonly exportTimeout: Duration.Duration
  readonly closeTimeout: Duration.Duration
  readonly retry: Schedule.Schedule<unknown, ExportError>
  readonly export: (events: NonEmptyReadonlyArray<LifecycleEvent>) => Effect.Effect<void, ExportError>
  readonly state: {
    /** When the first of the attempts began that have failed since one worked, milliseconds since the Unix epoch. */
    awaySince: number | undefined
    /** Nobody waits for retries while the target is down. */
    isDown: boolean
    /** Something was taken in and not flushed. */
    isUnflushed: boolean
  }
}

const defaultRetry: Schedule.Schedule<unknown> = Schedule.exponential("500 millis").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(10)))),
  Schedule.jittered,
  Schedule.upTo({ duration: "1 minute" })
)

const longestWait = Duration.minutes(1)

/** How long a target may be away while somebody waits for it, milliseconds. */
const patience = 3000

const countersOf = (name: string) => {
  const counter = (what: string, description: string) =>
    Metric.counter(`heddle.exporter.${what}`, {
      description,
      incremental: true,
      attributes: { exporter: name }
    })
  return {
    sent: counter("sent", "Events handed over"),
    dropped: counter("dropped", "Events that found the queue full, or that were left when the exporter closed"),
    failed: counter("failed", "Events whose target refused them, or could not be reached for too long"),
    retried: counter("retried", "Batches that were tried again")
  }
}

const safely = ({ filter, name }: DeliveryOptions, kernel: Kernel): DeliveryOptions["filter"] =>
  filter === undefined ? undefined : (event) => {
    try {
      return filter(event)
    } catch (defect) {
      kernel.trouble("exporter filter failed", name, defect)
      return false
    }
  }

/** One flush at a time, tried again like a batch. */
const flushing = (delivery: Delivery, run: Effect.Effect<void, ExportError>): Effect.Effect<Effect.Effect<void>> =>
  Effect.map(Semaphore.make(1), (semaphore) => {
    const { kernel, name, state } = delivery
    const once = Effect.andThen(Effect.sync(() => void (state.isUnflushed = false)), attempts(delivery, run))
    return Semaphore.withPermit(
      semaphore,
      Effect.catchCause(once, (cause) =>
        Effect.sync(() => {
          state.isUnflushed = true
          kernel.trouble("export failed", name, Cause.squash(cause))
        }))
    )
  })

/** Takes batches until the mailbox is closed and empty. */
const delivering = (delivery: Delivery, flush: Effect.Effect<void> | undefined): Effect.Effect<void> => {
  const { counters, kernel, mailbox, maxBatchSize, name, state } = delivery
  const send = (events: NonEmptyReadonlyArray<LifecycleEvent>): Effect.Effect<void> =>
    Effect.matchCauseEffect(attempts(delivery, delivery.export(events)), {
      onSuccess: () => {
        state.isUnflushed = true
        return Metric.update(counters.sent, events.length)
      },
      onFailure: (cause) => {
        const error = Option.getOrUndefined(Cause.findErrorOption(cause))
        kernel.trouble("export failed", name, error ?? cause)
        const lost = error?.lost ?? events.length
        return Effect.andThen(
          Metric.update(counters.failed, lost),
          Metric.update(counters.sent, events.length - lost)
        )
      }
    })
  // What was taken in last counts as exported when it has been flushed, which waits until somebody wants it.
  const isWanted = () => mailbox.isReady || mailbox.isAwaited
  const settled = flush === undefined ? Effect.void : Effect.andThen(
    Effect.suspend(() => isWanted() ? Effect.void : mailbox.waiters.until(isWanted)),
    Effect.suspend(() => mailbox.isAwaited && state.isUnflushed ? flush : Effect.void)
  )
  const loop: Effect.Effect<void> = Effect.suspend(() => {
    const events = mailbox.takeUpTo(maxBatchSize)
    if (!isReadonlyArrayNonEmpty(events)) {
      return mailbox.closed ? Effect.void : Effect.andThen(gathered(delivery), loop)
    }
    return countDropped(delivery).pipe(
      Effect.andThen(send(events)),
      Effect.andThen(settled),
      Effect.andThen(Effect.sync(() => mailbox.done())),
      Effect.andThen(gathered(delivery)),
      Effect.andThen(loop)
    )
  })
  return loop
}

/** Waits for events, and then for a full batch, but no longer than others wait for them. */
const gathered = ({ mailbox, maxBatchSize, scheduledDelay }: Delivery): Effect.Effect<void> =>
  Effect.suspend(() => {
    const isFull = () => mailbox.size >= maxBatchSize || mailbox.isAwaited
    const isReady = () => mailbox.isReady
    const some = isReady() ? Effect.void : mailbox.waiters.until(isReady)
    if (Duration.isZero(scheduledDelay)) return some
    return Effect.andThen(
      some,
      Effect.suspend(() =>
        isFull() ? Effect.void : Effect.asVoid(Effect.timeoutOption(mailbox.waiters.until(isFull), scheduledDelay))
      )
    )
  })

/** Tries until it works, may not be tried again, or has been tried for as long as the schedule says. */
const attempts = (delivery: Delivery, work: Effect.Effect<void, ExportError>): Effect.Effect<void, ExportError> => {
  const { counters, kernel, mailbox, name, retry, state } = delivery
  const isHopeless = () => state.isDown && mailbox.isAwaited
  const hasAnswered = () => {
    state.awaySince = undefined
    state.isDown = false
  }
  const failed = (error: ExportError, began: number) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      // A target that refuses, or says when to come again, is there.
      if (!error.isRetryable || error.retryAfter !== undefined) return hasAnswered()
      state.awaySince ??= began
      if (now - state.awaySince >= patience) state.isDown = true
    })
  const once = Effect.flatMap(Clock.currentTimeMillis, (began) =>
    limited(delivery, work).pipe(
      Effect.andThen(Effect.sync(hasAnswered)),
      Effect.tapError((error) => failed(error, began))
    ))
  return Effect.flatMap(Schedule.toStep(retry), (step) => {
    const attempt: Effect.Effect<void, ExportError> = Effect.catch(once, (error) => {
      if (!error.isRetryable || isHopeless()) return Effect.fail(error)
      const givenUp = Effect.suspend(() => {
        state.isDown = true
        return Effect.fail(error)
      })
      const next = Effect.flatMap(Clock.currentTimeMillis, (now) => step(now, error))
      return Pull.matchEffect(next, {
        onSuccess: ([, delay]) => {
          kernel.trouble("export is tried again", name, error)
          const asked = Duration.min(error.retryAfter ?? Duration.zero, longestWait)
          return countDropped(delivery).pipe(
            Effect.andThen(Metric.update(counters.retried, 1)),
            Effect.andThen(Effect.timeoutOption(mailbox.waiters.until(isHopeless), Duration.max(delay, asked))),
            Effect.andThen(attempt)
          )
        },
        onDone: () => givenUp,
        onFailure: () => givenUp
      })
    })
    return attempt
  })
}

const limited = (
  { exportTimeout, name }: Delivery,
  work: Effect.Effect<void, ExportError>
): Effect.Effect<void, ExportError> =>
  Effect.timeoutOrElse(work, {
    duration: exportTimeout,
    orElse: () =>
      Effect.fail(
        new ExportError({
          target: name,
          reason: `not done within ${Duration.format(exportTimeout)}`,
          isRetryable: true
        })
      )
  })

/** Counts what was dropped since the last time. */
const countDropped = ({ counters, kernel, mailbox, name, reported }: Delivery): Effect.Effect<void> =>
  Effect.suspend(() => {
    const dropped = mailbox.dropped - reported.dropped
    if (dropped === 0) return Effect.void
    reported.dropped = mailbox.dropped
    kernel.trouble("queue of exporter full", name, { dropped })
    return Metric.update(counters.dropped, dropped)
  })

/** Waits under the limit until what was emitted before has been exported; what is left is reported. */
const drained = ({ closeTimeout, kernel, mailbox, name }: Delivery): Effect.Effect<void> =>
  Effect.suspend(() => {
    const target = kernel.sequence
    const isDone = () => mailbox.isDone(kernel, target)
    if (isDone()) return Effect.void
    return Effect.flatMap(Effect.timeoutOption(kernel.waiters.until(isDone), closeTimeout), (result) => {
      if (Option.isSome(result)) return Effect.void
      const left = mailbox.abandon()
      return Effect.logWarning(`heddle: exporter "${name}" was closed before it had exported ${left} events`)
    })
  })
