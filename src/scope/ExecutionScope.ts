/**
 * Scopes say where work belongs. A scope has one parent, opens before its children and ends exactly once, whatever
 * happens to the work inside of it: success, failure, defect, interruption or the end of its runtime.
 *
 * The current scope lives in the fiber. A forked fiber starts with the scope of the fiber that forked it, so parallel
 * branches are right by construction.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Site } from "../event/internal/kernel.ts"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import { fromHandle, noAttributes, type ScopeHandle, type Span, type SpanSpec } from "../event/internal/span.ts"
import type { Category } from "../event/LifecycleEvent.ts"
import { awaitGates, currentFrame, enter, inFrame, isGated, makeSpan, siteOf } from "./internal/current.ts"
import { type AnyFiber, Operation, performWithExit } from "./internal/operation.ts"

export type {
  /**
   * Identity of an open scope.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  ScopeHandle
} from "../event/internal/span.ts"

/**
 * What a scope is opened with.
 *
 * **Details**
 *
 * `input` is the `data` of its start event. `attributes` are ATOF flags such as `"parallel"`. `subtype` names the kind
 * of a `custom` scope. Metadata is on both of its events; keys under `heddle.` and `otel.` are renamed to `user.…`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ScopeOptions {
  readonly name: string
  readonly category: Category
  readonly input?: unknown
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly attributes?: ReadonlyArray<string> | undefined
  readonly subtype?: string | undefined
}

/**
 * Runs an effect in a scope of its own: opens it, runs the effect inside of it, closes it with the effect's exit.
 *
 * **Example** (A step of an agent)
 *
 * ```ts
 * const step = ExecutionScope.run({ name: "plan", category: "agent", input: { goal } })(plan(goal))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const run = (
  options: ScopeOptions
): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | AgentRuntime> => {
  const spec = new ScopeSpec(options)
  return (effect) => new ScopeRun(spec, effect)
}

/**
 * Opens a scope that closes with the enclosing Effect Scope. The current scope of the fiber stays what it was: use
 * `within` to work inside of it.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  options: ScopeOptions & {
    /** The scope to open it under, instead of the current one. */
    readonly parent?: ScopeHandle | undefined
  }
): Effect.Effect<ScopeHandle, never, AgentRuntime | Scope.Scope> =>
  Effect.withFiber<ScopeHandle, never, AgentRuntime | Scope.Scope>((fiber) => {
    const site = siteOf(fiber)
    const { frame, kernel } = site
    const parent = options.parent === undefined ? frame.span : fromHandle(options.parent)
    const span = spanOf(new ScopeSpec(options), site, fiber, parent)
    if (kernel.closed) return Effect.succeed(span.handle)
    const acquire = Effect.sync((): ScopeHandle => {
      kernel.startSpan(span, span.clock, options.input)
      return span.handle
    })
    const release = (_: ScopeHandle, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
      Effect.sync(() => kernel.endSpan(span, exit, span.output, undefined))
    return Effect.andThen(
      isGated(kernel, frame) ? awaitGates(kernel, frame) : Effect.void,
      Effect.acquireRelease(acquire, release)
    )
  })

/**
 * Runs an effect inside a scope that is already open.
 *
 * **Details**
 *
 * Nothing is opened or closed. A scope that has ended meanwhile still is the parent of what is opened here.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const within = (handle: ScopeHandle) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const span = fromHandle(handle)
    if (span === undefined) return effect
    const { inside, level } = currentFrame(fiber)
    return inFrame(effect, { span, level, inside })
  })

/**
 * The innermost open scope or managed call, if there is one.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const current: Effect.Effect<Option.Option<ScopeHandle>> = Effect.withFiber((fiber) => {
  const { span } = currentFrame(fiber)
  return Effect.succeed(span === undefined ? Option.none() : Option.some(span.handle))
})

/**
 * Sets the semantic output of the innermost scope: the `data` of its end event. The last value set counts.
 *
 * **Details**
 *
 * A managed call has its result as output. Inside of one, this sets the output of the scope around the call. Outside of
 * every scope it does nothing.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setOutput = (value: unknown): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    let { span } = currentFrame(fiber)
    while (span !== undefined && span.spec.isCall) span = span.parent
    if (span !== undefined) span.output = value
    return Effect.void
  })

// internal

/** What a scope is about, as its options say it. */
class ScopeSpec implements SpanSpec {
  readonly name: string
  readonly category: Category
  readonly attributes: ReadonlyArray<string>
  readonly subtype: string | undefined
  readonly input: unknown
  readonly metadata: Readonly<Record<string, unknown>> | undefined

  constructor({ attributes, category, input, metadata, name, subtype }: ScopeOptions) {
    this.name = name
    this.category = category
    this.attributes = attributes === undefined || attributes.length === 0
      ? noAttributes
      : Object.freeze(Array.from(new Set(attributes)).toSorted())
    this.subtype = subtype
    this.input = input
    this.metadata = metadata
  }

  get isCall(): boolean {
    return false
  }

  get modelName(): undefined {
    return undefined
  }

  get toolCallId(): undefined {
    return undefined
  }
}

class ScopeRun<A, E, R> extends Operation<A, E, R | AgentRuntime> {
  private readonly spec: ScopeSpec
  private readonly effect: Effect.Effect<A, E, R>

  constructor(spec: ScopeSpec, effect: Effect.Effect<A, E, R>) {
    super()
    this.spec = spec
    this.effect = effect
  }

  perform(fiber: AnyFiber): Effect.Effect<A, E, R> {
    const { effect, spec } = this
    const site = siteOf(fiber)
    const { context, frame, kernel } = site
    if (kernel.closed) return effect
    const inside = new Inside(effect, context, spanOf(spec, site, fiber, frame.span), spec)
    return isGated(kernel, frame)
      ? Effect.onExitPrimitive(Effect.andThen(awaitGates(kernel, frame), inside), (exit) => inside.end(fiber, exit))
      : performWithExit(fiber, inside, (exit) => inside.end(fiber, exit))
  }
}

/** One scope of `run`, from before its start until after its end. */
class Inside<A, E, R> extends Operation<A, E, R> {
  private readonly effect: Effect.Effect<A, E, R>
  private readonly outer: Context.Context<never>
  private readonly span: Span
  private readonly spec: ScopeSpec

  constructor(effect: Effect.Effect<A, E, R>, outer: Context.Context<never>, span: Span, spec: ScopeSpec) {
    super()
    this.effect = effect
    this.outer = outer
    this.span = span
    this.spec = spec
  }

  perform(fiber: AnyFiber): Effect.Effect<A, E, R> {
    const { effect, outer, span, spec } = this
    span.kernel.startSpan(span, span.clock, spec.input)
    enter(fiber, outer, span)
    return effect
  }

  end(fiber: AnyFiber, exit: Exit.Exit<A, E>): undefined {
    const { outer, span } = this
    fiber.setContext(outer)
    span.kernel.endSpan(span, exit, span.output, undefined)
  }
}

const spanOf = (
  spec: ScopeSpec,
  { clock, frame, kernel, observers }: Site,
  fiber: AnyFiber,
  parent: Span | undefined
): Span => {
  const span = makeSpan(kernel, observers, fiber, frame, parent, spec, spec.metadata)
  span.clock = clock
  return span
}
