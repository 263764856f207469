/** Real servers: the reference server of the protocol in processes of its own, and one of ours over HTTP. */
import { assert, describe, it } from "@effect/vitest"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { McpError } from "@modelcontextprotocol/sdk/types.js"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { z } from "zod"
import * as Mcp from "../../src/binding/Mcp.ts"
import type * as Promises from "../../src/binding/Promises.ts"
import { newClient, newServer, textOf, textResult } from "./mcpSupport.ts"
import { deferred, recording, rejection } from "./promisesSupport.ts"

/** A process takes a second, or many when everything runs at once. */
const processes = { timeout: 120_000 }

const everything = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"))

const using = async (
  heddle: Promises.Heddle,
  transport: Transport,
  work: (client: ReturnType<typeof newClient>) => Promise<void>
) => {
  const client = Mcp.client(newClient(), heddle, { propagate: true, scopes: true })
  await client.connect(transport)
  try {
    await work(client)
  } finally {
    await client.close()
  }
}

/** All that is tried with the reference server, whatever the transport. */
const tour = async (heddle: Promises.Heddle, client: ReturnType<typeof newClient>) => {
  const { tools } = await client.listTools()
  assert.include(tools.map(({ name }) => name), "echo")
  await Promise.all([
    heddle.scope("one", async () => {
      assert.strictEqual(textOf(await client.callTool({ name: "echo", arguments: { message: "hi" } })), "Echo: hi")
    }),
    heddle.scope("two", async () => {
      assert.include(textOf(await client.callTool({ name: "get-sum", arguments: { a: 2, b: 3 } })), "5")
    })
  ])
  const { structuredContent } = await client.callTool({
    name: "get-structured-content",
    arguments: { location: "Chicago" }
  })
  assert.isObject(structuredContent)
  const seen: Array<number> = []
  await client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 0.1, steps: 2 } }, undefined, {
    onprogress: ({ progress }) => void seen.push(progress)
  })
  // The SDK forgets the last one when it arrives together with the result.
  assert.include(seen, 1)
  const going = deferred()
  const controller = new AbortController()
  const aborted = rejection(
    client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 60, steps: 600 } }, undefined, {
      signal: controller.signal,
      onprogress: () => going.resolve()
    })
  )
  await going.promise
  controller.abort("enough")
  assert.instanceOf(await aborted, McpError)
  await client.getPrompt({ name: "simple-prompt" })
}

const outcomes = async (events: () => Promise<ReadonlyArray<Parameters<Promises.Subscriber["handle"]>[0]>>) =>
  (await events()).flatMap((event) => event._tag === "ScopeEnd" ? [`${event.name} ${event.outcome._tag}`] : [])
    .toSorted()

const expected = [
  "echo Success",
  "get-structured-content Success",
  "get-sum Success",
  "one Success",
  "prompts/get simple-prompt Success",
  "trigger-long-running-operation Interrupted",
  "trigger-long-running-operation Success",
  "two Success"
]

describe("a managed client of MCP", processes, () => {
  it("works with the reference server over standard input and output", async () => {
    const { events, heddle } = await recording()
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [everything, "stdio"],
      stderr: "ignore"
    })
    await using(heddle, transport, (client) => tour(heddle, client))
    assert.deepStrictEqual(await outcomes(events), expected)
  })

  it("works with the reference server over streamable HTTP", async () => {
    const { events, heddle } = await recording()
    const port = await freePort()
    const child = spawn(process.execPath, [everything, "streamableHttp"], {
      env: { ...process.env, PORT: String(port) },
      stdio: ["ignore", "ignore", "pipe"]
    })
    try {
      await once(child.stderr, "data")
      const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`))
      await using(heddle, transport as Transport, (client) => tour(heddle, client))
      assert.deepStrictEqual(await outcomes(events), expected)
    } finally {
      child.kill()
    }
  })

  it("and a managed server over streamable HTTP are one trace of two runtimes", async () => {
    const near = await recording()
    const far = await recording()
    const listening = Http.createServer((request, response) => {
      const server = Mcp.server(newServer(), far.heddle)
      server.registerTool("where", { inputSchema: { who: z.string() } }, async ({ who }) => {
        await Promise.resolve()
        return textResult(`${who} ${far.heddle.capture().trace?.traceId}`)
      })
      const transport = new StreamableHTTPServerTransport({})
      void server.connect(transport as Transport).then(() => transport.handleRequest(request, response))
    })
    await once(listening.listen(0, "127.0.0.1"), "listening")
    const { port } = listening.address() as AddressInfo
    try {
      const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`))
      const answers: Array<string> = []
      await using(near.heddle, transport as Transport, async (client) => {
        await near.heddle.scope("agent", async () => {
          const { traceId } = near.heddle.capture().trace!
          const asked = ["ada", "bob", "eve"].map((who) => client.callTool({ name: "where", arguments: { who } }))
          for (const answer of await Promise.all(asked)) answers.push(textOf(answer))
          assert.deepStrictEqual(answers, [`ada ${traceId}`, `bob ${traceId}`, `eve ${traceId}`])
        })
      })
      const starts = (await near.events()).filter((event) => event._tag === "ScopeStart" && event.name === "where")
      const theirs = (await far.events()).filter((event) => event._tag === "ScopeStart")
      assert.strictEqual(theirs.length, 3)
      for (const call of theirs) {
        const parent = starts.find(({ uuid }) => uuid === call.parentUuid)
        assert.deepStrictEqual(parent?.data, call.data)
        assert.strictEqual(parent?.rootUuid, call.rootUuid)
      }
    } finally {
      listening.close()
      listening.closeAllConnections()
    }
  })
})

const freePort = async (): Promise<number> => {
  const probe = Http.createServer()
  await once(probe.listen(0), "listening")
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
