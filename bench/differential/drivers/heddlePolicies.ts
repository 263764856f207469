/** Policies as entries of heddle, by the constructors of one of its two APIs. */
import type { Guardrail, LifecycleEvent, MetadataInjector, Middleware, Sanitizer } from "../../../src/index.ts"
import type { Call } from "../../../src/middleware/Call.ts"
import type { Fields, Policy } from "../Policy.ts"
import type { Json, JsonObject, Request, Script } from "../Script.ts"

type Event = LifecycleEvent.LifecycleEvent

interface Named {
  readonly name: string
  readonly priority: number
}

interface OfCalls extends Named {
  readonly applies: Middleware.Applies<Call>
}

interface OfEvents<Payload> extends Named {
  readonly applies?: Middleware.Applies<Event>
  readonly sanitize: (payload: Payload) => unknown
}

/** What both APIs have, as far as policies need it: callbacks that return plain values look the same. */
export interface Constructors {
  readonly guardrail: (options: OfCalls & { readonly check: (call: Call) => Guardrail.Decision }) => Middleware.Entry
  readonly request: (
    options: OfCalls & { readonly breakChain: boolean; readonly transform: (call: Call) => Call }
  ) => Middleware.Entry
  readonly sanitizer: Readonly<
    Record<"request" | "response", (options: OfEvents<unknown>) => Middleware.Entry>
  >
  readonly fieldSanitizer: Readonly<
    Record<"mark" | "scopeStart" | "scopeEnd", (options: OfEvents<Sanitizer.EventFields>) => Middleware.Entry>
  >
  readonly injector: (
    options: Named & { readonly inject: (event: Event) => Readonly<Record<string, MetadataInjector.FlatValue>> }
  ) => Middleware.Entry
  /** The script runs around the rest of the call, whose request `nextCall` changes. */
  readonly execution: (
    options: OfCalls & { readonly script: (call: Call) => Script<Json>; readonly nextCall: NextCall }
  ) => Middleware.Entry
  readonly stream: (options: OfCalls & { readonly policy: StreamPolicy }) => Middleware.Entry
  readonly decisions: Pick<typeof Guardrail, "allow" | "reject">
}

export type NextCall = (call: Call, value: Json) => Call
export type StreamPolicy = Extract<Policy, { readonly _tag: "Stream" }>

export const entriesOf = (
  policies: ReadonlyArray<Policy>,
  constructors: Constructors
): ReadonlyArray<Middleware.Entry> => policies.map((policy) => entryOf(policy, constructors))

const entryOf = (policy: Policy, make: Constructors): Middleware.Entry => {
  const named: Named = { name: policy.name, priority: policy.priority ?? 0 }
  switch (policy._tag) {
    case "Guardrail": {
      const { allow, reject } = make.decisions
      return make.guardrail({
        ...named,
        applies: callsOf(policy),
        check: (call) => {
          const reason = policy.on === "tool" ? policy.check(inputOf(call)) : policy.check(requestOf(call))
          return reason === undefined ? allow : reject(reason)
        }
      })
    }
    case "Request":
      return make.request({
        ...named,
        applies: callsOf(policy),
        breakChain: policy.breakChain ?? false,
        transform: (call) =>
          policy.on === "tool"
            ? changed(call, policy.transform(inputOf(call)))
            : changed(call, { ...policy.transform(requestOf(call)) })
      })
    case "Execution":
      return make.execution({
        ...named,
        applies: callsOf(policy),
        script: (call) => policy.on === "tool" ? policy.around(inputOf(call)) : policy.around(requestOf(call)),
        nextCall: changed
      })
    case "Stream":
      return make.stream({ ...named, applies: { kind: "llm" }, policy })
    case "SanitizeRequest":
      return make.sanitizer.request({
        ...named,
        applies: policy.on === "tool" && policy.only !== undefined ? { kind: "tool", name: policy.only } : policy.on,
        sanitize: (payload) =>
          policy.on === "tool" ? policy.sanitize(payload as Json) : policy.sanitize(payload as Request)
      })
    case "SanitizeResponse":
      return make.sanitizer.response({
        ...named,
        applies: policy.on,
        sanitize: (payload) => policy.sanitize(payload as Json)
      })
    case "SanitizeMark":
      return make.fieldSanitizer.mark({ ...named, sanitize: fieldsOf(policy.sanitize) })
    case "SanitizeStart":
      return make.fieldSanitizer.scopeStart({ ...named, sanitize: fieldsOf(policy.sanitize) })
    case "SanitizeEnd":
      return make.fieldSanitizer.scopeEnd({ ...named, sanitize: fieldsOf(policy.sanitize) })
    case "Inject":
      return make.injector({ ...named, inject: policy.inject })
  }
}

const callsOf = (policy: { readonly on: "tool" | "llm"; readonly only?: string }): Middleware.Applies<Call> =>
  policy.only === undefined ? { kind: policy.on } : { kind: policy.on, name: policy.only }

// Scripts give every call JSON, so JSON is what its policies see.
const inputOf = (call: Call): Json => call.kind === "tool" ? call.input as Json : null

const requestOf = (call: Call): Request => {
  if (call.kind !== "llm") throw new Error(`${call.name} is no call of a model`)
  return call.request as Request
}

const changed: NextCall = (call, value) =>
  call.kind === "tool" ? { ...call, input: value } : { ...call, request: value as unknown as Request }

const fieldsOf = (sanitize: (fields: Fields) => Fields) => ({ data, metadata }: Sanitizer.EventFields): unknown =>
  sanitize({ data: (data ?? null) as Json, metadata: (metadata ?? {}) as JsonObject })
