import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isRecord } from "../../event/internal/openRecord.ts"
import { BaggageBuilder } from "./baggage.ts"
import {
  type Baggage,
  noBaggage,
  type PropagationContext,
  type RemoteScope,
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
  if (!isRecord(json) || Option.isNone(asVersion(json["version"]))) {
    report("context", "is no context, or has no version", "an object with \"version\": 1")
    return { version: 1, baggage: noBaggage }
  }
  const baggage = readBaggage(json["baggage"], report)
  const scope = part(json, "scope", asScope, "{ uuid, rootUuid }, each at most 64 letters, digits, - _ . ~", report)
  const trace = part(json, "trace", asTrace, "{ traceId, spanId, sampled, random?, state? }", report)
  if (trace === undefined) return scope === undefined ? { version: 1, baggage } : { version: 1, scope, baggage }
  const { random = false, sampled, spanId, state = "", traceId } = trace
  const read = withState({ traceId, spanId, sampled, random, state: "" }, state, report)
  return { version: 1, scope, trace: read.trace, baggage }
}

// internal

const asVersion = Schema.decodeUnknownOption(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)))

const text = (form: RegExp) => Schema.String.check(Schema.isPattern(form))

const asScope: (input: unknown) => Option.Option<RemoteScope> = Schema.decodeUnknownOption(
  Schema.Struct({ uuid: text(scopeIdForm), rootUuid: text(scopeIdForm) })
)

const asTrace = Schema.decodeUnknownOption(Schema.Struct({
  traceId: text(traceIdForm),
  spanId: text(spanIdForm),
  sampled: Schema.Boolean,
  random: Schema.optional(Schema.Boolean),
  state: Schema.optional(Schema.String)
}))

const asMember = Schema.decodeUnknownOption(Schema.Struct({
  key: Schema.String,
  value: Schema.String,
  properties: Schema.optional(Schema.Array(Schema.String))
}))

const part = <A>(
  json: Readonly<Record<string, unknown>>,
  field: string,
  decode: (input: unknown) => Option.Option<A>,
  expected: string,
  report: Report
): A | undefined => {
  const input = json[field]
  if (input === undefined) return undefined
  const value = decode(input)
  if (Option.isNone(value)) report(field, "has another form", expected)
  return Option.getOrUndefined(value)
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
      if (Option.isNone(member)) report("baggage", `has a member ${index + 1} of another form`, expected)
      else builder.add(member.value.key, { value: member.value.value, properties: member.value.properties ?? [] })
    }
  }
  return builder.baggage
}
