/** The tools that tool runners run, as managed tool calls. */
import { replace } from "./replace.ts"
import type { Host } from "./sdk.ts"

/** Params of whatever takes tools. */
interface Params {
  readonly tools?: ReadonlyArray<object> | undefined
}

type Change = Params | ((params: Params) => Params)

interface ToolUse {
  readonly id: string
  readonly name: string
  readonly input: unknown
  readonly toolset_name?: string | null | undefined
}

interface RunContext {
  readonly toolUse: ToolUse
  readonly signal?: AbortSignal | null | undefined
}

/** Puts the tools of a client's runners and threads under a runtime. Clients of other clouds may have neither. */
export const withManagedTools = (client: object, heddle: Host): void => {
  const messages = propertyOf(propertyOf(client, "beta"), "messages")
  if (messages === undefined) return
  const tools = new Tools(heddle)
  around(messages, "toolRunner", (plain) => (params: Params, options: unknown) => {
    const runner = plain(tools.of(params), options)
    if (typeof runner !== "object" || runner === null) return runner
    around(runner, "addTools", (add) => (...added: ReadonlyArray<object>) => add(...added.map(tools.managed)))
    around(
      runner,
      "setMessagesParams",
      (set) => (change: Change) =>
        set(typeof change === "function" ? (params: Params) => tools.of(change(params)) : tools.of(change))
    )
    return runner
  })
  around(messages, "thread", (plain) => (params: Params, options: unknown) => plain(tools.of(params), options))
}

// internal

type Method = (...args: ReadonlyArray<unknown>) => unknown

/** Puts a function around a method, if it is there. */
const around = (target: object, name: string, wrap: (plain: Method) => (...args: Array<never>) => unknown): void => {
  const method: unknown = Reflect.get(target, name)
  if (typeof method === "function") replace(target, name, wrap((...args) => Reflect.apply(method, target, args)))
}

const propertyOf = (value: object | undefined, name: string): object | undefined => {
  const property: unknown = value === undefined ? undefined : Reflect.get(value, name)
  return typeof property === "object" && property !== null ? property : undefined
}

/** Tools as managed ones, each once: params that are changed have those that are managed already. */
class Tools {
  private readonly heddle: Host
  private readonly done = new WeakSet<object>()

  constructor(heddle: Host) {
    this.heddle = heddle
  }

  of(params: Params): Params {
    return params.tools === undefined ? params : { ...params, tools: params.tools.map(this.managed) }
  }

  readonly managed = (tool: object): object => {
    const run: unknown = Reflect.get(tool, "run")
    if (typeof run !== "function" || this.done.has(tool)) return tool
    const managedRun = "input_schema" in tool || !isToolset(tool)
      ? (input: unknown, context: RunContext, ...rest: ReadonlyArray<unknown>) =>
        this.call(context.toolUse, input, context, (input) => Reflect.apply(run, tool, [input, context, ...rest]))
      : (context: RunContext, use: ToolUse) =>
        this.call(use, use.input, context, (input) => Reflect.apply(run, tool, [context, { ...use, input }]))
    // What else a tool is stays its own, whatever it is an instance of.
    const managed = new Proxy(tool, {
      get: (target, key) => {
        if (key === "run") return managedRun
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === "function" ? value.bind(target) : value
      }
    })
    this.done.add(managed)
    return managed
  }

  private call(use: ToolUse, input: unknown, { signal }: RunContext, work: (input: unknown) => unknown) {
    const name = use.toolset_name ? `${use.toolset_name}.${use.name}` : use.name
    return this.heddle.tool(name, input, work, { toolCallId: use.id, signal: signal ?? undefined })
  }
}

/** Toolsets are run for each of their members, with other arguments. */
const isToolset = (tool: object): boolean => /_toolset_\d{8}$/.test(String(Reflect.get(tool, "type")))
