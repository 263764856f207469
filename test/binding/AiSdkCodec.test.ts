/** What policies and exporters read in call options and answers of the AI SDK, and how edits come back. */
import { assert, describe, it } from "@effect/vitest"
import { codecOf } from "../../src/binding/internal/aiSdkCodec.ts"
import * as Annotated from "../../src/codec/Annotated.ts"
import { decoded, differences, keepsEdit, requests, responses } from "../codec/internal/laws.ts"
import { laws, payloads } from "../codec/internal/suite.ts"

const codec = codecOf("openai.responses")

laws({
  codec,
  folder: "../../binding/aiSdkPayloads",
  requestList: "prompt",
  inexpressible: {
    model: "other",
    instructions: [{ type: "text", content: "be kind" }],
    choiceCount: 2,
    stream: true,
    conversationId: "c",
    previousResponseId: "r",
    unmodelled: ["/somewhere"]
  }
})

const payload = (kind: "request" | "response" | "stream", name: string): unknown =>
  payloads("../../binding/aiSdkPayloads", kind).find(([file]) => file === `${name}.${kind}.json`)![1]

describe("call options of the AI SDK", () => {
  const side = requests(codec)
  const body = payload("request", "conversation")

  it("say who said what, and what tools gave", () => {
    const { messages } = decoded(side, body)
    assert.deepStrictEqual(messages.map(({ role }) => role), ["system", "user", "assistant", "tool"])
    assert.deepStrictEqual(messages.map((message) => message.parts.map(({ type }) => type)), [
      ["text"],
      ["text", "blob", "uri", "text", "generic", "blob"],
      ["reasoning", "text", "tool_call", "tool_call", "tool_call_response", "generic"],
      [...Array.from({ length: 9 }, () => "tool_call_response"), "generic"]
    ])
    assert.deepStrictEqual(
      messages[3]!.parts.map((part) => part.type === "tool_call_response" ? part.response : part.type),
      [
        "a cat",
        { animal: "cat" },
        "it is dark",
        { code: 5 },
        "not now",
        undefined,
        [
          { type: "text", content: "as you see" },
          { type: "blob", modality: "image", mimeType: "image/png", content: "iVBORw0KGgo=" },
          { type: "generic", provider: "ai_sdk", kind: "custom", value: { type: "custom" } }
        ],
        "a word",
        undefined,
        "generic"
      ]
    )
  })

  it("say how the model is to answer", () => {
    const { messages: _, tools, unmodelled, ...rest } = decoded(side, body)
    assert.deepStrictEqual(rest, {
      toolChoice: { type: "auto" },
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      maxTokens: 100,
      stop: ["STOP"],
      seed: 7,
      frequencyPenalty: 0.2,
      presencePenalty: 0.1,
      reasoning: { effort: "low" }
    })
    assert.deepStrictEqual(tools?.map(({ type }) => type), ["function", "generic"])
    assert.includeMembers([...unmodelled], ["/responseFormat", "/providerOptions", "/prompt/0/providerOptions"])
  })

  it("take an edit of every text, and keep all else", () => {
    const before = decoded(side, body)
    const edited = Annotated.mapText(before, ({ text }) => text.replaceAll(/a|e/g, "_"))
    const after = keepsEdit(side, body, edited, before)
    const changed = differences(body, after)
    assert.includeMembers([...changed], [
      "/prompt/0/content",
      "/prompt/1/content/0/text",
      "/prompt/1/content/3/data/text",
      "/prompt/3/content/0/output/value",
      "/prompt/3/content/2/output/value",
      "/prompt/3/content/6/output/value/0/text"
    ])
    for (const path of changed) assert.match(path, /\/(?:content|text|value|reason|animal|code|input|at|\d+)$/)
  })

  it("get new messages in the form that the SDK takes", () => {
    const before = decoded(side, payload("request", "text"))
    const parts = [{ type: "text" as const, content: "be kind" }]
    const edited = { ...before, messages: [{ role: "system", parts }, ...before.messages, { role: "user", parts }] }
    const after = keepsEdit(side, payload("request", "text"), edited, before) as { readonly prompt: unknown }
    assert.deepStrictEqual(after.prompt, [
      { role: "system", content: "be kind" },
      { role: "user", content: [{ type: "text", text: "hello" }] },
      { role: "user", content: [{ type: "text", text: "be kind" }] }
    ])
  })
})

describe("answers of the AI SDK", () => {
  const side = responses(codec)

  it("say what was said, by which model, why it ended and what it used", () => {
    const { messages, unmodelled, ...rest } = decoded(side, payload("response", "text"))
    assert.deepStrictEqual(messages, [{ role: "assistant", parts: [{ type: "text", content: "Hello." }] }])
    assert.deepStrictEqual(rest, {
      id: "r-1",
      model: "gpt-test-1",
      finishReasons: [{ reason: "stop", raw: "end_turn" }],
      usage: { inputTokens: 7, outputTokens: 5, cacheReadTokens: 3, reasoningTokens: 2 }
    })
    assert.deepStrictEqual(unmodelled, [])
  })

  it("say which tools are called with what, also if it is no JSON", () => {
    const calls = Annotated.toolCalls(decoded(side, payload("response", "everything")))
    assert.deepStrictEqual(calls.map((call) => call.arguments), [{ at: "cat" }, "not json", {}])
  })

  it("that were streamed say what they would have said at once", () => {
    const fold = (name: string) =>
      (payload("stream", name) as ReadonlyArray<unknown>).reduce(codec.stream.step, codec.stream.initial())
    assert.strictEqual(codec.stream.text(fold("text")), "Hello.")
    const { messages, finishReasons, usage } = decoded(side, codec.stream.finish(fold("text")))
    assert.deepStrictEqual(messages, [{ role: "assistant", parts: [{ type: "text", content: "Hello." }] }])
    assert.deepStrictEqual(finishReasons, [{ reason: "stop", raw: "end_turn" }])
    assert.strictEqual(usage?.reasoningTokens, 2)

    const mixed = decoded(side, codec.stream.finish(fold("tools")))
    assert.deepStrictEqual(mixed.messages[0]?.parts.slice(0, 5), [
      { type: "reasoning", content: "I should look." },
      { type: "text", content: "Let me look." },
      { type: "tool_call", id: "c1", name: "look", arguments: { at: "cat" } },
      // Its provider never said it as a whole.
      { type: "tool_call", id: "c2", name: "look", arguments: "{\"at\":\"d" },
      { type: "tool_call_response", id: "c3", name: "draw", response: { done: 3 } }
    ])
    assert.isDefined(mixed.error)
  })

  it("tell the errors of a stream by name and message", () => {
    const state = codec.stream.step(codec.stream.initial(), { type: "error", error: new TypeError("no such host") })
    assert.deepStrictEqual(decoded(side, codec.stream.finish(state)).error, {
      message: "no such host",
      type: "TypeError"
    })
  })

  it("are of the provider that conventions name", () => {
    const names = [
      "openai.responses",
      "anthropic.messages",
      "google.generative-ai",
      "google.vertex.chat",
      "amazon-bedrock",
      "azure.chat",
      "mistral.chat",
      "mock"
    ]
    assert.deepStrictEqual(
      names.map((name) => codecOf(name).provider),
      ["openai", "anthropic", "gcp.gemini", "gcp.vertex_ai", "aws.bedrock", "azure.ai.openai", "mistral_ai", "mock"]
    )
  })
})
