/**
 * The Model Context Protocol, put under a runtime with one line on each side: the tool calls of a client of the official
 * SDK (`@modelcontextprotocol/sdk`) are managed, and so are those that a server answers.
 *
 * **What is governed**
 *
 * - Of a client: `callTool`, `experimental.tasks.callToolStream`, and every other `tools/call` that goes through it.
 * - Of a server: every `tools/call`, whether its tool is one of `McpServer` or the handler was set with
 *   `setRequestHandler`, before or later.
 * - With `scopes`, `resources/read` and `prompts/get` are scopes of their own: they have events, and no policies.
 *
 * **What is not**
 *
 * Lists, pings, completions, subscriptions, sampling and elicitation pass as they are.
 *
 * A result with `isError` is a result: guardrails judge it, the model gets it, and its call ends as success with a mark
 * `mcp.tool_error`. What a tool of a managed server throws ends its call as a failure.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js"
import type { CallError, GuardrailRejected, RuntimeClosed } from "../call/CallError.ts"
import type { Diagnostic } from "../scope/Propagation.ts"
import { type ClientHost, managedClient } from "./internal/mcpClient.ts"
import { manageServer, type ServerHost } from "./internal/mcpServer.ts"

/**
 * How a client is managed.
 *
 * **Details**
 *
 * - `propagate`: requests say which scope they come from, in `_meta` (`traceparent`, `tracestate`, `baggage`, as SEP-414
 *   has it). Every server that the client is connected to reads it.
 * - `name`: what a tool is called on events and before policies. Tools of two servers may have the same name. It never
 *   changes which tool is called.
 * - `toolCallId`: the id that a model gave the call; the protocol knows none.
 * - `onBlocked`: turns a block into a result for the model. The call still ends `Blocked`.
 * - `scopes`: whether `resources/read` and `prompts/get` are scopes.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ClientOptions {
  readonly propagate?: boolean | undefined
  readonly name?: ((tool: string) => string) | undefined
  readonly toolCallId?: ((params: ToolCallParams) => string | undefined) | undefined
  readonly onBlocked?: ((rejection: GuardrailRejected) => CallToolResult) | undefined
  readonly scopes?: boolean | undefined
}

/**
 * The parameters of a tool call, as the client was given them.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ToolCallParams {
  readonly name: string
  readonly arguments?: unknown
  readonly _meta?: unknown
}

/**
 * How a server is managed.
 *
 * **Details**
 *
 * - `onBlocked`: what the client gets for a call that policy refused. `"result"`, which is the default, is a tool result
 *   with `isError` that tells the model the reason of the guardrail; `"error"` an error of JSON-RPC (`-32600`, with the tag
 *   of the reason as `data.reason`); a function makes a result of its own. Except to that function, nothing is told of
 *   failures inside of policies.
 * - `continueTrace`: whether calls are children of the scope that `_meta` says they come from, which is the default. It is
 *   not trusted: malformed parts are ignored and told to `onDiagnostic`.
 * - `name`, `scopes`: as of a client.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions {
  readonly onBlocked?: "result" | "error" | ((error: CallError | RuntimeClosed) => CallToolResult) | undefined
  readonly continueTrace?: boolean | undefined
  readonly onDiagnostic?: ((diagnostic: Diagnostic) => void) | undefined
  readonly name?: ((tool: string) => string) | undefined
  readonly scopes?: boolean | undefined
}

/**
 * A client of the SDK, as far as it matters here: any `Client`, with any types of requests.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface AnyClient {
  callTool(params: never, resultSchema?: never, options?: never): Promise<unknown>
  request(request: never, resultSchema: never, options?: never): Promise<unknown>
}

/**
 * A server of the SDK, as far as it matters here: any `McpServer` or `Server`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type AnyServer = AnyLowLevelServer | { readonly server: AnyLowLevelServer }

interface AnyLowLevelServer {
  setRequestHandler(schema: never, handler: never): void
}

/**
 * A client like the given one, whose tool calls are managed calls of the runtime.
 *
 * **Details**
 *
 * - It is the same connection: either of the two may be connected and closed. The given client is not changed, and what is
 *   called on it is not managed.
 * - A block rejects with the `CallError` itself. Everything else rejects as the SDK says: `McpError` for timeouts, aborted
 *   requests and errors of the server.
 * - `signal`, `timeout`, `onprogress` and all other options of a request are kept. When policies or their runtime interrupt
 *   a call, the server is told (`notifications/cancelled`). Progress that is asked for is also a mark `mcp.progress` under
 *   the call.
 * - The schema that a tool has for its results is checked inside the call: a result that policies put in place is not.
 *
 * **Example** (An agent's tools under policy)
 *
 * ```ts
 * const client = Mcp.client(new Client({ name: "agent", version: "1.0.0" }), heddle, { propagate: true })
 * await client.connect(transport)
 * const result = await client.callTool({ name: "search", arguments: { query } })
 * ```
 *
 * @throws {TypeError} for something that is no client of the SDK
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const client = <C extends AnyClient>(client: C, heddle: ClientHost, options: ClientOptions = {}): C =>
  managedClient(client, heddle, options)

/**
 * Puts the tool calls of a server under a runtime, and gives the server back.
 *
 * **Details**
 *
 * - Policies judge the arguments as they were sent. What request intercepts make of them is checked by the schema of the
 *   tool, like all arguments.
 * - A call that the client cancels (`notifications/cancelled`), or whose connection closes, is interrupted, and the
 *   `signal` of its handler is aborted.
 * - A tool that is answered with a task ends its call when the task is there; what the task does is not part of it.
 * - A `fallbackRequestHandler` is not governed.
 *
 * **Example** (Guarded tools for everybody)
 *
 * ```ts
 * const server = Mcp.server(new McpServer({ name: "files", version: "1.0.0" }), heddle)
 * server.registerTool("read", { inputSchema: { path: z.string() } }, async ({ path }) => read(path))
 * await server.connect(new StdioServerTransport())
 * ```
 *
 * @throws {TypeError} for something that is no server of the SDK
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const server = <S extends AnyServer>(server: S, heddle: ServerHost, options: ServerOptions = {}): S => {
  manageServer(server, heddle, options)
  return server
}
