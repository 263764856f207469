/** Middleware that lets everything through: what is measured is the runtime around it. */
import type * as Layer from "effect/Layer"
import { type AgentRuntime, Guardrail, Intercept, Middleware, Sanitizer } from "../../src/index.ts"

const guardrail = (index: number) =>
  Guardrail.make({
    name: `guardrail-${index}`,
    check: (call) => call.name === "forbidden" ? Guardrail.reject("forbidden") : Guardrail.allow
  })

const requestIntercept = (index: number) => Intercept.request({ name: `request-${index}`, transform: (call) => call })

const executionIntercept = (index: number) =>
  Intercept.execution({
    name: `execution-${index}`,
    around: (_call, next) => next(),
    stream: (_call, next) => next()
  })

const requestSanitizer = (index: number) =>
  Sanitizer.request({ name: `sanitizer-${index}`, sanitize: (payload) => payload })

type Policies = ReadonlyArray<Layer.Layer<never, Middleware.DuplicateEntry, AgentRuntime.AgentRuntime>>

const indices = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)

/** So many guardrails, request sanitizers, request intercepts and execution intercepts. */
export const entriesOfEach = (count: number) =>
  indices(count).flatMap((index) => [
    guardrail(index),
    requestSanitizer(index),
    requestIntercept(index),
    executionIntercept(index)
  ])

export const ofEach = (count: number): Policies => [Middleware.layer(...entriesOfEach(count))]

export const requestIntercepts = (count: number): Policies => [
  Middleware.layer(...indices(count).map(requestIntercept))
]
