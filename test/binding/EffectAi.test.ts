import { assert, describe, it } from "@effect/vitest"
import * as AiError from "effect/ai/AiError"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Prompt from "effect/ai/Prompt"
import * as ResponseIdTracker from "effect/ai/ResponseIdTracker"
import * as Telemetry from "effect/ai/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Stream from "effect/Stream"
import * as EffectAi from "../../src/binding/EffectAi.ts"
import { Annotated, ExecutionScope, Guardrail, Intercept, type LifecycleEvent, Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import {
  type Asked,
  DeleteFile,
  Files,
  finish,
  managed,
  metadata,
  plain,
  said,
  scripted,
  text,
  toolCall
} from "./effectAiSupport.ts"

const noSecrets = Guardrail.make({
  name: "no-secrets",
  applies: "llm",
  check: (call) =>
    call.kind === "llm" && Annotated.texts(call.annotated ?? { messages: [], unmodelled: [] })
        .some(({ text }) => text.includes("secret"))
      ? Guardrail.reject("it says secret")
      : Guardrail.allow
})

const shout = Intercept.request({
  name: "shout",
  applies: "llm",
  transform: (call) =>
    call.kind === "llm" && call.annotated !== undefined
      ? {
        ...call,
        annotated: Annotated.mapText(call.annotated, ({ role, text }) => role === "user" ? `${text}!` : text)
      }
      : call
})

const starts = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>) =>
  events.filter((event) => event._tag === "ScopeStart")

const handlers = Files.toLayer({
  read_file: ({ path }) => Effect.succeed({ text: `text of ${path}`, read: "2026-01-01T00:00:00Z" } as never),
  delete_file: ({ path }) => Effect.succeed(`deleted ${path}`)
})

describe("a model call of effect/ai", () => {
  it.effect("stands beside the tools that its answer asks for, under the scope in which it was made", () => {
    const { provider } = scripted([
      toolCall("delete_file", { path: "a" }, "1"),
      toolCall("delete_file", { path: "b" }, "2"),
      finish("tool-calls")
    ])
    return Effect.gen(function*() {
      const response = yield* LanguageModel.generateText({ prompt: "clean up", toolkit: Files, concurrency: 1 }).pipe(
        ExecutionScope.run({ name: "cleaner", category: "agent" })
      )
      assert.deepStrictEqual(response.toolResults.map(({ result }) => result), ["deleted a", "deleted b"])
      yield* TestRuntime.assertTree(`
        agent cleaner → Success
          llm effect-ai → Success
          tool delete_file → Success
          tool delete_file → Success
      `)
      const tools = starts(yield* TestRuntime.events).filter(({ category }) => category === "tool")
      assert.deepStrictEqual(tools.map(({ profile }) => profile?.toolCallId), ["1", "2"])
    }).pipe(Effect.provide([managed(provider), handlers]))
  })

  it.effect("has its tools beside it in a stream too", () => {
    const { provider } = scripted([text("on it"), toolCall("delete_file", { path: "a" }), finish("tool-calls")])
    return Effect.gen(function*() {
      const parts = yield* LanguageModel.streamText({ prompt: "clean up", toolkit: Files }).pipe(
        Stream.runCollect,
        ExecutionScope.run({ name: "cleaner", category: "agent" })
      )
      assert.deepStrictEqual(parts.flatMap((part) => part.type === "tool-result" ? [part.result] : []), ["deleted a"])
      yield* TestRuntime.assertTree(`
        agent cleaner → Success
          llm effect-ai → Success
          tool delete_file → Success
      `)
      const end = (yield* TestRuntime.events).find((event) => event._tag === "ScopeEnd" && event.category === "llm")
      const response = Schema.decodeUnknownSync(Annotated.AnnotatedResponse)(end?.profile?.annotatedResponse)
      assert.deepStrictEqual(response.messages[0]?.parts, [
        { type: "text", content: "on it" },
        { type: "tool_call", id: "call-1", name: "delete_file", arguments: { path: "a" } }
      ])
    }).pipe(Effect.provide([managed(provider), handlers]))
  })

  it.effect("is told of with messages, tools, usage and the model that answered", () => {
    const { provider } = scripted([metadata, text("hello"), finish()])
    const Named = EffectAi.languageModel().pipe(
      Layer.provide(Model.make("testing", "test-model", plain(provider))),
      Layer.provideMerge(TestRuntime.layer())
    )
    return Effect.gen(function*() {
      yield* LanguageModel.generateText({
        prompt: [{ role: "system", content: "be nice" }, { role: "user", content: "hi" }],
        toolkit: Files
      })
      const [start, end] = yield* TestRuntime.events
      assert.strictEqual(start?.name, "testing")
      assert.strictEqual(start?.profile?.modelName, "test-model")
      const request = Schema.decodeUnknownSync(Annotated.AnnotatedRequest)(start?.profile?.annotatedRequest)
      assert.deepStrictEqual(request.messages, [
        { role: "system", parts: [{ type: "text", content: "be nice" }] },
        { role: "user", parts: [{ type: "text", content: "hi" }] }
      ])
      assert.deepStrictEqual(request.tools?.map((tool) => tool.type === "function" && tool.name), [
        "read_file",
        "delete_file"
      ])
      assert.deepInclude(request.tools?.[0], { description: "Reads a file." })
      assert.deepStrictEqual(request.toolChoice, { type: "auto" })
      const response = Schema.decodeUnknownSync(Annotated.AnnotatedResponse)(end?.profile?.annotatedResponse)
      assert.deepStrictEqual(response, {
        id: "response-1",
        model: "test-model-1",
        messages: [{ role: "assistant", parts: [{ type: "text", content: "hello" }] }],
        finishReasons: [{ reason: "stop", raw: "stop" }],
        usage: { inputTokens: 12, outputTokens: 7, cacheReadTokens: 5, reasoningTokens: 3 },
        unmodelled: []
      })
    }).pipe(Effect.provide([Named, handlers]))
  })

  it.effect("that is blocked is an AiError of content policy, which has the CallError", () => {
    const { asked, provider } = scripted([text("never")])
    return Effect.gen(function*() {
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt: "the secret" }))
      assert.strictEqual(error.reason._tag, "ContentPolicyError")
      assert.isFalse(error.isRetryable)
      assert.include(error.message, "it says secret")
      const call = Option.getOrThrow(EffectAi.callError(error))
      assert.strictEqual(call.reason._tag, "GuardrailRejected")
      const encoded = yield* Schema.encodeEffect(AiError.AiError)(error)
      assert.deepInclude(encoded.reason, {
        metadata: {
          heddle: {
            kind: "llm",
            name: "effect-ai",
            uuid: call.uuid,
            reason: "GuardrailRejected",
            guardrail: "no-secrets"
          }
        }
      })
      const streamed = yield* Effect.flip(Stream.runDrain(LanguageModel.streamText({ prompt: "the secret" })))
      assert.strictEqual(streamed.reason._tag, "ContentPolicyError")
      assert.isTrue(Option.isSome(EffectAi.callError(streamed)))
      assert.lengthOf(asked, 0)
      assert.isTrue(Option.isNone(EffectAi.callError(new Error("another"))))
    }).pipe(Effect.provide(managed(provider, [noSecrets])))
  })

  it.effect("that is blocked is a CallError in the channel of our own variants", () => {
    const { provider } = scripted()
    const refused = (reason: { readonly reason: string }) => Effect.succeed(`refused: ${reason.reason}`)
    return Effect.gen(function*() {
      const prompt = "the secret"
      const answers = [
        yield* Effect.catchReason(EffectAi.generateText({ prompt }), "CallError", "GuardrailRejected", refused),
        yield* EffectAi.generateObject({ prompt, schema: Schema.Struct({ a: Schema.String }) }).pipe(
          Effect.catchReason("CallError", "GuardrailRejected", refused)
        ),
        yield* Stream.runDrain(EffectAi.streamText({ prompt })).pipe(
          Effect.catchReason("CallError", "GuardrailRejected", refused)
        ),
        yield* EffectAi.withCallError(LanguageModel.generateText({ prompt })).pipe(
          Effect.catchReason("CallError", "GuardrailRejected", refused)
        )
      ]
      assert.deepStrictEqual(answers, Array.from({ length: 4 }, () => "refused: it says secret"))
    }).pipe(Effect.provide(managed(provider, [noSecrets])))
  })

  it.effect("fails with the very error of its provider", () => {
    const error = AiError.make({ module: "Test", method: "ask", reason: new AiError.RateLimitError({}) })
    const provider = { generateText: () => Effect.fail(error), streamText: () => Stream.fail(error) }
    return Effect.gen(function*() {
      assert.strictEqual(yield* Effect.flip(LanguageModel.generateText({ prompt: "hi" })), error)
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(LanguageModel.streamText({ prompt: "hi" }))), error)
      yield* TestRuntime.assertTree(`
        llm effect-ai → Failure AiError: Test.ask: Rate limit exceeded
        llm effect-ai → Failure AiError: Test.ask: Rate limit exceeded
      `)
    }).pipe(Effect.provide(managed(provider)))
  })
})

describe("a request of effect/ai that middleware rewrites", () => {
  const history = Prompt.make([
    { role: "system", content: "be nice" },
    {
      role: "user",
      content: [{ type: "text", text: "hi" }, { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) }]
    }
  ])

  it.effect("reaches the provider as a prompt, with what was not changed as it was", () => {
    const { asked, provider } = scripted()
    return Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: history })
      const [request] = asked
      assert.strictEqual(request?.prompt.content[0], history.content[0])
      assert.strictEqual(said(request!), "hi!")
      const [, file] = request!.prompt.content[1]!.content as ReadonlyArray<Prompt.Part>
      assert.deepStrictEqual(file?.type === "file" && file.data, new Uint8Array([1, 2]))
    }).pipe(Effect.provide(managed(provider, [shout])))
  })

  it.effect("is the caller's own prompt if nothing was changed", () => {
    const { asked, provider } = scripted()
    const copies = Intercept.request({
      name: "copies",
      transform: (call) =>
        call.kind === "llm"
          ? { ...call, request: { ...call.request, body: JSON.parse(JSON.stringify(call.request.body)) } }
          : call
    })
    return Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: history, toolkit: Files })
      assert.strictEqual(asked[0]?.prompt, history)
      assert.deepStrictEqual(asked[0]?.tools, Object.values(Files.tools))
    }).pipe(Effect.provide([managed(provider, [copies]), handlers]))
  })

  it.effect("may leave tools out and choose one of the others", () => {
    const { asked, provider } = scripted()
    const onlyDelete = Intercept.request({
      name: "only-delete",
      transform: (call) =>
        call.kind === "llm" && call.annotated?.tools !== undefined
          ? {
            ...call,
            annotated: {
              ...call.annotated,
              tools: call.annotated.tools.filter((tool) => tool.type === "function" && tool.name === "delete_file"),
              toolChoice: { type: "tool", name: "delete_file" }
            }
          }
          : call
    })
    return Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: "hi", toolkit: Files })
      assert.deepStrictEqual(asked[0]?.tools, [DeleteFile])
      assert.deepStrictEqual(asked[0]?.toolChoice, { tool: "delete_file" })
    }).pipe(Effect.provide([managed(provider, [onlyDelete]), handlers]))
  })

  const bodies = {
    "a message that is none": { messages: [{ role: "nobody", content: 1 }] },
    "a tool that the toolkit has not": { messages: [], tools: [{ name: "another" }] },
    "another field": { messages: [], temperature: 1 },
    "no messages": {}
  }
  for (const [what, body] of Object.entries(bodies)) {
    it.effect(`is refused with ${what}, and nothing is asked`, () => {
      const { asked, provider } = scripted()
      const breaking = Intercept.request({
        name: "breaking",
        transform: (call) => call.kind === "llm" ? { ...call, request: { headers: {}, body } } : call
      })
      return Effect.gen(function*() {
        const error = yield* Effect.flip(LanguageModel.generateText({ prompt: "hi" }))
        assert.include(["InvalidUserInputError", "UnknownError"], error.reason._tag)
        assert.lengthOf(asked, 0)
      }).pipe(Effect.provide(managed(provider, [breaking])))
    })
  }

  it.effect("cannot be changed in place behind what was judged", () => {
    const { asked, provider } = scripted()
    const inPlace = Intercept.request({
      name: "in-place",
      transform: (call) => {
        const body = call.kind === "llm" ? call.request.body as { messages: Array<{ content: string }> } : undefined
        body!.messages[0]!.content = "changed"
        return call
      }
    })
    return Effect.gen(function*() {
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt: "hi" }))
      assert.deepStrictEqual(
        Option.map(EffectAi.callError(error), ({ reason }) => reason._tag),
        Option.some("InterceptFailed")
      )
      assert.lengthOf(asked, 0)
    }).pipe(Effect.provide(managed(provider, [inPlace])))
  })

  it.effect("is answered by an intercept without the provider", () => {
    const { asked, provider } = scripted()
    const cached = Intercept.execution({
      name: "cached",
      around: () => Effect.succeed({ content: [text("from the cache")], finish: finish() })
    })
    const broken = Intercept.execution({ name: "broken", around: () => Effect.succeed("text alone") })
    return Effect.gen(function*() {
      const { finishReason, text } = yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
        Middleware.provide(cached)
      )
      assert.deepStrictEqual([text, finishReason], ["from the cache", "stop"])
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt: "hi" }).pipe(Middleware.provide(broken)))
      assert.strictEqual(error.reason._tag, "InvalidOutputError")
      assert.lengthOf(asked, 0)
    }).pipe(Effect.provide(managed(provider)))
  })
})

describe("what the library does with a model", () => {
  const Count = Schema.Struct({ count: Schema.Finite })
  /** A provider that wraps what it writes, and only it knows. */
  const transformer: LanguageModel.CodecTransformer = (schema) => ({
    ...LanguageModel.defaultCodecTransformer(schema),
    codec: Schema.Struct({ value: Schema.Unknown }).pipe(Schema.decodeTo(schema, {
      decode: SchemaGetter.transform(({ value }) => value as never),
      encode: SchemaGetter.transform((value) => ({ value }))
    }))
  })

  it.effect("reads structured output as the model's provider writes it", () => {
    const { asked, provider } = scripted([text("{\"value\":{\"count\":3}}")])
    return Effect.gen(function*() {
      const { value } = yield* LanguageModel.generateObject({ prompt: "how many?", schema: Count, objectName: "count" })
      assert.deepStrictEqual(value, { count: 3 })
      assert.deepInclude(asked[0]?.responseFormat, { type: "json", objectName: "count" })
      const [start] = yield* TestRuntime.events
      assert.include(
        JSON.stringify(start?.data),
        "\"responseFormat\":{\"type\":\"json\",\"objectName\":\"count\",\"schema\":{\"type\":"
      )
    }).pipe(Effect.provide(managed({ ...provider, codecTransformer: transformer })))
  })

  it.effect("reads structured output that an intercept gave by the transformer that it is told", () => {
    const { provider } = scripted()
    const cached = Intercept.execution({
      name: "cached",
      around: () => Effect.succeed({ content: [text("{\"value\":{\"count\":4}}")] })
    })
    const ask = LanguageModel.generateObject({ prompt: "how many?", schema: Count })
    return Effect.gen(function*() {
      assert.deepStrictEqual((yield* ask).value, { count: 4 })
      const other = EffectAi.fromLanguageModel(
        yield* LanguageModel.make({ ...provider, codecTransformer: transformer })
      )
      const error = yield* Effect.flip(Effect.provideService(ask, LanguageModel.LanguageModel, yield* other))
      assert.strictEqual(error.reason._tag, "StructuredOutputError")
    }).pipe(Effect.provide(
      managed({ ...provider, codecTransformer: transformer }, [cached], { codecTransformer: transformer })
    ))
  })

  it.effect("goes on with the ids of responses, unless the prompt was rewritten", () => {
    const { asked, provider } = scripted([metadata, text("one")], [text("two")], [text("three")])
    const ask = (prompt: Prompt.Prompt) =>
      Effect.flatMap(
        LanguageModel.generateText({ prompt }),
        ({ content }) => Effect.succeed(Prompt.concat(prompt, Prompt.fromResponseParts(content)))
      )
    return Effect.gen(function*() {
      const history = yield* ask(Prompt.make("first"))
      const next = Prompt.concat(history, Prompt.make("second"))
      yield* ask(next)
      assert.strictEqual(asked[1]?.previousResponseId, "response-1")
      assert.deepStrictEqual(asked[1]?.incrementalPrompt?.content.map(({ role }) => role), ["user"])
      yield* ask(next).pipe(Middleware.provide(shout))
      assert.isUndefined(asked[2]?.previousResponseId)
      assert.strictEqual(said(asked[2]!), "second!")
    }).pipe(
      Effect.provideServiceEffect(ResponseIdTracker.ResponseIdTracker, ResponseIdTracker.make),
      Effect.provide(managed(provider))
    )
  })

  it.effect("gives a provider of one's own the whole prompt once a message was rewritten", () => {
    const { asked, provider } = scripted([metadata, text("one")])
    return Effect.gen(function*() {
      const model = yield* EffectAi.makeLanguageModel(provider)
      const first = Prompt.make("first")
      const { content } = yield* model.generateText({ prompt: first })
      const history = Prompt.concat(first, Prompt.fromResponseParts(content))
      const next = Prompt.concat(history, Prompt.make("second"))
      yield* model.generateText({ prompt: next })
      assert.strictEqual(asked[1]?.previousResponseId, "response-1")
      yield* model.generateText({ prompt: next }).pipe(Middleware.provide(shout))
      assert.isUndefined(asked[2]?.previousResponseId)
      assert.isUndefined(asked[2]?.incrementalPrompt)
      assert.strictEqual(said(asked[2]!), "second!")
    }).pipe(
      Effect.provideServiceEffect(ResponseIdTracker.ResponseIdTracker, ResponseIdTracker.make),
      Effect.provide(TestRuntime.layer())
    )
  })

  it.effect("reads structured output that an intercept put in place of the model's own", () => {
    const { provider } = scripted([text("{\"count\":3}")])
    const more = Intercept.execution({
      name: "more",
      around: (_, next) => Effect.as(next(), { content: [text("{\"count\":4}")] })
    })
    return Effect.gen(function*() {
      const { value } = yield* LanguageModel.generateObject({ prompt: "how many?", schema: Count })
      assert.deepStrictEqual(value, { count: 4 })
    }).pipe(Effect.provide(managed(provider, [more])))
  })

  it.effect("transforms spans once for each request", () => {
    const { provider } = scripted([text("one")])
    const seen: Array<string> = []
    return Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: "hi" })
      yield* Stream.runDrain(LanguageModel.streamText({ prompt: "hi" }))
      assert.deepStrictEqual(seen, ["LanguageModel.generateText", "LanguageModel.streamText"])
    }).pipe(
      Effect.provideService(Telemetry.CurrentSpanTransformer, ({ span }) => {
        seen.push(span.name)
      }),
      Effect.provide(managed(provider))
    )
  })

  it.effect("keeps the history of a Chat, which a block leaves as it was", () => {
    const { asked, provider } = scripted([text("hello")], [text("again")])
    return Effect.gen(function*() {
      const chat = yield* Chat.empty
      yield* chat.generateText({ prompt: "hi" })
      const blocked = yield* EffectAi.withCallError(chat.generateText({ prompt: "the secret" })).pipe(
        Effect.catchReason("CallError", "GuardrailRejected", ({ guardrail }) => Effect.succeed(guardrail))
      )
      assert.strictEqual(blocked, "no-secrets")
      yield* Stream.runDrain(chat.streamText({ prompt: "and now?" }))
      assert.deepStrictEqual(asked.map(({ prompt }: Asked) => prompt.content.map(({ role }) => role)), [
        ["user"],
        ["user", "assistant", "user"]
      ])
      yield* TestRuntime.assertTree(`
        llm effect-ai → Success
        llm effect-ai → Blocked by no-secrets: it says secret
          mark guardrail no-secrets [warn]
        llm effect-ai → Success
      `)
    }).pipe(Effect.provide(managed(provider, [noSecrets])))
  })
})
