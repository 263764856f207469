/** What the tests of types share. Programs are looked at by the compiler and never run. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type { AgentRuntime, CallError } from "../../src/index.ts"

/** Takes a program and never runs it. */
export const typed: (program: () => unknown) => void = () => undefined

export class Index extends Context.Service<Index, { readonly size: number }>()("heddle/test/types/support/Index") {}

export class Log extends Context.Service<Log, { readonly path: string }>()("heddle/test/types/support/Log") {}

export interface Broken {
  readonly _tag: "Broken"
}

export type Runtime = AgentRuntime.AgentRuntime
export type Failed = CallError.CallError

/** A schema that decodes text to a number, with a service. */
export const Served = Schema.String.pipe(Schema.decodeTo(Schema.Finite, {
  decode: SchemaGetter.transformEffect((text: string) => Index.use(({ size }) => lengthOf(text, size))),
  encode: SchemaGetter.transform((n: number) => String(n))
}))

declare const lengthOf: (text: string, size: number) => Effect.Effect<number>

/** Work that has an error and needs a service. */
export declare const work: <I>(input: I) => Effect.Effect<{ readonly got: I }, Broken, Log>
