/** A provider that a test plays, and a runtime that records. */
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as EffectAi from "../../src/binding/EffectAi.ts"
import { Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

type Provider = Parameters<typeof LanguageModel.make>[0]
export type Asked = LanguageModel.ProviderOptions
export type Parts = ReadonlyArray<Response.PartEncoded>

// answers

export const text = (text: string): Response.PartEncoded => ({ type: "text", text })

export const toolCall = (name: string, params: unknown, id = "call-1"): Response.PartEncoded => ({
  type: "tool-call",
  id,
  name,
  params
})

export const finish = (reason: "stop" | "tool-calls" = "stop"): Response.FinishPartEncoded => ({
  type: "finish",
  reason,
  usage: { inputTokens: { total: 12, cacheRead: 5 }, outputTokens: { total: 7, reasoning: 3 } }
})

export const metadata: Response.ResponseMetadataPartEncoded = {
  type: "response-metadata",
  id: "response-1",
  modelId: "test-model-1"
}

/** Text as the pieces of a stream. */
export const pieces = (...texts: ReadonlyArray<string>): ReadonlyArray<Response.StreamPartEncoded> => [
  { type: "text-start", id: "1" },
  ...texts.map((delta) => ({ type: "text-delta" as const, id: "1", delta })),
  { type: "text-end", id: "1" }
]

/** What the user said last. */
export const said = ({ prompt }: Pick<Asked, "prompt">): string =>
  prompt.content.flatMap((message) =>
    message.role === "user" ? message.content.flatMap((part) => part.type === "text" ? [part.text] : []) : []
  ).at(-1) ?? ""

// models

/** A provider that answers each request with the next of the answers, and keeps what it was asked. */
export const scripted = (...answers: ReadonlyArray<Parts>) => {
  const asked: Array<Asked> = []
  const next = (options: Asked): Parts => {
    asked.push(options)
    return answers[asked.length - 1] ?? [text("nothing more"), finish()]
  }
  const provider: Provider = {
    generateText: (options) => Effect.sync(() => [...next(options)]),
    streamText: (options) => Stream.suspend(() => Stream.fromIterable(next(options).flatMap(streamed)))
  }
  return { asked, provider }
}

const streamed = (part: Response.PartEncoded): ReadonlyArray<Response.StreamPartEncoded> =>
  part.type === "text" ? pieces(part.text) : part.type === "reasoning" ? [] : [part]

/** A model as providers give it: a layer, which knows nothing of us. */
export const plain = (provider: Provider): Layer.Layer<LanguageModel.LanguageModel> =>
  Layer.effect(LanguageModel.LanguageModel, LanguageModel.make(provider))

/** The managed model, with a runtime that records and has these entries. */
export const managed = (
  provider: Provider,
  entries: ReadonlyArray<Middleware.Entry> = [],
  options?: Parameters<typeof EffectAi.languageModel>[0]
) =>
  EffectAi.languageModel(options).pipe(
    Layer.provide(plain(provider)),
    Layer.provideMerge(TestRuntime.layer({ policies: Middleware.layer(...entries) }))
  )

// tools

export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { path: Schema.String }) {}

export const ReadFile = Tool.make("read_file", {
  description: "Reads a file.",
  parameters: Schema.Struct({ path: Schema.String, lines: Schema.optional(Schema.FiniteFromString) }),
  success: Schema.Struct({ text: Schema.String, read: Schema.DateTimeUtcFromString }),
  failure: NotFound
}).annotate(Tool.Readonly, true).annotate(Tool.Destructive, false)

export const DeleteFile = Tool.make("delete_file", {
  parameters: Schema.Struct({ path: Schema.String }),
  success: Schema.String,
  failure: NotFound,
  failureMode: "return"
})

export const Files = Toolkit.make(ReadFile, DeleteFile)
