import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Waiters } from "../../event/internal/waiters.ts"
import type { LlmRequest } from "../../middleware/Call.ts"
import { preview } from "../../subscriber/internal/preview.ts"
import { AssertionError } from "../EventTree.ts"
import type { CallRecord, Turn } from "../ScriptedModel.ts"
import { snapshot } from "./snapshot.ts"
import { answer, Chunks, describeTurn, maybeEffect, type Step, stepOf } from "./turn.ts"

export class ScriptedModelError extends Data.TaggedError("ScriptedModelError")<{
  readonly kind: "exhausted" | "wrongMode"
  readonly request: LlmRequest
  readonly message: string
}> {}

type Mode = CallRecord["mode"]
type Status = CallRecord["status"]

interface Call {
  readonly index: number
  readonly mode: Mode
  readonly request: LlmRequest
  readonly turn: number | undefined
  pulled: number
  status: Status
}

/**
 * The state of one scripted model. It changes in synchronous steps only, so fibers may share it.
 */
export class Script {
  readonly #steps: ReadonlyArray<Step>
  readonly #calls: Array<Call> = []
  readonly #waiters = new Waiters()
  /** Requests that the script had nothing for, and those that an `expect` refused, as they will be told. */
  readonly #unexpected: Array<string> = []
  readonly #refused: Array<string> = []

  constructor(turns: ReadonlyArray<Turn>) {
    this.#steps = turns.map(stepOf)
  }

  readonly generate = (request: LlmRequest): Effect.Effect<unknown, unknown> =>
    Effect.suspend(() => {
      const { call, step } = this.#begin(request, "generate")
      if (step instanceof ScriptedModelError) return Effect.fail(step)
      return Effect.onExit(
        Effect.andThen(this.#receive(step, call, request), answer(step.fields, request)),
        (exit) => Effect.sync(() => this.#settle(call, Exit.isSuccess(exit) ? "done" : statusOf(exit.cause)))
      )
    })

  readonly stream = (request: LlmRequest): Stream.Stream<unknown, unknown> =>
    Stream.fromChannel(Channel.fromTransform((_upstream, scope) =>
      Effect.suspend(() => {
        const { call, step } = this.#begin(request, "stream")
        if (step instanceof ScriptedModelError) return Effect.fail(step)
        const chunks = new Chunks(step.fields, request, () => {
          call.pulled++
          this.#waiters.notify()
        })
        const close = Effect.sync(() => {
          this.#settle(call, "interrupted")
          chunks.close()
        })
        // An interrupted pull is none of its business: the consumer may pull again, or close the stream.
        const watched = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
          Effect.tapCause(effect, (cause) => Effect.sync(() => this.#settle(call, statusOf(cause))))
        return Scope.addFinalizer(scope, close).pipe(
          Effect.andThen(watched(this.#receive(step, call, request))),
          Effect.as(watched(chunks.pull))
        )
      })
    ))

  readonly calls: Effect.Effect<ReadonlyArray<CallRecord>> = Effect.sync(() => this.#record())

  readonly requests: Effect.Effect<ReadonlyArray<LlmRequest>> = Effect.sync(() =>
    this.#calls.map((call) => call.request)
  )

  readonly until = (
    predicate: (calls: ReadonlyArray<CallRecord>) => boolean
  ): Effect.Effect<ReadonlyArray<CallRecord>> =>
    Effect.andThen(this.#waiters.until(() => predicate(this.#record())), this.calls)

  readonly assertComplete: Effect.Effect<void> = Effect.suspend(() => {
    const left = this.#steps.filter((step) => !step.isUsed)
    const parts = [
      section(left.map(describeTurn), (n) => `${count(n, "turn")} of ${this.#steps.length} never asked for`),
      section(this.#unexpected, (n) => `${count(n, "request")} without a turn`),
      section(this.#refused, (n) => `${count(n, "request")} not as expected`)
    ]
    const message = parts.join("")
    return message === ""
      ? Effect.void
      : Effect.die(new AssertionError(`the script of the model was not followed\n${message}`))
  })

  #begin(request: LlmRequest, mode: Mode): { readonly call: Call; readonly step: Step | ScriptedModelError } {
    const step = this.#steps.find(({ fields, isUsed }) => !isUsed && (fields.when?.(request) ?? true))
    const call: Call = {
      index: this.#calls.length,
      mode,
      request: snapshot(request),
      turn: step?.index,
      pulled: 0,
      status: "running"
    }
    this.#calls.push(call)
    if (step === undefined) {
      return { call, step: this.#refuse(call, request, "exhausted", nothingLeft(this.#steps)) }
    }
    step.isUsed = true
    if (step.mode === undefined || step.mode === mode) return { call, step }
    const [wanted, given] = mode === "stream" ? ["a stream", "one response"] : ["one response", "a stream"]
    const problem = `it asks for ${wanted}, but its turn gives ${given}: ${describeTurn(step)}`
    return { call, step: this.#refuse(call, request, "wrongMode", problem) }
  }

  #refuse(call: Call, request: LlmRequest, kind: ScriptedModelError["kind"], problem: string): ScriptedModelError {
    const line = `${describeCall(call)}: ${problem}`
    this.#unexpected.push(line)
    this.#settle(call, "failed")
    return new ScriptedModelError({ kind, request, message: line })
  }

  /**
   * Tells that the request is there, then judges it by the `expect` of its turn; what that throws, or fails with, becomes
   * the defect of the call. (Not earlier: a fiber that waits for the request runs at once and may interrupt this one, so
   * what settles the call must be in place.)
   */
  #receive(step: Step, call: Call, request: LlmRequest): Effect.Effect<void> {
    return Effect.andThen(Effect.sync(() => this.#waiters.notify()), this.#judge(step, call, request))
  }

  #judge({ fields }: Step, call: Call, request: LlmRequest): Effect.Effect<void> {
    const { expect } = fields
    if (expect === undefined) return Effect.void
    const judged = Effect.flatMap(maybeEffect(() => expect(request)), (verdict) =>
      verdict === false
        ? Effect.die(new AssertionError(`${describeCall(call)} is not as its turn expects`))
        : Effect.void)
    return Effect.orDie(Effect.tapCause(judged, (cause) =>
      Effect.sync(() => {
        if (Cause.hasInterruptsOnly(cause)) return
        const error = Cause.squash(cause)
        this.#refused.push(`${describeCall(call)}: ${error instanceof Error ? error.message : preview(error, 200)}`)
      })))
  }

  /** The first thing that settles a call is what became of it. */
  #settle(call: Call, status: Status): void {
    if (call.status !== "running") return
    call.status = status
    this.#waiters.notify()
  }

  #record(): ReadonlyArray<CallRecord> {
    return this.#calls.map(({ mode, pulled, request, status, turn }) => ({ request, mode, turn, pulled, status }))
  }
}

const statusOf = (cause: Cause.Cause<unknown>): Status =>
  Pull.isDoneCause(cause) ? "done" : Cause.hasInterruptsOnly(cause) ? "interrupted" : "failed"

/** Headers are not shown, since they hold credentials. */
const describeCall = ({ index, mode, request }: Call): string =>
  `request ${index + 1} (${mode}) ${preview(request?.body, 160)}`

const nothingLeft = (steps: ReadonlyArray<Step>): string => {
  const left = steps.filter((step) => !step.isUsed).length
  return left === 0
    ? `the script has no turn left, it had ${steps.length}`
    : `none of the ${count(left, "turn")} left in the script applies to it`
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`

const section = (lines: ReadonlyArray<string>, title: (n: number) => string): string =>
  lines.length === 0 ? "" : `\n  ${title(lines.length)}\n${lines.map((line) => `    ${line}\n`).join("")}`
