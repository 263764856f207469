/** Tools that the SDK of Anthropic runs for a model, under a runtime. */
import { Anthropic } from "@anthropic-ai/sdk"
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod"
import { assert, describe, it } from "@effect/vitest"
import { z } from "zod"
import * as AnthropicSdk from "../../src/binding/AnthropicSdk.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { deferred, type Recording, recording } from "./promisesSupport.ts"
import { type Body, type Server, withServer } from "./sdkServer.ts"
import * as Wire from "./sdkWire.ts"

const params = {
  model: "claude-opus-5-5",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: "go" }],
  thread: false as const
}

const use = (id: string, name: string, input: object, rest: object = {}) => ({
  type: "tool_use",
  id,
  name,
  input,
  ...rest
})

/** A model that asks for tools, one turn after the other, and is done. */
const withClient = <A>(
  turns: ReadonlyArray<ReadonlyArray<object>>,
  work: (client: Anthropic, recording: Recording, server: Server) => Promise<A>,
  middleware: Promises.Options["middleware"] = []
): Promise<A> => {
  let turn = 0
  return withServer(
    () => {
      const uses = turns[turn++]
      return { json: uses === undefined ? Wire.message([Wire.text("done")]) : Wire.message(uses, "tool_use") }
    },
    async (server) => {
      const recorder = await recording(middleware)
      const client = new Anthropic({ apiKey: "sk-secret", baseURL: server.url, maxRetries: 0 })
      try {
        return await work(AnthropicSdk.manage(client, recorder.heddle), recorder, server)
      } finally {
        await recorder.heddle.close()
      }
    }
  )
}

/** What the model was told that its tools said. */
const told = ({ asked }: Server): unknown =>
  asked.flatMap(({ body: { messages = [] } }: { readonly body: Body }) => messages.at(-1)?.content ?? []).slice(-2)

const add = (work: (input: { readonly a: number }) => string | Promise<string>, name = "add") => ({
  name,
  input_schema: { type: "object" as const },
  parse: (input: unknown) => input as { readonly a: number },
  run: work
})

const noTwos = Promises.Guardrail.make({
  name: "no-twos",
  applies: { kind: "tool" },
  check: (call) =>
    JSON.stringify(call.kind === "tool" && call.input).includes("2")
      ? Promises.Guardrail.reject("two is off limits")
      : Promises.Guardrail.allow
})

describe("a tool runner under a runtime", () => {
  it("runs tools beside the model calls, with the ids that the model gave, also at once", () =>
    withClient(
      [[use("toolu_1", "add", { a: 1 }), use("toolu_2", "add", { a: 2 })]],
      async (client, { events, heddle, tree }, server) => {
        const all = deferred()
        let running = 0
        await heddle.scope("agent", { category: "agent" }, () =>
          client.beta.messages.toolRunner({
            ...params,
            tools: [add(async ({ a }) => {
              if (++running === 2) all.resolve()
              await all.promise
              heddle.mark("added")
              return String(a + 1)
            })]
          }).runUntilDone())
        assert.deepStrictEqual(told(server), [
          { type: "tool_result", tool_use_id: "toolu_1", content: "2" },
          { type: "tool_result", tool_use_id: "toolu_2", content: "3" }
        ])
        await tree(`
          agent agent → Success
            llm anthropic.messages → Success
            tool add → Success
              mark added
            tool add → Success
              mark added
            llm anthropic.messages → Success
        `)
        const starts = (await events()).filter(({ _tag, category }) => _tag === "ScopeStart" && category === "tool")
        assert.deepStrictEqual(starts.map(({ profile }) => profile?.toolCallId), ["toolu_1", "toolu_2"])
        // Functions are no part of what is sent.
        assert.deepStrictEqual(server.asked[0]?.body["tools"], [{ name: "add", input_schema: { type: "object" } }])
      }
    ))

  it("tells the model of a block, as of every error of a tool", () =>
    withClient(
      [[use("toolu_1", "add", { a: 1 }), use("toolu_2", "add", { a: 2 })]],
      async (client, { tree }, server) => {
        const ran: Array<number> = []
        const tools = [add(({ a }) => {
          ran.push(a)
          return String(a)
        })]
        await client.beta.messages.toolRunner({ ...params, tools }).runUntilDone()
        assert.deepStrictEqual(ran, [1])
        assert.deepStrictEqual(told(server), [
          { type: "tool_result", tool_use_id: "toolu_1", content: "1" },
          {
            type: "tool_result",
            tool_use_id: "toolu_2",
            content: "Error: tool call \"add\": guardrail \"no-twos\" rejected it: two is off limits",
            is_error: true
          }
        ])
        await tree(`
        llm anthropic.messages → Success
        tool add → Success
        tool add → Blocked by no-twos: two is off limits
          mark guardrail no-twos [warn]
        llm anthropic.messages → Success
      `)
      },
      [noTwos]
    ))

  it("gives a tool what policies made of its input, also one that a helper made", () =>
    withClient([[use("toolu_1", "twice", { n: 1 })]], async (client, _, server) => {
      const twice = betaZodTool({
        name: "twice",
        description: "Doubles.",
        inputSchema: z.object({ n: z.number() }),
        run: ({ n }) => String(n * 2)
      })
      await client.beta.messages.toolRunner({ ...params, tools: [twice] }).runUntilDone()
      assert.deepInclude((told(server) as ReadonlyArray<object>).at(-1), { content: "8" })
    }, [Promises.Intercept.request({
      name: "four",
      applies: { kind: "tool" },
      transform: (call) => call.kind === "tool" ? { ...call, input: { n: 4 } } : call
    })]))

  it("runs an instance of a class with its own hidden state", () => {
    class Secretive {
      readonly name = "add"
      readonly input_schema = { type: "object" as const }
      #offset = 10
      parse(input: unknown) {
        return { a: (input as { readonly a: number }).a + this.#offset }
      }
      run({ a }: { readonly a: number }) {
        return String(a + this.#offset)
      }
    }
    return withClient([[use("toolu_1", "add", { a: 1 })]], async (client, { tree }, server) => {
      await client.beta.messages.toolRunner({ ...params, tools: [new Secretive()] }).runUntilDone()
      assert.deepInclude((told(server) as ReadonlyArray<object>).at(-1), { content: "21" })
      await tree(`
        llm anthropic.messages → Success
        tool add → Success
        llm anthropic.messages → Success
      `)
    })
  })

  it("manages tools that are added while it runs, each once", () =>
    withClient(
      [[use("toolu_1", "add", { a: 1 })], [use("toolu_2", "more", { a: 1 }), use("toolu_3", "add", { a: 1 })]],
      async (client, { tree }) => {
        const runner = client.beta.messages.toolRunner({ ...params, tools: [add(({ a }) => String(a))] })
        runner.setMessagesParams((params) => ({
          ...params,
          tools: [...params.tools, add(({ a }) => String(a), "more")]
        }))
        await runner.runUntilDone()
        await tree(`
          llm anthropic.messages → Success
          tool add → Success
          llm anthropic.messages → Success
          tool more → Success
          tool add → Success
          llm anthropic.messages → Success
        `)
      }
    ))

  it("runs the members of a toolset by their names", () => {
    const toolset = {
      type: "browser_toolset_20260801" as const,
      run: (
        _: unknown,
        { input }: { readonly input: unknown }
      ) => [{ type: "text" as const, text: JSON.stringify(input) }]
    }
    const member = use("toolu_1", "navigate", { url: "https://example.org" }, { toolset_name: "browser" })
    return withClient([[member]], async (client, { events, tree }) => {
      await client.beta.messages.toolRunner({ ...params, tools: [toolset] }).runUntilDone()
      await tree(`
        llm anthropic.messages → Success
        tool browser.navigate → Success
        llm anthropic.messages → Success
      `)
      const start = (await events()).find(({ _tag, category }) => _tag === "ScopeStart" && category === "tool")
      assert.deepStrictEqual(start?.data, { url: "https://example.org" })
    })
  })

  it("interrupts a tool with its run", () =>
    withClient([[use("toolu_1", "add", { a: 1 })]], async (client, { tree }) => {
      const begun = deferred()
      const controller = new AbortController()
      const hanging = deferred<string>()
      const tools = [add(() => {
        begun.resolve()
        return hanging.promise
      })]
      const run = client.beta.messages.toolRunner({ ...params, tools }, { signal: controller.signal }).runUntilDone()
      const ended = run.then(() => undefined, () => undefined)
      await begun.promise
      controller.abort()
      await ended
      await tree(`
        llm anthropic.messages → Success
        tool add → Interrupted
      `)
    }))
})
