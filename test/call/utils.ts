import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type AgentRuntime, type CallError, type LifecycleEvent, Mark, Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

export type Runtime = AgentRuntime.AgentRuntime

export type Payload = Readonly<Record<string, unknown>>

/** Runs a program in a runtime of its own in which these entries are installed. */
export const governed =
  (...entries: ReadonlyArray<Middleware.Entry<Runtime>>) =>
  <A, E>(effect: Effect.Effect<A, E, Runtime | TestRuntime.TestRuntime>) =>
    Effect.provide(effect, TestRuntime.layer({ policies: Middleware.layer(...entries) }))

/** The reason of the `CallError` that an effect must fail with. */
export const reasonOf = <A, R>(
  effect: Effect.Effect<A, unknown, R>
): Effect.Effect<CallError.Reason, never, R> => Effect.map(errorOf(effect), (error) => error.reason)

export const errorOf = <A, R>(
  effect: Effect.Effect<A, unknown, R>
): Effect.Effect<CallError.CallError, never, R> =>
  effect.pipe(
    Effect.flip,
    Effect.catch((value) => Effect.die(new Error(`the call must fail, but it gave ${String(value)}`))),
    Effect.map((error) => {
      if (!isCallError(error)) throw new Error(`expected a CallError, not ${String(error)}`)
      return error
    })
  )

const isCallError = (error: unknown): error is CallError.CallError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "CallError"

export interface Pair {
  readonly start: LifecycleEvent.ScopeStart
  readonly end: LifecycleEvent.ScopeEnd
  readonly marks: ReadonlyArray<LifecycleEvent.Mark>
}

/** Start, end and marks of the one call of this name; fails unless there is exactly one of each of the two. */
export const pair = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>, name: string): Pair => {
  const starts = events.filter((event) => event._tag === "ScopeStart" && event.name === name)
  const ends = events.filter((event) => event._tag === "ScopeEnd" && event.name === name)
  assert.strictEqual(starts.length, 1, `starts of ${name}`)
  assert.strictEqual(ends.length, 1, `ends of ${name}`)
  const start = starts[0] as LifecycleEvent.ScopeStart
  const end = ends[0] as LifecycleEvent.ScopeEnd
  assert.strictEqual(end.uuid, start.uuid)
  assert.isAbove(end.timestamp, start.timestamp)
  const marks = events.filter((event) => event._tag === "Mark" && event.parentUuid === start.uuid)
  return { start, end, marks: marks as Array<LifecycleEvent.Mark> }
}

/** The recorded events of the one call of this name, of a stream that keeps all rules. */
export const recorded = (name: string) =>
  Effect.gen(function*() {
    yield* TestRuntime.assertWellFormed()
    return pair(yield* TestRuntime.events, name)
  })

/** All events in order, as short words: names of marks, `start` and `end` with the name of the scope. */
export const story = Effect.map(
  TestRuntime.events,
  (events) =>
    events.map((event) =>
      event._tag === "Mark" ? event.name : `${event._tag === "ScopeStart" ? "start" : "end"} ${event.name}`
    )
)

/** What guardrails decided, without times. */
export const verdicts = (end: LifecycleEvent.ScopeEnd) =>
  end.decisions.map(({ guardrail, verdict }) => `${guardrail}: ${verdict}`)

/** Counts the runs of a work that answers with one value. */
export const counted = (value: unknown = "done") => {
  const seen: Array<unknown> = []
  return {
    seen,
    work: (payload: Payload): Effect.Effect<unknown> =>
      Effect.sync(() => {
        seen.push(payload)
        return value
      })
  }
}

export const said = <A>(mark: string, value: A): Effect.Effect<A, never, Runtime> => Effect.as(Mark.emit(mark), value)

/** An answer that its type forbids, as code without types may give it. */
export const untyped = (answer: unknown): never => answer as never
