/**
 * The whole runtime for code without Effect: scopes, managed calls, middleware and subscribers as plain and async
 * functions. Code that uses it imports nothing from Effect.
 *
 * The current scope follows asynchronous code through `await`, timers, event emitters and `Promise.all`; parallel
 * branches never see each other's. What a callback throws is what its caller catches, the same object; failures of
 * policy are a `CallError`.
 *
 * Interruption goes down the tree: when a scope or a call is aborted, so is what was started inside of it and is still
 * going, inner ones first, and what its callback starts later rejects at once. Every start has exactly one end,
 * whatever happens.
 *
 * **Example** (A guarded tool)
 *
 * ```ts
 * import * as Promises from "heddle/promises"
 *
 * const noSecrets = Promises.Guardrail.make({
 *   name: "no-secrets",
 *   check: async (call) => (await isSecret(call)) ? Promises.Guardrail.reject("off limits") : Promises.Guardrail.allow
 * })
 * const heddle = await Promises.make({ middleware: [noSecrets] })
 * const text = await heddle.tool("read_file", { path }, ({ path }) => readFile(path, "utf8"))
 * await heddle.close()
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as AgentRuntime from "../AgentRuntime.ts"
import type { GuardrailRejected } from "../call/CallError.ts"
import type { Fold, LlmRequest, TypedRequest } from "../call/LlmCall.ts"
import type { Codec } from "../codec/Codec.ts"
import type { BufferOptions } from "../event/EventBus.ts"
import type { Category, LifecycleEvent } from "../event/LifecycleEvent.ts"
import * as Middleware from "../middleware/Middleware.ts"
import type { ScopeHandle } from "../scope/ExecutionScope.ts"
import type { MarkOptions } from "../scope/Mark.ts"
import type { PropagationContext } from "../scope/Propagation.ts"
import * as Subscribers from "../subscriber/Subscriber.ts"
import { type CallbackContext, type MaybePromise, rejectionOf, Work } from "./internal/promisesCallback.ts"
import type { ManualCalls } from "./internal/promisesManual.ts"
import { PromiseRuntime, subscriberOf } from "./internal/promisesRuntime.ts"

export {
  /**
   * A managed call failed for a reason of the runtime; `reason` says which.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  CallError,
  /**
   * The runtime has closed. Calls reject with a `CallError` for this reason, all else with this.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  RuntimeClosed
} from "../call/CallError.ts"
/**
 * Policy that says no.
 *
 * @stability experimental
 * @category middleware
 * @since 0.1.0
 */
export * as Guardrail from "./internal/promisesGuardrail.ts"
/**
 * Adds metadata to events.
 *
 * @stability experimental
 * @category middleware
 * @since 0.1.0
 */
export * as MetadataInjector from "./internal/promisesInjector.ts"
/**
 * Policy that changes what runs.
 *
 * @stability experimental
 * @category middleware
 * @since 0.1.0
 */
export * as Intercept from "./internal/promisesIntercept.ts"
/**
 * Policy for observers only.
 *
 * @stability experimental
 * @category middleware
 * @since 0.1.0
 */
export type {
  /**
   * What every callback gets as its last argument.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  CallbackContext,
  /**
   * A value, or a promise of it.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  MaybePromise
} from "./internal/promisesCallback.ts"
export * as Sanitizer from "./internal/promisesSanitizer.ts"

export type {
  /**
   * What policy is asked about a model call.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  LlmCheckOptions,
  /**
   * How a model call that runs elsewhere ended: with its response, with an error, or interrupted (a text says by what).
   * `usage` counts where the response itself says nothing of it; a codec annotates the response.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  LlmEnding,
  /**
   * What is told at the start of a model call that runs elsewhere. `checked` is what `llmCheck` gave for it.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  LlmStartOptions,
  /**
   * Calls that run elsewhere, for hosts that only tell what happens before and after a call.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  ManualCalls,
  /**
   * What policy is asked about a tool call.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  ToolCheckOptions,
  /**
   * How a tool call that runs elsewhere ended: with its output, with an error, or interrupted (a text says by what).
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  ToolEnding,
  /**
   * What is told at the start of a tool call that runs elsewhere. `checked` is what `toolCheck` gave for it.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  ToolStartOptions
} from "./internal/promisesManual.ts"

/**
 * A model request. Headers may be left out.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly headers?: LlmRequest["headers"] | undefined
  readonly body: LlmRequest["body"]
}

/**
 * Who is told: gets events one after the other, in the order of their emission.
 *
 * **Details**
 *
 * A handler that fails is counted and logged, and the next event follows. What it emits itself is not delivered back to
 * it. `filter` runs before the buffer, which holds 131,072 events unless set; events that did not fit are announced as a
 * `heddle.gap` mark. `lateEnds` asks for ends whose start it was too late for.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Subscriber {
  readonly name: string
  readonly handle: (event: LifecycleEvent, context: CallbackContext) => MaybePromise<void>
  readonly filter?: ((event: LifecycleEvent) => boolean) | undefined
  readonly buffer?: BufferOptions | undefined
  readonly lateEnds?: boolean | undefined
}

/**
 * How a runtime is set up.
 *
 * **Details**
 *
 * `middleware` and `subscribers` hold for the whole runtime, `layers` are exporters and plugins. Durations are
 * milliseconds, or a text like `"5 seconds"`. All else is as for `AgentRuntime.layerWith`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<AgentRuntime.RuntimeOptions, "policies"> {
  readonly middleware?: ReadonlyArray<Middleware.Entry> | undefined
  readonly subscribers?: ReadonlyArray<Subscriber> | undefined
  readonly layers?: ReadonlyArray<Layer.Layer<never, unknown, AgentRuntime.AgentRuntime>> | undefined
}

/**
 * What may interrupt it: the promise rejects with the signal's reason.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface SignalOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * What a scope is opened with. `category` is `"function"` unless set.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ScopeOptions extends SignalOptions {
  readonly category?: Category | undefined
  readonly input?: unknown
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly attributes?: ReadonlyArray<string> | undefined
  readonly subtype?: string | undefined
}

/**
 * What runs in a scope.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type ScopeWork<A> = (scope: ScopeHandle, context: CallbackContext) => MaybePromise<A>

interface CallOptions<A> extends SignalOptions {
  /** On both events of the call; keys under `heddle.` and `otel.` are renamed to `user.…`. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Checks a result that an intercept put in place of the real one (`InvalidOutput`). */
  readonly output?: Schema.Top | undefined
  /** Turns a block into a result. The call still ends `Blocked`. */
  readonly onBlocked?: ((rejection: GuardrailRejected) => A) | undefined
  /** Decodes the input, or the body of the request, for the work (`InvalidInput`). */
  readonly schema?: PureSchema | undefined
}

/**
 * A schema that needs no services.
 *
 * @stability experimental
 * @category utility types
 * @since 0.1.0
 */
export type PureSchema = Schema.Top & { readonly DecodingServices: never }

/**
 * What a tool call is made with, besides its input. `toolCallId` is the id that the model gave the call.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ToolOptions<A> extends CallOptions<A> {
  readonly toolCallId?: string | undefined
}

/**
 * What a model call is made with, besides its request. `codec` reads the provider's wire format.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface LlmOptions<A> extends CallOptions<A> {
  readonly model?: string | undefined
  readonly codec?: Codec | undefined
}

/**
 * What a streamed model call is made with. `fold` says how chunks become the response that events show.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface LlmStreamOptions<Chunk, State = unknown> extends SignalOptions {
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly model?: string | undefined
  readonly codec?: Codec | undefined
  readonly fold?: Fold<State, Chunk> | undefined
}

/**
 * A runtime. Its methods may be taken off it: `const { tool } = heddle`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Heddle extends ManualCalls, AsyncDisposable {
  /** Runs work in a scope of its own, which ends as the work does. */
  readonly scope: {
    <A>(name: string, work: ScopeWork<A>): Promise<A>
    <A>(name: string, options: ScopeOptions | undefined, work: ScopeWork<A>): Promise<A>
  }
  /** Runs a tool with what its policies make of the input. */
  readonly tool: {
    <S extends PureSchema, A>(
      name: string,
      input: unknown,
      work: (input: S["Type"], context: CallbackContext) => MaybePromise<A>,
      options: ToolOptions<A> & { readonly schema: S }
    ): Promise<A>
    <I, A>(
      name: string,
      input: I,
      work: (input: I, context: CallbackContext) => MaybePromise<A>,
      options?: ToolOptions<A> & { readonly schema?: undefined }
    ): Promise<A>
  }
  /** Runs a model call that gives one response. */
  readonly llm: {
    <S extends PureSchema, A>(
      name: string,
      request: Request,
      work: (request: TypedRequest<S["Type"]>, context: CallbackContext) => MaybePromise<A>,
      options: LlmOptions<A> & { readonly schema: S }
    ): Promise<A>
    <A>(
      name: string,
      request: Request,
      work: (request: LlmRequest, context: CallbackContext) => MaybePromise<A>,
      options?: LlmOptions<A> & { readonly schema?: undefined }
    ): Promise<A>
  }
  /**
   * Makes a model call that gives a stream of chunks. It belongs to where it was made; it begins when it is read, and each
   * iteration is a call of its own. `break`, `return` and `throw` in the loop that reads it end the call (`Interrupted`,
   * origin `"consumer"`).
   */
  readonly llmStream: <Chunk, State = unknown>(
    name: string,
    request: Request,
    work: (request: LlmRequest, context: CallbackContext) => MaybePromise<AsyncIterable<Chunk>>,
    options?: LlmStreamOptions<Chunk, State>
  ) => AsyncIterable<Chunk>
  /** Emits a mark under the current scope. Never waits, never throws. */
  readonly mark: (name: string, options?: MarkOptions) => void
  /** Puts middleware and subscribers around work: they hold for it and for all that it starts, and for nobody else. */
  readonly with: <A>(
    entries: ReadonlyArray<Middleware.Entry | Subscriber>,
    work: (context: CallbackContext) => MaybePromise<A>,
    options?: SignalOptions
  ) => Promise<A>
  /** Runs work inside a scope that is open already. */
  readonly within: <A>(
    scope: ScopeHandle,
    work: (context: CallbackContext) => MaybePromise<A>,
    options?: SignalOptions
  ) => Promise<A>
  /** The innermost scope or call that the running code is in. */
  readonly current: () => ScopeHandle | undefined
  /** Where the running code is, as a value that goes on elsewhere: see `Propagation`. */
  readonly capture: () => PropagationContext
  /** Runs work as a continuation of work elsewhere: what it opens is a child of the scope there. */
  readonly continueFrom: <A>(
    from: PropagationContext,
    work: (context: CallbackContext) => MaybePromise<A>,
    options?: SignalOptions
  ) => Promise<A>
  /** Sets the `data` of the end event of the innermost scope. */
  readonly setOutput: (value: unknown) => void
  /** The events of the runtime from when they are read on. It ends after the runtime's last one. */
  readonly events: (
    options?: SignalOptions & {
      readonly filter?: ((event: LifecycleEvent) => boolean) | undefined
      readonly buffer?: BufferOptions | undefined
      readonly lateEnds?: boolean | undefined
    }
  ) => AsyncIterable<LifecycleEvent>
  /** What would run for a call from here, in order, and why; and what would not. */
  readonly explain: (call: Parameters<typeof Middleware.explain>[0]) => Middleware.Explanation
  /** The entries in place here, in the order in which they run within each kind. */
  readonly registrations: () => ReadonlyArray<Middleware.Registration>
  /** What went wrong where the work may not see it, and how often. */
  readonly troubles: () => ReadonlyArray<{ readonly kind: string; readonly name: string; readonly count: number }>
  /** Waits until every event emitted so far has been handled. Rejects with `FlushTimeout`. */
  readonly flush: (options?: SignalOptions) => Promise<void>
  /**
   * Closes the runtime: what is open ends as `Interrupted` and rejects for the reason `RuntimeClosed`, its callbacks are
   * aborted, subscribers handle the last events, then everything is released. Later calls reject for that reason too.
   */
  readonly close: () => Promise<void>
}

/**
 * Makes a runtime of options, or of a layer that holds one. It lives until it is closed.
 *
 * **Details**
 *
 * Rejects with what the layers failed with, for example `DuplicateEntry`.
 *
 * **Example** (A runtime for a block)
 *
 * ```ts
 * await using heddle = await Promises.make({ middleware: [noSecrets], subscribers: [{ name: "log", handle: console.log }] })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  setup: Options | Layer.Layer<AgentRuntime.AgentRuntime, unknown> = {}
): Promise<Heddle> => {
  const scope = Scope.makeUnsafe()
  const layer = isLayer(setup) ? setup : layerOf(setup)
  return new Promise((resolve, reject) => {
    Effect.runFork(Layer.buildWithScope(layer, scope)).addObserver((exit) => {
      if (Exit.isSuccess(exit)) return resolve(new PromiseRuntime(exit.value, scope))
      const error = rejectionOf(exit.cause, undefined)
      Effect.runFork(Scope.close(scope, exit)).addObserver(() => reject(error))
    })
  })
}

/**
 * The same face on a runtime that an Effect program holds: for handing it to code without Effect. Closing it ends what
 * was started through it, and not the runtime.
 *
 * **Example** (Handing a runtime over)
 *
 * ```ts
 * const heddle = Promises.fromContext(yield* Effect.context<AgentRuntime.AgentRuntime>())
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromContext = (context: Context.Context<AgentRuntime.AgentRuntime>): Heddle =>
  new PromiseRuntime(context, undefined)

/**
 * Runs asynchronous code as an effect in which the current scope follows it: what it starts hangs under the scope of the
 * fiber, also after an `await`, and is interrupted with it.
 *
 * **Details**
 *
 * In any other effect that runs promises, calls find their parent up to the first `await`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromPromise = <A>(
  work: (context: CallbackContext) => MaybePromise<A>
): Effect.Effect<A, unknown> => new Work<[], A>(undefined, work)

// internal

const isLayer = (
  setup: Options | Layer.Layer<AgentRuntime.AgentRuntime, unknown>
): setup is Layer.Layer<AgentRuntime.AgentRuntime, unknown> => Layer.isLayer(setup)

const layerOf = (
  { layers, middleware, subscribers, ...options }: Options
): Layer.Layer<AgentRuntime.AgentRuntime, unknown> => {
  const policies: Layer.Layer<never, unknown, AgentRuntime.AgentRuntime> = Layer.mergeAll(
    Middleware.layer(...middleware ?? []),
    ...(subscribers ?? []).map((subscriber) => Subscribers.layer(subscriberOf(subscriber))),
    ...(layers ?? [])
  )
  return AgentRuntime.layerWith({ ...options, policies })
}
