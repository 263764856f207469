/** A managed tool call, with more and more around it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { adoptSpans } from "../../src/exporter/internal/otelParent.ts"
import { ToolCall } from "../../src/index.ts"
import { casesOf } from "../harness/Case.ts"
import { managedBatch, type ManagedOptions } from "../harness/program.ts"
import { ofEach, requestIntercepts } from "./middleware.ts"
import { largeInput, search, smallInput, type ToolInput } from "./work.ts"

const { timed } = casesOf(import.meta.url)

const work = (input: ToolInput) => Effect.sync(() => search(input))

const toolCase = (id: string, title: string, options: Omit<ManagedOptions, "make">, input: ToolInput = smallInput) =>
  timed(id, title, () => managedBatch({ ...options, make: () => ToolCall.run({ name: "search", input }, work) }))

export const none = toolCase("tool/none", "nothing installed", {})
export const traced = toolCase("tool/traced", "nothing installed, the call's Effect span inside", {
  policies: [Layer.effectDiscard(adoptSpans)]
})
export const oneSubscriber = toolCase("tool/sub", "1 subscriber", { subscribers: 1 })
export const oneOfEach = toolCase("tool/one", "1 of each middleware", { policies: ofEach(1) })
export const oneOfEachSubscribed = toolCase("tool/one+sub", "1 of each, 1 subscriber", {
  policies: ofEach(1),
  subscribers: 1
})
export const tenOfEach = toolCase("tool/ten", "10 of each, 10 subscribers", { policies: ofEach(10), subscribers: 10 })
export const hundredIntercepts = toolCase("tool/r100", "100 request intercepts", { policies: requestIntercepts(100) })
export const audited = toolCase("tool/audit", "1 of each, 1 subscriber, audit", {
  policies: ofEach(1),
  subscribers: 1,
  audit: true
})

export const large = toolCase("tool/100k/none", "100 KB, nothing installed", {}, largeInput)
export const largeSubscriber = toolCase("tool/100k/sub", "100 KB, 1 subscriber", { subscribers: 1 }, largeInput)
export const largeOneOfEach = toolCase("tool/100k/one+sub", "100 KB, 1 of each, 1 subscriber", {
  policies: ofEach(1),
  subscribers: 1
}, largeInput)
export const largeAudited = toolCase("tool/100k/audit", "100 KB, 1 of each, 1 subscriber, audit", {
  policies: ofEach(1),
  subscribers: 1,
  audit: true
}, largeInput)

export const cases = [
  none,
  traced,
  oneSubscriber,
  oneOfEach,
  oneOfEachSubscribed,
  tenOfEach,
  hundredIntercepts,
  audited,
  large,
  largeSubscriber,
  largeOneOfEach,
  largeAudited
]
