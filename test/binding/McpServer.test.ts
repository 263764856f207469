/** What a managed server keeps of the SDK, and what it adds. */
import { assert, describe, it } from "@effect/vitest"
import { CallToolRequestSchema, ErrorCode, McpError } from "@modelcontextprotocol/sdk/types.js"
import { z } from "zod"
import * as Mcp from "../../src/binding/Mcp.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { connected, newClient, newServer, plainServer, textOf, textResult } from "./mcpSupport.ts"
import { deferred, recording, rejection, untilAborted } from "./promisesSupport.ts"

const noDelete = Promises.Guardrail.make({
  name: "no-delete",
  check: (call) => call.name === "delete" ? Promises.Guardrail.reject("it deletes") : Promises.Guardrail.allow
})

describe("a managed server of MCP", () => {
  it("governs tools that were registered before and after, and handlers that are replaced", async () => {
    const { heddle, tree } = await recording([noDelete])
    const early = newServer()
    early.registerTool("read", {}, () => textResult("read"))
    const server = Mcp.server(early, heddle)
    server.registerTool("delete", {}, () => textResult("deleted"))
    const plain = Mcp.server(plainServer(() => textResult("never")), heddle)
    plain.setRequestHandler(CallToolRequestSchema, ({ params }) => textResult(params.name))
    const client = newClient()
    await connected(client, server, async () => {
      assert.strictEqual(textOf(await client.callTool({ name: "read" })), "read")
      const refused = await client.callTool({ name: "delete" })
      assert.deepStrictEqual(refused, { ...textResult("Refused by policy: it deletes"), isError: true })
    })
    const other = newClient()
    await connected(other, plain, async () => {
      assert.strictEqual(textOf(await other.callTool({ name: "new" })), "new")
      assert.strictEqual((await other.callTool({ name: "delete" })).isError, true)
    })
    await tree(`
      tool read → Success
      tool delete → Blocked by no-delete: it deletes
        mark guardrail no-delete [warn]
      tool new → Success
      tool delete → Blocked by no-delete: it deletes
        mark guardrail no-delete [warn]
    `)
  })

  it("answers a block with an error of JSON-RPC if it is asked to", async () => {
    const { heddle } = await recording([noDelete])
    const server = Mcp.server(newServer(), heddle, { onBlocked: "error" })
    server.registerTool("delete", {}, () => textResult("deleted"))
    const client = newClient()
    await connected(client, server, async () => {
      const error = await rejection(client.callTool({ name: "delete" }))
      assert.instanceOf(error, McpError)
      assert.strictEqual(error.code, ErrorCode.InvalidRequest)
      assert.include(error.message, "it deletes")
      assert.deepStrictEqual(error.data, { reason: "GuardrailRejected" })
    })
  })

  it("tells nothing of what failed inside of a policy, and refuses when its runtime has closed", async () => {
    const broken = Promises.Guardrail.make({
      name: "broken",
      check: () => {
        throw new Error("the password is hunter2")
      }
    })
    const { heddle } = await recording([broken])
    const server = Mcp.server(newServer(), heddle)
    let ran = 0
    server.registerTool("read", {}, () => {
      ran++
      return textResult("read")
    })
    const client = newClient()
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await connected(client, server, async () => {
      assert.strictEqual(textOf(await client.callTool({ name: "read" })), "Refused by policy (GuardrailFailed)")
      await heddle.close()
      assert.strictEqual(textOf(await client.callTool({ name: "read" })), "Refused by policy (RuntimeClosed)")
      const continued = await client.callTool({ name: "read", _meta: { traceparent } })
      assert.strictEqual(textOf(continued), "Refused by policy (RuntimeClosed)")
    })
    assert.strictEqual(ran, 0)
  })

  it("ends calls with what their tools threw, and answers as the SDK does", async () => {
    const { heddle, tree } = await recording()
    const server = Mcp.server(newServer(), heddle)
    server.registerTool("fail", {}, () => {
      throw new RangeError("too far")
    })
    server.registerTool("count", { inputSchema: { n: z.number() } }, () => textResult("counted"))
    const client = newClient()
    await connected(client, server, async () => {
      assert.deepStrictEqual(await client.callTool({ name: "fail" }), { ...textResult("too far"), isError: true })
      const invalid = await client.callTool({ name: "count", arguments: { n: "one" } })
      assert.isTrue(invalid.isError)
      assert.include(textOf(invalid), "Input validation error")
    })
    await tree(`
      tool fail → Failure RangeError: too far
      tool count → Success
        mark mcp.tool_error [warn]
    `)
  })

  it("checks what intercepts make of arguments by the schema of the tool", async () => {
    const more = Promises.Intercept.request({
      name: "more",
      transform: (call) => call.kind === "tool" ? { ...call, input: { n: "many" } } : call
    })
    const { heddle } = await recording([more])
    const server = Mcp.server(newServer(), heddle)
    server.registerTool("count", { inputSchema: { n: z.number() } }, ({ n }) => textResult(String(n)))
    const client = newClient()
    await connected(
      client,
      server,
      async () =>
        assert.include(textOf(await client.callTool({ name: "count", arguments: { n: 1 } })), "Input validation error")
    )
  })

  it("interrupts a call that its client cancels, and answers nothing", async () => {
    const { heddle, tree } = await recording()
    const server = Mcp.server(newServer(), heddle)
    const begun = deferred()
    const told = deferred<unknown>()
    server.registerTool("wait", {}, (extra) => {
      begun.resolve()
      return untilAborted(extra.signal).catch((reason: unknown) => {
        told.resolve(reason)
        throw reason
      })
    })
    const client = newClient()
    const controller = new AbortController()
    await connected(client, server, async () => {
      const answer = rejection(client.callTool({ name: "wait" }, undefined, { signal: controller.signal }))
      await begun.promise
      controller.abort("enough")
      await answer
      assert.strictEqual(await told.promise, "enough")
    })
    await heddle.close()
    await tree("tool wait → Interrupted")
  })

  it("tells its handler when the runtime interrupts the call, and not its client", async () => {
    const { heddle, tree } = await recording()
    const server = Mcp.server(newServer(), heddle)
    const begun = deferred()
    const told = deferred()
    server.registerTool("wait", {}, (extra) => {
      begun.resolve()
      return untilAborted(extra.signal).catch((reason: unknown) => {
        told.resolve()
        throw reason
      })
    })
    const client = newClient()
    await connected(client, server, async () => {
      const answer = client.callTool({ name: "wait" }).catch(() => "refused")
      await begun.promise
      await heddle.close()
      await told.promise
      await answer
    })
    await tree("tool wait → Interrupted by shutdown")
  })

  it("continues the trace of its caller, ignores what is malformed, and leaves it alone if it is told to", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c"
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`
    const told: Array<string> = []
    const { heddle } = await recording()
    const traceOf = (options: Mcp.ServerOptions, _meta: Record<string, unknown>) => {
      const server = Mcp.server(newServer(), heddle, options)
      server.registerTool("where", {}, () => textResult(heddle.capture().trace?.traceId ?? "nowhere"))
      const client = newClient()
      return connected(client, server, async () => textOf(await client.callTool({ name: "where", _meta })))
    }
    const onDiagnostic: Mcp.ServerOptions["onDiagnostic"] = ({ field }) => void told.push(field)
    assert.strictEqual(await traceOf({ onDiagnostic }, { traceparent }), traceId)
    assert.deepStrictEqual(told, [])
    assert.notStrictEqual(await traceOf({ onDiagnostic }, { traceparent: "00-no" }), traceId)
    assert.strictEqual(told.length, 1)
    assert.notStrictEqual(await traceOf({ onDiagnostic }, { traceparent: [traceparent], tracestate: 7 }), traceId)
    assert.notStrictEqual(await traceOf({ continueTrace: false }, { traceparent }), traceId)
  })

  it("is refused for something that is no server", async () => {
    const { heddle } = await recording()
    assert.throws(() => Mcp.server({} as never, heddle), TypeError, "no request handlers")
  })
})
