import { readBaggage, writeBaggage } from "./baggage.ts"
import {
  type Diagnostic,
  noBaggage,
  type PropagationContext,
  type RemoteScope,
  type RemoteTrace,
  type Report
} from "./propagationContext.ts"
import { spanIdForm, spanIdOf, traceIdForm, traceIdOf } from "./traceContext.ts"
import {
  readOwnMember,
  readTraceparent,
  readTracestate,
  tracestateOf,
  writeTraceparent,
  writeTracestate
} from "./traceContextHeaders.ts"

export type HeadersInput =
  | Iterable<readonly [name: string, value: string]>
  | Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** How many diagnostics are told of one input: somebody else decides how much is wrong with it. */
const maxDiagnostics = 32

/** Reads something that came from outside. Whatever it throws, in a getter or a proxy, is one more diagnostic. */
export const reading = <A>(
  field: string,
  read: (report: Report) => A
): { readonly value: A | undefined; readonly diagnostics: ReadonlyArray<Diagnostic> } => {
  const diagnostics: Array<Diagnostic> = []
  const report: Report = (field, problem, expected) => {
    if (diagnostics.length < maxDiagnostics) diagnostics.push({ field, problem, expected })
  }
  try {
    return { value: read(report), diagnostics }
  } catch {
    report(field, "throws when it is read", "plain data")
    return { value: undefined, diagnostics }
  }
}

/** The trace with the `tracestate` that came with it, and the scope in it. An invalid `tracestate` is left out alone. */
export const withState = (
  trace: RemoteTrace,
  state: string,
  report: Report
): { readonly trace: RemoteTrace; readonly scope: RemoteScope | undefined } => {
  const members = readTracestate(state, report)
  if (members === undefined) return { trace, scope: undefined }
  const scope = readOwnMember(members, report)
  const kept = [...members].filter(([key]) => key !== "heddle" || scope !== undefined)
  return { trace: { ...trace, state: writeTracestate(kept) }, scope }
}

export const readHeaders = (headers: HeadersInput, report: Report): PropagationContext => {
  const found = collect(headers, report)
  const baggage = found.baggage === undefined ? noBaggage : readBaggage(found.baggage, report)
  const trace = found.traceparent === undefined ? undefined : readTraceparent(found.traceparent, report)
  if (trace === undefined) {
    if (found.tracestate !== undefined) report("tracestate", "is without a valid traceparent", "both of them")
    return { version: 1, baggage }
  }
  return { version: 1, ...withState(trace, found.tracestate ?? "", report), baggage }
}

/** The headers that say this. Whatever has no valid form is left out. */
export const writeHeaders = ({ baggage, scope, trace }: PropagationContext): Record<string, string> => {
  const out: Record<string, string> = {}
  const sent = trace ?? (scope === undefined ? undefined : traceOfScope(scope))
  if (sent !== undefined && traceIdForm.test(sent.traceId) && spanIdForm.test(sent.spanId)) {
    out["traceparent"] = writeTraceparent(sent)
    const state = tracestateOf(sent, scope)
    if (state !== "") out["tracestate"] = state
  }
  const header = writeBaggage(baggage)
  if (header !== "") out["baggage"] = header
  return out
}

/** The trace of a scope that comes without one: as its exporter derives it. */
export const traceOfScope = ({ rootUuid, uuid }: RemoteScope): RemoteTrace => ({
  traceId: traceIdOf(rootUuid),
  spanId: spanIdOf(uuid),
  sampled: true,
  random: false,
  state: ""
})

// internal

const names = ["traceparent", "tracestate", "baggage"] as const

type Found = { [K in (typeof names)[number]]?: string }

/** Names count in any case; several headers of one name are one, joined by commas (RFC 9110 §5.3). */
const collect = (headers: HeadersInput, report: Report): Found => {
  const found: Found = {}
  for (const [name, value] of pairs(headers)) {
    const key = names.find((known) => typeof name === "string" && known === name.toLowerCase())
    if (key === undefined || value === undefined) continue
    for (const one of typeof value === "string" ? [value] : value) {
      if (typeof one !== "string") report(key, "is no text", "a text or a list of texts")
      else found[key] = found[key] === undefined ? one : `${found[key]},${one}`
    }
  }
  return found
}

const pairs = (
  headers: HeadersInput
): Iterable<readonly [name: string, value: string | ReadonlyArray<string> | undefined]> =>
  isIterable(headers) ? headers : Object.entries(headers)

const isIterable = (headers: HeadersInput): headers is Iterable<readonly [name: string, value: string]> =>
  Symbol.iterator in headers
