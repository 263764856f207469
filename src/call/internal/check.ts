import * as Effect from "effect/Effect"
import type { AnnotatedRequest } from "../../codec/Annotated.ts"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import type { DecisionRecord } from "../../event/LifecycleEvent.ts"
import { siteOf } from "../../scope/internal/current.ts"
import type { AnyFiber } from "../../scope/internal/operation.ts"
import { type CallError, PolicyMissing, RuntimeClosed } from "../CallError.ts"
import { judgeRequest } from "./judge.ts"
import { type CallSpec, Run } from "./managedCall.ts"
import { prepare } from "./request.ts"
import { isPending, type Verdict } from "./verdict.ts"

/** What a check lets run. */
export interface Checked {
  /** What the guardrails decided: `start` puts it on the end event. */
  readonly decisions: ReadonlyArray<DecisionRecord>
  /** Metadata of the call as request intercepts left it. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** What stands behind it: exactly what was judged. */
export interface Judged extends Checked {
  readonly kind: "tool" | "llm"
  readonly name: string
  readonly payload: unknown
}

const judgedOf = Symbol("heddle/call/judged")

/** What was judged, if a check of ours gave it. */
export const checkOf = (checked: Checked & { readonly [judgedOf]?: Judged } | undefined): Judged | undefined =>
  checked?.[judgedOf]

/** Steps 1, 2 and 4 of a call that runs elsewhere. `face` makes what the caller gets of it. */
export const checked = <A extends Checked>(
  spec: CallSpec,
  face: (payload: unknown, annotated: AnnotatedRequest | undefined, checked: Checked) => A
): Effect.Effect<A, CallError, AgentRuntime> =>
  Effect.withFiber<A, CallError, AgentRuntime>((fiber) => new Check(spec, fiber, face))

class Check<A extends Checked> extends Run<A, never, never> {
  private readonly face: (payload: unknown, annotated: AnnotatedRequest | undefined, checked: Checked) => A

  constructor(
    spec: CallSpec,
    fiber: AnyFiber,
    face: (payload: unknown, annotated: AnnotatedRequest | undefined, checked: Checked) => A
  ) {
    super(spec, siteOf(fiber), fiber)
    this.face = face
    this.span.clock = this.clock
  }

  /** Decisions are for the caller, whoever else listens. */
  override get isListening(): boolean {
    return true
  }

  override perform(): Effect.Effect<A, CallError> {
    if (this.kernel.closed) return Effect.fail(this.fail(new RuntimeClosed()))
    const { missing } = this.chains
    if (missing.length > 0) return Effect.fail(this.fail(new PolicyMissing({ missing })))
    return settle(prepare(this), () => settle(this.judge(), () => this.proceed()))
  }

  proceed(): Effect.Effect<A, CallError> {
    if (this.kernel.closed) return Effect.fail(this.fail(new RuntimeClosed()))
    const { decisions = [], request, spec } = this
    const { metadata, payload } = request
    const checked: Checked = { decisions, ...(metadata === undefined ? undefined : { metadata }) }
    const judged: Judged = { ...checked, kind: spec.carrier.kind, name: spec.name, payload }
    const face = this.face(this.payloadForWork(request), request.annotated, checked)
    return Effect.succeed(Object.freeze(Object.defineProperty(face, judgedOf, { value: judged })))
  }

  /** What guardrails do themselves happens where the check is made, and so does a refusal: the call has no events yet. */
  override decide(step: object, decision: DecisionRecord, isRepeated: boolean): boolean {
    super.decide(step, decision, isRepeated)
    if (decision.verdict === "reject" || decision.verdict === "wouldBlock") {
      const { clock, frame, kernel, spec: { carrier, name, toolCallId } } = this
      const call = { kind: carrier.kind, name, ...(toolCallId === undefined ? undefined : { toolCallId }) }
      kernel.mark(frame, frame.span?.kernel === kernel ? frame.span : undefined, clock, { ...decision, call }, {
        name: decision.guardrail,
        category: "guardrail",
        severity: "warn",
        dataSchema: undefined,
        metadata: undefined
      })
    }
    return true
  }

  private judge(): Verdict {
    this.stamp = this.kernel.now(this.clock)
    return judgeRequest(this, this.request, this.frame)
  }
}

const settle = <A>(
  verdict: Verdict,
  next: () => Effect.Effect<A, CallError>
): Effect.Effect<A, CallError> => {
  const go = (error: CallError | undefined) => error === undefined ? next() : Effect.fail(error)
  return isPending(verdict) ? Effect.flatMap(verdict, go) : go(verdict)
}
