import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as fc from "fast-check"
import type { LifecycleEvent } from "../../src/index.ts"
import { type Place, placesOf, type Program, program } from "./support/Program.ts"
import * as Report from "./support/Report.ts"
import { type Interruption, random, Schedule, sometimes } from "./support/Schedule.ts"
import { World } from "./support/World.ts"

interface Circumstances {
  readonly seed: number
  readonly share: number
  readonly shuffled: boolean
  readonly everyone: boolean
  readonly clock: "live" | "frozen" | "jumping"
  readonly interruption: Interruption | undefined
}

const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  seed: fc.integer(),
  share: fc.constantFrom(0, 0.05, 0.3, 1),
  shuffled: fc.boolean(),
  everyone: fc.boolean(),
  clock: fc.constantFrom("live", "frozen", "jumping"),
  interruption: fc.option(
    fc.record({ at: fc.nat(300), how: fc.constantFrom("parked", "running") }),
    { nil: undefined, freq: 2 }
  )
})

const liveClock = Context.get(Context.empty(), Clock.Clock)

const clockOf = (kind: Circumstances["clock"], next: () => number): Clock.Clock | undefined => {
  if (kind === "live") return undefined
  const millis = () => 1_700_000_000_000 + (kind === "frozen" ? 0 : Math.floor(next() * 10_000) - 5000)
  return new Proxy(liveClock, {
    get: (clock, key) => key === "currentTimeMillisUnsafe" ? millis : Reflect.get(clock, key)
  })
}

/** Scopes that middleware opens, and its marks: what is inside of them belongs to what is around them. */
const isAside = (name: string): boolean => name === "attempt" || name.startsWith("entry ")
const isHandler = (name: string): boolean => name.startsWith("heard")

const check = async (program: Program, given: Circumstances): Promise<void> => {
  const next = random(given.seed)
  const schedule = new Schedule({
    yields: sometimes(next, given.share),
    pick: given.shuffled ? (waiting) => Math.floor(next() * waiting) : undefined,
    everyone: given.everyone,
    interruption: given.interruption
  })
  const world = new World(program)
  const places = placesOf(program)
  const report = await Report.make(schedule, world.run, { cleanup: world.settle, clock: clockOf(given.clock, next) })
  const parentOf = (name: string): string | undefined => {
    if (name === "heard inside") return "heard"
    if (name === "after" || name === "ensured") return "outer"
    return places.get(name)?.parent
  }
  const found = [
    ...Report.violations(report, parentOf, isAside),
    ...middlewareViolations(world, places, report.events),
    ...subscriberViolations(world, places, report.events)
  ]
  assert.strictEqual(found.length, 0, found.slice(0, 10).join("\n"))
}

/** The event itself, or the innermost scope around it that is of the program. */
const withinOf = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>) => {
  const starts = new Map(events.filter(({ _tag }) => _tag === "ScopeStart").map((event) => [event.uuid, event]))
  return (event: LifecycleEvent.LifecycleEvent): LifecycleEvent.LifecycleEvent | undefined => {
    let at: LifecycleEvent.LifecycleEvent | undefined = event
    while (at !== undefined && isAside(at.name)) {
      at = at.parentUuid === undefined
        ? undefined
        : starts.get(at.parentUuid)
    }
    return at
  }
}

/** Middleware is in place inside of its effect and nowhere else. */
const middlewareViolations = (
  world: World,
  places: ReadonlyMap<string, Place>,
  events: ReadonlyArray<LifecycleEvent.LifecycleEvent>
): Array<string> => {
  const found: Array<string> = []
  const within = withinOf(events)
  for (const event of events) {
    if (!event.name.startsWith("entry ")) continue
    const call = within(event)?.name ?? "nothing"
    if (!isHandler(call) && places.get(call)?.entries.includes(event.name) !== true) {
      found.push(`${event.name} is inside of ${call}`)
    }
  }
  for (const { at, entries } of world.seen) {
    const expected = places.get(at)?.entries ?? []
    if (entries.join() !== expected.join()) found.push(`at ${at} in place: [${entries}], expected: [${expected}]`)
  }
  const asked = new Map<string, Set<string>>()
  for (const { call, entry } of world.asked) {
    // A handler is governed by what is around its subscription, which has no place of its own in the model.
    if (isHandler(call)) continue
    asked.set(call, (asked.get(call) ?? new Set()).add(entry))
    if (places.get(call)?.entries.includes(entry) !== true) found.push(`${entry} was asked about ${call}`)
  }
  for (const call of world.worked) {
    for (const entry of places.get(call)?.entries ?? []) {
      const mustBeAsked = /^entry (allow|allowLater|shadow|rejectSome|rewrite|rewriteLater) /.test(entry)
      if (mustBeAsked && asked.get(call)?.has(entry) !== true) found.push(`${call} ran, and ${entry} was not asked`)
    }
  }
  return found
}

/** Each subscriber gets what is born inside of its effect, in order, and nothing else. */
const subscriberViolations = (
  world: World,
  places: ReadonlyMap<string, Place>,
  events: ReadonlyArray<LifecycleEvent.LifecycleEvent>
): Array<string> => {
  const found: Array<string> = []
  const byUuid = new Map(events.filter(({ _tag }) => _tag === "ScopeStart").map((event) => [event.uuid, event]))
  const placeOf = (event: LifecycleEvent.LifecycleEvent): Place | undefined => {
    let at: LifecycleEvent.LifecycleEvent | undefined = event
    while (at !== undefined && isAside(at.name)) {
      at = at.parentUuid === undefined
        ? undefined
        : byUuid.get(at.parentUuid)
    }
    return at === undefined || isHandler(at.name) ? undefined : places.get(at.name)
  }
  /** What a handler emits belongs to the place of its subscription: subscribers around that may hear it. */
  const isOfHandler = (event: LifecycleEvent.LifecycleEvent): boolean => {
    for (let at: LifecycleEvent.LifecycleEvent | undefined = event; at !== undefined;) {
      if (isHandler(at.name)) return true
      at = at.parentUuid === undefined ? undefined : byUuid.get(at.parentUuid)
    }
    return false
  }
  for (const [path, heard] of world.heard) {
    const sequences = new Set<number>()
    const starts = new Set<string>()
    for (const event of heard) {
      const who = `watcher ${path} got ${event._tag} ${event.name} (${event.sequence})`
      if (!isOfHandler(event) && placeOf(event)?.watchers.includes(path) !== true) {
        found.push(`${who}, which is not its own`)
      }
      if (sequences.has(event.sequence)) found.push(`${who} twice`)
      if (event._tag === "ScopeStart") starts.add(event.uuid)
      if (event._tag === "ScopeEnd" && !starts.has(event.uuid)) found.push(`${who} without its start`)
      sequences.add(event.sequence)
    }
    for (const event of events) {
      const place = placeOf(event)
      if (place === undefined || sequences.has(event.sequence)) continue
      if (place.watchers.includes(path) && !place.maybe.includes(path)) {
        found.push(`watcher ${path} did not get ${event._tag} ${event.name} (${event.sequence})`)
      }
    }
  }
  return found
}

describe("any program, under any schedule, interrupted anywhere or not", () => {
  it("keeps the rules of events, places, middleware and subscribers", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(program, circumstances, (program, given) => check(program, given)),
      { numRuns: Number(process.env["HEDDLE_RUNS"] ?? 1000), seed: Number(process.env["HEDDLE_SEED"] ?? 20_260) }
    )
  })
})
