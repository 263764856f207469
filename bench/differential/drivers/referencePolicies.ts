/** Policies as registrations of the reference: of the process, or of one scope. */
import type { Policy } from "../Policy.ts"
import type { Body, Json, JsonObject, Request } from "../Script.ts"
import type { Callbacks, ChainCallbacks, FieldSanitize, Native, NativeRequest } from "./native.ts"

/** Runs the script of an execution intercept around the rest of its call. */
export type Around = (script: Body, next: (value?: Json) => Promise<Json>) => Promise<Json>

export const toNative = ({ body, headers }: Request): NativeRequest => ({ headers, content: body })

export const fromNative = ({ content, headers }: NativeRequest): Request => ({
  headers,
  body: content as Request["body"]
})

/** What an intercept's script hands to `next` for a model. */
const requestOf = (value: Json | undefined, request: NativeRequest): NativeRequest =>
  value === undefined ? request : toNative(value as unknown as Request)

export const registerAll = (
  native: Native,
  policies: ReadonlyArray<Policy>,
  around: Around,
  scope: string | undefined
): void => {
  const add = <K extends keyof Callbacks>(kind: K, { name, priority = 0 }: Policy, callback: Callbacks[K]): void => {
    // Each kind has its own function, of one shape.
    const here = native[`register${kind}`] as (name: string, priority: number, callback: Callbacks[K]) => void
    const there = native[`scopeRegister${kind}`] as (
      scope: string,
      name: string,
      priority: number,
      callback: Callbacks[K]
    ) => void
    if (scope === undefined) here(name, priority, callback)
    else there(scope, name, priority, callback)
  }
  const chain = <K extends keyof ChainCallbacks>(
    kind: K,
    { name, priority = 0 }: Policy,
    breakChain: boolean | undefined,
    callback: ChainCallbacks[K]
  ): void => {
    const here = native[`register${kind}`] as (
      name: string,
      priority: number,
      breakChain: boolean,
      callback: ChainCallbacks[K]
    ) => void
    const there = native[`scopeRegister${kind}`] as (
      scope: string,
      name: string,
      priority: number,
      breakChain: boolean,
      callback: ChainCallbacks[K]
    ) => void
    if (scope === undefined) here(name, priority, breakChain ?? false, callback)
    else there(scope, name, priority, breakChain ?? false, callback)
  }
  for (const policy of policies) register(policy, add, chain, around)
}

const register = (
  policy: Policy,
  add: <K extends keyof Callbacks>(kind: K, policy: Policy, callback: Callbacks[K]) => void,
  chain: <K extends keyof ChainCallbacks>(
    kind: K,
    policy: Policy,
    breakChain: boolean | undefined,
    callback: ChainCallbacks[K]
  ) => void,
  around: Around
): void => {
  // The reference has no `applies`: its callbacks look at the name themselves.
  const isFor = (name: string): boolean => !("only" in policy) || policy.only === undefined || policy.only === name
  switch (policy._tag) {
    case "Guardrail":
      if (policy.on === "tool") {
        const { check } = policy
        add(
          "ToolConditionalExecutionGuardrail",
          policy,
          (name, input) => isFor(name) ? check(input) ?? null : null
        )
      } else {
        const { check } = policy
        add("LlmConditionalExecutionGuardrail", policy, (request) => check(fromNative(request)) ?? null)
      }
      return
    case "Request":
      if (policy.on === "tool") {
        const { transform } = policy
        chain(
          "ToolRequestIntercept",
          policy,
          policy.breakChain,
          (name, input) => isFor(name) ? transform(input) : input
        )
      } else {
        const { transform } = policy
        chain("LlmRequestIntercept", policy, policy.breakChain, ({ request, ...rest }) => ({
          ...rest,
          request: toNative(transform(fromNative(request)))
        }))
      }
      return
    case "Execution":
      if (policy.on === "tool") {
        const wrap = policy.around
        add("ToolExecutionIntercept", policy, async ({ args, toolName }, next) =>
          isFor(toolName)
            ? { result: await around(() => wrap(args), async (value) => (await next(value ?? args)).result) }
            : next(args))
      } else {
        const wrap = policy.around
        add(
          "LlmExecutionIntercept",
          policy,
          (request, next) => around(() => wrap(fromNative(request)), (value) => next(requestOf(value, request)))
        )
      }
      return
    case "Stream":
      add("LlmStreamExecutionIntercept", policy, async (request, next) => {
        if ("instead" in policy) return given(policy.instead)
        return flatMap(await next(request), policy.each)
      })
      return
    case "SanitizeRequest":
      if (policy.on === "tool") {
        const { sanitize } = policy
        add("ToolSanitizeRequestGuardrail", policy, (name, input) => isFor(name) ? sanitize(input) : input)
      } else {
        const { sanitize } = policy
        add("LlmSanitizeRequestGuardrail", policy, (request) => toNative(sanitize(fromNative(request))))
      }
      return
    case "SanitizeResponse":
      if (policy.on === "tool") add("ToolSanitizeResponseGuardrail", policy, (_, result) => policy.sanitize(result))
      else add("LlmSanitizeResponseGuardrail", policy, (response) => policy.sanitize(response))
      return
    case "SanitizeMark":
      add("MarkSanitizeGuardrail", policy, fieldsOf(policy.sanitize))
      return
    case "SanitizeStart":
      add("ScopeSanitizeStartGuardrail", policy, fieldsOf(policy.sanitize))
      return
    case "SanitizeEnd":
      add("ScopeSanitizeEndGuardrail", policy, fieldsOf(policy.sanitize))
      return
    case "Inject":
      add("EventMetadataInjector", policy, policy.inject)
  }
}

/** The reference clears what is left out of the answer. */
const fieldsOf = (
  sanitize: Extract<Policy, { readonly _tag: "SanitizeMark" | "SanitizeStart" | "SanitizeEnd" }>["sanitize"]
): FieldSanitize =>
(_event, { categoryProfile = null, data, metadata }) => ({
  categoryProfile,
  ...sanitize({ data: data ?? null, metadata: (metadata ?? {}) as JsonObject })
})

async function* given(chunks: ReadonlyArray<Json>): AsyncGenerator<Json> {
  yield* chunks
}

async function* flatMap(
  chunks: AsyncIterable<Json>,
  each: (chunk: Json) => ReadonlyArray<Json>
): AsyncGenerator<Json> {
  for await (const chunk of chunks) yield* each(chunk)
}
