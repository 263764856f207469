import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { flush, troubles } from "../../AgentRuntime.ts"
import { CallError, RuntimeClosed } from "../../call/CallError.ts"
import { bufferedLlmCarrier, toolCarrier } from "../../call/internal/carrier.ts"
import * as LlmCall from "../../call/LlmCall.ts"
import * as ToolCall from "../../call/ToolCall.ts"
import * as EventBus from "../../event/EventBus.ts"
import type { Kernel } from "../../event/internal/kernel.ts"
import { AgentRuntime } from "../../event/internal/runtime.ts"
import type { ScopeHandle } from "../../event/internal/span.ts"
import { isEntry } from "../../middleware/internal/entry.ts"
import * as Middleware from "../../middleware/Middleware.ts"
import * as ExecutionScope from "../../scope/ExecutionScope.ts"
import { withFrame } from "../../scope/internal/current.ts"
import { Carried } from "../../scope/internal/propagationContext.ts"
import * as Mark from "../../scope/Mark.ts"
import * as Propagation from "../../scope/Propagation.ts"
import { ScopeStack } from "../../scope/ScopeStack.ts"
import * as Subscriber from "../../subscriber/Subscriber.ts"
import type * as Promises from "../Promises.ts"
import { Callback, type CallbackContext, type MaybePromise, rejectionOf, siteOf, Work } from "./promisesCallback.ts"
import { DirectCall, type DirectPlace, planIfDirect } from "./promisesDirect.ts"
import { handle } from "./promisesEntries.ts"
import { manualCalls } from "./promisesManual.ts"
import { type Membership, Roster } from "./promisesRoster.ts"
import { iterableOf, streamOf } from "./promisesStream.ts"
import { type Place, type Started, Task, type TaskOptions, type Tracker } from "./promisesTask.ts"

/** Who may interrupt what it has started, as the options of a method say it. */
interface Interruption {
  readonly signal?: AbortSignal | undefined
}

/** A runtime for code without Effect: each method runs the effect of the same name for a promise. */
export class PromiseRuntime implements Promises.Heddle, Tracker {
  readonly #context: Context.Context<AgentRuntime>
  readonly #kernel: Kernel
  readonly #scope: Scope.Closeable | undefined
  /** Where code is that runs in no callback. */
  readonly #outside: DirectPlace
  readonly #running = new Roster<Started>()
  #closing: Promise<void> | undefined = undefined
  #isClosed = false
  readonly #manual = manualCalls({
    add: (started) => this.add(started),
    run: (kind, name, signal, effect) => this.#task<Effect.Success<typeof effect>>({ signal }, kind, name).run(effect),
    runAlways: (effect) => new Task<void>({ place: { ...this.#place(), callback: undefined } }).run(effect)
  })

  /** A runtime that lives in this scope and is closed with it; without one, it is somebody else's. */
  constructor(context: Context.Context<AgentRuntime>, scope: Scope.Closeable | undefined) {
    this.#context = context
    this.#kernel = Context.get(context, AgentRuntime).kernel
    this.#scope = scope
    this.#outside = { site: siteOf(context), context }
  }

  readonly tool: Promises.Heddle["tool"] = <A>(
    name: string,
    input: unknown,
    work: (input: never, context: CallbackContext) => MaybePromise<A>,
    options?: Promises.ToolOptions<A>
  ): Promise<A> => {
    const direct = options === undefined ? this.#direct<A>("tool", name) : undefined
    if (direct !== undefined) return direct.run(this, toolCarrier, input, work)
    const task = this.#task<A>(options, "tool", name)
    const run = (input: unknown) => new Work(task, work, input as never)
    const { metadata, onBlocked, output, schema, toolCallId } = options ?? {}
    const call = { name, input, metadata, onBlocked, output, toolCallId }
    return task.run(schema === undefined ? ToolCall.run(call, run) : ToolCall.run({ ...call, schema }, run))
  }

  readonly llm: Promises.Heddle["llm"] = <A>(
    name: string,
    request: Promises.Request,
    work: (request: never, context: CallbackContext) => MaybePromise<A>,
    options?: Promises.LlmOptions<A>
  ): Promise<A> => {
    const direct = options === undefined ? this.#direct<A>("llm", name) : undefined
    if (direct !== undefined) return direct.run(this, bufferedLlmCarrier, requestOf(request), work)
    const task = this.#task<A>(options, "llm", name)
    const run = (request: unknown) => new Work(task, work, request as never)
    const { codec, metadata, model, onBlocked, output, schema } = options ?? {}
    const call = { name, request: requestOf(request), codec, metadata, model, onBlocked, output }
    return task.run(schema === undefined ? LlmCall.run(call, run) : LlmCall.run({ ...call, schema }, run))
  }

  readonly llmStream: Promises.Heddle["llmStream"] = <Chunk, State>(
    name: string,
    request: Promises.Request,
    work: (request: LlmCall.LlmRequest, context: CallbackContext) => MaybePromise<AsyncIterable<Chunk>>,
    options?: Promises.LlmStreamOptions<Chunk, State>
  ): AsyncIterable<Chunk> => {
    const { codec, fold, metadata, model } = options ?? {}
    const call = { name, request: requestOf(request), codec, fold, metadata, model }
    return iterableOf(
      this.#taskOptions(options, "llm", name),
      (owner) => LlmCall.stream(call, (request) => streamOf(owner, (callback) => work(request, callback)))
    )
  }

  readonly scope: Promises.Heddle["scope"] = <A>(
    name: string,
    ...rest:
      | [work: Promises.ScopeWork<A>]
      | [options: Promises.ScopeOptions | undefined, work: Promises.ScopeWork<A>]
  ): Promise<A> => {
    const [options, work] = rest.length === 1 ? [undefined, rest[0]] : rest
    const { attributes, category = "function", input, metadata, subtype } = options ?? {}
    const task = this.#task<A>(options)
    const inside = Effect.flatMap(
      ExecutionScope.current,
      (scope) => new Work(task, work, Option.getOrThrow(scope))
    )
    return task.run(ExecutionScope.run({ name, category, input, metadata, attributes, subtype })(inside))
  }

  readonly within: Promises.Heddle["within"] = <A>(
    scope: ScopeHandle,
    work: (context: CallbackContext) => MaybePromise<A>,
    options?: Interruption
  ): Promise<A> => {
    const task = this.#task<A>(options)
    return task.run(ExecutionScope.within(scope)(new Work(task, work)))
  }

  readonly with: Promises.Heddle["with"] = <A>(
    entries: ReadonlyArray<Middleware.Entry | Promises.Subscriber>,
    work: (context: CallbackContext) => MaybePromise<A>,
    options?: Interruption
  ): Promise<A> => {
    const task = this.#task<A>(options)
    const middleware: Array<Middleware.Entry> = []
    let effect: Effect.Effect<A, unknown, AgentRuntime> = new Work(task, work)
    for (const entry of entries) {
      if (isMiddleware(entry)) middleware.push(entry)
      else effect = Subscriber.provide(subscriberOf(entry))(effect)
    }
    return task.run(Middleware.provide(...middleware)(effect))
  }

  readonly mark: Promises.Heddle["mark"] = (name, options) => {
    this.#fork(Mark.emit(name, options))
  }

  readonly setOutput: Promises.Heddle["setOutput"] = (value) => {
    this.#fork(ExecutionScope.setOutput(value))
  }

  readonly toolStart = this.#manual.toolStart
  readonly toolEnd = this.#manual.toolEnd
  readonly toolCheck = this.#manual.toolCheck
  readonly llmStart = this.#manual.llmStart
  readonly llmEnd = this.#manual.llmEnd
  readonly llmCheck = this.#manual.llmCheck

  readonly current: Promises.Heddle["current"] = () => Context.get(this.#place().context, ScopeStack).span?.handle

  readonly capture: Promises.Heddle["capture"] = () => this.#now(Propagation.capture)

  readonly continueFrom: Promises.Heddle["continueFrom"] = <A>(
    context: Propagation.PropagationContext,
    work: (context: CallbackContext) => MaybePromise<A>,
    options?: Interruption
  ): Promise<A> => {
    const task = this.#task<A>(options)
    return task.run(Propagation.continueFrom(context)(new Work(task, work)))
  }

  readonly events: Promises.Heddle["events"] = (options) =>
    iterableOf(
      { place: { context: this.#context, callback: undefined }, signal: options?.signal },
      () => EventBus.stream(options)
    )

  readonly explain: Promises.Heddle["explain"] = (call) => this.#now(Middleware.explain(call))

  readonly registrations: Promises.Heddle["registrations"] = () => this.#now(Middleware.registrations)

  readonly troubles: Promises.Heddle["troubles"] = () => this.#now(troubles)

  readonly flush: Promises.Heddle["flush"] = (options) =>
    new Task<void>({ place: { ...this.#place(), callback: undefined }, signal: options?.signal }).run(flush)

  readonly close: Promises.Heddle["close"] = () => this.#closing ??= this.#close()

  readonly [Symbol.asyncDispose] = (): Promise<void> => this.close()

  add(started: Started): Membership {
    if (this.#isClosed || this.#kernel.closed) throw this.#closedReason(started)
    return this.#running.join(started)
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    // The runtime goes first: it ends what is open as a shutdown, and what is aborted then finds that it has ended.
    const closed = this.#scope === undefined ? undefined : settled(this.#context, Scope.close(this.#scope, Exit.void))
    // Inner ones first, so that each has its own reason.
    const ended = this.#running.list().map((started) => started.stop(this.#closedReason(started)))
    const { closeTimeout } = this.#kernel.options
    await settled(this.#context, Effect.timeoutOption(Effect.all(ended, { discard: true }), closeTimeout))
    await closed
  }

  /** The call without a fiber, if nothing stands around it. */
  #direct<A>(kind: "tool" | "llm", name: string): DirectCall<A> | undefined {
    const callback = Callback.current
    if (callback === undefined && Fiber.getCurrent() !== undefined) return undefined
    const place = callback ?? this.#outside
    const plan = planIfDirect(this.#kernel, place.site, kind)
    return plan && new DirectCall(this.#kernel, plan, place, kind, name)
  }

  #task<A>(options: Interruption | undefined, kind?: "tool" | "llm", name = ""): Task<A> {
    return new Task<A>(this.#taskOptions(options, kind, name))
  }

  #taskOptions(options: Interruption | undefined, kind: "tool" | "llm" | undefined, name: string): TaskOptions {
    return {
      place: this.#place(),
      signal: options?.signal,
      tracker: this,
      call: kind === undefined ? undefined : { kind, name }
    }
  }

  /** Where the running code is: in a callback of ours, in a fiber, or outside of everything. */
  #place(): Place {
    const callback = Callback.current
    const context = callback?.context ?? Fiber.getCurrent()?.context
    return { context: context === undefined ? this.#context : this.#adopt(context), callback }
  }

  /** The context of running code, which may be that of another runtime or of none. */
  #adopt(context: Context.Context<never>): Context.Context<never> {
    const runtime = Context.getOption(context, AgentRuntime)
    if (Option.isSome(runtime) && runtime.value.kernel === this.#kernel) return context
    const place = withFrame(this.#context, Context.get(context, ScopeStack))
    const own = Context.add(place, Carried, Context.get(context, Carried))
    const span = Context.getOption(context, Tracer.ParentSpan)
    return Option.isSome(span) ? Context.add(own, Tracer.ParentSpan, span.value) : own
  }

  #fork<A, E>(effect: Effect.Effect<A, E, AgentRuntime>): Fiber.Fiber<A, E> {
    return Effect.runForkWith(this.#place().context as Context.Context<AgentRuntime>)(effect)
  }

  /** The value of an effect that never waits. */
  #now<A>(effect: Effect.Effect<A, never, AgentRuntime>): A {
    const exit = this.#fork(effect).pollUnsafe()
    if (exit?._tag !== "Success") throw new Error("heddle: an accessor had to wait, which is a bug")
    return exit.value
  }

  /** Why something may not start, or not go on, once the runtime has closed. */
  #closedReason({ call, callId }: Started): RuntimeClosed | CallError {
    const reason = new RuntimeClosed()
    if (call === undefined) return reason
    return new CallError({ ...call, uuid: callId ?? this.#kernel.makeId(0, this.#kernel.nextOrdinal()), reason })
  }
}

const settled = <A, R>(context: Context.Context<R>, effect: Effect.Effect<A, never, R>): Promise<A> =>
  new Promise((resolve, reject) => {
    Effect.runForkWith(context)(effect).addObserver((exit) => {
      if (exit._tag === "Success") resolve(exit.value)
      else reject(rejectionOf(exit.cause, undefined))
    })
  })

const isMiddleware = (entry: Middleware.Entry | Promises.Subscriber): entry is Middleware.Entry => isEntry(entry)

const requestOf = ({ body, headers }: Promises.Request): LlmCall.LlmRequest => ({ body, headers: headers ?? {} })

/** A subscriber as the runtime knows it. */
export const subscriberOf = (
  subscriber: Promises.Subscriber
): Subscriber.SubscriberOptions<unknown, never> => ({ ...subscriber, handle: handle(subscriber.handle) })
