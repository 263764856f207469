import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import * as Fs from "node:fs"
import * as Codec from "../../src/codec/Codec.ts"
import { codec as openAiChat } from "../../src/codec/OpenAiChat.ts"

interface Read {
  readonly values: ReadonlyArray<unknown>
  readonly error: Codec.CodecError | undefined
}

const read = (
  chunks: Iterable<Uint8Array | string>,
  options?: { readonly maxLineBytes?: number }
): Effect.Effect<Read> =>
  Effect.gen(function*() {
    const values: Array<unknown> = []
    const error = yield* Stream.fromIterable(chunks).pipe(
      Codec.sse(options),
      Stream.runForEach((value) => Effect.sync(() => values.push(value))),
      Effect.as(undefined),
      Effect.catch(Effect.succeed)
    )
    return { values, error }
  })

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const cut = (all: Uint8Array, sizes: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const out: Array<Uint8Array> = []
  for (let i = 0, n = 0; i < all.length; n++) {
    const size = sizes.length === 0 ? 1 : sizes[n % sizes.length]!
    out.push(all.slice(i, i + size))
    i += size
  }
  return out
}

describe("server-sent events", () => {
  it.effect("are the same however their bytes are split and their lines end", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.jsonValue().map((value): unknown => ({ value: JSON.parse(JSON.stringify(value)) })), {
            maxLength: 5
          }),
          fc.constantFrom("\n", "\r\n", "\r"),
          fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }),
          fc.boolean(),
          fc.constantFrom("", "\uFEFF"),
          async (values, end, sizes, isPretty, bom) => {
            const frames = values.map((value, i) => {
              const data = JSON.stringify(value, null, isPretty ? 1 : 0).split("\n").map((line) =>
                `data: ${line}${end}`
              )
              return `: keep-alive${end}${end}event: message${end}id: ${i}${end}retry: 10${end}${data.join("")}${end}`
            })
            const text = `${bom}${frames.join("")}data: [DONE]${end}${end}data: never read`
            const all = { values, error: undefined }
            assert.deepStrictEqual(await Effect.runPromise(read(cut(bytes(text), sizes))), all)
            assert.deepStrictEqual(await Effect.runPromise(read([...text])), all)
            assert.deepStrictEqual(await Effect.runPromise(read([text])), all)
          }
        ),
        { numRuns: 150 }
      )
    ))

  it.effect("of recorded form fold into a response", () =>
    Effect.gen(function*() {
      const folder = new URL("payloads/openai-chat/", import.meta.url)
      const files = Fs.readdirSync(folder).filter((file) => file.endsWith(".sse"))
      assert.isAbove(files.length, 0)
      for (const file of files) {
        const { error, values } = yield* read(cut(Fs.readFileSync(new URL(file, folder)), [7]))
        assert.isUndefined(error, file)
        const state = values.reduce(openAiChat.stream.step, openAiChat.stream.initial())
        assert.strictEqual(openAiChat.decodeResponse(openAiChat.stream.finish(state))._tag, "Success")
      }
    }))

  it.effect("that a failure tore are not in the place of it, and nothing of them is given", () =>
    Effect.gen(function*() {
      for (const cut of ["data: {\"a\":", "data: 2"]) {
        const failing = Stream.concat(Stream.make("data: 1\n\n", cut), Stream.fail("connection reset"))
        const given: Array<unknown> = []
        const exit = yield* Effect.exit(
          Stream.runForEach(failing.pipe(Codec.sse()), (json) => Effect.sync(() => given.push(json)))
        )
        assert.deepStrictEqual(exit, Exit.fail("connection reset"))
        assert.deepStrictEqual(given, [1])
      }
    }))

  it.effect("that are torn by the end are an error after what came whole", () =>
    Effect.gen(function*() {
      const whole = "data: {\"n\": 1}\n\ndata: {\"n\": 2}\n\n"
      for (let length = 1; length < whole.length; length++) {
        const { error, values } = yield* read([whole.slice(0, length)])
        const isWhole = [14, 15, 16, 30, 31].includes(length)
        assert.strictEqual(error === undefined, isWhole, `the first ${length} characters`)
        assert.lengthOf(values, length < 14 ? 0 : length < 30 ? 1 : 2)
      }
      assert.deepStrictEqual(yield* read([]), { values: [], error: undefined })
      assert.deepStrictEqual(yield* read(["data: [DONE]"]), { values: [], error: undefined })
      assert.isDefined((yield* read(["data: 12"])).error, "a number may go on")
      assert.isDefined((yield* read(["event: message_start\n"])).error)
      assert.deepStrictEqual(yield* read([": ping\n\n: pi"]), { values: [], error: undefined })
    }))

  it.effect("whose data is no JSON, or whose bytes are no UTF-8, are an error that says which event", () =>
    Effect.gen(function*() {
      const odd = yield* read(["data: 1\n\ndata: {\"secret\": oops}\n\ndata: 3\n\n"])
      assert.deepStrictEqual(odd.values, [1])
      assert.deepStrictEqual([odd.error?._tag, odd.error?.path, odd.error?.direction], ["CodecError", "/1", "sse"])
      assert.notInclude(odd.error?.message ?? "", "secret")
      const broken = yield* read([bytes("data: 1\n\ndata: \""), new Uint8Array([0xc3, 0x28]), bytes("\"\n\n")])
      assert.deepStrictEqual([broken.values, broken.error?.expected], [[1], "UTF-8"])
      const torn = yield* read([bytes("data: 1\n\ndata: \"é").slice(0, -1)])
      assert.deepStrictEqual([torn.values, torn.error?.expected], [[1], "UTF-8"])
    }))

  it.effect("with a line above the limit are an error before the line has been read whole", () =>
    Effect.gen(function*() {
      const pulled = yield* Ref.make(0)
      const endless = Stream.fromEffectRepeat(Effect.as(Ref.update(pulled, (n) => n + 1), "x".repeat(1000)))
      const error = yield* Stream.make("data: 1\n\ndata: ").pipe(
        Stream.concat(endless),
        Codec.sse({ maxLineBytes: 10_000 }),
        Stream.runDrain,
        Effect.flip
      )
      assert.strictEqual(error.path, "/1")
      assert.isBelow(yield* Ref.get(pulled), 12)
      const line = (length: number) => [`data: ${"1".repeat(length - 6)}\n\n`]
      assert.isUndefined((yield* read(line(100), { maxLineBytes: 100 })).error)
      assert.isDefined((yield* read(line(101), { maxLineBytes: 100 })).error)
      assert.isDefined((yield* read(line(1_048_577))).error, "1 MiB unless set")
    }))

  it.effect("with more data than the limit in many lines are an error too", () =>
    Effect.gen(function*() {
      const { error } = yield* read(Array.from({ length: 200 }, () => "data: 1,\n"), { maxLineBytes: 100 })
      assert.include(error?.message, "100")
    }))

  it.effect("keep the error of the stream that they come from, and pull no more after [DONE]", () =>
    Effect.gen(function*() {
      const failing = Stream.make("data: 1\n\n").pipe(Stream.concat(Stream.fail("offline" as const)))
      assert.strictEqual(yield* failing.pipe(Codec.sse(), Stream.runDrain, Effect.flip), "offline")
      const done = Stream.make("data: 1\n\ndata: [DONE]\n\n").pipe(Stream.concat(Stream.fail("pulled" as const)))
      assert.deepStrictEqual(yield* done.pipe(Codec.sse(), Stream.runCollect), [1])
    }))

  it.effect("start afresh each time the stream runs", () =>
    Effect.gen(function*() {
      const stream = Stream.make("data: 1\n\nda", "ta: 2\n\n").pipe(Codec.sse())
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [1, 2])
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [1, 2])
    }))
})
