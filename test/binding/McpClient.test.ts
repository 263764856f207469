/** What a managed client keeps of the SDK, and what it adds. */
import { assert, describe, it } from "@effect/vitest"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import {
  CallToolRequestSchema,
  CallToolResultSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema
} from "@modelcontextprotocol/sdk/types.js"
import * as Mcp from "../../src/binding/Mcp.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { connected, newClient, noKeys, plainServer, textOf, textResult } from "./mcpSupport.ts"
import { deferred, reasonOf, recording, rejection, untilAborted } from "./promisesSupport.ts"

const echo = () => plainServer((name, input) => textResult(`${name} ${JSON.stringify(input)}`))

const noDelete = Promises.Guardrail.make({
  name: "no-delete",
  check: (call) => call.name.includes("delete") ? Promises.Guardrail.reject("it deletes") : Promises.Guardrail.allow
})

/** The requests that went over the wire. */
const wire = () => {
  const sent: Array<{ readonly method?: string; readonly params?: Record<string, unknown> }> = []
  const of = (method: string) => sent.filter((message) => message.method === method).map(({ params }) => params)
  return { of, onMessage: (message: unknown) => void sent.push(message as (typeof sent)[number]) }
}

describe("a managed client of MCP", () => {
  it("governs requests that are tool calls without callTool, and leaves the given client alone", async () => {
    const { heddle, tree } = await recording([noDelete])
    const given = newClient()
    const client = Mcp.client(given, heddle)
    await connected(client, echo(), async () => {
      const request = { method: "tools/call" as const, params: { name: "delete" } }
      assert.strictEqual((await reasonOf(client.request(request, CallToolResultSchema)))._tag, "GuardrailRejected")
      assert.strictEqual(
        textOf(await client.request({ ...request, params: { name: "read" } }, CallToolResultSchema)),
        "read {}"
      )
      assert.strictEqual(textOf(await given.callTool({ name: "delete" })), "delete {}")
    })
    await tree(`
      tool delete → Blocked by no-delete: it deletes
        mark guardrail no-delete [warn]
      tool read → Success
    `)
  })

  it("sends what its user gave, without anything more", async () => {
    const { heddle } = await recording()
    const { of, onMessage } = wire()
    const client = Mcp.client(newClient(), heddle)
    await heddle.scope("agent", () =>
      connected(client, echo(), async () => {
        await client.callTool({ name: "bare" })
        await client.callTool({ name: "full", arguments: {}, _meta: { mine: 1 } })
      }, onMessage))
    assert.deepStrictEqual(of("tools/call"), [{ name: "bare" }, { name: "full", arguments: {}, _meta: { mine: 1 } }])
  })

  it("says where calls come from if it is asked to, and leaves what its user said about that", async () => {
    const { events, heddle } = await recording()
    const { of, onMessage } = wire()
    const client = Mcp.client(newClient(), heddle, { propagate: true })
    const own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await heddle.scope("agent", () =>
      connected(client, echo(), async () => {
        await client.callTool({ name: "one", _meta: { mine: 1 } })
        await client.callTool({ name: "two", _meta: { traceparent: own } })
      }, onMessage))
    const call = (await events()).find(({ name }) => name === "one")!
    const [first, second] = of("tools/call").map((params) => params?.["_meta"] as Record<string, unknown>)
    assert.strictEqual(first!["mine"], 1)
    assert.match(String(first!["traceparent"]), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    assert.strictEqual(first!["tracestate"], `heddle=1:${call.rootUuid}:${call.uuid}`)
    assert.deepStrictEqual(second, { traceparent: own })
  })

  it("gives results of tools that failed to guardrails and to the caller, and marks them", async () => {
    const { heddle, tree } = await recording([noKeys])
    const client = Mcp.client(newClient(), heddle)
    const server = plainServer((name) => ({ ...textResult(name === "leak" ? "bad: sk-1" : "bad"), isError: true }))
    await connected(client, server, async () => {
      const { isError } = await client.callTool({ name: "fail" })
      assert.isTrue(isError)
      assert.strictEqual((await reasonOf(client.callTool({ name: "leak" })))._tag, "GuardrailRejected")
    })
    await tree(`
      tool fail → Success
        mark mcp.tool_error [warn]
      tool leak → Blocked by no-keys: a key
        mark mcp.tool_error [warn]
        mark guardrail no-keys [warn]
    `)
  })

  it("rejects as the SDK does when a request times out or is aborted, and tells the server", async () => {
    const { heddle, tree } = await recording()
    const told: Array<string> = []
    const begun = deferred()
    const server = plainServer(async (name, _, signal) => {
      if (name === "abort") begun.resolve()
      return untilAborted(signal).catch((reason: unknown) => {
        told.push(`${name}: ${String(reason)}`)
        throw reason
      })
    })
    const client = Mcp.client(newClient(), heddle)
    await connected(client, server, async () => {
      const late = await rejection(client.callTool({ name: "late" }, undefined, { timeout: 10 }))
      assert.instanceOf(late, McpError)
      assert.strictEqual(late.code, ErrorCode.RequestTimeout)
      const controller = new AbortController()
      const aborted = rejection(client.callTool({ name: "abort" }, undefined, { signal: controller.signal }))
      await begun.promise
      controller.abort("enough")
      const error = await aborted
      assert.instanceOf(error, McpError)
      assert.strictEqual(error.code, ErrorCode.RequestTimeout)
      assert.include(error.message, "enough")
      const before = new Error("already")
      const signal = AbortSignal.abort(before)
      assert.strictEqual(await rejection(client.callTool({ name: "never" }, undefined, { signal })), before)
      assert.strictEqual(told.length, 2)
      assert.strictEqual(told[1], "abort: enough")
    })
    await heddle.flush()
    await tree(
      `
      tool late → Failure McpError: MCP error -32001: Request timed out
      tool abort → Interrupted
    `,
      { origins: false } as never
    )
  })

  it("keeps progress, and marks it under the call", async () => {
    const { heddle, tree } = await recording()
    const server = new Server({ name: "slow", version: "1.0.0" }, { capabilities: { tools: {} } })
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, { sendNotification }) => {
      const progressToken = params._meta?.progressToken ?? ""
      await sendNotification({ method: "notifications/progress", params: { progressToken, progress: 1, total: 2 } })
      return textResult("done")
    })
    const client = Mcp.client(newClient(), heddle)
    const seen: Array<unknown> = []
    await connected(client, server, () =>
      client.callTool({ name: "slow" }, undefined, {
        onprogress: (progress) => {
          seen.push(progress)
          heddle.mark("seen")
        }
      }))
    assert.deepStrictEqual(seen, [{ progress: 1, total: 2 }])
    await tree(`
      tool slow → Success
        mark mcp.progress
        mark seen
    `)
  })

  it("calls tools by other names before policies, gives calls their ids, and turns blocks into results", async () => {
    const { events, heddle } = await recording([noDelete])
    const client = Mcp.client(newClient(), heddle, {
      name: (tool) => `files.${tool}`,
      toolCallId: ({ arguments: input }) => String((input as { readonly id: string }).id),
      onBlocked: ({ reason }) => textResult(`no: ${reason}`)
    })
    await connected(client, echo(), async () => {
      assert.strictEqual(textOf(await client.callTool({ name: "read", arguments: { id: "a" } })), "read {\"id\":\"a\"}")
      assert.strictEqual(textOf(await client.callTool({ name: "delete", arguments: { id: "b" } })), "no: it deletes")
    })
    const starts = (await events()).filter((event) => event._tag === "ScopeStart")
    assert.deepStrictEqual(starts.map(({ name }) => name), ["files.read", "files.delete"])
    assert.deepStrictEqual(starts.map(({ profile }) => profile?.toolCallId), ["a", "b"])
  })

  it("checks the schema of a tool's results inside the call", async () => {
    const { events, heddle } = await recording()
    const server = plainServer(() => ({ content: [], structuredContent: { n: "one" } }))
    const outputSchema = { type: "object" as const, properties: { n: { type: "number" } } }
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [{ name: "count", inputSchema: { type: "object" as const }, outputSchema }]
    }))
    const client = Mcp.client(newClient(), heddle)
    await connected(client, server, async () => {
      await client.listTools()
      const error = await rejection(client.callTool({ name: "count" }))
      assert.instanceOf(error, McpError)
      assert.strictEqual(error.code, ErrorCode.InvalidParams)
    })
    const end = (await events()).find((event) => event._tag === "ScopeEnd")
    assert.strictEqual(end?.outcome._tag, "Failure")
  })

  it("reads resources and prompts in scopes if it is asked to, and else sees nothing of them", async () => {
    const server = () => {
      const server = new Server({ name: "docs", version: "1.0.0" }, { capabilities: { resources: {}, prompts: {} } })
      server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
        contents: [{ uri: params.uri, text: "read" }]
      }))
      server.setRequestHandler(GetPromptRequestSchema, () => ({ messages: [] }))
      return server
    }
    const { events, heddle, tree } = await recording()
    const use = (options: Mcp.ClientOptions) => {
      const client = Mcp.client(newClient(), heddle, options)
      return connected(client, server(), async () => {
        await client.readResource({ uri: "doc://one" })
        await client.getPrompt({ name: "greet" })
      })
    }
    await use({})
    await use({ scopes: true })
    await tree(`
      retriever resources/read → Success
      function prompts/get greet → Success
    `)
    const [start, end] = await events()
    assert.deepStrictEqual(start!.data, { uri: "doc://one" })
    assert.deepStrictEqual(end!.data, { contents: [{ uri: "doc://one", text: "read" }] })
  })

  it("is refused for something that is no client", async () => {
    const { heddle } = await recording()
    assert.throws(() => Mcp.client({} as never, heddle), TypeError, "it has no request")
  })
})
