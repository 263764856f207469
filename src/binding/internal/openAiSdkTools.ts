/** The functions that `runTools` runs, as managed tool calls. */
import type { OpenAI } from "openai"
import type { Options } from "../OpenAiSdk.ts"
import type { Host } from "./sdk.ts"

type Completions = OpenAI["chat"]["completions"]
type RunTools = (body: Body, options: unknown) => unknown

interface Body {
  readonly tools: ReadonlyArray<Tool>
}

/** A tool of either form: written out, or made by a helper that validates, whose functions are hidden properties. */
interface Tool {
  readonly type: string
  readonly function: Partial<Runnable> & { readonly name?: string | undefined }
  readonly $callback?: Runnable["function"] | undefined
  readonly $parseRaw?: Runnable["parse"]
}

interface Runnable {
  readonly function: (input: unknown, runner: Runner, context: unknown) => unknown
  readonly parse?: ((text: string) => unknown) | undefined
}

interface ToolCall {
  readonly id: string
  readonly function?: { readonly name: string; readonly arguments: string } | undefined
}

/** What functions get of the run that they belong to. */
interface Runner {
  readonly controller: AbortController
  readonly messages: ReadonlyArray<{ readonly tool_calls?: ReadonlyArray<ToolCall> | undefined }>
}

/** `runTools` of a client, with tools that are managed. */
export const managedRunTools = (completions: Completions, heddle: Host, options: Options): RunTools => {
  const plain: unknown = Reflect.get(completions, "runTools")
  if (typeof plain !== "function") throw new TypeError("its tools cannot be managed: the client has no runTools")
  return (body, runnerOptions) => {
    const ids = new Ids()
    const managed = (tool: Tool) => managedTool(tool, heddle, options, ids)
    return Reflect.apply(plain, completions, [{ ...body, tools: body.tools.map(managed) }, runnerOptions])
  }
}

// internal

const managedTool = (tool: Tool, heddle: Host, options: Options, ids: Ids): Tool => {
  const { $callback, $parseRaw, function: { function: written, name = written?.name ?? "", parse } } = tool
  if ($callback !== undefined) {
    const runnable = managedFunction(name, { function: $callback, parse: $parseRaw }, heddle, options, ids)
    // With all properties as they are, the hidden ones too.
    return Object.defineProperties({ ...tool }, {
      ...Object.getOwnPropertyDescriptors(tool),
      $callback: { value: runnable.function },
      $parseRaw: { value: runnable.parse }
    })
  }
  if (tool.type !== "function" || written === undefined) return tool
  const runnable = managedFunction(name, { function: written, parse }, heddle, options, ids)
  return { ...tool, function: { ...tool.function, ...runnable, name } }
}

const managedFunction = (
  name: string,
  { function: run, parse }: Runnable,
  heddle: Host,
  { onToolBlocked }: Options,
  ids: Ids
): Runnable => {
  const call = (input: unknown, text: string | undefined, runner: Runner, work: (input: unknown) => unknown) =>
    heddle.tool(name, input, work, {
      toolCallId: text === undefined ? undefined : ids.take(name, text, runner),
      signal: runner.controller.signal,
      onBlocked: onToolBlocked === undefined ? undefined : (rejection) => onToolBlocked(rejection, name)
    })
  if (parse === undefined) {
    // The function takes text; policies see what it says, and it gets its own text unless they changed that.
    return {
      function: (text, runner, context) => {
        const input = readOr(String(text))
        const before = JSON.stringify(input)
        return call(input, String(text), runner, (input) => {
          const after = JSON.stringify(input)
          return run(after === before ? text : typeof input === "string" ? input : after, runner, context)
        })
      }
    }
  }
  const texts = new WeakMap<object, string>()
  return {
    parse: async (text) => {
      const input = await parse(text)
      if (typeof input === "object" && input !== null) texts.set(input, text)
      return input
    },
    function: (input, runner, context) => {
      const text = typeof input === "object" && input !== null ? texts.get(input) : undefined
      return call(input, text, runner, (input) => run(input, runner, context))
    }
  }
}

/** JSON, or the text if it is none. */
const readOr = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** Finds the ids of the calls that functions are run for: the SDK tells a function its arguments only. */
class Ids {
  private readonly taken = new WeakSet<ToolCall>()

  take(name: string, text: string, { messages }: Runner): string | undefined {
    const asked = messages.findLast(({ tool_calls }) => tool_calls !== undefined)?.tool_calls
    const call = asked?.find((call) =>
      call.function?.name === name && call.function.arguments === text && !this.taken.has(call)
    )
    if (call !== undefined) this.taken.add(call)
    return call?.id
  }
}
