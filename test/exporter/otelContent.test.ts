import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as OpenAiChat from "../../src/codec/OpenAiChat.ts"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { ExecutionScope, LlmCall, Mark, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const secret = "ALPHA-SECRET"
const key = "KEY-SECRET"

const request = {
  headers: { "x-api-key": key, authorization: Redacted.make(`Bearer ${key}`), "accept": "application/json" },
  body: {
    model: "m",
    temperature: 0.5,
    messages: [{ role: "user", content: secret }],
    prediction: { type: "content", content: secret },
    documents: [secret],
    message: secret,
    user_id: secret,
    tools: [{ type: "function", function: { name: "t", description: secret, parameters: {} } }]
  }
}

const response = {
  id: "r1",
  model: "m-1",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: secret } }],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
}

/** A run that has the secret wherever there is content, and the key wherever there are headers. */
const events = Effect.gen(function*() {
  yield* LlmCall.run({ name: "openai", codec: OpenAiChat.codec, request }, () => Effect.succeed(response))
  yield* LlmCall.run({ name: "other", request }, () => Effect.succeed(response))
  yield* Stream.runDrain(
    LlmCall.stream({ name: "openai", request }, () => Stream.make({ choices: [{ delta: { content: secret } }] }))
  )
  const input = { text: secret, tool_description: secret, tool_type: secret, user_id: secret, session_id: secret }
  yield* ToolCall.run({ name: "t", input }, () => Effect.succeed({ text: secret, user_id: secret }))
  for (const category of ["retriever", "embedder", "reranker", "evaluator", "guardrail", "function"]) {
    yield* ExecutionScope.setOutput({ documents: [{ content: secret }], query: secret }).pipe(
      ExecutionScope.run({ name: category, category, input: { query: secret, texts: [secret], input: secret } })
    )
  }
  yield* Mark.emit("m", { data: { text: secret } })
}).pipe(
  ExecutionScope.run({ name: "agent", category: "agent", input: { goal: secret } }),
  Effect.andThen(TestRuntime.events),
  Effect.provide(TestRuntime.layer())
)

describe("spans", () => {
  for (const projection of ["gen_ai", "full", "openinference"] as const) {
    for (const convention of ["v1.41", "latest"] as const) {
      it.effect(`have no content with ${projection}, ${convention}, if it is not wanted`, () =>
        Effect.map(events, (events) => {
          const spans = OpenTelemetryExporter.toSpans(events, { projection, convention, content: false, marks: true })
          assert.strictEqual(spans.length, 12 - 1)
          for (const span of spans) assert.notInclude(JSON.stringify(span), secret, span.name)
        }))
    }

    it.effect(`have no header of a request with ${projection}, whatever is wanted`, () =>
      Effect.map(events, (events) => {
        const spans = OpenTelemetryExporter.toSpans(events, { projection, content: true, marks: true })
        assert.include(JSON.stringify(spans), secret)
        assert.notInclude(JSON.stringify(spans), key)
      }))
  }

  it.effect("of gen_ai have no content unless asked", () =>
    Effect.map(events, (events) => {
      assert.notInclude(JSON.stringify(OpenTelemetryExporter.toSpans(events)), secret)
    }))
})
