/**
 * The live event tree: state and one event in, lines out.
 *
 * A scope prints a line when it opens and one when it closes, both led by the same short id, so branches that run at
 * once stay apart. Everything that comes from an event is untrusted text: it is made printable and cut.
 */
import {
  type Gap,
  gapMark,
  type LifecycleEvent,
  type Mark,
  type ScopeEnd,
  type ScopeStart
} from "../../event/LifecycleEvent.ts"
import { clean, duration, line, type Look, printable, type Segment } from "./line.ts"
import { preview } from "./preview.ts"

export interface Options {
  readonly color: boolean
  readonly data: boolean
  readonly width: number
}

export interface State {
  readonly open: Map<string, OpenScope>
  /** What the last line of each depth stood for, down to the depth of the last line: where a reader looks for a parent. */
  readonly latest: Array<string>
}

interface OpenScope {
  readonly id: string
  readonly name: string
  readonly depth: number
  readonly startedAt: number
  /** Number of this run of the parent's work, on a scope named `attempt`. */
  readonly attempt: number | undefined
  /** Runs of this scope's own work: the first is in the scope itself, each further one in an `attempt` below it. */
  runs: number
}

// A scope whose end was dropped would be kept for ever, so the oldest go first beyond this number.
const maxOpen = 10_000
const maxName = 60
const maxReason = 160
const maxPreview = 200

export const make = (): State => ({ open: new Map(), latest: [] })

export const render = (state: State, event: LifecycleEvent, options: Options): string => {
  switch (event._tag) {
    case "ScopeStart":
      return line(start(state, event, options), options.width, options.color)
    case "ScopeEnd":
      return line(end(state, event, options), options.width, options.color)
    case "Mark":
      return line(
        event.name === gapMark ? gap(state, event) : mark(state, event, options),
        options.width,
        options.color
      )
  }
}

const start = (state: State, event: ScopeStart, options: Options): ReadonlyArray<Segment> => {
  const parent = event.parentUuid === undefined ? undefined : state.open.get(event.parentUuid)
  const depth = parent === undefined ? 0 : parent.depth + 1
  const attempt = event.name === "attempt" && parent !== undefined ? ++parent.runs : undefined
  const scope: OpenScope = {
    id: idOf(event.uuid),
    name: clean(event.name, maxName),
    depth,
    startedAt: event.timestamp,
    attempt,
    runs: 1
  }
  const where = placeOf(state, event, depth, options)
  if (state.open.size >= maxOpen) {
    for (const oldest of state.open.keys()) {
      state.open.delete(oldest)
      break
    }
  }
  state.open.set(event.uuid, scope)
  seen(state, depth, event)
  return [
    ...lead(scope.id, depth, options),
    event.name === "attempt" ? ["↻ ", "yellow"] : ["▸ ", "cyan"],
    ...label(event, scope),
    ...where,
    ...payload(event, options)
  ]
}

const end = (state: State, event: ScopeEnd, options: Options): ReadonlyArray<Segment> => {
  const scope = state.open.get(event.uuid)
  const parent = event.parentUuid === undefined ? undefined : state.open.get(event.parentUuid)
  const depth = scope?.depth ?? (parent === undefined ? 0 : parent.depth + 1)
  state.open.delete(event.uuid)
  seen(state, depth, event)
  const [glyph, look, text] = outcome(event)
  return [
    ...lead(idOf(event.uuid), depth, options),
    [`${glyph} `, look],
    ...label(event, scope),
    scope === undefined ? ["  start not seen", "yellow"] : [`  ${duration(event.timestamp - scope.startedAt)}`],
    ...(scope !== undefined && scope.runs > 1 ? [[`  ${scope.runs} attempts`, "yellow"] as const] : []),
    ...(text === "" ? [] : [[`  ${text}`, look] as const]),
    ...streamed(event),
    ...payload(event, options)
  ]
}

const mark = (state: State, event: Mark, options: Options): ReadonlyArray<Segment> => {
  const parent = event.parentUuid === undefined ? undefined : state.open.get(event.parentUuid)
  const depth = parent === undefined ? 0 : parent.depth + 1
  seen(state, depth, event)
  const from = lead(idOf(event.parentUuid ?? event.uuid), depth, options)
  if (event.category === "guardrail") {
    const verdict = field(event.data, "verdict")
    const reason = field(event.data, "reason")
    const text = [verdict, reason].filter((part) => part !== "").join(": ")
    const look: Look = verdict === "reject" ? "magenta" : "yellow"
    return [
      ...from,
      [verdict === "reject" ? "⊘ " : "! ", look],
      ["guardrail ", "dim"],
      [field(event.data, "guardrail") || clean(event.name, maxName), "bold"],
      ...(text === "" ? payload(event, options) : [[`  ${text}`, look] as const])
    ]
  }
  const look = event.severity === "error" ? "red" : event.severity === "warn" ? "yellow" : "dim"
  return [
    ...from,
    [look === "dim" ? "• " : "! ", look],
    ...(look === "dim" ? [] : [[`${event.severity} `, look] as const]),
    [clean(event.name, maxName), look],
    ...payload(event, options)
  ]
}

const gap = (state: State, event: Mark): ReadonlyArray<Segment> => {
  seen(state, 0, event)
  const { dropped, firstSequence, lastSequence } = (event.data ?? {}) as Partial<Gap>
  const missing = Number.isSafeInteger(dropped) ? `${dropped} ${dropped === 1 ? "event" : "events"}` : "some events"
  const which = Number.isSafeInteger(firstSequence) && Number.isSafeInteger(lastSequence)
    ? ` (sequence ${firstSequence} to ${lastSequence})`
    : ""
  return [["···· ", "dim"], ["! ", "yellow"], [`${missing} dropped${which}: the tree has holes here`, "yellow"]]
}

const outcome = ({ outcome }: ScopeEnd): readonly [glyph: string, look: Look, text: string] => {
  switch (outcome._tag) {
    case "Success":
      return ["✓", "green", ""]
    case "Failure": {
      const error = outcome.error
      const message = error === undefined || error.message === "" ? "" : `: ${clean(error.message, maxReason)}`
      const text = error === undefined ? "" : ` ${clean(error.tag, maxName)}${message}`
      return ["✗", "red", `${outcome.isDefect ? "died" : "failed"}${text}`]
    }
    case "Blocked":
      return ["⊘", "magenta", `blocked by ${clean(outcome.by, maxName)}: ${clean(outcome.reason, maxReason)}`]
    case "Interrupted":
      return [
        "■",
        "yellow",
        outcome.origin === undefined ? "interrupted" : `interrupted by ${clean(outcome.origin, maxName)}`
      ]
  }
}

const label = (event: ScopeStart | ScopeEnd, scope: OpenScope | undefined): ReadonlyArray<Segment> => {
  const model = event.profile?.modelName
  return [
    [`${clean(event.category, maxName)} `, "dim"],
    [scope?.attempt === undefined ? clean(event.name, maxName) : `attempt ${scope.attempt}`, "bold"],
    ...(typeof model === "string" && model !== event.name ? [[` (${clean(model, maxName)})`, "dim"] as const] : [])
  ]
}

const streamed = (event: ScopeEnd): ReadonlyArray<Segment> => {
  const { chunkCount, timeToFirstChunk } = event.profile ?? {}
  if (typeof chunkCount !== "number") return []
  const first = typeof timeToFirstChunk === "number" ? `, first after ${duration(timeToFirstChunk * 1_000_000)}` : ""
  return [[`  ${chunkCount} ${chunkCount === 1 ? "chunk" : "chunks"}${first}`, "dim"]]
}

const payload = (event: LifecycleEvent, options: Options): ReadonlyArray<Segment> =>
  options.data && event.data !== undefined
    ? [[`  ${preview(event.data, Math.min(options.width, maxPreview))}`, "dim"]]
    : []

// Names the parent where a reader who looks up for the nearest line one step to the left would find another one.
const placeOf = (state: State, event: ScopeStart, depth: number, options: Options): ReadonlyArray<Segment> => {
  if (event.parentUuid === undefined) return []
  const parent = state.open.get(event.parentUuid)
  if (parent !== undefined && depth <= deepest(options) && state.latest[depth - 1] === event.parentUuid) return []
  return [[`  in ${parent === undefined ? "" : `${parent.name} `}${idOf(event.parentUuid)}`, "dim"]]
}

const seen = (state: State, depth: number, event: LifecycleEvent): void => {
  state.latest.length = depth
  // After a line of another branch neither branch is what the indentation says, until a line one step to the left.
  if (depth > 0 && state.latest[depth - 1] !== event.parentUuid) state.latest[depth - 1] = ""
  state.latest[depth] = event.uuid
}

const lead = (id: string, depth: number, options: Options): ReadonlyArray<Segment> => [
  [`${id} `, "dim"],
  ["  ".repeat(Math.min(depth, deepest(options)))]
]

// Indentation stops where it would leave too little of the line.
const deepest = (options: Options): number => Math.min(16, Math.floor(options.width / 6))

// A version 7 UUID begins with the time, so its end is what tells scopes apart.
const idOf = (uuid: string): string => printable(uuid.slice(-4)).padStart(4)

const field = (data: unknown, key: string): string => {
  if (typeof data !== "object" || data === null) return ""
  try {
    const value: unknown = Object.getOwnPropertyDescriptor(data, key)?.value
    return typeof value === "string" ? clean(value, maxReason) : ""
  } catch {
    // A proxy may throw from any operation.
    return ""
  }
}
