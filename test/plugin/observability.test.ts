import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import { AgentRuntime, ExecutionScope, LlmCall, OpenAiChat } from "../../src/index.ts"
import * as Builtin from "../../src/plugin/Builtin.ts"
import * as PluginHost from "../../src/plugin/PluginHost.ts"

const catalog = {
  version: 1,
  entries: [{
    provider: "openai",
    model_id: "some-model",
    rates: { input_per_million: 2, output_per_million: 10 },
    prompt_cache: { read_accounting: "included_in_prompt_tokens" },
    pricing_as_of: "2026-01-01",
    pricing_source: "test"
  }]
}

const answer = {
  id: "1",
  object: "chat.completion",
  model: "some-model",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hi" } }],
  usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 }
}

const work = ExecutionScope.run({ name: "scout", category: "agent" })(
  LlmCall.run(
    {
      name: "openai",
      codec: OpenAiChat.codec,
      model: "some-model",
      request: { headers: {}, body: { model: "some-model", messages: [{ role: "user", content: "hello" }] } }
    },
    () => Effect.succeed(answer)
  )
)

describe("the plugin observability", () => {
  it.live("exports to several files, collectors and projections at once, with the prices of the document", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const posted: Array<{ readonly url: string; readonly key: string | undefined }> = []
      const client = HttpClient.make((request) =>
        Effect.sync(() => {
          posted.push({ url: request.url, key: request.headers["x-key"] })
          return HttpClientResponse.fromWeb(request, new Response("{}"))
        })
      )
      const document = {
        version: 1,
        components: [
          {
            kind: "observability",
            config: {
              atof: [
                { type: "file", path: `${directory}/a.jsonl` },
                { type: "file", path: `${directory}/b.jsonl` },
                { type: "http", url: "http://events.test/in", headers: { "x-key": "s3cret" } }
              ],
              atif: [
                { directory: `${directory}/t7`, filename: "t.json" },
                { directory: `${directory}/t8`, filename: "t.json", version: "1.8" }
              ],
              opentelemetry: [
                { url: "http://one.test", signals: ["traces", "metrics"] },
                { url: "http://two.test", projection: "openinference" },
                { url: "http://three.test", projection: "full" }
              ]
            }
          },
          { kind: "pricing", config: { catalogs: [catalog] } }
        ]
      }
      const Runtime = AgentRuntime.layerWith({
        policies: PluginHost.layer({ plugins: Builtin.plugins, document })
      }).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, client)))
      yield* work.pipe(Effect.provide(Runtime, { local: true }))

      const lines = (name: string) =>
        Effect.map(fs.readFileString(`${directory}/${name}`), (text) => text.trim().split("\n").length)
      assert.deepStrictEqual([yield* lines("a.jsonl"), yield* lines("b.jsonl")], [4, 4])
      const trajectory = JSON.parse(yield* fs.readFileString(`${directory}/t7/t.json`)) as {
        readonly schema_version: string
        readonly final_metrics: { readonly total_cost_usd?: number }
      }
      assert.strictEqual(trajectory.schema_version, "ATIF-v1.7")
      // 1,000 × 2 + 100 × 10, per million.
      assert.strictEqual(trajectory.final_metrics.total_cost_usd, 0.003)
      assert.include(yield* fs.readFileString(`${directory}/t8/t.json`), "ATIF-v1.8")
      assert.deepStrictEqual(
        Array.from(new Set(posted.map(({ key, url }) => key === undefined ? url : `${url} ${key}`))).toSorted(),
        [
          "http://events.test/in s3cret",
          "http://one.test/v1/metrics",
          "http://one.test/v1/traces",
          "http://three.test/v1/traces",
          "http://two.test/v1/traces"
        ]
      )
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("refuses prices that cannot be read, and says which file", () =>
    Effect.gen(function*() {
      const document = { version: 1, components: [{ kind: "pricing", config: { files: ["/no/such/prices.json"] } }] }
      const error = yield* Effect.flip(
        Effect.void.pipe(
          Effect.provide(
            PluginHost.layer({ plugins: Builtin.plugins, document }).pipe(
              Layer.provide(AgentRuntime.layer)
            )
          )
        )
      )
      assert.strictEqual(
        error.message,
        "component pricing (components[0]) could not be activated: /no/such/prices.json: cannot be read: NotFound"
      )
    }).pipe(Effect.provide(NodeServices.layer)))
})
