/** A managed stream of 1,000 chunks, one for each pull; figures are for each chunk. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type AgentRuntime, Guardrail, Intercept, LlmCall, Mark, Middleware } from "../../src/index.ts"
import { casesOf } from "../harness/Case.ts"
import { bareBatch, managedBatch, type ManagedOptions } from "../harness/program.ts"
import { ofEach } from "./middleware.ts"
import { chatBody, chunkCount, chunks } from "./work.ts"

const { timed } = casesOf(import.meta.url)

type Chunk = (typeof chunks)[number]

/** A provider that gives one chunk for each pull. */
const source: Stream.Stream<Chunk> = Stream.fromPull(Effect.sync(() => {
  let next = 0
  return Effect.suspend(() => {
    const chunk = chunks[next++]
    return chunk === undefined ? Cause.done() : Effect.succeed([chunk] as const)
  })
}))

/** The same, with a mark for each chunk. */
const markedSource: Stream.Stream<Chunk, never, AgentRuntime.AgentRuntime> = Stream.fromPull(Effect.sync(() => {
  let next = 0
  return Effect.suspend(() => {
    const chunk = chunks[next++]
    return chunk === undefined
      ? Cause.done()
      : Effect.as(Mark.emit("chunk", { data: chunk }), [chunk] as const)
  })
}))

const request = { headers: {}, body: chatBody }

const streamCase = (
  id: string,
  title: string,
  options: Omit<ManagedOptions, "make">,
  from: Stream.Stream<Chunk, never, AgentRuntime.AgentRuntime> = source
) =>
  timed(id, title, () =>
    managedBatch({
      ...options,
      make: () => Stream.runDrain(LlmCall.stream({ name: "openai", request }, () => from))
    }), chunkCount)

export const bare = timed(
  "bare/stream",
  "Effect Stream, 1 element for each pull",
  async () => bareBatch(() => Stream.runDrain(source)),
  chunkCount
)
export const none = streamCase("stream/none", "nothing installed", {})
export const oneSubscriber = streamCase("stream/sub", "1 subscriber", { subscribers: 1 })
export const oneOfEachSubscribed = streamCase("stream/one+sub", "1 of each, 1 subscriber", {
  policies: ofEach(1),
  subscribers: 1
})
export const mapped = streamCase("stream/map+sub", "an intercept that maps chunks, 1 subscriber", {
  policies: [
    Middleware.layer(
      Intercept.stream({ name: "map", around: (_call, next) => Stream.map(next(), (chunk) => chunk) })
    )
  ],
  subscribers: 1
})
export const judged = streamCase("stream/judged+sub", "an output guardrail, 1 subscriber", {
  policies: [Middleware.layer(Guardrail.output({ name: "judge", check: () => Guardrail.allow }))],
  subscribers: 1
})
export const marked = streamCase(
  "stream/mark+sub",
  "a mark for each chunk, 1 subscriber",
  { subscribers: 1, events: 2 + chunkCount },
  markedSource
)

export const cases = [bare, none, oneSubscriber, oneOfEachSubscribed, mapped, judged, marked]
