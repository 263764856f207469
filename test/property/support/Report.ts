/**
 * What is left after a subject has run inside a scope `outer` of a test runtime, and the promises that hold for every
 * program and every schedule.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as References from "effect/References"
import { AgentRuntime, ExecutionScope, type LifecycleEvent, Mark, Middleware } from "../../../src/index.ts"
import { TestRuntime } from "../../../src/testing/index.ts"
import { run, type Schedule } from "./Schedule.ts"

export interface Report {
  readonly exit: Exit.Exit<unknown, unknown>
  readonly events: ReadonlyArray<LifecycleEvent.LifecycleEvent>
  /** Spans that the kernel still holds open, scope-local subscribers that it still knows, entries still in place. */
  readonly open: number
  readonly locals: number
  readonly registrations: number
  /** Fibers that have not ended although their runtime has. */
  readonly fibers: number
}

export type Subject = Effect.Effect<unknown, unknown, AgentRuntime.AgentRuntime>

export interface ReportOptions {
  /** Runs when the subject has ended: stops what outlives it. */
  readonly cleanup?: Effect.Effect<unknown> | undefined
  readonly runtime?: AgentRuntime.RuntimeOptions<never, never> | undefined
  readonly clock?: Clock.Clock | undefined
}

export const make = async (schedule: Schedule, subject: Subject, options?: ReportOptions): Promise<Report> => {
  const inside = Effect.gen(function*() {
    // In the fiber of the subject, whatever becomes of it: its context must be that of before.
    const exit = yield* schedule.watch(Effect.ensuring(subject, Mark.emit("ensured")))
    yield* Mark.emit("after")
    return exit
  }).pipe(ExecutionScope.run({ name: "outer", category: "agent" }))

  const program = Effect.gen(function*() {
    const { kernel } = yield* AgentRuntime.AgentRuntime
    const exit = yield* inside
    yield* options?.cleanup ?? Effect.void
    yield* Mark.emit("last")
    const events = yield* TestRuntime.events
    const registrations = yield* Middleware.registrations
    const locals = kernel.locals.size
    return { exit, events, locals, registrations: registrations.length, open: kernel.interruptOpen("test") }
  }).pipe(Effect.provide(TestRuntime.layer(options?.runtime)))

  const quiet = Effect.provideService(program, References.MinimumLogLevel, "None")
  const clocked = options?.clock === undefined ? quiet : Effect.provideService(quiet, Clock.Clock, options.clock)
  const report = await run(schedule, Effect.orDie(clocked))
  return { ...report, fibers: schedule.alive.length }
}

/** What a report has against the promises, in words. `parents` says under which scope each name belongs. */
export const violations = (
  report: Report,
  parents: (name: string) => string | undefined,
  transparent: (name: string) => boolean = (name) => name === "attempt"
): ReadonlyArray<string> => {
  const found = leftovers(report)
  const starts = new Map<string, LifecycleEvent.ScopeStart>()
  const ended = new Set<string>()
  let sequence = 0
  let time = 0
  const parentOf = (event: LifecycleEvent.LifecycleEvent): string | undefined => {
    let parent = event.parentUuid === undefined ? undefined : starts.get(event.parentUuid)
    while (parent !== undefined && transparent(parent.name)) {
      parent = parent.parentUuid === undefined ? undefined : starts.get(parent.parentUuid)
    }
    return parent?.name
  }
  for (const event of report.events) {
    const who = `${event._tag} ${event.name} (${event.sequence})`
    if (event.sequence !== ++sequence) found.push(`${who}: sequence should be ${sequence}`)
    if (event.timestamp < time) found.push(`${who}: time goes backwards`)
    time = event.timestamp
    if (event._tag === "ScopeEnd") {
      const start = starts.get(event.uuid)
      if (start === undefined) found.push(`${who}: ends without a start`)
      else if (event.timestamp <= start.timestamp) found.push(`${who}: not later than its start`)
      if (ended.has(event.uuid)) found.push(`${who}: ends twice`)
      ended.add(event.uuid)
      continue
    }
    if (event.parentUuid !== undefined && !starts.has(event.parentUuid)) found.push(`${who}: its parent never started`)
    if (event._tag === "ScopeStart") {
      if (starts.has(event.uuid)) found.push(`${who}: starts twice`)
      starts.set(event.uuid, event)
    }
    if (transparent(event.name)) continue
    const expected = parents(event.name)
    const actual = parentOf(event)
    if (actual !== expected) found.push(`${who}: is under ${actual}, belongs under ${expected}`)
  }
  for (const [uuid, start] of starts) if (!ended.has(uuid)) found.push(`${start.name} (${start.sequence}): never ended`)
  return found
}

const leftovers = (report: Report): Array<string> => {
  const found: Array<string> = []
  if (report.open > 0) found.push(`${report.open} spans are still open in the kernel`)
  if (report.locals > 0) found.push(`${report.locals} scope-local subscribers are still known to the kernel`)
  if (report.registrations > 0) found.push(`${report.registrations} entries are still in place`)
  if (report.fibers > 0) found.push(`${report.fibers} fibers have not ended`)
  return found
}
