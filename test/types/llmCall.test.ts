/** What is inferred of model calls: request, response, chunks, errors and requirements. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { LlmCall } from "../../src/index.ts"
import { type Broken, type Failed, type Index, type Log, type Runtime, Served, typed, work } from "./support.ts"

const call = { name: "m", request: { headers: {}, body: { model: "x" } } }

describe("types of model calls", () => {
  it("are those of the work, which gets the request", () => {
    typed(() => {
      const run = LlmCall.run(call, (request) => {
        expectTypeOf(request).toEqualTypeOf<LlmCall.LlmRequest>()
        return work(1)
      })
      expectTypeOf(run).toEqualTypeOf<Effect.Effect<{ readonly got: number }, Broken | Failed, Log | Runtime>>()
      const served = LlmCall.run({ ...call, schema: Served }, ({ body }) => Effect.succeed(body + 1))
      expectTypeOf(served).toEqualTypeOf<Effect.Effect<number, Failed, Index | Runtime>>()
      // @ts-expect-error a body is JSON
      void LlmCall.run({ name: "m", request: { headers: {}, body: () => 1 } }, () => Effect.void)
      // @ts-expect-error headers are wanted
      void LlmCall.run({ name: "m", request: { body: {} } }, () => Effect.void)
    })
  })

  it("give streams their chunks, and the fold its state", () => {
    typed(() => {
      const stream = LlmCall.stream(call, () => Stream.fromEffect(work("delta")))
      expectTypeOf(stream).toEqualTypeOf<
        Stream.Stream<{ readonly got: string }, Broken | Failed, Log | Runtime>
      >()
      const served = LlmCall.stream({ ...call, schema: Served }, ({ body }) => Stream.make(body))
      expectTypeOf(served).toEqualTypeOf<Stream.Stream<number, Failed, Index | Runtime>>()
      const fold = {
        initial: "",
        step: (text: string, chunk: { readonly got: string }) => text + chunk.got,
        finish: (text: string) => text.length
      }
      void LlmCall.stream({ ...call, fold }, () => Stream.fromEffect(work("delta")))
      // @ts-expect-error the fold is of other chunks
      void LlmCall.stream({ ...call, fold }, () => Stream.make(1))
      // @ts-expect-error the work is a stream
      void LlmCall.stream(call, () => Effect.succeed(1))
    })
  })
})

describe("types of model calls that run elsewhere", () => {
  it("are a handle, and what its end may say", () => {
    typed(() => {
      const start = LlmCall.start({ ...call, model: "x", streaming: true })
      expectTypeOf(start).toEqualTypeOf<Effect.Effect<LlmCall.LlmHandle, Failed, Runtime>>()
      return Effect.map(start, (handle) => {
        expectTypeOf(handle.category).toEqualTypeOf<"llm">()
        expectTypeOf(LlmCall.end(handle, { response: {}, usage: { inputTokens: 1 } })).toEqualTypeOf<
          Effect.Effect<void, Failed, Runtime>
        >()
        void LlmCall.end(handle, { error: "no", usage: {} })
        // @ts-expect-error tokens are numbers
        void LlmCall.end(handle, { response: 1, usage: { inputTokens: "1" } })
        // @ts-expect-error a tool's
        void LlmCall.end(handle, { output: 1 })
      })
    })
    typed(() => {
      // @ts-expect-error a request is wanted, or what a check gave
      void LlmCall.start({ name: "m" })
    })
  })

  it("give of a check what may be sent", () => {
    typed(() => {
      expectTypeOf(LlmCall.check(call)).toEqualTypeOf<Effect.Effect<LlmCall.CheckedLlm, Failed, Runtime>>()
      expectTypeOf(LlmCall.check({ ...call, schema: Served })).toEqualTypeOf<
        Effect.Effect<LlmCall.CheckedLlm<LlmCall.TypedRequest<number>>, Failed, Index | Runtime>
      >()
      return Effect.flatMap(LlmCall.check(call), (checked) => LlmCall.start({ name: "m", checked }))
    })
  })
})
