import { assert, describe, it } from "@effect/vitest"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AnthropicLanguageModel from "../../src/binding/AnthropicLanguageModel.ts"
import { apiKey, byteByByte, events, json, key, run, serve, type Server } from "./languageModelServer.ts"

const message = (content: ReadonlyArray<object>, stop_reason = "end_turn") => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-test-1",
  content,
  stop_reason,
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 7, cache_read_input_tokens: 4, cache_creation_input_tokens: 2 }
})

const use = (id: string, name: string, input: object) => ({ type: "tool_use", id, name, input })

/** What is streamed of blocks of content: each piece of a block is a delta. */
const streamed = (
  blocks: ReadonlyArray<readonly [start: object, ...deltas: ReadonlyArray<object>]>,
  reason: string
) => [
  `event: message_start\ndata: ${
    JSON.stringify({ type: "message_start", message: { ...message([]), stop_reason: null } })
  }\n\n`,
  "event: ping\ndata: {\"type\":\"ping\"}\n\n",
  ...blocks.flatMap(([content_block, ...deltas], index) => [
    { type: "content_block_start", index, content_block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index }
  ]),
  { type: "message_delta", delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 9 } },
  { type: "message_stop" }
]

const layer = ({ url }: Server, options: Partial<AnthropicLanguageModel.Options> = {}) =>
  AnthropicLanguageModel.layer({ model: "claude-test", apiKey, baseUrl: url, ...options })

const Weather = Tool.make("weather", {
  description: "Says how the weather is",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String,
  failure: Schema.String,
  failureMode: "return"
})
const tools = Toolkit.make(Weather)
const handlers = tools.toLayer({
  weather: ({ city }) => city === "Ulm" ? Effect.succeed("clear") : Effect.fail(`no such city: ${city}`)
})

const generate = (prompt: Prompt.RawInput) => LanguageModel.generateText({ prompt })

describe("requests", () => {
  it.live("have system, text, images, documents and turns in the form of the API", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(message([{ type: "text", text: "yes" }])))
      const cache_control = { type: "ephemeral" }
      const prompt = Prompt.make([
        { role: "system", content: "Be short.", options: { anthropic: { cache_control } } },
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?", options: { anthropic: { cache_control } } },
            { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) },
            { type: "file", mediaType: "image/*", data: new URL("https://example.com/a.png") },
            { type: "file", mediaType: "application/pdf", fileName: "a.pdf", data: "data:application/pdf;base64,JVBE" },
            { type: "file", mediaType: "text/plain", data: new TextEncoder().encode("grüß dich") }
          ]
        },
        {
          role: "assistant",
          content: [
            { type: "reasoning", text: "unsigned" },
            { type: "reasoning", text: "hm", options: { anthropic: { signature: "s1" } } },
            { type: "reasoning", text: "", options: { anthropic: { type: "redacted_thinking", data: "x" } } },
            { type: "text", text: "I ask." },
            { type: "tool-call", id: "t1", name: "weather", params: { city: "Ulm" } },
            { type: "tool-call", id: "t2", name: "weather", params: { city: "Oz" } }
          ]
        },
        {
          role: "tool",
          content: [
            { type: "tool-result", id: "t1", name: "weather", isFailure: false, result: "clear" },
            { type: "tool-result", id: "t2", name: "weather", isFailure: true, result: { why: "none" } }
          ]
        },
        { role: "user", content: "And now?" }
      ])
      yield* run(generate(prompt), layer(server))
      const [asked] = server.asked
      assert.strictEqual(asked?.url, "/v1/messages")
      assert.strictEqual(asked?.headers["x-api-key"], key)
      assert.strictEqual(asked?.headers["anthropic-version"], "2023-06-01")
      assert.deepStrictEqual(asked?.body, {
        model: "claude-test",
        max_tokens: 4096,
        system: [{ type: "text", text: "Be short.", cache_control }],
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "What is this?", cache_control },
              { type: "image", source: { type: "base64", media_type: "image/png", data: "AQID" } },
              { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
              {
                type: "document",
                source: { type: "base64", media_type: "application/pdf", data: "JVBE" },
                title: "a.pdf"
              },
              { type: "document", source: { type: "text", media_type: "text/plain", data: "grüß dich" } }
            ]
          },
          {
            role: "assistant",
            content: [
              { type: "thinking", thinking: "hm", signature: "s1" },
              { type: "redacted_thinking", data: "x" },
              { type: "text", text: "I ask." },
              use("t1", "weather", { city: "Ulm" }),
              use("t2", "weather", { city: "Oz" })
            ]
          },
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: "t1", content: "clear" },
              { type: "tool_result", tool_use_id: "t2", content: "{\"why\":\"none\"}", is_error: true },
              { type: "text", text: "And now?" }
            ]
          }
        ]
      })
    }))

  it.live("take parameters, headers, and fields of the user's own over all", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(message([{ type: "text", text: "yes" }])))
      yield* run(
        generate("hi"),
        layer(server, {
          maxTokens: 5000,
          temperature: 1,
          topP: 0.9,
          topK: 5,
          stop: ["END"],
          thinkingBudget: 2000,
          headers: { "anthropic-beta": "x-1" },
          body: { metadata: { user_id: "u" } }
        })
      )
      assert.strictEqual(server.asked[0]?.headers["anthropic-beta"], "x-1")
      assert.deepStrictEqual(server.asked[0]?.body, {
        model: "claude-test",
        max_tokens: 5000,
        messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
        temperature: 1,
        top_p: 0.9,
        top_k: 5,
        stop_sequences: ["END"],
        thinking: { type: "enabled", budget_tokens: 2000 },
        metadata: { user_id: "u" }
      })
    }))

  it.live("say which tools there are and which of them to call", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(message([{ type: "text", text: "yes" }])))
      yield* run(
        Effect.forEach(
          ["auto", "none", "required", { tool: "weather" }] as const,
          (toolChoice) => LanguageModel.generateText({ prompt: "hi", toolkit: tools, toolChoice })
        ),
        layer(server)
      ).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(server.asked.map(({ body }) => body.tool_choice), [
        { type: "auto" },
        { type: "none" },
        { type: "any" },
        { type: "tool", name: "weather" }
      ])
      const [tool] = server.asked[0]!.body.tools
      assert.deepInclude(tool, { name: "weather", description: "Says how the weather is" })
      assert.deepInclude(tool.input_schema, { type: "object", required: ["city"] })
    }))
})

describe("answers", () => {
  it.live("are text, signed thoughts, usage, and who gave them", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(message([
        { type: "thinking", thinking: "easy", signature: "s1" },
        { type: "text", text: "Par" },
        { type: "text", text: "is" }
      ])))
      const response = yield* run(generate("capital?"), layer(server))
      assert.strictEqual(response.text, "Paris")
      assert.strictEqual(response.reasoningText, "easy")
      assert.deepStrictEqual(response.reasoning[0]?.metadata, { anthropic: { signature: "s1" } })
      assert.deepStrictEqual({ ...response.usage.inputTokens }, {
        uncached: 10,
        total: 16,
        cacheRead: 4,
        cacheWrite: 2
      })
      assert.strictEqual(response.usage.outputTokens.total, 7)
      assert.deepInclude(response.content[0], { type: "response-metadata", id: "msg_1", modelId: "claude-test-1" })
    }))

  it.live("end for reasons that effect/ai knows", () =>
    Effect.gen(function*() {
      const words = [
        ["end_turn", "stop"],
        ["stop_sequence", "stop"],
        ["max_tokens", "length"],
        ["model_context_window_exceeded", "length"],
        ["refusal", "content-filter"],
        ["pause_turn", "pause"],
        ["new_word", "other"]
      ] as const
      const [first, ...rest] = words.map(([word]) => json(message([{ type: "text", text: "x" }], word)))
      const server = yield* serve(first!, ...rest)
      for (const [word, reason] of words) {
        assert.strictEqual((yield* run(generate("hi"), layer(server))).finishReason, reason, word)
      }
    }))

  it.live("call tools, whose results can be sent back", () =>
    Effect.gen(function*() {
      const calls = [use("t1", "weather", { city: "Ulm" }), use("t2", "weather", { city: "Oz" })]
      const server = yield* serve(
        json(message(calls, "tool_use")),
        json(message([{ type: "text", text: "done" }]))
      )
      const program = Effect.gen(function*() {
        const first = yield* LanguageModel.generateText({ prompt: "weather?", toolkit: tools })
        assert.strictEqual(first.finishReason, "tool-calls")
        const prompt = Prompt.concat(Prompt.make("weather?"), Prompt.fromResponseParts(first.content))
        return yield* LanguageModel.generateText({ prompt, toolkit: tools })
      })
      const second = yield* run(program, layer(server)).pipe(Effect.provide(handlers))
      assert.strictEqual(second.text, "done")
      const [assistant, user, ...rest] = server.asked[1]!.body.messages.slice(1)
      assert.deepStrictEqual(assistant, { role: "assistant", content: calls })
      assert.strictEqual(user.role, "user")
      // In the order in which they came to be.
      assert.sameDeepMembers(user.content, [
        { type: "tool_result", tool_use_id: "t1", content: "clear" },
        { type: "tool_result", tool_use_id: "t2", content: "no such city: Oz", is_error: true }
      ])
      assert.deepStrictEqual(rest, [])
    }))

  it.live("are objects where a schema is given, by a tool of its own", () =>
    Effect.gen(function*() {
      const answer = use("t1", "a_person", { name: "Ada", age: 36 })
      const server = yield* serve(
        json(message([{ type: "text", text: "Here:" }, answer], "tool_use")),
        json(message([answer], "tool_use")),
        json(message([{ type: "text", text: "I do not know" }]))
      )
      const schema = Schema.Struct({ name: Schema.String, age: Schema.Int })
      const ask = (options: Partial<AnthropicLanguageModel.Options> = {}) =>
        run(
          LanguageModel.generateObject({ prompt: "who?", schema, objectName: "a person" }),
          layer(server, options)
        )
      const response = yield* ask()
      assert.deepStrictEqual(response.value, { name: "Ada", age: 36 })
      assert.strictEqual(response.finishReason, "stop")
      const { tool_choice, tools: [tool] } = server.asked[0]!.body
      assert.deepStrictEqual(tool_choice, { type: "tool", name: "a_person" })
      assert.deepInclude(tool.input_schema, { type: "object", required: ["name", "age"] })
      yield* ask({ thinkingBudget: 1024 })
      assert.deepStrictEqual(server.asked[1]?.body.tool_choice, { type: "auto" })
      assert.strictEqual((yield* Effect.flip(ask())).reason._tag, "StructuredOutputError")
    }))

  it.live("cannot be objects whose root is none: nothing is sent", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(message([])))
      const schema = Schema.Array(Schema.String) as unknown as Schema.Codec<Record<string, string>>
      const error = yield* Effect.flip(run(LanguageModel.generateObject({ prompt: "who?", schema }), layer(server)))
      assert.strictEqual(error.reason._tag, "UnsupportedSchemaError")
      assert.strictEqual(server.asked.length, 0)
    }))
})

describe("streams", () => {
  const brief = (parts: ReadonlyArray<{ readonly type: string }>) =>
    parts.map((part) => "delta" in part ? `${part.type}:${String(part.delta)}` : part.type)

  const list = streamed([
    [{ type: "thinking", thinking: "", signature: "" }, { type: "thinking_delta", thinking: "hä?" }, {
      type: "signature_delta",
      signature: "s1"
    }],
    [{ type: "text", text: "" }, { type: "text_delta", text: "Gr" }, { type: "text_delta", text: "üße 🧵" }],
    [
      { type: "server_tool_use", id: "srv", name: "web_search", input: {} },
      { type: "input_json_delta", partial_json: "{}" }
    ],
    [
      { ...use("t1", "weather", {}) },
      { type: "input_json_delta", partial_json: "" },
      { type: "input_json_delta", partial_json: "{\"city\":" },
      { type: "input_json_delta", partial_json: "\"Ulm\"}" }
    ]
  ], "tool_use")

  it.live("are told as they come, also byte by byte, and do not wait for the connection to close", () =>
    Effect.gen(function*() {
      const server = yield* serve(events(list, "hang"), events(list, "end", byteByByte))
      const ask = run(
        Stream.runCollect(LanguageModel.streamText({ prompt: "weather?", toolkit: tools })),
        layer(server)
      ).pipe(Effect.provide(handlers))
      for (const parts of [yield* ask, yield* ask]) {
        assert.deepStrictEqual(brief(parts), [
          "response-metadata",
          "reasoning-start",
          "reasoning-delta:hä?",
          "reasoning-end",
          "text-start",
          "text-delta:Gr",
          "text-delta:üße 🧵",
          "text-end",
          "tool-params-start",
          "tool-params-delta:{\"city\":",
          "tool-params-delta:\"Ulm\"}",
          "tool-params-end",
          "tool-call",
          "tool-result",
          "finish"
        ])
        const finish = parts.at(-1)
        assert.isTrue(finish?.type === "finish" && finish.reason === "tool-calls")
        assert.isTrue(finish?.type === "finish" && finish.usage.outputTokens.total === 9)
        // Thoughts can go back as they were signed.
        const [assistant] = Prompt.fromResponseParts(parts).content
        const thought = assistant?.role === "assistant" ? assistant.content[0] : undefined
        assert.deepInclude(thought, { type: "reasoning", text: "hä?", options: { anthropic: { signature: "s1" } } })
      }
      assert.isTrue(server.asked[0]?.body.stream)
    }))
})
