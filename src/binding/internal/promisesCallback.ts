import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { AsyncLocalStorage } from "node:async_hooks"
import type { Frame } from "../../event/internal/frame.ts"
import type { Kernel } from "../../event/internal/kernel.ts"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import { type AnyFiber, Operation } from "../../scope/internal/operation.ts"
import { ScopeStack } from "../../scope/ScopeStack.ts"
import { type Membership, Roster } from "./promisesRoster.ts"

/** A value, or a promise of it. */
export type MaybePromise<A> = A | PromiseLike<A>

/** What every callback gets as its last argument. */
export interface CallbackContext {
  /** Aborted when nobody waits for the callback any more. Its reason is that of whoever ended the wait. */
  readonly signal: AbortSignal
}

/** Something that a callback has started and that ends with it when it is aborted. */
export interface Child {
  /** Whether it ends with the callback in any case. */
  readonly isOwned: boolean
  /** Interrupts it at once; the effect waits until it has ended. */
  readonly stop: (reason: unknown) => Effect.Effect<void>
}

/** Who knows why a callback is aborted. */
export interface Owner {
  readonly reason: unknown
}

/** What asynchronous code carries: the callback of ours that it runs in. */
const storage = new AsyncLocalStorage<Callback>()

/** What calls that are started in a place need to know about it. */
export interface Site {
  /** Undefined where no runtime is at hand. */
  readonly kernel: Kernel | undefined
  readonly frame: Frame
  readonly clock: Clock.Clock
  /** Whether an Effect span is open around it. */
  readonly isTraced: boolean
}

/** Reads a site from a context. */
export const siteOf = (context: Context.Context<never>): Site => ({
  kernel: Option.getOrUndefined(Context.getOption(context, AgentRuntime))?.kernel,
  frame: Context.get(context, ScopeStack),
  clock: Context.get(context, Clock.Clock),
  isTraced: Context.getOrUndefined(context, Tracer.ParentSpan) !== undefined
})

/**
 * One run of a callback that may be asynchronous. While it runs, and in all that it starts, calls find their scope and
 * what was provided around them here.
 */
export class Callback implements CallbackContext {
  #context: Context.Context<never> | undefined
  #site: Site | undefined
  readonly #owner: Owner | undefined
  /** The fiber that runs a piece of it, and the context that it had when it entered. */
  #fiber: AnyFiber | undefined
  #entered: Context.Context<never> | undefined
  #children: Roster<Child> | undefined = undefined
  #controller: AbortController | undefined = undefined
  #refusal: { readonly reason: unknown } | undefined = undefined

  constructor(fiber: AnyFiber | undefined, owner: Owner | undefined, context: Context.Context<never> | undefined) {
    this.#context = context
    this.#site = undefined
    this.#owner = owner
    this.#fiber = fiber
    this.#entered = fiber?.context
  }

  /** A callback that runs where this fiber is. */
  static on(fiber: AnyFiber, owner?: Owner): Callback {
    return new Callback(fiber, owner, fiber.context)
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#refusal !== undefined) this.#controller.abort(this.#refusal.reason)
    }
    return this.#controller.signal
  }

  /** The context of what is started inside. */
  get context(): Context.Context<never> {
    return this.#context ??= this.makeContext()
  }

  get site(): Site {
    return this.#site ??= this.makeSite()
  }

  /** Why nothing more may be started inside. */
  get refusal(): { readonly reason: unknown } | undefined {
    return this.#refusal
  }

  /** The callback that the running code belongs to, unless it is in a fiber that was started further inside. */
  static get current(): Callback | undefined {
    const callback = storage.getStore()
    if (callback === undefined) return undefined
    const fiber = Fiber.getCurrent()
    const isHere = fiber === undefined || (fiber === callback.#fiber && fiber.context === callback.#entered)
    return isHere ? callback : undefined
  }

  /** Runs a piece of it on this fiber. It throws what the piece throws. */
  enter<Args extends ReadonlyArray<unknown>, A>(
    fiber: AnyFiber | undefined,
    piece: (...args: Args) => A,
    ...args: Args
  ): A {
    this.#fiber = fiber
    this.#entered = fiber?.context
    return storage.run(this, piece, ...args)
  }

  /** The same for a piece of two arguments on the fiber that it was made with, which is faster. */
  protected enterOnce<A1, A2, A>(piece: (a1: A1, a2: A2) => A, a1: A1, a2: A2): A {
    return storage.run(this, piece, a1, a2)
  }

  add(child: Child): Membership {
    return (this.#children ??= new Roster()).join(child)
  }

  /** Nobody waits any more: tells the callback, and ends what it has started. */
  get abort(): Effect.Effect<void> {
    return Effect.suspend(() => this.abortFor(this.#owner?.reason))
  }

  /** Ends what may not outlive the callback. */
  get release(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#children === undefined || this.#children.isEmpty
        ? Effect.void
        : this.#stop(({ isOwned }) => isOwned, interrupted())
    )
  }

  protected abortFor(reason: unknown): Effect.Effect<void> {
    if (this.#refusal !== undefined) return Effect.void
    const why = reason ?? interrupted()
    this.#refusal = { reason: why }
    this.#controller?.abort(why)
    return this.#stop(() => true, why)
  }

  protected makeContext(): Context.Context<never> {
    return Context.empty()
  }

  protected makeSite(): Site {
    return siteOf(this.context)
  }

  #stop(select: (child: Child) => boolean, reason: unknown): Effect.Effect<void> {
    if (this.#children === undefined) return Effect.void
    const stopped = this.#children.list().filter(select).map((child) => child.stop(reason))
    return stopped.length === 0 ? Effect.void : Effect.all(stopped, { discard: true })
  }
}

/** The reason of an abort that nobody gave a reason for. */
export const interrupted = (): DOMException => new DOMException("The call was interrupted", "AbortError")

export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"

/** A plain value as it is, or the effect that waits for a promise. It throws what the piece throws. */
export const attempt = <Args extends ReadonlyArray<unknown>, A>(
  callback: Callback,
  fiber: AnyFiber,
  piece: (...args: Args) => MaybePromise<A>,
  ...args: Args
): A | Effect.Effect<A, unknown> => {
  const answer = callback.enter(fiber, piece, ...args)
  return isPromiseLike(answer) ? new Waiting(callback, toPromise(answer)) : answer
}

/** A piece of a callback as an effect, which fails with what the piece throws or rejects with. */
export const waitFor = <Args extends ReadonlyArray<unknown>, A>(
  callback: Callback,
  piece: (...args: Args) => MaybePromise<A>,
  ...args: Args
): Effect.Effect<A, unknown> =>
  // The piece may interrupt the fiber that runs it: only what is registered by then is told.
  Effect.callback((resume) => {
    try {
      const answer = callback.enter(runningFiber(), piece, ...args)
      if (!isPromiseLike(answer)) resume(Effect.succeed(answer))
      else {
        toPromise(answer).then(
          (value) => resume(Effect.succeed(value)),
          (error: unknown) => resume(Effect.fail(error))
        )
      }
    } catch (error) {
      resume(Effect.fail(error))
    }
    return callback.abort
  })

/** Callbacks are asked on a fiber: that of a call, or that of the dispatcher. */
export const runningFiber = (): AnyFiber => Fiber.getCurrent()!

/** A promise of the platform, for one of any kind. */
export const toPromise = <A>(answer: PromiseLike<A>): Promise<A> =>
  answer instanceof Promise ? answer : Promise.resolve(answer)

/** Waits for the promise of a callback; aborts the callback when it is interrupted. */
class Waiting<A> extends Operation<A, unknown, never> {
  private readonly callback: Callback
  private settled: Effect.Effect<A, unknown> | undefined = undefined
  private resume: ((settled: Effect.Effect<A, unknown>) => void) | undefined = undefined

  constructor(callback: Callback, promise: Promise<A>) {
    super()
    this.callback = callback
    // From now on, and not only from when it is waited for, which an interruption may prevent.
    promise.then((value) => this.settle(Effect.succeed(value)), (error: unknown) => this.settle(Effect.fail(error)))
  }

  perform(): Effect.Effect<A, unknown> {
    return this.settled ?? Effect.callback((resume) => {
      this.resume = resume
      return this.callback.abort
    })
  }

  private settle(settled: Effect.Effect<A, unknown>): void {
    this.settled = settled
    this.resume?.(settled)
  }
}

/** Work in a callback, as an effect. What it throws or rejects with is the error of the effect. */
export class Work<Args extends ReadonlyArray<unknown>, A> extends Operation<A, unknown, never> {
  private readonly owner: Owner | undefined
  private readonly piece: (...args: [...Args, CallbackContext]) => MaybePromise<A>
  private readonly args: Args

  constructor(
    owner: Owner | undefined,
    piece: (...args: [...Args, CallbackContext]) => MaybePromise<A>,
    ...args: Args
  ) {
    super()
    this.owner = owner
    this.piece = piece
    this.args = args
  }

  perform(fiber: AnyFiber): Effect.Effect<A, unknown> {
    const callback = Callback.on(fiber, this.owner)
    return waitFor(callback, this.piece, ...this.args, callback)
  }
}

/** What a promise rejects with for a cause that is a failure, a defect or an interruption for this reason. */
export const rejectionOf = (cause: Cause.Cause<unknown>, reason: unknown): unknown => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return failure.error
  const defect = cause.reasons.find(Cause.isDieReason)
  return defect === undefined ? reason ?? interrupted() : defect.defect
}
