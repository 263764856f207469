import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Frame } from "../../event/internal/frame.ts"
import { noAttributes, type Span, type SpanSpec } from "../../event/internal/span.ts"
import { appliesTo } from "../../middleware/internal/applies.ts"
import { asInstaller } from "../../middleware/internal/installer.ts"
import { isPromise } from "../../middleware/internal/promise.ts"
import { currentClock, currentFrame, makeSpan } from "../../scope/internal/current.ts"
import { type AnyFiber, Operation } from "../../scope/internal/operation.ts"
import { type CallError, GuardrailFailed, InterceptFailed, InvalidInput, RuntimeClosed } from "../CallError.ts"
import type { Prepared } from "./carrier.ts"
import { auditable, judgeRequest } from "./judge.ts"
import type { AnyRun } from "./managedCall.ts"
import { change, decodeRequest, isReason } from "./request.ts"
import { isPending } from "./verdict.ts"

/** A call whose work can be run on a request, in a frame. */
export interface Executable extends AnyRun {
  readonly workIn: (request: Prepared, frame: Frame, fiber: AnyFiber) => Effect.Effect<unknown, unknown>
}

/**
 * Step 5: execution intercepts from `index` on, outermost first, around the work. `undefined` means that each of them
 * passed the call on as it was, so that only the work is left to run.
 */
export const around = (
  run: Executable,
  index: number,
  request: Prepared,
  frame: Frame
): Effect.Effect<unknown, unknown> | undefined => {
  const steps = run.chains.executions
  for (let i = index; i < steps.length; i++) {
    const { context, entry } = steps[i]!
    const view = run.viewOf(request)
    const turn = new Turn(run, i, request, frame)
    let result: Effect.Effect<unknown, unknown, unknown>
    try {
      if (!appliesTo(entry.applies, view.kind, view.name, view)) continue
      const answer: unknown = entry.around(view, turn.next)
      // It returned `next()` itself: nothing of its own runs around it, so neither its services nor a frame are needed.
      if (answer === turn && turn.isFresh()) continue
      if (!Effect.isEffect(answer)) {
        const cause = `around must return an Effect, not ${isPromise(answer) ? "a Promise" : typeof answer}`
        return Effect.fail(run.error(new InterceptFailed({ intercept: entry.name, cause })))
      }
      result = answer
    } catch (defect) {
      return Effect.fail(run.error(new InterceptFailed({ intercept: entry.name, cause: Cause.die(defect) })))
    }
    return asInstaller(result, context, frame).pipe(
      Effect.catchCause((cause) => Effect.failCause(ownCause(run, entry.name, cause)))
    )
  }
  return undefined
}

const aroundOrWork = (
  run: Executable,
  index: number,
  request: Prepared,
  frame: Frame
): Effect.Effect<unknown, unknown> =>
  around(run, index, request, frame) ?? Effect.withFiber((fiber) => run.workIn(request, frame, fiber))

/** What an intercept failed with: errors that came out of `next` as they are, its own as `InterceptFailed`. */
export const ownCause = (run: AnyRun, intercept: string, cause: Cause.Cause<unknown>): Cause.Cause<unknown> => {
  const isForeign = cause.reasons.every((reason) => {
    if (Cause.isInterruptReason(reason)) return true
    return run.hasInherited(Cause.isFailReason(reason) ? reason.error : reason.defect)
  })
  if (isForeign) return cause
  const error = run.error(new InterceptFailed({ intercept, cause }))
  run.inherit(error)
  return Cause.fail(error)
}

/** Remembers the errors that come out of `next`. */
export const inherit = (run: AnyRun, exit: Exit.Exit<unknown, unknown>): undefined => {
  if (exit._tag === "Failure") {
    for (const reason of exit.cause.reasons) {
      if (Cause.isFailReason(reason)) run.inherit(reason.error)
      else if (Cause.isDieReason(reason)) run.inherit(reason.defect)
    }
  }
  return undefined
}

/**
 * One turn of one execution intercept: what its `next` runs, and how often it has. It is also the effect that `next()`
 * gives; `next(call)` gives another one, for the changed call.
 */
class Turn extends Operation<unknown, unknown, never> {
  readonly run: Executable
  /** Position of the intercept. */
  readonly index: number
  readonly request: Prepared
  readonly frame: Frame
  private attempts = 0

  constructor(run: Executable, index: number, request: Prepared, frame: Frame) {
    super()
    this.run = run
    this.index = index
    this.request = request
    this.frame = frame
  }

  readonly next = (call?: unknown): Effect.Effect<unknown, unknown> =>
    call === undefined ? this : Effect.suspend(() => this.go(call))

  /** Whether it was not run yet; it counts as run from now on. */
  isFresh(): boolean {
    if (this.attempts > 0) return false
    this.attempts = 1
    return true
  }

  perform(): Effect.Effect<unknown, unknown> {
    return this.go(undefined)
  }

  private go(call: unknown): Effect.Effect<unknown, unknown> {
    return Effect.onExitPrimitive(
      Effect.withFiber((fiber) => this.goOn(call, fiber)),
      (exit) => inherit(this.run, exit)
    )
  }

  private goOn(call: unknown, fiber: AnyFiber): Effect.Effect<unknown, unknown> {
    const { frame, index, request, run } = this
    const intercept = run.chains.executions[index]!.entry.name
    const refusal = refusalOf(run, intercept)
    if (refusal !== undefined) return Effect.fail(refusal)
    const parent = frameOfNext(run, fiber, frame)
    const attempt = ++this.attempts
    const onward = (next: Prepared) =>
      attempt === 1
        ? aroundOrWork(run, index + 1, next, parent)
        : inAttempt(run, parent, attempt, (frame) => aroundOrWork(run, index + 1, next, frame))
    return call === undefined
      ? onward(request)
      : Effect.flatMap(requestOfNext(run, request, call, intercept, parent), onward)
  }
}

/** Why `next` may not run now. */
export const refusalOf = (run: AnyRun, intercept: string): CallError | undefined => {
  if (run.final !== undefined) return run.final
  if (run.kernel.closed) return run.fail(new RuntimeClosed())
  if (!run.hasEnded) return undefined
  return run.error(new InterceptFailed({ intercept, cause: "`next` was run after its call had ended" }))
}

/**
 * Where a run of `next` belongs: the frame that the intercept is in by now, if it is inside of the call; else the frame
 * that the intercept was given.
 */
export const frameOfNext = (run: AnyRun, fiber: AnyFiber, frame: Frame): Frame => {
  const current = currentFrame(fiber)
  if (current === frame) return frame
  for (let span = current.span; span !== undefined; span = span.parent) {
    if (span === run.span) return current
  }
  return frame
}

/** The request of a run of `next`: the one at hand, or a changed one, decoded and judged again. */
export const requestOfNext = (
  run: AnyRun,
  request: Prepared,
  call: unknown,
  intercept: string,
  frame: Frame
): Effect.Effect<Prepared, CallError> => {
  if (call === undefined) return Effect.succeed(request)
  const changed = change(run, request, intercept, call)
  if (isReason(changed)) return Effect.fail(run.fail(changed))
  if (changed === request) return Effect.succeed(request)
  return decodeRequest(run, changed).pipe(
    Effect.catchCause((cause) => Effect.fail(run.error(new InvalidInput({ cause })))),
    Effect.flatMap((decoded) => {
      const verdict = judgeRequest(run, decoded, frame)
      const settled = (error: CallError | undefined) =>
        error === undefined ? Effect.succeed(decoded) : Effect.fail(error)
      return isPending(verdict) ? Effect.flatMap(verdict, settled) : settled(verdict)
    })
  )
}

/** Makes the scope of a further run of `next`. */
export const attemptSpan = (run: AnyRun, fiber: AnyFiber, parent: Frame): Span =>
  makeSpan(run.kernel, run.kernel.plan(parent.level), fiber, parent, parent.span, attemptSpec, undefined)

const attemptSpec: SpanSpec = {
  name: "attempt",
  category: "function",
  isCall: false,
  attributes: noAttributes,
  modelName: undefined,
  toolCallId: undefined,
  subtype: undefined
}

const inAttempt = <A, E, R>(
  run: AnyRun,
  parent: Frame,
  attempt: number,
  body: (frame: Frame) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const span = attemptSpan(run, fiber, parent)
    return Effect.onExitPrimitive(
      Effect.withFiber<A, E, R>((fiber) => {
        run.kernel.startSpan(span, currentClock(fiber), { attempt })
        return body(span)
      }),
      (exit) => {
        run.kernel.endSpan(span, exit, undefined, undefined)
        return undefined
      }
    )
  })

/** With `audit`: what runs must still be what was judged. */
export const checkDigest = (run: AnyRun, request: Prepared): CallError | undefined => {
  const { audit } = run.kernel.options
  if (audit === undefined || request.digest === undefined) return undefined
  const digest = audit(auditable(run, request))
  if (digest === request.digest) return undefined
  return run.fail(
    new GuardrailFailed({
      guardrail: "audit",
      cause: "the request changed after it was judged",
      timedOut: false
    })
  )
}
