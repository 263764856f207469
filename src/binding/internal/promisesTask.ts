import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Span } from "../../event/internal/span.ts"
import type { AnyFiber } from "../../scope/internal/operation.ts"
import { ScopeStack } from "../../scope/ScopeStack.ts"
import { type Callback, type Child, interrupted, type Owner, rejectionOf } from "./promisesCallback.ts"
import type { Membership } from "./promisesRoster.ts"

/** Where something is started: its context, and the callback that it belongs to. */
export interface Place {
  readonly context: Context.Context<never>
  readonly callback: Callback | undefined
}

/** Something that was started in a runtime. */
export interface Started extends Child {
  /** The managed call that it runs, if it runs one. */
  readonly call: { readonly kind: "tool" | "llm"; readonly name: string } | undefined
  /** Id of the call, once it has one. */
  readonly callId: string | undefined
}

/** Keeps what was started for it, so that it can end it. `add` throws if nothing may start any more. */
export interface Tracker {
  readonly add: (started: Started) => Membership
}

export interface TaskOptions {
  readonly place: Place
  readonly signal?: AbortSignal | undefined
  readonly tracker?: Tracker | undefined
  /** Whether it may not outlive the callback that starts it. */
  readonly isOwned?: boolean | undefined
  readonly call?: Started["call"]
}

/** Something that was started for asynchronous code, and that a signal, its callback or its runtime may interrupt. */
export abstract class Interruptible implements Started, Owner {
  readonly isOwned: boolean
  readonly place: Place
  isInterrupted = false
  /** Why it was interrupted. */
  reason: unknown = undefined
  readonly call: Started["call"]
  private readonly options: TaskOptions
  private tracked: Membership | undefined = undefined
  private inCallback: Membership | undefined = undefined

  constructor(options: TaskOptions) {
    this.options = options
    this.call = options.call
    this.place = options.place
    this.isOwned = options.isOwned ?? false
  }

  get callId(): string | undefined {
    const outer = Context.get(this.place.context, ScopeStack).span
    return spanUnder(outer, Context.get(this.context, ScopeStack).span)?.uuid
  }

  /** The context that it has got to by now. */
  protected abstract readonly context: Context.Context<never>
  protected abstract readonly ended: Effect.Effect<void>
  protected abstract interruptNow(fiberId: number | undefined): void

  readonly stop = (reason: unknown): Effect.Effect<void> => {
    this.interrupt(reason)
    return this.ended
  }

  interrupt(reason: unknown): void {
    if (this.isInterrupted) return
    this.isInterrupted = true
    this.reason = reason ?? interrupted()
    this.interruptNow(Fiber.getCurrent()?.id)
  }

  /** Throws if it may not start; else it can be interrupted from now on. */
  begin(): void {
    const { place, signal, tracker } = this.options
    if (signal?.aborted === true) throw signal.reason
    const refusal = place.callback?.refusal
    if (refusal !== undefined) throw refusal.reason
    this.tracked = tracker?.add(this)
    this.inCallback = place.callback?.add(this)
    signal?.addEventListener("abort", this.onAbort, { once: true })
  }

  protected detach(): void {
    this.options.signal?.removeEventListener("abort", this.onAbort)
    this.inCallback?.leave()
    this.tracked?.leave()
  }

  /** Runs an effect; `onStart` gets its fiber before anything else can happen on it. */
  protected fork<A, E>(effect: Effect.Effect<A, E, unknown>, onStart?: (fiber: AnyFiber) => void): Fiber.Fiber<A, E> {
    const started = onStart === undefined ? effect : Effect.withFiber<A, E, unknown>((fiber) => {
      onStart(fiber)
      return effect
    })
    // What the effect requires is a runtime, which is in the context: entries carry their services with them.
    return Effect.runForkWith(this.place.context as Context.Context<unknown>)(started)
  }

  private readonly onAbort = () => this.interrupt(this.options.signal?.reason)
}

/** One effect that runs for a promise. */
export class Task<A> extends Interruptible {
  private fiber: AnyFiber | undefined = undefined

  protected get context(): Context.Context<never> {
    return this.fiber?.context ?? this.place.context
  }

  /** Runs the effect; `onExit` is told how it ended before the promise is settled. */
  run(
    effect: Effect.Effect<A, unknown, unknown>,
    onExit?: (exit: Exit.Exit<A, unknown>, reason: unknown) => void
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      this.begin()
      const fiber = this.fork(effect, (fiber) => {
        this.fiber = fiber
      })
      fiber.addObserver((exit) => {
        this.detach()
        onExit?.(exit, this.reason)
        if (exit._tag === "Success") resolve(exit.value)
        else reject(rejectionOf(exit.cause, this.reason))
      })
    })
  }

  protected readonly ended = Effect.suspend(() =>
    this.fiber === undefined ? Effect.void : Effect.asVoid(Fiber.await(this.fiber))
  )

  protected interruptNow(fiberId: number | undefined): void {
    this.fiber?.interruptUnsafe(fiberId)
  }
}

/** What stands directly under one span on the way to another. */
const spanUnder = (outer: Span | undefined, inner: Span | undefined): Span | undefined => {
  let span = inner
  while (span !== undefined && span !== outer && span.parent !== outer && span.parent !== undefined) span = span.parent
  return span === outer ? undefined : span
}
