import { isRecord } from "../../event/internal/openRecord.ts"
import type { Mark, Outcome, ScopeEnd, ScopeStart } from "../../event/LifecycleEvent.ts"
import { field } from "./otelAttributes.ts"
import type { TraceContext } from "./otelId.ts"

/** How often an agent asked models and tools. */
export interface Calls {
  inference: number
  tool: number
}

/** A scope that has ended, with what happened directly under it. */
export interface FinishedScope {
  readonly start: ScopeStart
  readonly end: ScopeEnd
  readonly marks: ReadonlyArray<Mark>
  readonly droppedMarks: number
  /** Of an agent: the calls that it made itself, not through another agent. Calls that were blocked are none. */
  readonly calls: Calls | undefined
  readonly context: TraceContext
  readonly parentSpanId: string | undefined
}

/**
 * The first of these keys that has a text or a number, in the profile, the metadata, the input and the output, a model's
 * request body included.
 */
export const scalar = (scope: FinishedScope, ...keys: ReadonlyArray<string>): string | number | undefined => {
  const { end, start } = scope
  return scalarIn([...around(scope), start.data, field(start.data, "body"), end.data], keys)
}

/** `scalar` as text. */
export const text = (scope: FinishedScope, ...keys: ReadonlyArray<string>): string | undefined =>
  textOf(scalar(scope, ...keys))

/** `text` of the profile and the metadata alone: what the work itself is about may be called the same, and is content. */
export const textAround = (scope: FinishedScope, ...keys: ReadonlyArray<string>): string | undefined =>
  textOf(scalarIn(around(scope), keys))

const around = ({ end, start }: FinishedScope): ReadonlyArray<unknown> => [
  end.profile,
  start.profile,
  end.metadata,
  start.metadata
]

const textOf = (value: string | number | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

const scalarIn = (places: ReadonlyArray<unknown>, keys: ReadonlyArray<string>): string | number | undefined => {
  for (const place of places) {
    if (!isRecord(place)) continue
    for (const key of keys) {
      const value = field(place, key)
      if ((typeof value === "string" && value !== "") || (typeof value === "number" && Number.isFinite(value))) {
        return value
      }
    }
  }
  return undefined
}

/**
 * A short word for what went wrong, of low cardinality: `error.type`. A call that its own guardrail rejected has the
 * reference's word for it.
 */
export const errorType = (outcome: Outcome): string | undefined => {
  if (outcome._tag === "Blocked") return "guardrail_rejected"
  return outcome._tag === "Failure" ? outcome.error?.tag ?? "_OTHER" : undefined
}
