import { isRecord } from "../../event/internal/openRecord.ts"
import { BaggageBuilder } from "./baggage.ts"
import {
  type Baggage,
  type BaggageEntry,
  noBaggage,
  type PropagationContext,
  type RemoteScope,
  type RemoteTrace,
  type Report,
  scopeIdForm
} from "./propagationContext.ts"
import { withState } from "./propagationHeaders.ts"
import { spanIdForm, traceIdForm } from "./traceContext.ts"

/** A context as JSON, version 1. Every field but the version may be missing; unknown fields are ignored. */
export interface PropagationJson {
  readonly version: 1
  readonly scope?: { readonly uuid: string; readonly rootUuid: string }
  readonly trace?: {
    readonly traceId: string
    readonly spanId: string
    readonly sampled: boolean
    readonly random?: boolean
    readonly state?: string
  }
  readonly baggage?: ReadonlyArray<
    { readonly key: string; readonly value: string; readonly properties?: ReadonlyArray<string> }
  >
}

export const writeJson = ({ baggage, scope, trace }: PropagationContext): PropagationJson => ({
  version: 1,
  ...(scope === undefined ? undefined : { scope: { uuid: scope.uuid, rootUuid: scope.rootUuid } }),
  ...(trace === undefined ? undefined : {
    trace: {
      traceId: trace.traceId,
      spanId: trace.spanId,
      sampled: trace.sampled,
      ...(trace.random ? { random: true } : undefined),
      ...(trace.state === "" ? undefined : { state: trace.state })
    }
  }),
  ...(baggage.size === 0 ? undefined : {
    baggage: Array.from(
      baggage,
      ([key, { properties, value }]) =>
        properties.length === 0 ? { key, value } : { key, value, properties: properties.slice() }
    )
  })
})

/** Each part is read for itself: one that has another form is left out, and the others stay. */
export const readJson = (json: unknown, report: Report): PropagationContext => {
  if (!isRecord(json) || !isVersion(json["version"])) {
    report("context", "is no context, or has no version", "an object with \"version\": 1")
    return { version: 1, baggage: noBaggage }
  }
  const baggage = readBaggage(json["baggage"], report)
  const scope = part(json, "scope", asScope, "{ uuid, rootUuid }, each at most 64 letters, digits, - _ . ~", report)
  const trace = part(json, "trace", asTrace, "{ traceId, spanId, sampled, random?, state? }", report)
  if (trace === undefined) return scope === undefined ? { version: 1, baggage } : { version: 1, scope, baggage }
  const read = withState({ ...trace, state: "" }, trace.state, report)
  return { version: 1, scope, trace: read.trace, baggage }
}

// internal

/* By hand and not by Schema, which takes longer to load than the rest of the room. Each field is read once. */

const isVersion = (input: unknown): boolean => Number.isSafeInteger(input) && Number(input) >= 1

const isText = (input: unknown): input is string => typeof input === "string"

const hasForm = (input: unknown, form: RegExp): input is string => isText(input) && form.test(input)

const asScope = (input: unknown): RemoteScope | undefined => {
  if (!isRecord(input)) return undefined
  const { rootUuid, uuid } = input
  return hasForm(uuid, scopeIdForm) && hasForm(rootUuid, scopeIdForm) ? { uuid, rootUuid } : undefined
}

const asTrace = (input: unknown): RemoteTrace | undefined => {
  if (!isRecord(input)) return undefined
  const { random = false, sampled, spanId, state = "", traceId } = input
  if (!hasForm(traceId, traceIdForm) || !hasForm(spanId, spanIdForm)) return undefined
  if (typeof sampled !== "boolean" || typeof random !== "boolean" || !isText(state)) return undefined
  return { traceId, spanId, sampled, random, state }
}

const asMember = (input: unknown): readonly [key: string, entry: BaggageEntry] | undefined => {
  if (!isRecord(input)) return undefined
  const { key, properties = [], value } = input
  if (!isText(key) || !isText(value) || !Array.isArray(properties)) return undefined
  const copy = Array.from<unknown>(properties)
  return copy.every(isText) ? [key, { value, properties: copy }] : undefined
}

const part = <A>(
  json: Readonly<Record<string, unknown>>,
  field: string,
  read: (input: unknown) => A | undefined,
  expected: string,
  report: Report
): A | undefined => {
  const input = json[field]
  if (input === undefined) return undefined
  const value = read(input)
  if (value === undefined) report(field, "has another form", expected)
  return value
}

/** Members that are looked at: more than can count. */
const maxMembers = 1024

const readBaggage = (input: unknown, report: Report): Baggage => {
  if (input === undefined) return noBaggage
  const builder = new BaggageBuilder(report)
  const expected = "a list of { key, value, properties? }"
  if (!Array.isArray(input)) report("baggage", "is no list", expected)
  else {
    for (const [index, one] of input.slice(0, maxMembers).entries()) {
      const member = asMember(one)
      if (member === undefined) report("baggage", `has a member ${index + 1} of another form`, expected)
      else builder.add(...member)
    }
  }
  return builder.baggage
}
