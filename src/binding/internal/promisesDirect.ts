import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Carrier } from "../../call/internal/carrier.ts"
import type { Kernel } from "../../event/internal/kernel.ts"
import { noAttributes, Span, type SpanSpec } from "../../event/internal/span.ts"
import { type Plan, planFor } from "../../middleware/internal/plan.ts"
import { isGated, withFrame } from "../../scope/internal/current.ts"
import {
  Callback,
  type CallbackContext,
  interrupted,
  isPromiseLike,
  type MaybePromise,
  type Site
} from "./promisesCallback.ts"
import type { Membership } from "./promisesRoster.ts"
import type { Started, Tracker } from "./promisesTask.ts"

/** Where a direct call is made: a callback of ours, or outside of all of them. */
export type DirectPlace = Callback | {
  readonly site: Site
  readonly context: Context.Context<never>
}

/** What is seen from a place where a call needs no more than a promise, since nothing stands around it. */
export const planIfDirect = (kernel: Kernel, site: Site, kind: "tool" | "llm"): Plan | undefined => {
  if (site.kernel !== kernel || site.isTraced || kernel.closed || kernel.spanParent !== undefined) return undefined
  const { frame } = site
  const plan = planFor(kernel, frame.level)
  const { isEmpty, missing } = plan.chainsOf(kind)
  return isEmpty && missing.length === 0 && !isGated(kernel, frame) ? plan : undefined
}

/** A call that says no more than its name. */
class DirectSpec implements SpanSpec {
  readonly category: "tool" | "llm"
  readonly name: string

  constructor(category: "tool" | "llm", name: string) {
    this.category = category
    this.name = name
  }

  get isCall(): boolean {
    return true
  }

  get attributes(): ReadonlyArray<string> {
    return noAttributes
  }

  get modelName(): undefined {
    return undefined
  }

  get toolCallId(): undefined {
    return undefined
  }

  get subtype(): undefined {
    return undefined
  }
}

/**
 * A managed call with nothing around it, without a fiber: the steps of `Run` that are left then, in the same order. It is
 * the callback of its own work.
 */
export class DirectCall<A> extends Callback implements Started {
  private readonly span: Span
  private readonly place: DirectPlace
  private tracked: Membership | undefined = undefined
  private inCallback: Membership | undefined = undefined
  private reject: ((error: unknown) => void) | undefined = undefined
  private hasEnded = false
  private stopping: Effect.Effect<void> | undefined = undefined

  constructor(kernel: Kernel, plan: Plan, place: DirectPlace, kind: "tool" | "llm", name: string) {
    super(Fiber.getCurrent(), undefined, undefined)
    this.place = place
    const { frame } = place.site
    this.span = new Span(kernel, frame.span, frame, plan, new DirectSpec(kind, name), undefined)
  }

  get isOwned(): boolean {
    return false
  }

  get call(): Started["call"] {
    const { category, name } = this.span.spec
    return { kind: category === "tool" ? "tool" : "llm", name }
  }

  get callId(): string {
    return this.span.uuid
  }

  run(
    tracker: Tracker,
    carrier: Carrier,
    payload: unknown,
    work: (payload: never, context: CallbackContext) => MaybePromise<A>
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      const { place, span } = this
      const { kernel } = span
      if (place instanceof Callback) {
        const { refusal } = place
        if (refusal !== undefined) throw refusal.reason
        this.tracked = tracker.add(this)
        this.inCallback = place.add(this)
      } else this.tracked = tracker.add(this)
      this.reject = reject
      const copy = carrier.copy(payload)
      const isListening = kernel.isListening(span)
      const data = isListening ? carrier.observable(copy, kernel.options.headerAllowList) : undefined
      kernel.startSpan(span, place.site.clock, data)
      const own = isListening && copy !== payload ? carrier.copyAgain(copy) : copy
      try {
        const answer = this.enterOnce(work, own as never, this)
        if (isPromiseLike(answer)) {
          answer.then((value) => this.succeed(value, carrier, resolve), (error: unknown) => this.fail(error))
        } else this.succeed(answer, carrier, resolve)
      } catch (error) {
        this.fail(error)
      }
    })
  }

  stop(reason: unknown): Effect.Effect<void> {
    if (this.hasEnded) return this.stopping ?? Effect.void
    this.hasEnded = true
    const why = reason ?? interrupted()
    const fiberId = Fiber.getCurrent()?.id
    const stopped = Effect.runForkWith(this.place.context)(
      Effect.andThen(this.abortFor(why), Effect.sync(() => this.end(Exit.interrupt(fiberId), undefined)))
    )
    stopped.addObserver(() => this.reject?.(why))
    return this.stopping = Effect.asVoid(Fiber.await(stopped))
  }

  protected override makeContext(): Context.Context<never> {
    return withFrame(this.place.context, this.span)
  }

  protected override makeSite(): Site {
    return { ...this.place.site, frame: this.span }
  }

  private succeed(value: A, carrier: Carrier, resolve: (value: A) => void): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.end(undefined, this.isShown ? carrier.copyResult(value) : undefined)
    resolve(value)
  }

  private fail(error: unknown): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.end(this.isShown ? Exit.fail(error) : undefined, undefined)
    this.reject?.(error)
  }

  /** Whether somebody may want to know how it ended. */
  private get isShown(): boolean {
    return this.span.startSequence > 0 || this.span.kernel.lateEndListeners > 0
  }

  private end(exit: Exit.Exit<unknown, unknown> | undefined, data: unknown): void {
    this.span.kernel.endSpan(this.span, exit, data, undefined)
    this.tracked?.leave()
    this.inCallback?.leave()
  }
}
