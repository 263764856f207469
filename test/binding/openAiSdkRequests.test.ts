/** Requests of the SDK of OpenAI under a runtime: what goes on the wire, what comes back, what is told. */
import { assert, describe, it } from "@effect/vitest"
import { AzureOpenAI, OpenAI } from "openai"
import * as OpenAiSdk from "../../src/binding/OpenAiSdk.ts"
import * as Promises from "../../src/binding/Promises.ts"
import type { LifecycleEvent } from "../../src/index.ts"
import { deferred, recording, rejection, untilAborted } from "./promisesSupport.ts"
import { type Asked, type Reply, type Server, withServer } from "./sdkServer.ts"
import * as Wire from "./sdkWire.ts"

const messages = [{ role: "user" as const, content: "hello" }]

const params = { model: "gpt-5", messages }

const hello = (): Reply => ({ json: Wire.chat("hi") })

interface Setup {
  readonly client: OpenAI
  readonly server: Server
  readonly heddle: Promises.Heddle
  readonly events: () => Promise<ReadonlyArray<LifecycleEvent.LifecycleEvent>>
  readonly tree: (expected: string) => Promise<void>
}

/** A managed client whose server answers so, under a runtime with these entries. */
const withClient = <A>(
  handle: (asked: Asked) => Promise<Reply> | Reply,
  work: (setup: Setup) => Promise<A>,
  middleware: Promises.Options["middleware"] = [],
  options: Promises.Options = {}
): Promise<A> =>
  withServer(handle, async (server) => {
    const { events, heddle, tree } = await recording(middleware, options)
    const plain = new OpenAI({ apiKey: "sk-secret", baseURL: server.url, maxRetries: 2 })
    try {
      return await work({ client: OpenAiSdk.manage(plain, heddle), server, heddle, events, tree })
    } finally {
      await heddle.close()
    }
  })

const refusing = Promises.Guardrail.make({ name: "no", check: () => Promises.Guardrail.reject("never") })

const rewriting = (request: (request: Record<string, unknown>) => object) =>
  Promises.Intercept.request({
    name: "rewriting",
    transform: (call) =>
      call.kind === "llm" ? { ...call, request: { ...call.request, ...request({ ...call.request }) } } : call
  })

describe("a request of the OpenAI SDK under a runtime", () => {
  it("is one call, however often the SDK retries it", () => {
    let failures = 2
    return withClient(
      () => failures-- > 0 ? { status: 500, headers: { "retry-after-ms": "1" }, json: { error: {} } } : hello(),
      async ({ client, server, tree }) => {
        const answer = await client.chat.completions.create(params)
        assert.strictEqual(answer.choices[0]?.message.content, "hi")
        assert.strictEqual(server.asked.length, 3)
        assert.deepStrictEqual(server.asked.map(({ headers }) => headers["x-stainless-retry-count"]), ["0", "1", "2"])
        await tree("llm openai.chat.completions → Success")
      }
    )
  })

  it("that is blocked rejects with the CallError itself, and nothing is sent, nor retried", () =>
    withClient(hello, async ({ client, server, tree }) => {
      const error = await rejection(client.chat.completions.create(params))
      assert.instanceOf(error, Promises.CallError)
      assert.strictEqual(error.reason._tag, "GuardrailRejected")
      assert.strictEqual(OpenAiSdk.callError(error), error)
      assert.instanceOf(await rejection(client.chat.completions.create(params).asResponse()), Promises.CallError)
      assert.strictEqual(server.asked.length, 0)
      await tree(`
        llm openai.chat.completions → Blocked by no: never
          mark guardrail no [warn]
        llm openai.chat.completions → Blocked by no: never
          mark guardrail no [warn]
      `)
    }, [refusing]))

  it("goes on the wire as policies left it, without what they took from it", () =>
    withClient(
      hello,
      async ({ client, server }) => {
        await client.chat.completions.create(params, { headers: { "x-drop": "1", "x-keep": "2" } })
        const { body, headers } = server.asked[0]!
        assert.deepStrictEqual(body, { ...params, model: "gpt-5-mini" })
        assert.strictEqual(headers["x-drop"], undefined)
        assert.strictEqual(headers["x-keep"], "2")
        assert.strictEqual(headers["x-added"], "3")
        assert.strictEqual(headers["authorization"], "Bearer sk-secret")
      },
      [rewriting((request) => ({
        body: { ...request["body"] as object, model: "gpt-5-mini" },
        headers: { "x-keep": "2", "x-added": "3" }
      }))]
    ))

  it("stays buffered or streamed as its caller wants it, whatever policies write", () =>
    withClient(
      hello,
      async ({ client, server }) => {
        const answer = await client.chat.completions.create(params)
        assert.strictEqual(answer.choices[0]?.message.content, "hi")
        assert.strictEqual(server.asked[0]?.body.stream, false)
      },
      [rewriting((request) => ({ body: { ...request["body"] as object, stream: true } }))]
    ))

  it("is sent as it was judged, also if its caller changes it meanwhile", () => {
    const judging = deferred()
    const changed = deferred()
    const slow = Promises.Guardrail.make({
      name: "slow",
      check: async () => {
        judging.resolve()
        await changed.promise
        return Promises.Guardrail.allow
      }
    })
    return withClient(hello, async ({ client, server }) => {
      const messages = [{ role: "user" as const, content: "hello" }]
      const answer = client.chat.completions.create({ model: "gpt-5", messages })
      await judging.promise
      messages[0]!.content = "changed"
      changed.resolve()
      await answer
      assert.deepInclude(server.asked[0]?.body, params)
    }, [slow])
  })

  it("is judged whatever makes it, and however its body is written", () =>
    withClient(hello, async ({ client, server }) => {
      const requests = [
        client.post("/chat/completions?x=1", {
          headers: { "content-type": "application/json" },
          body: JSON.stringify(params)
        }),
        client.request({ method: "post", path: `${server.url}/chat/completions/`, body: params }),
        client.responses.compact({ model: "gpt-5", input: "text" })
      ]
      for (const request of requests) assert.instanceOf(await rejection(request), Promises.CallError)
      assert.strictEqual(server.asked.length, 0)
    }, [refusing]))

  it("whose body its codec cannot read is not sent", () =>
    withClient(hello, async ({ client, server }) => {
      const error = await rejection(client.post("/chat/completions", { body: "no json" }))
      assert.instanceOf(error, Promises.CallError)
      assert.strictEqual(error.reason._tag, "CodecFailed")
      assert.strictEqual(server.asked.length, 0)
    }))

  it("has model, messages and usage on its events, and no key", () =>
    withClient(
      hello,
      async ({ client, events }) => {
        await client.chat.completions.create(params, { headers: { authorization: "Bearer sk-other" } })
        const [start, end] = await events()
        assert.strictEqual(start?.profile?.modelName, "gpt-5")
        assert.deepInclude(start?.profile?.annotatedRequest, { model: "gpt-5" })
        assert.deepInclude(end?.profile?.annotatedResponse, {
          model: "gpt-5-2026",
          usage: { inputTokens: 11, outputTokens: 7, totalTokens: 18 }
        })
        assert.notInclude(JSON.stringify([start, end]), "sk-")
      },
      [],
      { headerAllowList: ["authorization", "x-api-key"] }
    ))

  it("gives what the SDK gives: its promise, the response, ids, and its errors", () => {
    let status = 200
    return withClient(
      () => status === 200 ? hello() : { status, json: { error: { message: "slow down", code: "rate" } } },
      async ({ client, tree }) => {
        const promise = client.chat.completions.create(params)
        const { data, request_id, response } = await promise.withResponse()
        assert.strictEqual(data.choices[0]?.message.content, "hi")
        assert.strictEqual((await promise)._request_id, "req-1")
        assert.strictEqual(request_id, "req-1")
        assert.strictEqual(response.status, 200)
        assert.match(response.url, /\/chat\/completions$/)
        assert.deepStrictEqual(
          await (await client.chat.completions.create(params).asResponse()).json(),
          Wire.chat("hi")
        )
        status = 429
        const error = await rejection(client.chat.completions.create(params, { maxRetries: 0 }))
        assert.instanceOf(error, OpenAI.RateLimitError)
        assert.strictEqual(error.code, "rate")
        await tree(`
          llm openai.chat.completions → Success
          llm openai.chat.completions → Success
          llm openai.chat.completions → Failure Error: 429 slow down
        `)
      }
    )
  })

  it("that its caller aborts rejects with the SDK's own error, and with the reason as its cause", () => {
    const begun = deferred()
    return withClient(
      ({ signal }) => {
        begun.resolve()
        return untilAborted(signal)
      },
      async ({ client, tree }) => {
        const controller = new AbortController()
        const answer = client.chat.completions.create(params, { signal: controller.signal })
        const failed = rejection(answer)
        await begun.promise
        controller.abort("enough")
        const error = await failed
        assert.instanceOf(error, OpenAI.APIUserAbortError)
        assert.strictEqual(error.cause, "enough")
        assert.instanceOf(
          await rejection(client.chat.completions.create(params, { signal: controller.signal })),
          OpenAI.APIUserAbortError
        )
        await tree("llm openai.chat.completions → Interrupted")
      }
    )
  })

  it("is answered by policies without being sent", () =>
    withClient(
      hello,
      async ({ client, server }) => {
        const { data, response } = await client.chat.completions.create(params).withResponse()
        assert.strictEqual(data.choices[0]?.message.content, "cached")
        assert.strictEqual(response.status, 200)
        assert.strictEqual(server.asked.length, 0)
      },
      [Promises.Intercept.execution({ name: "cache", around: () => Wire.chat("cached") })]
    ))

  it("is sent again by policies as a request of its own", () => {
    let failures = 1
    return withClient(
      () => failures-- > 0 ? { status: 400, json: { error: { message: "no" } } } : hello(),
      async ({ client, server, tree }) => {
        const { choices } = await client.chat.completions.create(params)
        assert.strictEqual(choices[0]?.message.content, "hi")
        assert.strictEqual(server.asked.length, 2)
        await tree(`
          llm openai.chat.completions → Success
            function attempt → Success
        `)
      },
      [Promises.Intercept.execution({ name: "again", around: (_, next) => next().catch(() => next()) })]
    )
  })

  it("for embeddings is a call in a scope of category embedder", () =>
    withClient(
      () => ({ json: { object: "list", model: "e", data: [{ index: 0, embedding: "AACAPw==" }], usage: {} } }),
      async ({ client, heddle, tree }) => {
        const { data } = await heddle.scope("index", () => client.embeddings.create({ model: "e", input: "text" }))
        assert.deepStrictEqual([...data[0]?.embedding ?? []], [1])
        await tree(`
          function index → Success
            embedder openai.embeddings → Success
              llm openai.embeddings → Success
        `)
      }
    ))

  it("that is no model call passes as it is", () =>
    withClient(() => ({ json: { id: "m", object: "moderation", results: [] } }), async ({ client, server, tree }) => {
      await client.moderations.create({ input: "text" })
      assert.strictEqual(server.asked.length, 1)
      await tree("")
    }, [refusing]))
})

describe("a managed client of OpenAI", () => {
  it("leaves the client that it was made of as it was", () =>
    withClient(hello, async ({ client, server, tree, heddle }) => {
      const plain = new OpenAI({ apiKey: "sk-secret", baseURL: server.url })
      const managed = OpenAiSdk.manage(plain, heddle)
      assert.instanceOf(managed, OpenAI)
      assert.notStrictEqual(managed, plain)
      await plain.chat.completions.create(params)
      await tree("")
      assert.isFalse(Object.keys(client).includes("makeRequest"))
    }, [refusing]))

  it("stays managed through withOptions", () =>
    withClient(hello, async ({ client, server }) => {
      const other = client.withOptions({ maxRetries: 0 })
      assert.strictEqual(other.maxRetries, 0)
      assert.instanceOf(await rejection(other.chat.completions.create(params)), Promises.CallError)
      assert.instanceOf(
        await rejection(other.withOptions({ timeout: 5 }).chat.completions.create(params)),
        Promises.CallError
      )
      assert.strictEqual(server.asked.length, 0)
    }, [refusing]))

  it("may be one of Azure", () =>
    withClient(hello, async ({ heddle, server, tree }) => {
      const azure = new AzureOpenAI({ apiKey: "sk-secret", baseURL: server.url, apiVersion: "1", deployment: "mine" })
      const { choices } = await OpenAiSdk.manage(azure, heddle).chat.completions.create(params)
      assert.strictEqual(choices[0]?.message.content, "hi")
      assert.strictEqual(server.asked[0]?.path, "/deployments/mine/chat/completions?api-version=1")
      await tree("llm openai.chat.completions → Success")
    }))

  it("is refused if requests of the client cannot be seen", async () => {
    const { heddle } = await recording()
    const plain = new OpenAI({ apiKey: "sk-secret" })
    Object.defineProperty(plain, "withOptions", { value: () => ({}) })
    assert.throws(() => OpenAiSdk.manage(plain, heddle), /cannot be managed/)
    await heddle.close()
  })
})
