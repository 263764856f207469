/**
 * Tools of the SDK whose executions are managed tool calls.
 */
import type { ToolExecuteFunction, ToolExecutionOptions, ToolSet } from "ai"
import type { GuardrailRejected } from "../../call/CallError.ts"
import type { Heddle } from "../Promises.ts"

/** What the calls of tools need of a runtime. */
export type Host = Pick<Heddle, "tool" | "explain">

export interface ToolOptions {
  /** Turns a block into what the model is told instead. */
  readonly onBlocked?: ((rejection: GuardrailRejected, tool: string) => unknown) | undefined
}

/** The same tools, with executions that are managed. What the SDK does not execute stays as it is. */
export const managedTools = <Tools extends ToolSet>(heddle: Host, tools: Tools, options: ToolOptions): Tools => {
  const managed = Object.entries(tools).map(([name, tool]) => [name, managedTool(heddle, name, tool, options)] as const)
  // Each tool has the type that it had.
  return Object.fromEntries(managed) as Tools
}

// internal

type Execute = ToolExecuteFunction<unknown, unknown, never>
type Options = ToolExecutionOptions<never>

const managedTool = <T extends ToolSet[string]>(heddle: Host, name: string, tool: T, options: ToolOptions): T => {
  const plain = tool.execute as Execute | undefined
  if (plain === undefined) return tool
  const execution = new Execution(heddle, name, plain.bind(tool), options)
  return { ...tool, execute: isGenerator(plain) ? execution.generate.bind(execution) : execution.run.bind(execution) }
}

/** Whether a function is declared to give results one after the other. */
const isGenerator = (execute: Execute): boolean =>
  Object.prototype.toString.call(execute) === "[object AsyncGeneratorFunction]"

class Execution {
  readonly #heddle: Host
  readonly #name: string
  readonly #execute: Execute
  readonly #options: ToolOptions

  constructor(heddle: Host, name: string, execute: Execute, options: ToolOptions) {
    this.#heddle = heddle
    this.#name = name
    this.#execute = execute
    this.#options = options
  }

  /** An execution with one result: of several, the last. */
  run(input: unknown, options: Options): Promise<unknown> {
    return this.#call(input, options, options.abortSignal, (result) => isIterable(result) ? lastOf(result) : result)
  }

  /**
   * An execution with preliminary results. The last one is the result, which policies judge: where they may refuse it, the
   * others are not given out.
   */
  async *generate(input: unknown, options: Options): AsyncGenerator<unknown> {
    const leaving = new AbortController()
    const { abortSignal } = options
    const signal = abortSignal === undefined ? leaving.signal : AbortSignal.any([abortSignal, leaving.signal])
    const results = new Handover()
    let last: unknown
    const isJudged = (input: unknown) =>
      this.#heddle.explain({ kind: "tool", name: this.#name, input, toolCallId: options.toolCallId })
        .runs.some(({ kind }) => kind === "outputGuardrail")
    const ended = this.#call(input, options, signal, async (result, input, signal) => {
      if (!isIterable(result)) return result
      const isHeld = isJudged(input)
      for await (const preliminary of result) {
        last = preliminary
        if (!isHeld) await results.give(preliminary)
        if (signal.aborted) break
      }
      return last
    })
    ended.then(results.close, results.close)
    let given: { readonly value: unknown } | undefined
    try {
      for await (const value of results.taken()) {
        given = { value }
        yield value
      }
      const result = await ended
      // What is given out last is the result.
      if (given === undefined || given.value !== result) yield result
    } finally {
      leaving.abort()
      results.close()
      await ended.catch(() => undefined)
    }
  }

  #call(
    input: unknown,
    options: Options,
    signal: AbortSignal | undefined,
    resultOf: (result: unknown, input: unknown, signal: AbortSignal) => unknown
  ): Promise<unknown> {
    const { onBlocked } = this.#options
    const work = async (input: unknown, { signal }: { readonly signal: AbortSignal }) =>
      resultOf(await this.#execute(input, { ...options, abortSignal: signal }), input, signal)
    return this.#heddle.tool(this.#name, input, work, {
      toolCallId: options.toolCallId,
      signal,
      onBlocked: onBlocked && ((rejection) => onBlocked(rejection, this.#name))
    })
  }
}

/** Hands values over one by one: who gives waits until the next is asked for, or nobody takes any more. */
class Handover {
  #offer: { readonly value: unknown } | undefined
  #release: (() => void) | undefined
  #isClosed = false
  #wake: (() => void) | undefined

  give(value: unknown): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((release) => {
      this.#offer = { value }
      this.#release = release
      this.#wake?.()
    })
  }

  readonly close = (): void => {
    this.#isClosed = true
    this.#offer = undefined
    this.#release?.()
    this.#wake?.()
  }

  async *taken(): AsyncGenerator<unknown> {
    for (;;) {
      const offer = this.#offer
      if (offer !== undefined) {
        this.#offer = undefined
        yield offer.value
        this.#release?.()
      } else if (this.#isClosed) return
      else {
        await new Promise<void>((wake) => {
          this.#wake = wake
        })
      }
    }
  }
}

const isIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value

const lastOf = async (results: AsyncIterable<unknown>): Promise<unknown> => {
  let last: unknown
  for await (const result of results) last = result
  return last
}
