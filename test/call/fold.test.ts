import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { Folding } from "../../src/call/internal/fold.ts"
import { Guardrail, type LlmCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { chunksOf, streamed } from "./streams.ts"
import { governed, recorded } from "./utils.ts"

describe("the fold of a streamed call", () => {
  interface State {
    readonly words: ReadonlyArray<string>
  }
  const words: LlmCall.Fold<State, string> = {
    initial: { words: [] },
    step: (state, chunk) => ({ words: [...state.words, chunk] }),
    finish: ({ words }) => ({ content: words.join(" ") })
  }

  it.effect("makes the response of the end event, and leaves the chunks alone", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(streamed(() => chunksOf(["a", "b"]), words)), ["a", "b"])
      assert.deepStrictEqual((yield* recorded("call")).end.data, { content: "a b" })
    }).pipe(governed()))

  it.effect("begins anew at each run, with a state that a function makes", () =>
    Effect.gen(function*() {
      const stream = streamed(() => chunksOf(["a", "b"]), {
        initial: () => new Array<string>(),
        step: (state, chunk: string) => {
          state.push(chunk)
          return state
        },
        finish: (state) => state.length
      })
      yield* Stream.runDrain(stream)
      yield* Stream.runDrain(stream)
      const ends = (yield* TestRuntime.events).filter((event) => event._tag === "ScopeEnd")
      assert.deepStrictEqual(ends.map(({ data }) => data), [2, 2])
    }).pipe(governed()))

  const boom = (): never => {
    throw new Error("boom")
  }
  const broken: ReadonlyArray<readonly [string, LlmCall.Fold<State, string>]> = [
    ["initial", { ...words, initial: boom }],
    ["step", { ...words, step: boom }],
    ["finish", { ...words, finish: boom }]
  ]

  it.effect.each(broken)("that throws in %s does not touch the stream", ([, fold]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(streamed(() => chunksOf(["a", "b"]), fold)), ["a", "b"])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Success" })
      assert.isUndefined(end.data)
      assert.strictEqual(end.metadata?.["heddle.fold_failed"], true)
    }).pipe(governed()))

  const holds: ReadonlyArray<Guardrail.Hold> = ["none", "full", "boundary", { chars: 1 }]
  it.effect.each(broken.flatMap(([at, fold]) => holds.map((hold) => [at, fold, hold] as const)))(
    "that throws in %s fails closed what would judge it",
    ([, fold, hold]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Stream.runCollect(streamed(() => chunksOf(["a", "b"]), fold)))
        assert.strictEqual(error._tag === "CallError" && error.reason._tag, "GuardrailFailed")
        const { end } = yield* recorded("call")
        assert.strictEqual(end.profile?.chunkCount, 0)
        assert.deepStrictEqual(end.decisions.map(({ guardrail, verdict }) => [guardrail, verdict]), [["o", "failed"]])
      }).pipe(governed(Guardrail.output({ name: "o", hold, check: () => Guardrail.allow })))
  )

  it.effect("is bounded by maxBytes: the rest of the chunks flows, and the end event says so", () =>
    Effect.gen(function*() {
      const chunks = Array.from({ length: 50 }, () => "x".repeat(100))
      const read = yield* Stream.runCollect(streamed(() => chunksOf(chunks), { ...words, maxBytes: 1000 }))
      assert.deepStrictEqual(read, chunks)
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Success" })
      assert.strictEqual(end.metadata?.["heddle.fold_truncated"], true)
      assert.isBelow(JSON.stringify(end.data).length, 1100)
    }).pipe(governed()))

  it.effect("that is truncated fails closed what would judge the whole", () =>
    Effect.gen(function*() {
      const chunks = Array.from({ length: 50 }, () => "x".repeat(100))
      const error = yield* Effect.flip(
        Stream.runCollect(streamed(() => chunksOf(chunks), { ...words, maxBytes: 1000 }))
      )
      assert.strictEqual(error._tag === "CallError" && error.reason._tag, "GuardrailFailed")
      const { end } = yield* recorded("call")
      assert.isBelow(end.profile?.chunkCount ?? 50, 11)
      assert.deepStrictEqual(end.decisions.map(({ guardrail, verdict }) => [guardrail, verdict]).at(-1), [
        "o",
        "failed"
      ])
    }).pipe(governed(Guardrail.output({ name: "o", check: () => Guardrail.allow }))))

  it.effect("that is truncated is nothing to guardrails that do not judge this call, or are in shadow mode", () =>
    Effect.gen(function*() {
      const chunks = Array.from({ length: 50 }, () => "x".repeat(100))
      const read = yield* Stream.runCollect(streamed(() => chunksOf(chunks), { ...words, maxBytes: 1000 }))
      assert.deepStrictEqual(read, chunks)
    }).pipe(governed(
      Guardrail.output({ name: "o", applies: { name: "other" }, check: () => Guardrail.reject("no") }),
      Guardrail.output({ name: "s", mode: "shadow", check: () => Guardrail.allow })
    )))
})

describe("what a fold holds", () => {
  const texts = fc.array(fc.string({ maxLength: 30 }), { maxLength: 40 })
  const kept = (weights: ReadonlyArray<number>, maxBytes: number): number => {
    let bytes = 0
    for (const [i, weight] of weights.entries()) if ((bytes += weight) > maxBytes) return i
    return weights.length
  }

  it("is the first chunks up to its maxBytes, whatever their sizes and their order", () => {
    fc.assert(fc.property(texts, fc.nat(800), (chunks, maxBytes) => {
      const folding = new Folding(
        {
          initial: "",
          step: (state: string, chunk: string) => state + chunk,
          finish: (state: string) => state,
          maxBytes
        },
        undefined
      )
      for (const chunk of chunks) folding.add(chunk)
      const count = kept(chunks.map((chunk) => chunk.length * 2), maxBytes)
      assert.strictEqual(folding.value, chunks.slice(0, count).join(""))
      assert.strictEqual(folding.isTruncated, count < chunks.length)
    }))
  })

  it("is at most a MiB without a fold, whatever the sizes of the chunks and their order", () => {
    const sizes = fc.array(fc.oneof(fc.nat(100), fc.nat(400_000)), { maxLength: 12 })
    fc.assert(
      fc.property(sizes, fc.boolean(), (lengths, isText) => {
        const folding = new Folding(undefined, undefined)
        const chunks = lengths.map((length) => isText ? "x".repeat(length) : { delta: { text: "x".repeat(length) } })
        for (const chunk of chunks) folding.add(chunk)
        const count = kept(lengths.map((length) => length * 2 + (isText ? 0 : 64)), 1_048_576)
        const held = chunks.slice(0, count)
        assert.deepStrictEqual(folding.value, isText || count === 0 ? held.join("") : held)
        assert.strictEqual(folding.isTruncated, count < lengths.length)
      }),
      { numRuns: 30 }
    )
  })

  it("is the same however often it was looked at before", () => {
    const mixed = fc.array(fc.oneof({ weight: 9, arbitrary: fc.string() }, fc.record({ a: fc.nat() })))
    fc.assert(fc.property(mixed, fc.infiniteStream(fc.boolean()), (chunks, looks) => {
      const folding = new Folding(undefined, undefined)
      chunks.forEach((chunk, i) => {
        folding.add(chunk)
        const first = chunks.slice(0, i + 1)
        const expected = first.every((chunk) => typeof chunk === "string") ? first.join("") : first
        if (looks.next().value === true) assert.deepStrictEqual(folding.value, expected)
        if (i === chunks.length - 1) assert.deepStrictEqual(folding.value, expected)
      })
    }))
  })

  it("is a value of its own each time", () => {
    const folding = new Folding(undefined, undefined)
    folding.add(1)
    const { value } = folding
    folding.add(2)
    assert.deepStrictEqual(value, [1])
    assert.deepStrictEqual(folding.value, [1, 2])
  })
})
