import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import type { AnnotatedRequest } from "../../codec/Annotated.ts"
import type { Codec } from "../../codec/Codec.ts"
import type { EndDetail } from "../../event/internal/eventRecord.ts"
import type { Frame } from "../../event/internal/frame.ts"
import type { Kernel, Site } from "../../event/internal/kernel.ts"
import { arrayOf } from "../../event/internal/plainObject.ts"
import { type Annotator, noAttributes, type Span, type SpanSpec } from "../../event/internal/span.ts"
import type { DecisionRecord, Profile } from "../../event/LifecycleEvent.ts"
import type { Call } from "../../middleware/Call.ts"
import { asPlan, type Chains } from "../../middleware/internal/plan.ts"
import { awaitGates, isGated, makeSpan, withFrame } from "../../scope/internal/current.ts"
import { type AnyFiber, Operation } from "../../scope/internal/operation.ts"
import { CallError, PolicyMissing, type Reason, RuntimeClosed } from "../CallError.ts"
import { CallAnnotator } from "./annotation.ts"
import { type Carrier, Prepared } from "./carrier.ts"
import { copyContainer, freezeCopy } from "./containers.ts"
import { judgeRequest } from "./judge.ts"
import { prepare } from "./request.ts"
import { isPending } from "./verdict.ts"

/** What a caller may say of a call. */
export interface CallOptions {
  readonly name: string
  readonly model?: string | undefined
  readonly toolCallId?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly schema?: Schema.Top | undefined
  readonly output?: Schema.Top | undefined
  readonly codec?: Codec | undefined
}

/** One managed call as its caller described it. There is one for each call in flight: what follows from it is no field. */
export class CallSpec implements SpanSpec {
  readonly carrier: Carrier
  readonly payload: unknown
  readonly name: string
  readonly modelName: string | undefined
  readonly toolCallId: string | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly schema: Schema.Top | undefined
  readonly output: Schema.Top | undefined
  readonly codec: Codec | undefined

  constructor(carrier: Carrier, payload: unknown, options: CallOptions) {
    this.carrier = carrier
    this.payload = payload
    this.name = options.name
    this.modelName = options.model
    this.toolCallId = options.toolCallId
    this.metadata = options.metadata
    this.schema = options.schema
    this.output = options.output
    this.codec = options.codec
  }

  get category(): "tool" | "llm" {
    return this.carrier.kind
  }

  get isCall(): boolean {
    return true
  }

  get attributes(): ReadonlyArray<string> {
    return this.carrier.streaming ? streamingAttributes : noAttributes
  }

  get subtype(): undefined {
    return undefined
  }

  get annotator(): Annotator | undefined {
    return this.codec === undefined ? undefined : new CallAnnotator(this.codec)
  }
}

export const streamingAttributes: ReadonlyArray<string> = Object.freeze(["streaming"])

/** What only some calls have to say at their end. */
interface Ending {
  readonly profile?: Profile | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly origin?: string | undefined
}

/**
 * One managed call, from before its start until after its end, as the effect that runs it. Tool calls, buffered and
 * streamed model calls share it; they differ in `proceed`.
 *
 * The order that makes it safe under interruption: whoever runs it has put an exit frame around it that calls `end`;
 * then the start event is emitted and the scope becomes current within one step; `end` emits only what was started.
 */
export abstract class Run<A, E, R> extends Operation<A, E | CallError, R> {
  readonly spec: CallSpec
  readonly kernel: Kernel
  /** The context of the caller: what the work runs with, but for the frame. */
  readonly callerContext: Context.Context<never>
  /** Where the call was made. */
  readonly frame: Frame
  readonly clock: Clock.Clock
  readonly chains: Chains
  readonly span: Span
  request: Prepared
  /** The policy failure that nothing may undo. */
  final: CallError | undefined = undefined
  blocked: { readonly by: string; readonly reason: string } | undefined = undefined
  decisions: Array<DecisionRecord> | undefined = undefined
  ending: Ending | undefined = undefined
  /** Time of the last decision, microseconds. */
  stamp = 0
  hasEntered = false
  hasEnded = false
  private inherited: Set<unknown> | undefined = undefined
  private places: Map<object, number> | undefined = undefined

  constructor(spec: CallSpec, { clock, context, frame, kernel, observers }: Site, fiber: AnyFiber) {
    super()
    this.spec = spec
    const plan = asPlan(observers, kernel, frame.level)
    this.kernel = kernel
    this.callerContext = context
    this.frame = frame
    this.clock = clock
    this.chains = plan.chainsOf(spec.category)
    this.span = makeSpan(kernel, plan, fiber, frame, frame.span, spec, undefined)
    this.request = this.prepared(spec.payload, undefined, spec.metadata)
  }

  /** The caller's context inside of the call's scope: one value, so that swapping to it twice costs once. */
  get context(): Context.Context<never> {
    return this.span.context ??= withFrame(this.callerContext, this.span)
  }

  /** Steps 5 to 7, inside the call's scope. */
  abstract proceed(fiber: AnyFiber): Effect.Effect<A, E | CallError, R>

  /** Puts a payload into containers that nobody else holds. */
  prepared(
    payload: unknown,
    decoded: unknown,
    metadata: Readonly<Record<string, unknown>> | undefined,
    annotated?: AnnotatedRequest
  ): Prepared {
    const copy = this.spec.carrier.copy(payload)
    const own = metadata === undefined ? undefined : copyMetadata(metadata)
    if (!this.chains.isEmpty) this.spec.carrier.freeze(copy, payload)
    return new Prepared(copy, copy !== payload, decoded, annotated, own)
  }

  /** What the work gets: containers that neither middleware nor events hold. */
  payloadForWork(request: Prepared): unknown {
    if (this.spec.schema !== undefined) return this.spec.carrier.withDecoded(request)
    if (this.chains.isEmpty && !this.isListening) return request.payload
    const { carrier } = this.spec
    return request.isCopy ? carrier.copyAgain(request.payload) : request.payload
  }

  viewOf(request: Prepared): Call {
    return request.view ??= this.spec.carrier.view(this.span, request)
  }

  error(reason: Reason): CallError {
    return new CallError({ kind: this.spec.carrier.kind, name: this.spec.name, uuid: this.span.uuid, reason })
  }

  /** A policy failure: later runs of `next` fail with it, and so does the call. */
  fail(reason: Reason): CallError {
    return this.final ??= this.error(reason)
  }

  get isListening(): boolean {
    return this.span.startSequence > 0
  }

  /** Remembers an error that came out of `next`: it keeps its identity. */
  inherit(error: unknown): void {
    ;(this.inherited ??= new Set()).add(error)
  }

  hasInherited(error: unknown): boolean {
    return this.inherited !== undefined && this.inherited.has(error)
  }

  /**
   * Keeps the decision of one step of a chain. A step that judges a stream again and again has one record, which a later
   * verdict replaces. Says whether it had the same verdict before.
   */
  decide(step: object, decision: DecisionRecord, isRepeated: boolean): boolean {
    const { decisions } = this
    // One record in an array of its own size: an empty array that grows takes room for seventeen.
    if (decisions === undefined) {
      this.decisions = arrayOf(decision)
      if (isRepeated) (this.places ??= new Map()).set(step, 0)
      return false
    }
    if (isRepeated) {
      const places = this.places ??= new Map()
      const place = places.get(step)
      if (place !== undefined) {
        const before = decisions[place]!
        decisions[place] = { ...decision, durationMicros: before.durationMicros + decision.durationMicros }
        return before.verdict === decision.verdict
      }
      places.set(step, decisions.length)
    }
    decisions.push(decision)
    return false
  }

  /** Whether a step that judges output has decided something already. */
  hasDecided(step: object): boolean {
    return this.places !== undefined && this.places.has(step)
  }

  /** Steps 1 to 4: resolves, rewrites, starts, judges; then goes on with `proceed`. */
  perform(fiber: AnyFiber): Effect.Effect<A, E | CallError, R> {
    if (this.kernel.closed) return Effect.fail(this.error(new RuntimeClosed()))
    if (isGated(this.kernel, this.frame)) return Effect.andThen(awaitGates(this.kernel, this.frame), this)
    this.hasEntered = true
    const { missing } = this.chains
    if (missing.length > 0) return this.refuse(this.fail(new PolicyMissing({ missing })))
    const { codec, schema } = this.spec
    if (this.chains.requests.length === 0 && schema === undefined && codec === undefined) return this.begin(fiber)
    const error = prepare(this)
    if (isPending(error)) {
      return Effect.flatMap(
        error,
        (error): Effect.Effect<A, E | CallError, R> =>
          Effect.withFiber((fiber) => error === undefined ? this.begin(fiber) : this.refuse(error))
      )
    }
    return error === undefined ? this.begin(fiber) : this.refuse(error)
  }

  /** A call that failed before it started still shows a start and an end. */
  private refuse(error: CallError): Effect.Effect<never, CallError> {
    this.start()
    return Effect.fail(error)
  }

  /** Steps 3 and 4. */
  private begin(fiber: AnyFiber): Effect.Effect<A, E | CallError, R> {
    if (this.kernel.closed) return Effect.fail(this.fail(new RuntimeClosed()))
    this.start()
    fiber.setContext(this.context)
    if (this.chains.guardrails.length === 0) return this.proceed(fiber)
    const error = judgeRequest(this, this.request, this.span)
    if (isPending(error)) {
      return Effect.flatMap(
        error,
        (error): Effect.Effect<A, E | CallError, R> =>
          error === undefined ? Effect.withFiber((fiber) => this.judged(fiber)) : Effect.fail(error)
      )
    }
    return error === undefined ? this.proceed(fiber) : Effect.fail(error)
  }

  /** Its runtime may have closed while the call was judged: then its end has been told already. */
  private judged(fiber: AnyFiber): Effect.Effect<A, E | CallError, R> {
    return this.kernel.closed ? Effect.fail(this.fail(new RuntimeClosed())) : this.proceed(fiber)
  }

  private start(): void {
    const { kernel, request, span } = this
    if (span.isOpen || this.hasEnded) return
    span.metadata = request.metadata
    const data = kernel.isListening(span)
      ? this.spec.carrier.observable(request.payload, kernel.options.headerAllowList)
      : undefined
    kernel.startSpan(span, this.clock, data)
    this.stamp = span.startedAt
  }

  /** Step 8: the end event, exactly once, and only of what was started. */
  end(exit: Exit.Exit<unknown, unknown>, data: unknown): void {
    if (this.hasEnded || !this.hasEntered) return
    // Interrupted while its request was rewritten: the attempt is visible all the same.
    this.start()
    this.hasEnded = true
    this.kernel.endSpan(this.span, exit, this.blocked === undefined ? data : undefined, this.detail())
  }

  private detail(): EndDetail | undefined {
    const { blocked, decisions, ending } = this
    if (blocked === undefined && decisions === undefined && ending === undefined) return undefined
    return new CallEnd(blocked, decisions, ending)
  }
}

class CallEnd implements EndDetail {
  readonly blocked: EndDetail["blocked"]
  readonly decisions: EndDetail["decisions"]
  readonly metadata: EndDetail["metadata"]
  readonly origin: string | undefined
  readonly profile: Profile | undefined

  constructor(blocked: EndDetail["blocked"], decisions: EndDetail["decisions"], ending: Ending | undefined) {
    this.blocked = blocked
    this.decisions = decisions
    this.metadata = ending?.metadata
    this.origin = ending?.origin
    this.profile = ending?.profile
  }
}

export type AnyRun = Run<unknown, unknown, unknown>

export const copyMetadata = (metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const copy = copyContainer(metadata)
  freezeCopy(copy, metadata)
  return copy as Readonly<Record<string, unknown>>
}
