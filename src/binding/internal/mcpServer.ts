/**
 * A server of MCP whose tool calls are managed. Its handlers stand in one map by their methods, whoever has registered
 * them: `McpServer` for its tools, or the application with `setRequestHandler`. There they are replaced.
 */
import { CallError, RuntimeClosed } from "../../call/CallError.ts"
import type { ServerOptions } from "../Mcp.ts"
import type { Heddle } from "../Promises.ts"
import { answerTo } from "./mcpBlock.ts"
import { inScope, markToolError, metadataOf, scopeCategories, toolOf, withArguments } from "./mcpCall.ts"
import { type Params, traceOf } from "./mcpTrace.ts"
import { replace } from "./replace.ts"

/** What the server's side needs of a runtime. */
export type ServerHost = Pick<Heddle, "tool" | "scope" | "mark" | "continueFrom" | "setOutput">

/** A request as the SDK hands it to a handler, not checked yet. */
interface Request {
  readonly method: string
  readonly params?: Params | undefined
}

/** What handlers get besides, as far as it matters here. */
interface Extra {
  readonly signal: AbortSignal
  readonly requestId?: string | number | undefined
}

type Handler = (request: Request, extra: Extra) => Promise<unknown>

/** Puts the tool calls of a server under a runtime: those of handlers that it has, and of those that it gets. */
export const manageServer = (server: object, heddle: ServerHost, options: ServerOptions): void => {
  const inner: unknown = Reflect.get(server, "server") ?? server
  const handlers: unknown = Reflect.get(Object(inner), "_requestHandlers")
  const setRequestHandler: unknown = Reflect.get(Object(inner), "setRequestHandler")
  if (!(handlers instanceof Map) || typeof setRequestHandler !== "function") {
    throw new TypeError(
      "its calls cannot be managed: it has no request handlers; expected a supported version of the MCP SDK"
    )
  }
  const calls = new Calls(heddle, options, thrownBy(server))
  const managed = new WeakSet<Handler>()
  const manage = () => {
    for (const [method, wrap] of calls.methods) {
      const handler: Handler | undefined = handlers.get(method)
      if (handler === undefined || managed.has(handler)) continue
      const own = wrap(handler)
      managed.add(own)
      handlers.set(method, own)
    }
  }
  replace(Object(inner), "setRequestHandler", (...args: ReadonlyArray<unknown>) => {
    Reflect.apply(setRequestHandler, inner, args)
    manage()
  })
  manage()
}

// internal

/** What a tool threw, for the request whose `extra` it got. */
type Thrown = WeakMap<Extra, { readonly error: unknown }>

/** `McpServer` makes results of what its tools throw: here it is noted, so that calls fail with it. */
const thrownBy = (server: object): Thrown => {
  const thrown: Thrown = new WeakMap()
  const execute: unknown = Reflect.get(server, "executeToolHandler")
  if (typeof execute === "function") {
    replace(server, "executeToolHandler", async (tool: unknown, input: unknown, extra: Extra) => {
      try {
        return await Reflect.apply(execute, server, [tool, input, extra])
      } catch (error) {
        thrown.set(extra, { error })
        throw error
      }
    })
  }
  return thrown
}

/** How the work of a call failed: what was thrown, and what the SDK answers to it, unless it throws too. */
interface Failure {
  readonly error: unknown
  readonly answer: (() => unknown) | undefined
}

class Calls {
  readonly methods: ReadonlyMap<string, (handler: Handler) => Handler>
  private readonly heddle: ServerHost
  private readonly options: ServerOptions
  private readonly thrown: Thrown

  constructor(heddle: ServerHost, options: ServerOptions, thrown: Thrown) {
    this.heddle = heddle
    this.options = options
    this.thrown = thrown
    const scopes = options.scopes === true ? [...scopeCategories] : []
    this.methods = new Map([
      ["tools/call", (handler: Handler): Handler => (request, extra) => this.tool(handler, request, extra)],
      ...scopes.map(([method, category]) =>
        [
          method,
          (handler: Handler): Handler => (request, extra) => this.scope(category, handler, request, extra)
        ] as const
      )
    ])
  }

  private async tool(handler: Handler, request: Request, extra: Extra): Promise<unknown> {
    const { arguments: input, name } = toolOf(request.params)
    const { requestId, signal } = extra
    let failure: Failure | undefined
    const work = async (input: unknown, { signal }: { readonly signal: AbortSignal }) => {
      failure = undefined
      const given = { ...extra, signal }
      let result: unknown
      try {
        result = await handler({ ...request, params: withArguments(request.params, input) }, given)
      } catch (error) {
        failure = { error, answer: undefined }
        throw error
      }
      const thrown = this.thrown.get(given)
      if (thrown !== undefined) {
        failure = { error: thrown.error, answer: () => result }
        throw thrown.error
      }
      markToolError(this.heddle, result)
      return result
    }
    try {
      return await this.continuing(request, () =>
        this.heddle.tool(this.options.name?.(name) ?? name, input, work, {
          signal,
          metadata: { ...metadataOf("tools/call"), "jsonrpc.request.id": String(requestId) }
        }))
    } catch (error) {
      if (failure !== undefined && failure.error === error) {
        if (failure.answer === undefined) throw error
        return failure.answer()
      }
      if (error instanceof CallError || error instanceof RuntimeClosed) return answerTo(error, this.options.onBlocked)
      throw error
    }
  }

  private scope(category: string, handler: Handler, request: Request, extra: Extra): Promise<unknown> {
    const { method, params } = request
    return this.continuing(
      request,
      () =>
        inScope(
          this.heddle,
          { method, category, params, signal: extra.signal },
          (signal) => handler(request, { ...extra, signal })
        )
    )
  }

  /** Runs work where the request says that it comes from. */
  private continuing<A>({ params }: Request, work: () => Promise<A>): Promise<A> {
    if (this.options.continueTrace === false) return work()
    const { diagnostics, ...context } = traceOf(params)
    for (const diagnostic of diagnostics) this.options.onDiagnostic?.(diagnostic)
    const isSilent = context.scope === undefined && context.trace === undefined && context.baggage.size === 0
    return isSilent ? work() : this.heddle.continueFrom(context, work)
  }
}
