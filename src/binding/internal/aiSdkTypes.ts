/** The SDK's own names for what its models take and give, found by way of the package that users have. */
import type { LanguageModelMiddleware } from "ai"

type Wrapping = Parameters<NonNullable<LanguageModelMiddleware["wrapGenerate"]>>[0]

export type Model = Wrapping["model"]

/** Call options. */
export type Params = Wrapping["params"]

export type GenerateResult = Awaited<ReturnType<Model["doGenerate"]>>

export type StreamResult = Awaited<ReturnType<Model["doStream"]>>

export type StreamPart = StreamResult["stream"] extends ReadableStream<infer Part> ? Part : never
