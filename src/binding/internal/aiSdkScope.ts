import type { ScopeHandle } from "../../scope/ExecutionScope.ts"
import type { Heddle, ScopeOptions } from "../Promises.ts"

/** What scopes need of a runtime. */
export type Host = Pick<Heddle, "scope" | "within" | "setOutput">

type Ending =
  | { readonly _tag: "Success"; readonly output: unknown }
  | { readonly _tag: "Failure"; readonly error: unknown }

/** A scope that is opened and closed by what somebody else tells. It fails for nobody. */
export class OpenScope {
  readonly #heddle: Host
  readonly #leaving = new AbortController()
  readonly #ended: Promise<Ending>
  #end!: (ending: Ending) => void
  #handle: ScopeHandle | undefined
  /** When it is open, or could not be opened. */
  readonly opened: Promise<void>
  readonly closed: Promise<void>

  constructor(heddle: Host, name: string, options: ScopeOptions, parent?: OpenScope) {
    this.#heddle = heddle
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
    let markOpened: () => void
    this.opened = new Promise((resolve) => {
      markOpened = resolve
    })
    const open = () =>
      heddle.scope(name, { ...options, signal: this.#leaving.signal }, async (handle) => {
        this.#handle = handle
        markOpened()
        const ending = await this.#ended
        if (ending._tag === "Failure") throw ending.error
        if (ending.output !== undefined) heddle.setOutput(ending.output)
      })
    const forNobody = () => undefined
    this.closed = (parent === undefined ? open() : parent.run(open)).then(forNobody, forNobody)
    void this.closed.then(() => markOpened())
  }

  inside(name: string, options: ScopeOptions): OpenScope {
    return new OpenScope(this.#heddle, name, options, this)
  }

  /** Runs work inside of it, or where it is if that cannot be. What the work gives is its own. */
  async run<A>(work: () => PromiseLike<A>): Promise<A> {
    const handle = this.#handle
    if (handle === undefined) return work()
    let running: PromiseLike<A> | undefined
    try {
      await this.#heddle.within(handle, () => {
        running = work()
        return running
      })
    } catch {
      // It is what the work threw, which is thrown again, or the work was not begun.
    }
    return running ?? work()
  }

  succeed(output: unknown): void {
    this.#end({ _tag: "Success", output })
  }

  fail(error: unknown): void {
    this.#end({ _tag: "Failure", error })
  }

  interrupt(reason: unknown): void {
    this.#leaving.abort(reason)
  }
}
