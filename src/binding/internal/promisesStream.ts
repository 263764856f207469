import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type AnyFiber, Operation } from "../../scope/internal/operation.ts"
import {
  Callback,
  type MaybePromise,
  type Owner,
  rejectionOf,
  runningFiber,
  toPromise,
  waitFor
} from "./promisesCallback.ts"
import { Interruptible, type TaskOptions } from "./promisesTask.ts"

type Chunks = readonly [unknown, ...Array<unknown>]

/**
 * The iteration of a stream by asynchronous code: a fiber for each step. Whoever may interrupt it may do so during a step
 * and between two. It is a generator's only state, so its steps never overlap.
 */
class Iteration extends Interruptible {
  private readonly stream: Stream.Stream<unknown, unknown, unknown>
  private readonly scope = Scope.makeUnsafe()
  private pull: Effect.Effect<Chunks | undefined, unknown, unknown> | undefined = undefined
  private step: AnyFiber | undefined = undefined
  private closing: Promise<void> | undefined = undefined
  /** How a step failed. */
  private failure: Exit.Exit<unknown, unknown> | undefined = undefined

  constructor(options: TaskOptions, make: (owner: Owner) => Stream.Stream<unknown, unknown, unknown>) {
    super(options)
    this.stream = make(this)
  }

  protected get context(): Context.Context<never> {
    return this.place.context
  }

  /** The next chunks; `undefined` at the end. */
  next(): Promise<Chunks | undefined> {
    if (this.isInterrupted) return Promise.reject(this.reason)
    return new Promise((resolve, reject) => {
      const step = this.fork(this.pull ?? this.open, (fiber) => {
        this.step = fiber
      })
      step.addObserver((exit) => {
        this.step = undefined
        if (exit._tag === "Success") resolve(exit.value)
        else {
          this.failure = exit
          reject(rejectionOf(exit.cause, this.reason))
        }
      })
    })
  }

  /** Ends the iteration, once. If no step failed, its reader has enough. */
  close(exit: Exit.Exit<unknown, unknown> = this.failure ?? Exit.void): Promise<void> {
    return this.closing ??= new Promise((resolve, reject) => {
      this.fork(Scope.close(this.scope, exit)).addObserver((closed) => {
        this.detach()
        if (closed._tag === "Success") resolve()
        else reject(rejectionOf(closed.cause, this.reason))
      })
    })
  }

  protected interruptNow(fiberId: number | undefined): void {
    const { step } = this
    const close = () => {
      // Told to whoever reads on; nobody may, since it was interrupted.
      this.close(Exit.interrupt(fiberId)).catch(() => undefined)
    }
    if (step === undefined) close()
    else {
      step.addObserver(close)
      step.interruptUnsafe(fiberId)
    }
  }

  protected readonly ended = Effect.suspend(() => {
    const wait = () => Effect.promise(() => this.close().catch(() => undefined))
    return this.step === undefined ? wait() : Effect.flatMap(Fiber.await(this.step), wait)
  })

  private readonly open = Effect.flatMap(
    Effect.suspend(() => Channel.toPullScoped(Stream.toChannel(this.stream), this.scope)),
    (pull) => {
      this.pull = Pull.catchDone(pull, () => Effect.succeed(undefined))
      return this.pull
    }
  )
}

async function* iteration(options: TaskOptions, make: (owner: Owner) => Stream.Stream<unknown, unknown, unknown>) {
  const iterating = new Iteration(options, make)
  iterating.begin()
  try {
    for (;;) {
      const chunks = await iterating.next()
      if (chunks === undefined) return
      for (const chunk of chunks) {
        if (iterating.isInterrupted) throw iterating.reason
        yield chunk
      }
    }
  } finally {
    await iterating.close()
  }
}

/**
 * A stream for asynchronous code. Nothing happens before it is read; each iteration is a run of a stream of its own, and
 * ends with its reader.
 */
export const iterableOf = <A>(
  options: TaskOptions,
  make: (owner: Owner) => Stream.Stream<A, unknown, unknown>
): AsyncIterable<A> => ({
  [Symbol.asyncIterator]: () => iteration(options, make) as AsyncIterator<A>
})

/**
 * The stream that a callback gives: the callback runs and is read inside of the scope in which the stream is run, and
 * what it has opened is closed there.
 */
export const streamOf = <A>(
  owner: Owner | undefined,
  open: (callback: Callback) => MaybePromise<AsyncIterable<A>>
): Stream.Stream<A, unknown> =>
  Stream.fromChannel(Channel.fromTransform((_upstream, scope) =>
    Effect.withFiber((fiber) => {
      const reading = new Reading(Callback.on(fiber, owner), open)
      return Effect.as(Scope.addFinalizer(scope, reading.close), reading)
    })
  )) as Stream.Stream<A, unknown>

/** A chunk of what a callback gives, as an effect that may be run again. */
class Reading extends Operation<Chunks, unknown, never> {
  private readonly callback: Callback
  private readonly open: (callback: Callback) => MaybePromise<AsyncIterable<unknown>>
  private iterator: AsyncIterator<unknown> | undefined = undefined
  private isDone = false
  /** From when the iterator is asked until it has answered, also if nobody waits for the answer any more. */
  private isWaiting = false

  constructor(callback: Callback, open: (callback: Callback) => MaybePromise<AsyncIterable<unknown>>) {
    super()
    this.callback = callback
    this.open = open
  }

  perform(): Effect.Effect<Chunks, unknown> {
    if (this.isDone) return Cause.done()
    if (this.iterator !== undefined) return this.take(this.iterator)
    return Effect.flatMap(waitFor(this.callback, this.open, this.callback), (iterable) =>
      Effect.suspend(() => {
        try {
          this.iterator = this.callback.enter(runningFiber(), () => iterable[Symbol.asyncIterator]())
        } catch (error) {
          return Effect.fail(error)
        }
        return this.take(this.iterator)
      }))
  }

  /** Lets go of the iterator, inside of the scope that reads it. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const { callback, iterator } = this
    if (this.isDone) return callback.release
    this.isDone = true
    if (iterator === undefined) return callback.abort
    const giveBack = waitFor(callback, () => iterator.return?.())
    // While it is at work it cannot hear of it, but for its signal; nobody waits until it does.
    return Effect.andThen(this.isWaiting ? forget(giveBack) : Effect.orDie(giveBack), callback.abort)
  })

  /** Asks the iterator, in one effect: what it answers is told as the next step, the end or a failure. */
  private take(iterator: AsyncIterator<unknown>): Effect.Effect<Chunks, unknown> {
    this.isWaiting = true
    return Effect.callback((resume) => {
      const failed = (error: unknown) => {
        this.isDone = true
        resume(Effect.fail(error))
      }
      const answered = (result: IteratorResult<unknown>) => {
        this.isWaiting = false
        // In an effect, since what an iterator answers may be anything.
        resume(Effect.suspend(() => {
          if (result.done !== true) return Effect.succeed([result.value])
          this.isDone = true
          return Cause.done()
        }))
      }
      try {
        toPromise(this.callback.enter(runningFiber(), () => iterator.next())).then(answered, failed)
      } catch (error) {
        failed(error)
      }
      return this.callback.abort
    })
  }
}

/** What it fails with is nobody's concern, and neither is when. */
const forget = (effect: Effect.Effect<unknown, unknown>): Effect.Effect<unknown> =>
  Effect.forkDetach(Effect.ignore(effect), { startImmediately: true })
