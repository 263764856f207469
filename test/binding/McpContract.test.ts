/** The contract of bindings, kept on both sides of MCP. */
import { z } from "zod"
import * as Mcp from "../../src/binding/Mcp.ts"
import { bindingContract } from "./BindingTest.ts"
import { connected, newClient, newServer, plainServer, textOf, textResult } from "./mcpSupport.ts"

bindingContract("MCP client", {
  tool: ({ heddle }, { signal, text, work }) => {
    const server = plainServer(async (_, input, signal) => textResult(await work(String(input["text"]), { signal })))
    const client = Mcp.client(newClient(), heddle)
    return connected(client, server, async () =>
      textOf(
        await client.callTool(
          { name: "lookup", arguments: { text } },
          undefined,
          signal === undefined ? undefined : { signal }
        )
      ))
  },
  // The work stands behind the wire: its error comes back as one of the SDK.
  isFailure: (caught, thrown) => caught instanceof Error && caught.message.includes(thrown.message)
})

/** A client that knows nothing of us, and an error by which it takes the results that a server has for errors. */
const ask = async (client: ReturnType<typeof newClient>, text: string, signal: AbortSignal | undefined) => {
  const result = await client.callTool({ name: "lookup", arguments: { text } }, undefined, signal && { signal })
  if (result.isError === true) throw new Error(textOf(result))
  return textOf(result)
}

bindingContract("MCP server", {
  tool: async ({ heddle }, { signal, text, work }) => {
    let refused: unknown
    const server = Mcp.server(newServer(), heddle, {
      onBlocked: (error) => {
        refused = error
        return { ...textResult(error.message), isError: true }
      }
    })
    server.registerTool(
      "lookup",
      { inputSchema: { text: z.string() } },
      async ({ text }, { signal }) => textResult(await work(text, { signal }))
    )
    const client = newClient()
    return connected(client, server, () =>
      ask(client, text, signal).catch((error: unknown) => {
        throw refused ?? error
      }))
  },
  isFailure: (caught, thrown) => caught instanceof Error && caught.message === thrown.message
})

bindingContract("MCP server of the low level", {
  tool: async ({ heddle }, { signal, text, work }) => {
    let refused: unknown
    const server = Mcp.server(
      plainServer(async (_, input, signal) => textResult(await work(String(input["text"]), { signal }))),
      heddle,
      {
        onBlocked: (error) => {
          refused = error
          return { ...textResult(error.message), isError: true }
        }
      }
    )
    const client = newClient()
    return connected(client, server, () =>
      ask(client, text, signal).catch((error: unknown) => {
        throw refused ?? error
      }))
  },
  isFailure: (caught, thrown) => caught instanceof Error && caught.message.includes(thrown.message)
})
