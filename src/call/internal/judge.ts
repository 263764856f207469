import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Frame, Mutable } from "../../event/internal/frame.ts"
import { constructorOf } from "../../event/internal/plainObject.ts"
import type { DecisionRecord } from "../../event/LifecycleEvent.ts"
import { allow } from "../../middleware/Guardrail.ts"
import { appliesTo } from "../../middleware/internal/applies.ts"
import type { Decision, GuardrailEntry, Output, OutputGuardrailEntry } from "../../middleware/internal/entry.ts"
import { asInstaller } from "../../middleware/internal/installer.ts"
import type { Step } from "../../middleware/internal/plan.ts"
import { isPromise } from "../../middleware/internal/promise.ts"
import { type CallError, GuardrailFailed, GuardrailRejected } from "../CallError.ts"
import type { Prepared } from "./carrier.ts"
import type { AnyRun } from "./managedCall.ts"
import { isPending, type Verdict } from "./verdict.ts"

type AnyGuardrail = GuardrailEntry | OutputGuardrailEntry

/** Step 4: all guardrails, one after the other, on exactly this request. `undefined` lets it run. */
export const judgeRequest = (run: AnyRun, request: Prepared, frame: Frame): Verdict => {
  const { audit } = run.kernel.options
  if (audit !== undefined) request.digest = audit(auditable(run, request))
  const view = run.viewOf(request)
  return judgeAll(
    run,
    run.chains.guardrails,
    frame,
    request.digest,
    (entry) => appliesTo(entry.applies, view.kind, view.name, view) ? entry.check(view) : notApplicable
  )
}

/** What a digest covers: all that the work may read. (The content of a `Redacted` header is not read for it.) */
export const auditable = (run: AnyRun, request: Prepared): unknown =>
  run.spec.schema === undefined ? request.payload : [request.payload, request.decoded]

/**
 * Step 7, for one piece of output and the guardrails from one position up to another. `unseen` says why the output is
 * not whole: then those that enforce give no decision.
 */
export const judgeOutput = (
  run: AnyRun,
  steps: ReadonlyArray<Step<OutputGuardrailEntry>>,
  output: Output,
  frame: Frame,
  from: number,
  to: number,
  unseen?: string
): Verdict => {
  const view = run.viewOf(run.request)
  const ask = (entry: OutputGuardrailEntry): unknown => {
    if (!appliesTo(entry.applies, view.kind, view.name, view)) return notApplicable
    return unseen === undefined || entry.mode === "shadow" ? entry.check(output, view) : new Failed(unseen, false)
  }
  return judgeAll(run, steps, frame, undefined, ask, from, to)
}

/** Output guardrails that judge this call. A predicate that fails is taken as applying: its judgement fails, closed. */
export const applicableOutputs = (run: AnyRun): ReadonlyArray<Step<OutputGuardrailEntry>> => {
  const view = run.viewOf(run.request)
  return run.chains.outputs.filter(({ entry }) => {
    try {
      return appliesTo(entry.applies, view.kind, view.name, view)
    } catch {
      return true
    }
  })
}

const notApplicable = Symbol("not applicable")

const judgeAll = <E extends AnyGuardrail>(
  run: AnyRun,
  steps: ReadonlyArray<Step<E>>,
  frame: Frame,
  digest: string | undefined,
  ask: (entry: E) => unknown,
  from = 0,
  to = steps.length
): Verdict => {
  for (let i = from; i < to; i++) {
    const step = steps[i]!
    const { context, entry } = step
    let answer: unknown
    let isEffect = false
    try {
      answer = ask(entry)
      isEffect = answer !== allow && Effect.isEffect(answer)
    } catch (defect) {
      answer = new Failed(defect, false)
    }
    if (answer === notApplicable) continue
    if (answer === allow) {
      if (run.isListening) record(run, step, "allow", undefined, digest)
      continue
    }
    if (isEffect && Effect.isEffect(answer)) {
      return asInstaller(answer, context, frame).pipe(
        Effect.timeoutOption(entry.timeout),
        Effect.exit,
        Effect.flatMap((exit) => {
          const error = settle(run, step, answerOf(exit, entry), digest)
          if (error !== undefined) return Effect.succeed(skipRest(run, steps, i + 1, error))
          const rest = judgeAll(run, steps, frame, digest, ask, i + 1, to)
          return isPending(rest) ? rest : Effect.succeed(rest)
        })
      )
    }
    const error = settle(run, step, answer, digest)
    if (error !== undefined) return skipRest(run, steps, i + 1, error)
  }
  return undefined
}

class Failed {
  readonly cause: unknown
  readonly timedOut: boolean
  constructor(cause: unknown, timedOut: boolean) {
    this.cause = cause
    this.timedOut = timedOut
  }
}

const answerOf = (exit: Exit.Exit<Option.Option<unknown>, unknown>, entry: AnyGuardrail): unknown => {
  if (Exit.isFailure(exit)) {
    return new Failed(Cause.hasInterruptsOnly(exit.cause) ? "its check was interrupted" : exit.cause, false)
  }
  return Option.isSome(exit.value)
    ? exit.value.value
    : new Failed(`no decision within ${Duration.format(entry.timeout)}`, true)
}

const isDecision = (answer: unknown): answer is Decision =>
  typeof answer === "object" && answer !== null && "_tag" in answer &&
  (answer._tag === "Allow" || (answer._tag === "Reject" && "reason" in answer && typeof answer.reason === "string"))

const settle = (
  run: AnyRun,
  step: Step<AnyGuardrail>,
  answer: unknown,
  digest: string | undefined
): CallError | undefined => {
  const { entry } = step
  let decision: Decision | Failed
  try {
    decision = answer instanceof Failed || isDecision(answer)
      ? answer
      : new Failed(`its check must answer Guardrail.allow or Guardrail.reject(reason), not ${nameOf(answer)}`, false)
  } catch (defect) {
    decision = new Failed(defect, false)
  }
  if (decision instanceof Failed) {
    const failure = new GuardrailFailed({ guardrail: entry.name, cause: decision.cause, timedOut: decision.timedOut })
    if (entry.mode === "shadow") {
      record(run, step, "wouldBlock", failure.message, digest)
      return undefined
    }
    record(run, step, "failed", failure.message, digest)
    return run.fail(failure)
  }
  if (decision._tag === "Allow") {
    if (run.isListening) record(run, step, "allow", undefined, digest)
    return undefined
  }
  const { reason } = decision
  if (entry.mode === "shadow") {
    record(run, step, "wouldBlock", reason, digest)
    return undefined
  }
  record(run, step, "reject", reason, digest)
  run.blocked ??= { by: entry.name, reason }
  return run.fail(new GuardrailRejected({ guardrail: entry.name, reason }))
}

const nameOf = (answer: unknown): string => {
  if (isPromise(answer)) return "a Promise (return an Effect instead)"
  return answer === null ? "null" : Array.isArray(answer) ? "an array" : typeof answer
}

const skipRest = (run: AnyRun, steps: ReadonlyArray<Step<AnyGuardrail>>, from: number, error: CallError): CallError => {
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]!
    if (!run.hasDecided(step)) record(run, step, "skipped", undefined, undefined)
  }
  return error
}

const Decided = constructorOf(function(
  this: Mutable<DecisionRecord>,
  guardrail: string,
  verdict: DecisionRecord["verdict"],
  reason: string | undefined,
  durationMicros: number,
  digest: string | undefined
) {
  this.guardrail = guardrail
  this.verdict = verdict
  if (reason !== undefined) this.reason = reason
  this.durationMicros = durationMicros
  if (digest !== undefined) this.digest = digest
})

/** Puts a decision on the call's end event; a refusal is a mark besides. */
const record = (
  run: AnyRun,
  step: Step<AnyGuardrail>,
  verdict: DecisionRecord["verdict"],
  reason: string | undefined,
  digest: string | undefined
): void => {
  if (!run.isListening) return
  const { entry } = step
  const now = verdict === "skipped" ? run.stamp : run.kernel.now(run.span.clock)
  const durationMicros = now - run.stamp
  const decision = new Decided(entry.name, verdict, reason, durationMicros, digest)
  run.stamp = now
  const isKnown = run.decide(step, decision, entry.kind === "outputGuardrail")
  if (isKnown || (verdict !== "reject" && verdict !== "wouldBlock")) return
  run.kernel.mark(run.span, run.span, run.span.clock, decision, {
    name: entry.name,
    category: "guardrail",
    severity: "warn",
    dataSchema: undefined,
    metadata: undefined
  })
}
