/** What both sides of MCP share: a request that is a tool call, and its result. */
import type { Heddle } from "../Promises.ts"
import { fieldsOf, type Params } from "./mcpTrace.ts"

/** A tool call as both sides know it. */
export interface ToolParams {
  readonly name: string
  readonly arguments: unknown
}

/** The name of a tool that has none, which every SDK refuses later. */
const nameless = "unknown"

/** Reads the parameters of `tools/call`. Absent arguments are none. */
export const toolOf = (params: Params | undefined): ToolParams => {
  const name = params?.["name"]
  return { name: typeof name === "string" ? name : nameless, arguments: params?.["arguments"] ?? {} }
}

/** The parameters with what policies left of the arguments; absent ones stay absent. */
export const withArguments = (params: Params | undefined, input: unknown): Params =>
  params?.["arguments"] === undefined && Object.keys(fieldsOf(input)).length === 0
    ? { ...params }
    : { ...params, arguments: input }

/** Says that a result is a tool's own error: a value for the model, by the protocol. */
export const markToolError = (heddle: Pick<Heddle, "mark">, result: unknown): void => {
  if (fieldsOf(result)["isError"] === true) heddle.mark("mcp.tool_error", { severity: "warn" })
}

/** Requests that can be scopes, with their categories. */
export const scopeCategories: ReadonlyMap<string, string> = new Map([
  ["resources/read", "retriever"],
  ["prompts/get", "function"]
])

/** `prompts/get <name>`; the address of a resource is no part of a name. */
const scopeName = (method: string, params: Params | undefined): string => {
  const name = params?.["name"]
  return typeof name === "string" ? `${method} ${name}` : method
}

/** Runs such a request in its scope, which shows the parameters and the result. */
export const inScope = <A>(
  heddle: Pick<Heddle, "scope" | "setOutput">,
  { category, method, params, signal }: {
    readonly method: string
    readonly category: string
    readonly params: Params | undefined
    readonly signal: AbortSignal | undefined
  },
  send: (signal: AbortSignal) => Promise<A>
): Promise<A> => {
  const { _meta, ...input } = params ?? {}
  const options = { category, input, metadata: metadataOf(method), signal }
  return heddle.scope(scopeName(method, params), options, async (_, { signal }) => {
    const result = await send(signal)
    heddle.setOutput(result)
    return result
  })
}

/** As OpenTelemetry's conventions for MCP name it. */
export const metadataOf = (method: string): Readonly<Record<string, unknown>> => ({ "mcp.method.name": method })

/** A method of an object that must have it; what it gives is known to whoever asks. */
export const methodOf = <A>(target: unknown, name: string): (...args: ReadonlyArray<unknown>) => A => {
  const method: unknown = Reflect.get(Object(target), name)
  if (typeof method !== "function") {
    throw new TypeError(`its calls cannot be managed: it has no ${name}; expected a supported version of the MCP SDK`)
  }
  return (...args) => Reflect.apply(method, target, args)
}
