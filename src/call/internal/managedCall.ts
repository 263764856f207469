import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Schema from "effect/Schema"
import type { EndDetail } from "../../event/internal/eventRecord.ts"
import type { Frame } from "../../event/internal/frame.ts"
import type { Kernel } from "../../event/internal/kernel.ts"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import type { Span } from "../../event/internal/span.ts"
import type { DecisionRecord, Profile } from "../../event/LifecycleEvent.ts"
import type { Call } from "../../middleware/Call.ts"
import { type Chains, type Plan, planFor } from "../../middleware/internal/plan.ts"
import { awaitGates, currentFrame, currentRuntime, isGated, makeSpan, withFrame } from "../../scope/internal/current.ts"
import { CallError, PolicyMissing, type Reason, RuntimeClosed } from "../CallError.ts"
import type { Carrier, Prepared } from "./carrier.ts"
import { copyContainer } from "./containers.ts"
import { judgeRequest } from "./judge.ts"
import { prepare } from "./request.ts"

/** One managed call as its caller described it. */
export interface CallSpec {
  readonly carrier: Carrier
  readonly name: string
  readonly payload: unknown
  readonly toolCallId: string | undefined
  readonly modelName: string | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly schema: Schema.Top | undefined
  readonly output: Schema.Top | undefined
}

type AnyFiber = Fiber.Fiber<unknown, unknown>

/**
 * The state of one managed call, from before its start until after its end. Tool calls, buffered and streamed model
 * calls share it; they differ in what runs between `begin` and `end`.
 *
 * The order that makes it safe under interruption: the exit frame stands first, then the start event is emitted and the
 * scope becomes current within one step; `end` emits only what was started.
 */
export class Run {
  readonly spec: CallSpec
  /** The fiber of the caller. */
  readonly fiber: AnyFiber
  readonly runtime: AgentRuntime["Service"]
  readonly kernel: Kernel
  /** Where the call was made. */
  readonly frame: Frame
  readonly callerContext: Context.Context<never>
  readonly plan: Plan
  readonly chains: Chains
  readonly span: Span
  request: Prepared
  /** The policy failure that nothing may undo. */
  final: CallError | undefined = undefined
  blocked: { readonly by: string; readonly reason: string } | undefined = undefined
  decisions: Array<DecisionRecord> | undefined = undefined
  /** What a streamed call has to say at its end. */
  profile: Profile | undefined = undefined
  endMetadata: Record<string, unknown> | undefined = undefined
  origin: string | undefined = undefined
  /** Time of the last decision. */
  stamp = 0
  hasEntered = false
  hasEnded = false
  /** Errors that came out of `next`: they keep their identity. */
  readonly inherited = new Set<unknown>()

  constructor(spec: CallSpec, fiber: AnyFiber) {
    this.spec = spec
    this.fiber = fiber
    this.runtime = currentRuntime(fiber)
    this.kernel = this.runtime.kernel
    this.frame = currentFrame(fiber)
    this.callerContext = fiber.context
    this.plan = planFor(this.kernel, this.frame.level)
    this.chains = spec.carrier.kind === "tool" ? this.plan.tool : this.plan.llm
    const span = makeSpan(this.runtime, fiber, this.frame, this.frame.span, spec.name, spec.carrier.category, true)
    span.metadata = spec.metadata
    span.toolCallId = spec.toolCallId
    span.modelName = spec.modelName
    if (spec.carrier.streaming) span.attributes = streamingAttributes
    this.span = span
    this.request = this.prepared(spec.payload, undefined, spec.metadata)
  }

  /** Puts a payload into containers that nobody else holds. */
  prepared(
    payload: unknown,
    decoded: unknown,
    metadata: Readonly<Record<string, unknown>> | undefined
  ): Prepared {
    const copy = this.spec.carrier.copy(payload)
    if (!this.chains.isEmpty) this.spec.carrier.freeze(copy, payload)
    return { payload: copy, decoded, metadata, digest: undefined, view: undefined }
  }

  /** What the work gets: containers that neither middleware nor events hold. */
  payloadForWork(request: Prepared): unknown {
    if (this.spec.schema !== undefined) return copyContainer(request.decoded)
    return this.chains.isEmpty && !this.isListening ? request.payload : this.spec.carrier.copy(request.payload)
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

  /** Keeps a decision. Judging a stream again and again makes one of them, as long as the verdict stays. */
  decide(merge: boolean, decision: DecisionRecord): void {
    const decisions = this.decisions ??= []
    if (merge) {
      const index = decisions.findIndex((other) =>
        other.guardrail === decision.guardrail && (other.verdict === "allow" || other.verdict === decision.verdict)
      )
      if (index >= 0) {
        const durationMicros = decisions[index]!.durationMicros + decision.durationMicros
        decisions[index] = { ...decision, durationMicros }
        return
      }
    }
    decisions.push(decision)
  }

  /**
   * Steps 1 to 4: resolves, rewrites, starts, judges; then goes on with `proceed` inside the call's scope. Whoever calls
   * it has put the frame of `end` around it.
   */
  enter<A, E, R>(proceed: (fiber: AnyFiber) => Effect.Effect<A, E, R>): Effect.Effect<A, E | CallError, R> {
    if (this.kernel.closed) return Effect.fail(this.error(new RuntimeClosed()))
    if (isGated(this.runtime, this.frame)) {
      return Effect.flatMap(awaitGates(this.runtime, this.frame), () => this.enter(proceed))
    }
    this.hasEntered = true
    if (this.plan.missing.length > 0) {
      return this.begin(this.fail(new PolicyMissing({ missing: this.plan.missing })), proceed)
    }
    const { requests } = this.chains
    if (requests.length === 0 && this.spec.schema === undefined) return this.begin(undefined, proceed)
    const result = prepare(this)
    return Effect.isEffect(result)
      ? Effect.flatMap(result, (error) => this.begin(error, proceed))
      : this.begin(result, proceed)
  }

  /** Steps 3 and 4. */
  private begin<A, E, R>(
    error: CallError | undefined,
    proceed: (fiber: AnyFiber) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | CallError, R> {
    return Effect.withFiber<A, E | CallError, R>((fiber) => {
      this.start(fiber)
      if (error !== undefined) return Effect.fail(error)
      fiber.setContext(withFrame(this.callerContext, this.span))
      if (this.chains.guardrails.length === 0) return proceed(fiber)
      const verdict = judgeRequest(this, this.request, this.span)
      if (Effect.isEffect(verdict)) {
        return Effect.flatMap(
          verdict,
          (error): Effect.Effect<A, E | CallError, R> =>
            error === undefined ? Effect.withFiber(proceed) : Effect.fail(error)
        )
      }
      return verdict === undefined ? proceed(fiber) : Effect.fail(verdict)
    })
  }

  private start(fiber: AnyFiber): void {
    const { span } = this
    if (span.isOpen || this.hasEnded) return
    if (this.request.metadata !== span.metadata) span.metadata = this.request.metadata
    if (this.spec.carrier.kind === "llm" || this.kernel.isListening(span)) {
      const { carrier } = this.spec
      this.kernel.startSpan(
        span,
        fiber,
        carrier.observable(this.request.payload, this.kernel.options.headerAllowList)
      )
    } else this.kernel.startSpan(span, fiber, undefined)
    this.stamp = span.startedAt
  }

  /** Step 8: the end event, exactly once, and only of what was started. */
  end(fiber: AnyFiber, exit: Exit.Exit<unknown, unknown>, data: unknown): void {
    if (this.hasEnded || !this.hasEntered) return
    // Interrupted while its request was rewritten: the attempt is visible all the same.
    this.start(fiber)
    this.hasEnded = true
    this.kernel.endSpan(this.span, fiber, exit, this.blocked === undefined ? data : undefined, this.detail())
  }

  private detail(): EndDetail | undefined {
    const { blocked, decisions, endMetadata, origin, profile } = this
    if (
      blocked === undefined && decisions === undefined && endMetadata === undefined && origin === undefined &&
      profile === undefined
    ) return undefined
    return { blocked, decisions, metadata: endMetadata, origin, profile }
  }
}

const streamingAttributes: ReadonlyArray<string> = Object.freeze(["streaming"])
