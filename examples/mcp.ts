// One trace across two processes of MCP: an agent calls the tools of a server that it starts itself. Policies stand on both
// sides: the agent's refuse a tool, and what comes back; the server's refuse a file. Import "heddle/binding/Mcp".
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import * as Result from "effect/Result"
import { once } from "node:events"
import { createInterface } from "node:readline"
import type { PassThrough } from "node:stream"
import { fileURLToPath } from "node:url"
import { z } from "zod"
import * as Mcp from "../src/binding/Mcp.ts"
import { CallError, Guardrail, make } from "../src/binding/Promises.ts"
import { Atof, type LifecycleEvent } from "../src/index.ts"
import { EventTree } from "../src/testing/index.ts"

const unless = (found: boolean, reason: string) => found ? Guardrail.reject(reason) : Guardrail.allow

/** The server: its tools are guarded, whoever calls them. What happens goes to standard error, a line for each event. */
const serve = async () => {
  const heddle = await make({
    middleware: [
      Guardrail.make({
        name: "no-secret-files",
        applies: { kind: "tool", name: "read_file" },
        check: (call) => unless(JSON.stringify(call).includes(".env"), "off limits")
      })
    ],
    subscribers: [{ name: "trace", handle: (event) => console.error(Atof.encodeLine(event)) }]
  })
  const server = Mcp.server(new McpServer({ name: "files", version: "1.0.0" }), heddle)
  server.registerTool("read_file", { inputSchema: { path: z.string() } }, async ({ path }) => {
    heddle.mark("opened", { data: path })
    const text = path === "keys.txt" ? "the key is sk-123" : `the text of ${path}`
    return { content: [{ type: "text", text }] }
  })
  server.registerTool("delete_all", {}, () => {
    throw new Error("nobody may get here")
  })
  process.stdin.once("end", () => void heddle.close())
  await server.connect(new StdioServerTransport())
}

/** The agent. */
const main = async () => {
  const events: Array<LifecycleEvent.LifecycleEvent> = []
  const heddle = await make({
    middleware: [
      Guardrail.make({
        name: "read-only",
        applies: { kind: "tool", name: "delete_all" },
        check: () => Guardrail.reject("it deletes")
      }),
      Guardrail.output({
        name: "no-keys",
        applies: "tool",
        check: ({ value }) => unless(JSON.stringify(value).includes("sk-"), "it shows a key")
      })
    ],
    subscribers: [{ name: "recorder", handle: (event) => void events.push(event) }]
  })
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [fileURLToPath(import.meta.url), "serve"],
    stderr: "pipe"
  })
  const theirs = eventsOf(transport.stderr as PassThrough)
  const client = Mcp.client(new Client({ name: "agent", version: "1.0.0" }), heddle, { propagate: true })
  await client.connect(transport)

  const call = async (name: string, args: Record<string, unknown>) => {
    try {
      const { content } = await client.callTool({ name, arguments: args })
      console.log(name, args, "→", content)
    } catch (error) {
      if (!(error instanceof CallError)) throw error
      console.log(name, args, "→", error.message)
    }
  }
  await heddle.scope("agent", { category: "agent" }, async () => {
    await call("read_file", { path: "notes.txt" })
    await call("read_file", { path: "keys.txt" })
    await call("read_file", { path: ".env" })
    await call("delete_all", {})
  })
  await client.close()
  await heddle.close()
  console.log(EventTree.render([...events, ...await theirs]))
}

/** The events that another process tells, line by line, until it ends. */
const eventsOf = async (lines: PassThrough) => {
  const events: Array<LifecycleEvent.LifecycleEvent> = []
  const reader = createInterface({ input: lines })
  reader.on("line", (line) => events.push(Result.getOrThrow(Atof.decodeLine(line))))
  await once(reader, "close")
  return events
}

await (process.argv[2] === "serve" ? serve() : main())
