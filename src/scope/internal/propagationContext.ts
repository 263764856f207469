import * as Context from "effect/Context"

/** A value of the baggage, with its properties as they came: `"key"` or `"key=value"`. */
export interface BaggageEntry {
  readonly value: string
  readonly properties: ReadonlyArray<string>
}

export type Baggage = ReadonlyMap<string, BaggageEntry>

/** Where a trace goes on, as W3C Trace Context says it. */
export interface RemoteTrace {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
  /** Whether the last seven bytes of the trace id are random (level 2). */
  readonly random: boolean
  /** The `tracestate`; empty if there is none. */
  readonly state: string
}

export interface RemoteScope {
  readonly uuid: string
  readonly rootUuid: string
}

export interface PropagationContext {
  readonly version: 1
  readonly scope?: RemoteScope | undefined
  readonly trace?: RemoteTrace | undefined
  readonly baggage: Baggage
}

/** Something that was ignored in what came from outside. */
export interface Diagnostic {
  readonly field: string
  readonly problem: string
  readonly expected: string
}

export type Report = (field: string, problem: string, expected: string) => void

export const noBaggage: Baggage = new Map()

/** What goes on with a fiber besides the current scope: the trace that it came from, and the baggage. */
export const Carried: Context.Reference<Pick<PropagationContext, "trace" | "baggage">> = Context.Reference<
  Pick<PropagationContext, "trace" | "baggage">
>("heddle/scope/Propagation", { defaultValue: () => ({ baggage: noBaggage }) })

/** Ids of scopes that headers take as they are. Those of a UUID are; others may come from a generator of the application's. */
export const scopeIdForm = /^[\w.~-]{1,64}$/

/** The words of a user that are ours: see `addUserMetadata`. */
export const isReservedKey = (key: string): boolean => /^(?:heddle|otel)\./i.test(key)

/** Cuts optional white space off both ends (RFC 9110 §5.6.3: spaces and tabs). */
export const trimOws = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isOws(text.charCodeAt(start))) start++
  while (end > start && isOws(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isOws = (code: number): boolean => code === 32 || code === 9
