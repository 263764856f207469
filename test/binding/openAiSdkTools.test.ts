/** Functions that the SDK of OpenAI runs for a model, under a runtime. */
import { assert, describe, it } from "@effect/vitest"
import { OpenAI } from "openai"
import { zodFunction } from "openai/helpers/zod"
import { z } from "zod"
import * as OpenAiSdk from "../../src/binding/OpenAiSdk.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { deferred, type Recording, recording, rejection } from "./promisesSupport.ts"
import { type Body, type Server, withServer } from "./sdkServer.ts"
import * as Wire from "./sdkWire.ts"

const messages = [{ role: "user" as const, content: "go" }]

const withClient = <A>(
  calls: ReadonlyArray<Wire.ToolCall>,
  work: (client: OpenAI, recording: Recording, server: Server) => Promise<A>,
  options: { readonly middleware?: Promises.Options["middleware"]; readonly managed?: OpenAiSdk.Options } = {}
): Promise<A> =>
  withServer(
    ({ body }) => ({ json: isAnswered(body) ? Wire.chat("done") : Wire.chatToolCalls(...calls) }),
    async (server) => {
      const recorder = await recording(options.middleware)
      const client = new OpenAI({ apiKey: "sk-secret", baseURL: server.url, maxRetries: 0 })
      try {
        return await work(OpenAiSdk.manage(client, recorder.heddle, options.managed), recorder, server)
      } finally {
        await recorder.heddle.close()
      }
    }
  )

const isAnswered = ({ messages = [] }: Body): boolean => messages.at(-1)?.role === "tool"

/** What the model was told that its tools said. */
const told = ({ asked }: Server): ReadonlyArray<unknown> =>
  (asked.at(-1)?.body.messages ?? []).filter(({ role }) => role === "tool").map(({ content }) => content)

const add = (work: (input: { readonly a: number }) => unknown) => ({
  type: "function" as const,
  function: {
    name: "add",
    description: "Adds.",
    parameters: { type: "object" },
    parse: (text: string) => JSON.parse(text) as { readonly a: number },
    function: work
  }
})

const noTwos = Promises.Guardrail.make({
  name: "no-twos",
  applies: { kind: "tool" },
  check: (call) =>
    call.kind === "tool" && (call.input as { readonly a: number }).a === 2
      ? Promises.Guardrail.reject("two is off limits")
      : Promises.Guardrail.allow
})

describe("runTools under a runtime", () => {
  it("runs tools beside the model calls, with the ids that the model gave, also at once", () => {
    const calls = [1, 2, 2].map((a, i) => ({ id: `call_${i}`, name: "add", input: { a } }))
    return withClient(calls, async (client, { events, heddle, tree }, server) => {
      const all = deferred()
      let running = 0
      await heddle.scope("agent", { category: "agent" }, () =>
        client.chat.completions.runTools({
          model: "gpt-5",
          messages,
          tools: [add(async ({ a }) => {
            if (++running === 3) all.resolve()
            await all.promise
            heddle.mark("added")
            return a + 1
          })]
        }).finalContent())
      assert.deepStrictEqual(told(server), ["2", "3", "3"])
      await tree(`
        agent agent → Success
          llm openai.chat.completions → Success
          tool add → Success
            mark added
          tool add → Success
            mark added
          tool add → Success
            mark added
          llm openai.chat.completions → Success
      `)
      const starts = (await events()).filter(({ _tag, category }) => _tag === "ScopeStart" && category === "tool")
      assert.deepStrictEqual(starts.map(({ profile }) => profile?.toolCallId), ["call_0", "call_1", "call_2"])
      assert.deepStrictEqual(starts.map(({ data }) => data), [{ a: 1 }, { a: 2 }, { a: 2 }])
    })
  })

  it("ends with a block of a tool, which is the cause of its error", () =>
    withClient([{ id: "call_1", name: "add", input: { a: 2 } }], async (client, { tree }) => {
      const runner = client.chat.completions.runTools({
        model: "gpt-5",
        messages,
        tools: [add(() => assert.fail("it must not run"))]
      })
      const error = await rejection(runner.finalContent())
      assert.instanceOf(error, OpenAI.OpenAIError)
      assert.strictEqual(OpenAiSdk.callError(error)?.reason._tag, "GuardrailRejected")
      await tree(`
        llm openai.chat.completions → Success
        tool add → Blocked by no-twos: two is off limits
          mark guardrail no-twos [warn]
      `)
    }, { middleware: [noTwos] }))

  it("tells the model of a block if it is asked to", () =>
    withClient(
      [{ id: "call_1", name: "add", input: { a: 2 } }],
      async (client, _, server) => {
        const runner = client.chat.completions.runTools({ model: "gpt-5", messages, tools: [add(() => 3)] })
        assert.strictEqual(await runner.finalContent(), "done")
        assert.deepStrictEqual(told(server), ["add: two is off limits"])
      },
      { middleware: [noTwos], managed: { onToolBlocked: ({ reason }, tool) => `${tool}: ${reason}` } }
    ))

  it("shows policies what a text of arguments says, and hands the text on", () =>
    withClient([{ id: "call_1", name: "raw", input: { a: 1 } }], async (client, { events }) => {
      const got: Array<string> = []
      await client.chat.completions.runTools({
        model: "gpt-5",
        messages,
        tools: [{
          type: "function",
          function: {
            name: "raw",
            description: "Takes text.",
            parameters: { type: "object" },
            function: (text: string) => {
              got.push(text)
              return "ok"
            }
          }
        }]
      }).finalContent()
      assert.deepStrictEqual(got, ["{\"a\":1}"])
      const start = (await events()).find(({ _tag, category }) => _tag === "ScopeStart" && category === "tool")
      assert.deepStrictEqual(start?.data, { a: 1 })
      assert.strictEqual(start?.profile?.toolCallId, "call_1")
    }))

  it("gives a tool what policies made of its arguments", () =>
    withClient(
      [{ id: "call_1", name: "raw", input: { a: 1 } }, { id: "call_2", name: "add", input: { a: 1 } }],
      async (client, _, server) => {
        const raw = { name: "raw", description: "Takes text.", parameters: {}, function: (text: string) => text }
        await client.chat.completions.runTools({
          model: "gpt-5",
          messages,
          tools: [{ type: "function", function: raw }, add(({ a }) => a)]
        }).finalContent()
        assert.deepStrictEqual(told(server), ["{\"a\":5}", "5"])
      },
      {
        middleware: [Promises.Intercept.request({
          name: "five",
          applies: { kind: "tool" },
          transform: (call) => call.kind === "tool" ? { ...call, input: { a: 5 } } : call
        })]
      }
    ))

  it("runs tools that a helper made", () =>
    withClient([{ id: "call_1", name: "twice", input: { n: 4 } }], async (client, { events, tree }, server) => {
      const twice = zodFunction({ name: "twice", parameters: z.object({ n: z.number() }), function: ({ n }) => n * 2 })
      await client.chat.completions.runTools({ model: "gpt-5", messages, tools: [twice] }).finalContent()
      assert.deepStrictEqual(told(server), ["8"])
      await tree(`
        llm openai.chat.completions → Success
        tool twice → Success
        llm openai.chat.completions → Success
      `)
      const start = (await events()).find(({ _tag, category }) => _tag === "ScopeStart" && category === "tool")
      assert.strictEqual(start?.profile?.toolCallId, "call_1")
    }))

  it("interrupts a tool with its run", () =>
    withClient([{ id: "call_1", name: "add", input: { a: 1 } }], async (client, { tree }) => {
      const begun = deferred()
      const hanging = deferred()
      const runner = client.chat.completions.runTools({
        model: "gpt-5",
        messages,
        tools: [add(() => {
          begun.resolve()
          return hanging.promise
        })]
      })
      const failed = rejection(runner.finalContent())
      await begun.promise
      runner.abort()
      assert.instanceOf(await failed, OpenAI.APIUserAbortError)
      await tree(`
        llm openai.chat.completions → Success
        tool add → Interrupted
      `)
    }))
})
