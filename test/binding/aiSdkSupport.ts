/** Models of the AI SDK that tests play, with the package's own mock. */
import { MockLanguageModelV4 } from "ai/test"

type Options = NonNullable<ConstructorParameters<typeof MockLanguageModelV4>[0]>
type Generate = Extract<NonNullable<Options["doGenerate"]>, (...args: never) => unknown>
type Stream = Extract<NonNullable<Options["doStream"]>, (...args: never) => unknown>
export type Params = Parameters<Generate>[0]
export type Answer = Awaited<ReturnType<Generate>>
export type Content = Answer["content"]
export type Part = Awaited<ReturnType<Stream>>["stream"] extends ReadableStream<infer P> ? P : never

export const usage: Answer["usage"] = {
  inputTokens: { total: 7, noCache: 4, cacheRead: 3, cacheWrite: undefined },
  outputTokens: { total: 5, text: 3, reasoning: 2 }
}

export const stop: Answer["finishReason"] = { unified: "stop", raw: "stop" }

export const answerOf = (content: Content, more: Partial<Answer> = {}): Answer => ({
  content,
  finishReason: content.some(({ type }) => type === "tool-call") ? { unified: "tool-calls", raw: "tool_use" } : stop,
  usage,
  warnings: [],
  ...more
})

export const text = (text: string): Content => [{ type: "text", text }]

export const toolCall = (toolName: string, input: unknown, toolCallId = `call-${toolName}`): Content => [
  { type: "tool-call", toolCallId, toolName, input: JSON.stringify(input) }
]

/** The text of the last message of the user. */
export const askedOf = ({ prompt }: Params): string => {
  const message = prompt.findLast(({ role }) => role === "user")
  return message?.role === "user" ? message.content.map((part) => part.type === "text" ? part.text : "").join("") : ""
}

/** A model that answers each call by what it is asked. */
export const model = (options: Options): MockLanguageModelV4 =>
  new MockLanguageModelV4({ provider: "openai.responses", modelId: "gpt-test", ...options })

/** Parts that are made when they are asked for; `return` when they are not wanted any more. */
export const streamOf = (parts: AsyncIterable<Part>): ReadableStream<Part> => {
  const iterator = parts[Symbol.asyncIterator]()
  return new ReadableStream<Part>({
    pull: async (controller) => {
      const { done, value } = await iterator.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => {
      // An iterator that waits hears of nothing.
      void iterator.return?.(undefined)
    }
  }, { highWaterMark: 0 })
}

/** A text as a model streams it: the pieces are begun when they are asked for. */
export async function* partsOf(pieces: () => AsyncIterable<string>): AsyncGenerator<Part> {
  yield { type: "stream-start", warnings: [] }
  yield { type: "response-metadata", id: "r-1", modelId: "gpt-test-1", timestamp: new Date(0) }
  yield { type: "text-start", id: "t" }
  for await (const delta of pieces()) yield { type: "text-delta", id: "t", delta }
  yield { type: "text-end", id: "t" }
  yield { type: "finish", usage, finishReason: stop }
}

/** Parts that stand ready. */
export async function* list<A>(items: ReadonlyArray<A>): AsyncGenerator<A> {
  yield* items
}

/** What `streamText` gives its user, as a user reads it who wants to know of errors. */
export async function* textsOf(
  parts: AsyncIterable<{ readonly type: string; readonly text?: string; readonly error?: unknown }>
): AsyncGenerator<string> {
  for await (const part of parts) {
    if (part.type === "error") throw part.error
    if (part.type === "abort") throw new DOMException("aborted", "AbortError")
    if (part.type === "text-delta") yield part.text ?? ""
  }
}
