import { assert, describe, it } from "@effect/vitest"
import * as Prompt from "effect/ai/Prompt"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as EffectAi from "../../src/binding/EffectAi.ts"
import { Annotated } from "../../src/index.ts"
import { finish, metadata, pieces, text, toolCall } from "./effectAiSupport.ts"

const { codec } = EffectAi

const prompt = Prompt.make([
  { role: "system", content: "be nice" },
  {
    role: "user",
    content: [
      { type: "text", text: "what is it?" },
      { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) },
      { type: "file", mediaType: "application/pdf", data: new URL("https://example.org/a.pdf") },
      { type: "file", mediaType: "audio/wav", data: "AQID", fileName: "a.wav" }
    ]
  },
  {
    role: "assistant",
    content: [
      { type: "reasoning", text: "hm" },
      { type: "tool-call", id: "1", name: "look", params: { at: "it" } },
      { type: "tool-call", id: "2", name: "search", params: {}, providerExecuted: true }
    ]
  },
  {
    role: "tool",
    content: [
      { type: "tool-result", id: "1", name: "look", isFailure: false, result: [1, 2] },
      { type: "tool-result", id: "3", name: "read", isFailure: false, result: { text: "a secret" } }
    ]
  }
])

const request = {
  messages: JSON.parse(JSON.stringify(Schema.encodeSync(Prompt.Prompt)(prompt).content)),
  toolChoice: { mode: "auto", oneOf: ["look"] }
}

describe("the codec of effect/ai", () => {
  it("reads every part of a prompt, and says what it does not cover", () => {
    const annotated = Result.getOrThrow(codec.decodeRequest(request))
    assert.deepStrictEqual(annotated.messages.map(({ parts }) => parts), [
      [{ type: "text", content: "be nice" }],
      [
        { type: "text", content: "what is it?" },
        { type: "blob", modality: "image", mimeType: "image/png", content: "AQID" },
        { type: "uri", modality: "file", mimeType: "application/pdf", uri: "https://example.org/a.pdf" },
        { type: "blob", modality: "audio", mimeType: "audio/wav", content: "AQID" }
      ],
      [
        { type: "reasoning", content: "hm" },
        { type: "tool_call", id: "1", name: "look", arguments: { at: "it" } },
        { type: "generic", provider: "effect_ai", kind: "tool-call", value: request.messages[2].content[2] }
      ],
      [
        { type: "tool_call_response", id: "1", name: "look", response: "[1,2]" },
        { type: "tool_call_response", id: "3", name: "read", response: { text: "a secret" } }
      ]
    ])
    assert.deepStrictEqual(annotated.unmodelled, ["/messages/2/content/2", "/toolChoice"])
  })

  it("gives the body back if nothing was edited, and changes what was and nothing else", () => {
    const annotated = Result.getOrThrow(codec.decodeRequest(request))
    assert.strictEqual(Result.getOrThrow(codec.encodeRequest(annotated, request)), request)
    const masked = Annotated.mapText(annotated, ({ text }) => text.replace("secret", "[hidden]"))
    const body = Result.getOrThrow(codec.encodeRequest(masked, request, annotated))
    assert.deepStrictEqual(body, JSON.parse(JSON.stringify(request).replace("secret", "[hidden]")))
    assert.doesNotThrow(() => Schema.decodeUnknownSync(Prompt.Prompt)({ content: (body as typeof request).messages }))
  })

  it("writes new messages and media that the library can read", () => {
    const annotated = Result.getOrThrow(codec.decodeRequest(request))
    const user: Annotated.Message = {
      role: "user",
      parts: [
        { type: "text", content: "and this?" },
        { type: "uri", modality: "image", mimeType: "image/png", uri: "https://example.org/b.png" }
      ]
    }
    const edited = { ...annotated, messages: [...annotated.messages, user] }
    const body = Result.getOrThrow(codec.encodeRequest(edited, request, annotated)) as typeof request
    const { content } = Schema.decodeUnknownSync(Prompt.Prompt)({ content: body.messages })
    assert.lengthOf(content, 5)
    const [, file] = content[4]!.content as ReadonlyArray<Prompt.Part>
    assert.deepStrictEqual(file?.type === "file" && String(file.data), "https://example.org/b.png")
  })

  it("refuses an edit that the library's form cannot hold", () => {
    const annotated = Result.getOrThrow(codec.decodeRequest(request))
    for (const edit of [{ temperature: 1 }, { model: "another" }, { unmodelled: [] }]) {
      assert.isTrue(Result.isFailure(codec.encodeRequest({ ...annotated, ...edit }, request)))
    }
    const video: Annotated.Part = { type: "blob", modality: "video", mimeType: "image/png", content: "" }
    const messages = [{ role: "user", parts: [video] }]
    assert.isTrue(Result.isFailure(codec.encodeRequest({ ...annotated, messages }, request)))
  })

  it("makes of a stream the response that would have come without", () => {
    const state = codec.stream.initial()
    const call = toolCall("look", { at: "it" })
    const chunks = [
      metadata,
      { type: "reasoning-start", id: "1" },
      { type: "reasoning-delta", id: "1", delta: "hm" },
      { type: "reasoning-end", id: "1" },
      ...pieces("hel", "lo"),
      { type: "tool-params-start", id: "call-1", name: "look" },
      { type: "tool-params-delta", id: "call-1", delta: "{\"at\":" },
      { type: "tool-params-end", id: "call-1" },
      call,
      { type: "tool-params-start", id: "call-2", name: "cut" },
      { type: "tool-params-delta", id: "call-2", delta: "{\"at" },
      finish()
    ]
    for (const chunk of chunks) codec.stream.step(state, chunk)
    assert.strictEqual(codec.stream.text(state), "hello")
    assert.deepStrictEqual(
      codec.stream.finish(state),
      JSON.parse(JSON.stringify({
        content: [{ type: "reasoning", text: "hm" }, text("hello"), call, toolCall("cut", "{\"at", "call-2")],
        metadata,
        finish: finish()
      }))
    )
  })

  it("counts chunks that are none, and keeps an error", () => {
    const state = codec.stream.initial()
    for (const chunk of [1, { type: "another" }, { type: "error", error: { message: "overloaded" } }]) {
      codec.stream.step(state, chunk)
    }
    const response = Result.getOrThrow(codec.decodeResponse(codec.stream.finish(state)))
    assert.deepStrictEqual(response.error, { message: "overloaded" })
    assert.deepStrictEqual(response.unmodelled, ["/unread_chunks"])
  })
})
