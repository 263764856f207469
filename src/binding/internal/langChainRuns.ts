/** Where runs of LangChain are among the scopes of a runtime. */
import { CallbackManager } from "@langchain/core/callbacks/manager"
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons"
import type { ScopeHandle } from "../../scope/ExecutionScope.ts"
import type { Heddle } from "../Promises.ts"

/** What of a runtime this binding stands on. */
export type Host = Pick<
  Heddle,
  | "current"
  | "llm"
  | "llmEnd"
  | "llmStart"
  | "llmStream"
  | "mark"
  | "scope"
  | "setOutput"
  | "tool"
  | "toolEnd"
  | "toolStart"
  | "within"
>

/** How a run ended. What LangGraph throws to pause a graph, or to leave a node, is no error. */
export type Ending =
  | { readonly _tag: "Success"; readonly output: unknown }
  | { readonly _tag: "Failure"; readonly error: unknown }
  | { readonly _tag: "Interrupted"; readonly reason: unknown; readonly interrupts?: ReadonlyArray<unknown> | undefined }

interface Run {
  readonly parentId: string | undefined
  /** What is started inside of the run hangs under it. */
  readonly scope: ScopeHandle | undefined
  /** The scope that the code was in when the run started: callbacks cannot change that. */
  readonly outside: string | undefined
  readonly end: ((ending: Ending) => Promise<void>) | undefined
  readonly inner: Set<string>
}

/** The runs of a callback handler that are going on. */
export class Runs {
  readonly #heddle: Host
  readonly #open = new Map<string, Run>()

  constructor(heddle: Host) {
    this.#heddle = heddle
  }

  /** What is to be the parent of something that the running code starts inside of a run. */
  inside(runId: string | undefined): ScopeHandle | undefined {
    const current = this.#heddle.current()
    const run = runId === undefined ? undefined : this.#open.get(runId)
    // Where the code has opened a scope or a call of its own since, that is further inside.
    return run === undefined || current?.uuid !== run.outside ? current : run.scope
  }

  /** Whether what the code is in stands inside of a run already. */
  isInside(scope: ScopeHandle, runId: string | undefined): boolean {
    for (let run = this.#open.get(runId ?? ""); run !== undefined; run = this.#open.get(run.parentId ?? "")) {
      if (run.scope?.uuid === scope.uuid) return true
    }
    return false
  }

  begin(runId: string, parentId: string | undefined, scope: ScopeHandle | undefined, end?: Run["end"]): void {
    const outside = this.#heddle.current()?.uuid
    this.#open.set(runId, { parentId, scope, outside, end, inner: new Set() })
    this.#open.get(parentId ?? "")?.inner.add(runId)
  }

  /** Ends a run, after those inside of it that LangChain has not ended: streams that nobody reads on. */
  async end(runId: string, ending: Ending): Promise<void> {
    const run = this.#open.get(runId)
    if (run === undefined) return
    this.#open.delete(runId)
    this.#open.get(run.parentId ?? "")?.inner.delete(runId)
    const reason = ending._tag === "Interrupted" ? ending.reason : undefined
    await Promise.all([...run.inner].map((inner) => this.end(inner, { _tag: "Interrupted", reason })))
    await run.end?.(ending)
  }
}

/** Runs a scope by hand: gives it when it has opened, and how to end it. */
export const openScope = (
  heddle: Host,
  parent: ScopeHandle | undefined,
  name: string,
  options: Omit<NonNullable<Parameters<Host["scope"]>[1]> & object, "signal">
): Promise<{ readonly scope: ScopeHandle; readonly end: (ending: Ending) => Promise<void> }> =>
  new Promise((resolve, reject) => {
    const ended = deferred<Ending>()
    const controller = new AbortController()
    const work = async (scope: ScopeHandle) => {
      const end = (ending: Ending) => {
        ended.resolve(ending)
        return closed
      }
      resolve({ scope, end })
      const ending = await ended.promise
      if (ending._tag === "Failure") throw ending.error
      if (ending._tag === "Success") return heddle.setOutput(ending.output)
      markInterrupt(heddle, ending.interrupts)
      controller.abort(ending.reason)
    }
    // What the scope fails with is the run's own error, which LangChain throws. Before it has opened, nobody else tells.
    const closed = within(heddle, parent, () => heddle.scope(name, { ...options, signal: controller.signal }, work))
      .catch(reject)
  })

/** A promise, and how to resolve it. */
export const deferred = <A = void>(): { readonly promise: Promise<A>; readonly resolve: (value: A) => void } => {
  let resolve: (value: A) => void = () => undefined
  const promise = new Promise<A>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** Runs work inside of a scope, unless it is there already. */
export const within = <A>(heddle: Host, scope: ScopeHandle | undefined, work: () => Promise<A>): Promise<A> =>
  scope === undefined || scope.uuid === heddle.current()?.uuid ? work() : heddle.within(scope, work)

/** The mark of a graph that waits for an answer. */
export const markInterrupt = (heddle: Host, interrupts: ReadonlyArray<unknown> | undefined): void => {
  if (interrupts !== undefined) heddle.mark("Graph Interrupt", { data: { interrupts } })
}

/** What LangGraph throws that is no error, with what it asks for. */
export const bubbleOf = (
  error: unknown
): { readonly interrupts: ReadonlyArray<unknown> | undefined } | undefined => {
  if (!(error instanceof Error && "is_bubble_up" in error && error.is_bubble_up === true)) return undefined
  return { interrupts: "interrupts" in error && Array.isArray(error.interrupts) ? error.interrupts : undefined }
}

// the handler

/** A callback handler that knows where runs are. */
export interface RunHandler {
  readonly heddle: Host
  readonly runs: Runs
}

const isHandlerOf = (heddle: Host) => (handler: object): handler is RunHandler & object =>
  "heddle" in handler && handler.heddle === heddle && "runs" in handler && handler.runs instanceof Runs

/** The scope of the run that the code is in, as far as callbacks of this runtime were told. */
export const scopeOfRun = (
  heddle: Host,
  run?: { readonly handlers: ReadonlyArray<object>; readonly runId: string } | undefined
): ScopeHandle | undefined => {
  if (run !== undefined) return runsOf(heddle, run.handlers)?.inside(run.runId)
  const callbacks: unknown = AsyncLocalStorageProviderSingleton.getRunnableConfig()?.callbacks
  if (!(callbacks instanceof CallbackManager)) return undefined
  return runsOf(heddle, callbacks.handlers)?.inside(callbacks.getParentRunId())
}

const runsOf = (heddle: Host, handlers: ReadonlyArray<object>): Runs | undefined =>
  handlers.find(isHandlerOf(heddle))?.runs
