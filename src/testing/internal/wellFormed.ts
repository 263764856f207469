/** The rules that a lifecycle stream keeps, checked over a recorded list. */
import { gapMark, type LifecycleEvent, type ScopeEnd, type ScopeStart } from "../../event/LifecycleEvent.ts"

export interface Options {
  readonly contiguous: boolean
  readonly remoteParents: boolean
}

interface Scope {
  readonly start: ScopeStart
  ended: boolean
}

export const violations = (events: ReadonlyArray<LifecycleEvent>, options: Options): ReadonlyArray<string> => {
  const found: Array<string> = []
  const scopes = new Map<string, Scope>()
  const marks = new Set<string>()
  // Events read from a foreign file have no sequence numbers, which is all of them or none.
  const numbered = events.some((event) => event.sequence !== 0)
  let previous: LifecycleEvent | undefined
  let latest = Number.NEGATIVE_INFINITY

  events.forEach((event, index) => {
    const report = (problem: string) => found.push(`${describe(event, index)}: ${problem}`)
    if (numbered) checkSequence(event, previous, options, report)
    previous = event
    // A gap is announced when it is noticed, which may be after later events have happened.
    if (event._tag === "Mark" && event.name === gapMark) return
    if (event.timestamp < latest) report(`timestamp goes back by ${latest - event.timestamp} µs`)
    latest = Math.max(latest, event.timestamp)
    switch (event._tag) {
      case "ScopeStart": {
        if (scopes.has(event.uuid)) return report("a scope with this uuid started before")
        checkParent(event, scopes, options, report)
        scopes.set(event.uuid, { start: event, ended: false })
        return
      }
      case "ScopeEnd": {
        const scope = scopes.get(event.uuid)
        if (scope === undefined) return report("ends a scope that never started")
        if (scope.ended) return report("the scope had ended before")
        scope.ended = true
        return checkEnd(event, scope.start, report)
      }
      case "Mark": {
        if (marks.has(event.uuid)) report("a mark with this uuid came before")
        marks.add(event.uuid)
        // A fiber that outlives its scope may still emit marks under it.
        checkParent(event, scopes, options, report)
      }
    }
  })

  for (const { ended, start } of scopes.values()) {
    if (!ended) found.push(`${describe(start, events.indexOf(start))}: never ended`)
  }
  return found
}

type Report = (problem: string) => void

const checkSequence = (
  event: LifecycleEvent,
  previous: LifecycleEvent | undefined,
  options: Options,
  report: Report
): void => {
  if (!Number.isSafeInteger(event.sequence) || event.sequence < 1) return report("sequence is not a positive integer")
  if (previous === undefined) return
  if (event.sequence <= previous.sequence) report(`sequence does not rise, it was ${previous.sequence} before`)
  else if (options.contiguous && event.sequence !== previous.sequence + 1) {
    report(`sequence leaves a hole after ${previous.sequence}`)
  }
}

const checkParent = (
  event: LifecycleEvent,
  scopes: ReadonlyMap<string, Scope>,
  options: Options,
  report: Report
): Scope | undefined => {
  if (event.parentUuid === undefined) {
    if (event.rootUuid !== event.uuid) report(`has no parent, but its rootUuid ${event.rootUuid} is another's`)
    return
  }
  const parent = scopes.get(event.parentUuid)
  if (parent === undefined) {
    if (!options.remoteParents) report(`its parent ${event.parentUuid} had not started before`)
  } else if (parent.start.rootUuid !== event.rootUuid) {
    report(`its rootUuid ${event.rootUuid} is not that of its parent, ${parent.start.rootUuid}`)
  }
  return parent
}

const checkEnd = (event: ScopeEnd, start: ScopeStart, report: Report): void => {
  if (event.timestamp <= start.timestamp) {
    report(`ends at ${event.timestamp}, which is not later than its start at ${start.timestamp}`)
  }
  for (const field of ["name", "category", "parentUuid", "rootUuid"] as const) {
    if (event[field] !== start[field]) report(`${field} is ${event[field]}, but was ${start[field]} at the start`)
  }
}

const title = (event: LifecycleEvent): string => `${event.category ?? "mark"} ${event.name}`

const describe = (event: LifecycleEvent, index: number): string =>
  `[${index}] ${event._tag} ${title(event)} (sequence ${event.sequence}, ${event.uuid})`
