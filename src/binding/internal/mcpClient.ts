/**
 * A client of MCP whose tool calls are managed. All that a client does goes through its `request`, so what stands in front
 * of it is a proxy that has a `request` of its own: every method of the SDK that is called on it finds that one.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import type { ClientOptions } from "../Mcp.ts"
import type { Heddle } from "../Promises.ts"
import { inScope, markToolError, metadataOf, methodOf, scopeCategories, toolOf, withArguments } from "./mcpCall.ts"
import { type Message, streamed } from "./mcpStream.ts"
import { fieldsOf, type Params, withTrace } from "./mcpTrace.ts"
import { replace } from "./replace.ts"

/** What the client's side needs of a runtime. */
export type ClientHost = Pick<Heddle, "tool" | "scope" | "mark" | "capture" | "setOutput">

/** A request as the SDK sends it. */
interface Request {
  readonly method: string
  readonly params?: Params | undefined
}

/** Options of a request, as far as they matter here. */
interface RequestOptions {
  readonly signal?: AbortSignal | undefined
  readonly onprogress?: ((progress: unknown) => void) | undefined
}

/** Sends a request with these parameters and options, as the client that is not managed does. */
type Send = (params: Params, options: RequestOptions) => Promise<unknown>

/** A client like the given one, whose tool calls are managed. The given one stays as it is, and does the work. */
export const managedClient = <C extends object>(client: C, heddle: ClientHost, options: ClientOptions): C => {
  const calls = new Calls(heddle, options)
  const plainRequest = methodOf<Promise<unknown>>(client, "request")
  const plainCallTool = methodOf<Promise<unknown>>(client, "callTool")

  const callTool = (params: Params, schema: unknown, options?: RequestOptions) =>
    calls.tool(params, options, (params, options) => plainCallTool(params, schema, options))

  const request = (request: Request, schema: unknown, options?: RequestOptions) => {
    const send: Send = (params, options) => plainRequest({ ...request, params }, schema, options)
    const category = scopeCategories.get(request.method)
    return request.method === "tools/call"
      ? calls.tool(request.params, options, send)
      : category !== undefined && calls.hasScopes
      ? calls.scope(request.method, category, request.params, options, send)
      : plainRequest(calls.traced(request), schema, options)
  }

  // The SDK keeps the helpers that it makes for a client: those of this one are not those of the given one.
  let experimental: unknown
  return new Proxy(client, {
    get: (target, key, receiver) => {
      if (key === "request") return request
      if (key === "callTool") return callTool
      return key === "_experimental" ? experimental : Reflect.get(target, key, receiver)
    },
    set: (target, key, value, receiver) => {
      if (key !== "_experimental") return Reflect.set(target, key, value, receiver)
      experimental = value
      manageTasks(fieldsOf(value)["tasks"], () => fieldsOf(Reflect.get(client, "experimental"))["tasks"], calls)
      return true
    }
  })
}

// internal

/** Tool calls that may become tasks: one managed call around all of it, until there is a result. */
const manageTasks = (tasks: unknown, given: () => unknown, calls: Calls): void => {
  if (typeof tasks !== "object" || tasks === null) return
  replace(
    tasks,
    "callToolStream",
    (params: Params, schema: unknown, options?: RequestOptions) =>
      streamed(
        options?.signal,
        (signal, resultOf) =>
          calls.tool(params, { ...options, signal }, (params, options) =>
            resultOf(methodOf<AsyncIterable<Message>>(given(), "callToolStream")(params, schema, options)))
      )
  )
}

class Calls {
  private readonly heddle: ClientHost
  private readonly options: ClientOptions

  constructor(heddle: ClientHost, options: ClientOptions) {
    this.heddle = heddle
    this.options = options
  }

  get hasScopes(): boolean {
    return this.options.scopes === true
  }

  async tool(params: Params | undefined, options: RequestOptions | undefined, send: Send): Promise<unknown> {
    const { arguments: input, name } = toolOf(params)
    const { name: named, onBlocked, toolCallId } = this.options
    let sent: Promise<unknown> | undefined
    try {
      return await this.heddle.tool(named?.(name) ?? name, input, async (input, { signal }) => {
        sent = send(this.placed(withArguments(params, input)), this.following({ ...options, signal }))
        const result = await sent
        markToolError(this.heddle, result)
        return result
      }, {
        signal: options?.signal,
        metadata: metadataOf("tools/call"),
        toolCallId: toolCallId?.({ ...params, name }),
        onBlocked
      })
    } catch (error) {
      throw await asOfSdk(error, options?.signal, sent)
    }
  }

  async scope(
    method: string,
    category: string,
    params: Params | undefined,
    options: RequestOptions | undefined,
    send: Send
  ): Promise<unknown> {
    let sent: Promise<unknown> | undefined
    try {
      return await inScope(
        this.heddle,
        { method, category, params, signal: options?.signal },
        (signal) => sent = send(this.placed(params ?? {}), this.following({ ...options, signal }))
      )
    } catch (error) {
      throw await asOfSdk(error, options?.signal, sent)
    }
  }

  /** A request that is neither, which only says where it comes from. */
  traced(request: Request): Request {
    return this.options.propagate === true ? { ...request, params: withTrace(this.heddle, request.params) } : request
  }

  private placed(params: Params): Params {
    return this.options.propagate === true ? withTrace(this.heddle, params) : params
  }

  /** Progress belongs to the call, wherever the message that brings it is read. */
  private following(options: RequestOptions): RequestOptions {
    const { onprogress } = options
    if (onprogress === undefined) return options
    const inside = AsyncLocalStorage.snapshot()
    return {
      ...options,
      onprogress: (progress) =>
        inside(() => {
          this.heddle.mark("mcp.progress", { data: progress })
          onprogress(progress)
        })
    }
  }
}

/** The SDK has an error of its own for a request that is aborted when it is under way. */
const asOfSdk = async (
  error: unknown,
  signal: AbortSignal | undefined,
  sent: Promise<unknown> | undefined
): Promise<unknown> =>
  signal?.aborted === true && error === signal.reason && sent !== undefined
    ? sent.then(() => error, (own: unknown) => own)
    : error
