/** Tool calls whose progress is a stream of messages. */
import { assert, describe, it } from "@effect/vitest"
import * as Mcp from "../../src/binding/Mcp.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { connected, newClient, noKeys, plainServer, textOf, textResult } from "./mcpSupport.ts"
import { collect, recording, rejection } from "./promisesSupport.ts"

describe("callToolStream of a managed client of MCP", () => {
  it("is one managed call, whose block and result are those of policy", async () => {
    const { heddle, tree } = await recording([noKeys])
    const client = Mcp.client(newClient(), heddle)
    const server = plainServer((name) => {
      if (name === "fail") throw new Error("no luck")
      return textResult(name === "leak" ? "sk-1" : "fine")
    })
    await connected(client, server, async () => {
      const { tasks } = client.experimental
      const [message, ...rest] = await collect(tasks.callToolStream({ name: "read" }))
      assert.deepStrictEqual(rest, [])
      assert.strictEqual(message?.type === "result" && textOf(message.result), "fine")
      assert.instanceOf(await rejection(collect(tasks.callToolStream({ name: "leak" }))), Promises.CallError)
      const failed = await collect(tasks.callToolStream({ name: "fail" }))
      assert.deepStrictEqual(failed.map(({ type }) => type), ["error"])
    })
    await tree(`
      tool read → Success
      tool leak → Blocked by no-keys: a key
        mark guardrail no-keys [warn]
      tool fail → Failure McpError: MCP error -32603: no luck
    `)
  })
})
