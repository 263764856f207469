/** A managed model call with 20 messages that gives one response. */
import * as Effect from "effect/Effect"
import { LlmCall } from "../../src/index.ts"
import { casesOf } from "../harness/Case.ts"
import { bareBatch, managedBatch, type ManagedOptions } from "../harness/program.ts"
import { ofEach } from "./middleware.ts"
import { chatBody, chatResponse } from "./work.ts"

const { timed } = casesOf(import.meta.url)

const request = { headers: { accept: "application/json" }, body: chatBody }

const work = () => Effect.sync(() => chatResponse)

const llmCase = (id: string, title: string, options: Omit<ManagedOptions, "make">) =>
  timed(id, title, () => managedBatch({ ...options, make: () => LlmCall.run({ name: "openai", request }, work) }))

export const bare = timed("bare/llm", "Effect.suspend(sync)", async () => bareBatch(() => Effect.suspend(work)))
export const none = llmCase("llm/none", "nothing installed", {})
export const oneSubscriber = llmCase("llm/sub", "1 subscriber", { subscribers: 1 })
export const oneOfEachSubscribed = llmCase("llm/one+sub", "1 of each, 1 subscriber", {
  policies: ofEach(1),
  subscribers: 1
})

export const cases = [bare, none, oneSubscriber, oneOfEachSubscribed]
