import { assert, describe, it } from "@effect/vitest"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as OpenAiLanguageModel from "../../src/binding/OpenAiLanguageModel.ts"
import { apiKey, byteByByte, events, json, key, run, serve, type Server } from "./languageModelServer.ts"

const completion = (message: object, rest: object = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_760_000_000,
  model: "gpt-5-2026",
  choices: [{ index: 0, message: { role: "assistant", content: null, ...message }, finish_reason: "stop", ...rest }],
  usage: {
    prompt_tokens: 20,
    completion_tokens: 9,
    total_tokens: 29,
    prompt_tokens_details: { cached_tokens: 5 },
    completion_tokens_details: { reasoning_tokens: 4 }
  }
})

const call = (id: string, name: string, text: string) => ({
  id,
  type: "function",
  function: { name, arguments: text }
})

const chunk = (delta: object, finish_reason: string | null = null) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1_760_000_000,
  model: "gpt-5-2026",
  choices: [{ index: 0, delta, finish_reason }]
})

const ending = (reason: string) => [
  chunk({}, reason),
  { ...chunk({}), choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
  "data: [DONE]\n\n"
]

const layer = ({ url }: Server, options: Partial<OpenAiLanguageModel.Options> = {}) =>
  OpenAiLanguageModel.layer({ model: "gpt-5", apiKey, baseUrl: url, ...options })

const Weather = Tool.make("weather", {
  description: "Says how the weather is",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.Struct({ sky: Schema.String })
})
const Clock = Tool.make("clock", { success: Schema.String })
const tools = Toolkit.make(Weather, Clock)
const handlers = tools.toLayer({
  weather: ({ city }) => Effect.succeed({ sky: `clear over ${city}` }),
  clock: () => Effect.succeed("noon")
})

const generate = (prompt: Prompt.RawInput) => LanguageModel.generateText({ prompt })

describe("requests", () => {
  it.live("has system, text, images, sound, files and turns in the form of the API", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(completion({ content: "yes" })))
      const prompt = Prompt.make([
        { role: "system", content: "Be short." },
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            {
              type: "file",
              mediaType: "image/png",
              data: new Uint8Array([1, 2, 3]),
              options: { openai: { image_url: { url: "data:image/png;base64,AQID", detail: "low" } } }
            },
            { type: "file", mediaType: "image/*", data: new URL("https://example.com/a.png") },
            { type: "file", mediaType: "image/gif", data: "data:image/gif;base64,R0lG" },
            { type: "file", mediaType: "audio/mpeg", data: "AAAA" },
            { type: "file", mediaType: "application/pdf", fileName: "a.pdf", data: "JVBE" }
          ]
        },
        {
          role: "assistant",
          content: [
            { type: "reasoning", text: "hm" },
            { type: "text", text: "I ask." },
            { type: "tool-call", id: "c1", name: "weather", params: { city: "Ulm" } }
          ]
        },
        {
          role: "tool",
          content: [
            { type: "tool-result", id: "c1", name: "weather", isFailure: false, result: { sky: "clear" } },
            { type: "tool-result", id: "c2", name: "clock", isFailure: false, result: "noon" }
          ]
        }
      ])
      yield* run(generate(prompt), layer(server))
      const [asked] = server.asked
      assert.strictEqual(asked?.url, "/v1/chat/completions")
      assert.strictEqual(asked?.headers.authorization, `Bearer ${key}`)
      assert.deepStrictEqual(asked?.body, {
        model: "gpt-5",
        messages: [
          { role: "system", content: "Be short." },
          {
            role: "user",
            content: [
              { type: "text", text: "What is this?" },
              { type: "image_url", image_url: { url: "data:image/png;base64,AQID", detail: "low" } },
              { type: "image_url", image_url: { url: "https://example.com/a.png" } },
              { type: "image_url", image_url: { url: "data:image/gif;base64,R0lG" } },
              { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
              { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBE" } }
            ]
          },
          { role: "assistant", content: "I ask.", tool_calls: [call("c1", "weather", "{\"city\":\"Ulm\"}")] },
          { role: "tool", tool_call_id: "c1", content: "{\"sky\":\"clear\"}" },
          { role: "tool", tool_call_id: "c2", content: "noon" }
        ]
      })
    }))

  it.live("takes parameters, headers, a query, and fields of the user's own over all", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(completion({ content: "yes" })))
      yield* run(
        generate("hi"),
        layer({ ...server, url: `${server.url}/?api-version=1` }, {
          temperature: 0.5,
          topP: 0.9,
          maxTokens: 100,
          stop: ["END"],
          seed: 7,
          reasoningEffort: "low",
          headers: { "x-team": "loom", "api-key": Redacted.make("other") },
          body: { top_k: 4, temperature: 1 }
        })
      )
      const [asked] = server.asked
      assert.strictEqual(asked?.url, "/v1/chat/completions?api-version=1")
      assert.strictEqual(asked?.headers["x-team"], "loom")
      assert.strictEqual(asked?.headers["api-key"], "other")
      assert.deepStrictEqual(asked?.body, {
        model: "gpt-5",
        messages: [{ role: "user", content: "hi" }],
        temperature: 1,
        top_p: 0.9,
        max_tokens: 100,
        stop: ["END"],
        seed: 7,
        reasoning_effort: "low",
        top_k: 4
      })
    }))

  it.live("needs no key", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(completion({ content: "yes" })))
      yield* run(generate("hi"), layer(server, { apiKey: undefined }))
      assert.isUndefined(server.asked[0]?.headers.authorization)
    }))

  it.live("says which tools there are and which of them to call", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(completion({ content: "yes" })))
      const choices = ["auto", "none", "required", { tool: "clock" }, { mode: "required", oneOf: ["weather"] }] as const
      yield* run(
        Effect.forEach(
          choices,
          (toolChoice) => LanguageModel.generateText({ prompt: "hi", toolkit: tools, toolChoice })
        ),
        layer(server)
      ).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(server.asked.map(({ body }) => body.tool_choice), [
        "auto",
        "none",
        "required",
        { type: "function", function: { name: "clock" } },
        "required"
      ])
      assert.deepStrictEqual(server.asked[4]?.body.tools.map((tool: any) => tool.function.name), ["weather"])
      const [weather, clock] = server.asked[0]!.body.tools
      assert.strictEqual(weather.function.description, "Says how the weather is")
      assert.deepInclude(weather.function.parameters, { type: "object", required: ["city"] })
      assert.strictEqual(clock.function.parameters.type, "object")
    }))

  it.live("refuses a medium that the API does not take, and sends nothing", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(completion({ content: "yes" })))
      const prompt = Prompt.make([
        { role: "user", content: [{ type: "file", mediaType: "video/mp4", data: "AAAA" }] }
      ])
      const error = yield* Effect.flip(run(generate(prompt), layer(server)))
      assert.strictEqual(error.reason._tag, "InvalidUserInputError")
      assert.include(error.message, "video/mp4")
      assert.strictEqual(server.asked.length, 0)
    }))
})

describe("answers", () => {
  it.live("are text, reasoning, usage, and who gave them", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(completion({ content: "Paris", reasoning_content: "easy" })))
      const response = yield* run(generate("capital?"), layer(server))
      assert.strictEqual(response.text, "Paris")
      assert.strictEqual(response.reasoningText, "easy")
      assert.strictEqual(response.finishReason, "stop")
      assert.deepStrictEqual({ ...response.usage.inputTokens }, {
        uncached: 15,
        total: 20,
        cacheRead: 5,
        cacheWrite: undefined
      })
      assert.deepStrictEqual({ ...response.usage.outputTokens }, { total: 9, text: 5, reasoning: 4 })
      assert.deepInclude(response.content[0], { type: "response-metadata", id: "chatcmpl-1", modelId: "gpt-5-2026" })
    }))

  it.live("call tools, whose results can be sent back", () =>
    Effect.gen(function*() {
      const tool_calls = [call("c1", "weather", "{\"city\":\"Ulm\"}"), call("c2", "clock", "")]
      const server = yield* serve(
        json(completion({ tool_calls }, { finish_reason: "tool_calls" })),
        json(completion({ content: "done" }))
      )
      const program = Effect.gen(function*() {
        const first = yield* LanguageModel.generateText({ prompt: "weather?", toolkit: tools })
        const prompt = Prompt.concat(Prompt.make("weather?"), Prompt.fromResponseParts(first.content))
        const second = yield* LanguageModel.generateText({ prompt, toolkit: tools })
        return { first, second }
      })
      const { first, second } = yield* run(program, layer(server)).pipe(Effect.provide(handlers))
      assert.strictEqual(first.finishReason, "tool-calls")
      assert.deepStrictEqual(first.toolResults.map(({ result }) => result), [{ sky: "clear over Ulm" }, "noon"])
      assert.strictEqual(second.text, "done")
      assert.deepStrictEqual(server.asked[1]?.body.messages.slice(1), [
        {
          role: "assistant",
          content: null,
          tool_calls: [call("c1", "weather", "{\"city\":\"Ulm\"}"), call("c2", "clock", "{}")]
        },
        { role: "tool", tool_call_id: "c1", content: "{\"sky\":\"clear over Ulm\"}" },
        { role: "tool", tool_call_id: "c2", content: "noon" }
      ])
    }))

  it.live("fail where arguments are no JSON, unless the answer was cut off there", () =>
    Effect.gen(function*() {
      const tool_calls = [call("c1", "weather", "{\"city\":")]
      const server = yield* serve(
        json(completion({ tool_calls }, { finish_reason: "tool_calls" })),
        json(completion({ tool_calls, content: "I look" }, { finish_reason: "length" }))
      )
      const ask = run(LanguageModel.generateText({ prompt: "weather?", toolkit: tools }), layer(server)).pipe(
        Effect.provide(handlers)
      )
      const error = yield* Effect.flip(ask)
      assert.strictEqual(error.reason._tag, "ToolParameterValidationError")
      assert.isTrue(error.isRetryable)
      const response = yield* ask
      assert.strictEqual(response.text, "I look")
      assert.strictEqual(response.finishReason, "length")
      assert.deepStrictEqual(response.toolCalls, [])
    }))

  it.live("hand on what is no JSON to those who validate calls themselves", () =>
    Effect.gen(function*() {
      const tool_calls = [call("c1", "weather", "{\"city\":"), call("c2", "unknown", "{}")]
      const server = yield* serve(
        json(completion({ tool_calls }, { finish_reason: "tool_calls" })),
        json(completion({ content: "done" }))
      )
      const program = Effect.gen(function*() {
        const first = yield* LanguageModel.generateText({
          prompt: "weather?",
          toolkit: tools,
          disableToolCallResolution: true,
          toolCallValidation: "deferred"
        })
        assert.deepStrictEqual(first.toolCalls.map(({ params }) => params), ["{\"city\":", {}])
        yield* LanguageModel.generateText({ prompt: Prompt.fromResponseParts(first.content) })
      })
      yield* run(program, layer(server)).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(server.asked[1]?.body.messages[0].tool_calls, tool_calls)
    }))

  it.live("are objects where a schema is given", () =>
    Effect.gen(function*() {
      const server = yield* serve(
        json(completion({ content: "{\"name\":\"Ada\",\"age\":36}" })),
        json(completion({ refusal: "I would rather not." })),
        json(completion({ content: "no object" }))
      )
      const schema = Schema.Struct({ name: Schema.String, age: Schema.Int })
      const ask = run(
        LanguageModel.generateObject({ prompt: "who?", schema, objectName: "a person" }),
        layer(server)
      )
      assert.deepStrictEqual((yield* ask).value, { name: "Ada", age: 36 })
      const { json_schema, type } = server.asked[0]!.body.response_format
      assert.strictEqual(type, "json_schema")
      assert.deepInclude(json_schema, { name: "a_person", strict: true })
      assert.deepInclude(json_schema.schema, { type: "object", additionalProperties: false, required: ["name", "age"] })
      assert.strictEqual((yield* Effect.flip(ask)).reason._tag, "ContentPolicyError")
      assert.strictEqual((yield* Effect.flip(ask)).reason._tag, "StructuredOutputError")
    }))

  it.live("are no answers where the server says something else", () =>
    Effect.gen(function*() {
      const server = yield* serve(
        { headers: { "content-type": "text/html" }, pieces: ["<html>"] },
        json({ hello: "world" }),
        json({ ...completion({}), choices: [] })
      )
      for (let i = 0; i < 3; i++) {
        const error = yield* Effect.flip(run(generate("hi"), layer(server)))
        assert.strictEqual(error.reason._tag, "InvalidResponseError", String(i))
      }
    }))
})

describe("streams", () => {
  const text = (parts: ReadonlyArray<{ readonly type: string }>) =>
    parts.map((part) => "delta" in part ? `${part.type}:${String(part.delta)}` : part.type)

  it.live("are told as they come, also byte by byte", () =>
    Effect.gen(function*() {
      const list = [
        ": hello\n\n",
        chunk({ role: "assistant", content: "" }),
        chunk({ reasoning_content: "hä?" }),
        chunk({ content: "Gr" }),
        chunk({ content: "üße 🧵" }),
        ...ending("stop")
      ]
      const server = yield* serve(events(list), events(list, "end", byteByByte))
      const ask = run(Stream.runCollect(LanguageModel.streamText({ prompt: "hi" })), layer(server))
      for (const parts of [yield* ask, yield* ask]) {
        assert.deepStrictEqual(text(parts), [
          "response-metadata",
          "reasoning-start",
          "reasoning-delta:hä?",
          "reasoning-end",
          "text-start",
          "text-delta:Gr",
          "text-delta:üße 🧵",
          "text-end",
          "finish"
        ])
        const finish = parts.at(-1)
        assert.isTrue(finish?.type === "finish" && finish.reason === "stop" && finish.usage.outputTokens.total === 2)
      }
      assert.deepInclude(server.asked[0]?.body, { stream: true, stream_options: { include_usage: true } })
    }))

  it.live("call tools whose pieces come mixed, without an id, or without an index", () =>
    Effect.gen(function*() {
      const piece = (index: number | undefined, rest: object) =>
        chunk({ tool_calls: [{ ...(index === undefined ? {} : { index }), ...rest }] })
      const server = yield* serve(
        events([
          piece(0, call("c1", "weather", "")),
          piece(1, call("c2", "clock", "")),
          piece(0, { function: { arguments: "{\"city\":" } }),
          piece(1, { function: { arguments: "{}" } }),
          piece(0, { function: { arguments: "\"Ulm\"}" } }),
          ...ending("tool_calls")
        ]),
        events([
          piece(undefined, { function: { name: "weather", arguments: "{\"city\":\"Ulm\"}" } }),
          ...ending("stop")
        ])
      )
      const ask = run(
        Stream.runCollect(LanguageModel.streamText({ prompt: "weather?", toolkit: tools })),
        layer(server)
      ).pipe(Effect.provide(handlers))
      const first = yield* ask
      assert.deepStrictEqual(
        first.flatMap((part) => part.type === "tool-call" ? [[part.id, part.name]] : []),
        [["c1", "weather"], ["c2", "clock"]]
      )
      assert.deepStrictEqual(
        first.flatMap((part) => part.type === "tool-params-delta" ? [[part.id, part.delta]] : []),
        [["c1", "{\"city\":"], ["c2", "{}"], ["c1", "\"Ulm\"}"]]
      )
      const results = first.flatMap((part) => part.type === "tool-result" ? [part.result] : [])
      assert.sameDeepMembers(results, [{ sky: "clear over Ulm" }, "noon"])
      const second = yield* ask
      const called = second.find((part) => part.type === "tool-call")
      assert.isTrue(called?.type === "tool-call" && called.id !== "" && called.name === "weather")
      const finish = second.find((part) => part.type === "finish")
      assert.isTrue(finish?.type === "finish" && finish.reason === "tool-calls")
    }))
})
