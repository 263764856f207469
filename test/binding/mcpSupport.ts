/** What the tests of MCP share: servers and clients in one process. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { CallToolRequestSchema, type CallToolResult } from "@modelcontextprotocol/sdk/types.js"
import * as Promises from "../../src/binding/Promises.ts"

interface Connectable {
  connect(transport: Transport): Promise<void>
  close(): Promise<void>
}

/** Lets no key out. */
export const noKeys = Promises.Guardrail.output({
  name: "no-keys",
  check: ({ value }) =>
    JSON.stringify(value).includes("sk-") ? Promises.Guardrail.reject("a key") : Promises.Guardrail.allow
})

export const newClient = () => new Client({ name: "test-client", version: "1.0.0" })

export const newServer = () => new McpServer({ name: "test-server", version: "1.0.0" })

/** A server of the low level, with one handler for all tools. */
export const plainServer = (
  call: (
    name: string,
    input: Record<string, unknown>,
    signal: AbortSignal
  ) => CallToolResult | Promise<CallToolResult>
): Server => {
  const server = new Server({ name: "plain-server", version: "1.0.0" }, { capabilities: { tools: {} } })
  server.setRequestHandler(
    CallToolRequestSchema,
    ({ params }, { signal }) => call(params.name, params.arguments ?? {}, signal)
  )
  return server
}

/** Connects both sides, runs work, and disconnects. */
export const connected = async <A>(
  client: Connectable,
  server: Connectable,
  work: () => Promise<A>,
  onMessage: (message: unknown) => void = () => undefined
): Promise<A> => {
  const [near, far] = InMemoryTransport.createLinkedPair()
  await server.connect(far)
  const send = near.send.bind(near)
  near.send = (message, options) => {
    onMessage(message)
    return send(message, options)
  }
  await client.connect(near)
  try {
    return await work()
  } finally {
    await client.close()
  }
}

export const textResult = (text: string): CallToolResult => ({ content: [{ type: "text", text }] })

/** The text of a result that a tool or a server gave. */
export const textOf = (result: unknown): string => {
  const { content } = result as CallToolResult
  return content.map((part) => part.type === "text" ? part.text : `(${part.type})`).join("")
}
