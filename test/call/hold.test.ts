import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Guardrail, Mark, Middleware } from "../../src/index.ts"
import { chunksOf, step, streamed } from "./streams.ts"
import { errorOf, governed, recorded, verdicts } from "./utils.ts"

/** What a guardrail was asked, in short. */
type Judged = readonly [text: unknown, held: ReadonlyArray<unknown>, final?: "final"]

const judging = (
  name: string,
  hold: Guardrail.Hold | undefined,
  judged: Array<Judged>,
  decide: (output: Guardrail.Output) => Guardrail.Decision = () => Guardrail.allow,
  options?: { readonly priority?: number; readonly mode?: "shadow" }
) =>
  Guardrail.output({
    name,
    hold,
    ...options,
    check: (output) => {
      judged.push(output.final ? [output.value, output.held, "final"] : [output.value, output.held])
      return decide(output)
    }
  })

const rejectAll = () => Guardrail.reject("no")

const rejecting = (word: string) => ({ text }: Guardrail.Output) =>
  text?.includes(word) === true ? Guardrail.reject(`it says ${word}`) : Guardrail.allow

/** Reads a stream of these chunks one pull at a time: what was given, with what the provider had been asked for by then. */
const readAll = (chunks: ReadonlyArray<string>) =>
  Effect.scoped(Effect.gen(function*() {
    const asked: Array<string> = []
    const pull = yield* Stream.toPull(streamed(() => chunksOf(chunks, asked)))
    const read: Array<readonly [given: ReadonlyArray<string> | "end", asked: number]> = []
    while (read.at(-1)?.[0] !== "end") read.push([yield* step(pull), asked.length])
    return read
  }))

interface Case {
  readonly name: string
  readonly hold: Guardrail.Hold | undefined
  readonly chunks: ReadonlyArray<string>
  readonly read: ReadonlyArray<readonly [ReadonlyArray<string> | "end", number]>
  readonly judged: ReadonlyArray<Judged>
}

const cases: ReadonlyArray<Case> = [
  {
    name: "nothing, unless it says otherwise",
    hold: undefined,
    chunks: ["ab", "cd"],
    read: [[["ab"], 1], [["cd"], 2], ["end", 2]],
    judged: [["ab", ["ab"]], ["abcd", ["cd"]], ["abcd", [], "final"]]
  },
  {
    name: "nothing, with none",
    hold: "none",
    chunks: ["ab", "cd"],
    read: [[["ab"], 1], [["cd"], 2], ["end", 2]],
    judged: [["ab", ["ab"]], ["abcd", ["cd"]], ["abcd", [], "final"]]
  },
  {
    name: "everything until the end, with full",
    hold: "full",
    chunks: ["ab", "cd.", "ef"],
    read: [[["ab", "cd.", "ef"], 3], ["end", 3]],
    judged: [["abcd.ef", ["ab", "cd.", "ef"], "final"]]
  },
  {
    name: "the last characters, with chunks as long as that",
    hold: { chars: 2 },
    chunks: ["ab", "cd", "ef"],
    read: [[["ab"], 2], [["cd"], 3], [["ef"], 3], ["end", 3]],
    judged: [["abcd", ["ab"]], ["abcdef", ["cd"]], ["abcdef", ["ef"], "final"]]
  },
  {
    name: "the last characters, with shorter chunks",
    hold: { chars: 3 },
    chunks: ["a", "b", "c", "d", "e"],
    read: [[["a"], 4], [["b"], 5], [["c", "d", "e"], 5], ["end", 5]],
    judged: [["abcd", ["a"]], ["abcde", ["b"]], ["abcde", ["c", "d", "e"], "final"]]
  },
  {
    name: "the last characters, with a chunk that ends among them",
    hold: { chars: 3 },
    chunks: ["abcd", "ef", "g"],
    read: [[["abcd"], 3], [["ef", "g"], 3], ["end", 3]],
    judged: [["abcdefg", ["abcd"]], ["abcdefg", ["ef", "g"], "final"]]
  },
  {
    name: "the last characters, with one chunk longer than that",
    hold: { chars: 3 },
    chunks: ["abcdefgh"],
    read: [[["abcdefgh"], 1], ["end", 1]],
    judged: [["abcdefgh", ["abcdefgh"], "final"]]
  },
  {
    name: "nothing, with no characters",
    hold: { chars: 0 },
    chunks: ["ab", "cd"],
    read: [[["ab"], 1], [["cd"], 2], ["end", 2]],
    judged: [["ab", ["ab"]], ["abcd", ["cd"]], ["abcd", [], "final"]]
  },
  {
    name: "what is not the end of a sentence or a line, with boundary",
    hold: "boundary",
    chunks: ["One ", "two. ", "Three", " four\n", "five"],
    read: [[["One ", "two. "], 2], [["Three", " four\n"], 4], [["five"], 5], ["end", 5]],
    judged: [
      ["One two. ", ["One ", "two. "]],
      ["One two. Three four\n", ["Three", " four\n"]],
      ["One two. Three four\nfive", ["five"], "final"]
    ]
  },
  {
    name: "everything, with boundary where there is none",
    hold: "boundary",
    chunks: ["v1.2", "-beta"],
    read: [[["v1.2", "-beta"], 2], ["end", 2]],
    judged: [["v1.2-beta", ["v1.2", "-beta"], "final"]]
  }
]

describe("an output guardrail of a stream", () => {
  it.effect.each(cases.map((one) => [one.name, one] as const))("keeps back %s", ([, one]) => {
    const judged: Array<Judged> = []
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* readAll(one.chunks), one.read)
      assert.deepStrictEqual(judged, one.judged)
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Success" })
      assert.deepStrictEqual(verdicts(end), ["g: allow"])
      assert.strictEqual(end.profile?.chunkCount, one.chunks.length)
    }).pipe(governed(judging("g", one.hold, judged)))
  })

  it.effect("judges an empty stream once, as a whole", () => {
    const judged: Array<Judged> = []
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* readAll([]), [["end", 0]])
      assert.deepStrictEqual(judged, [["", [], "final"]])
    }).pipe(governed(judging("g", "none", judged)))
  })

  it.effect("shares the stream with others: a chunk goes on when all have let it go", () => {
    const a: Array<Judged> = []
    const b: Array<Judged> = []
    const c: Array<Judged> = []
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* readAll(["a", "b.", "c", "d."]), [
        [["a"], 2],
        [["b."], 3],
        [["c"], 4],
        [["d."], 4],
        ["end", 4]
      ])
      assert.deepStrictEqual(a, [
        ["a", ["a"]],
        ["ab.", ["b."]],
        ["ab.c", ["c"]],
        ["ab.cd.", ["d."]],
        ["ab.cd.", [], "final"]
      ])
      assert.deepStrictEqual(b, [
        ["ab.", ["a"]],
        ["ab.c", ["b."]],
        ["ab.cd.", ["c"]],
        ["ab.cd.", ["d."], "final"]
      ])
      assert.deepStrictEqual(c, [
        ["ab.", ["a", "b."]],
        ["ab.cd.", ["c", "d."]],
        ["ab.cd.", [], "final"]
      ])
    }).pipe(governed(
      judging("a", "none", a, undefined, { priority: 1 }),
      judging("b", { chars: 1 }, b, undefined, { priority: 2 }),
      judging("c", "boundary", c, undefined, { priority: 3 })
    ))
  })

  it.effect("that holds everything makes the others hold it too", () => {
    const none: Array<Judged> = []
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* readAll(["a", "b"]), [[["a", "b"], 2], ["end", 2]])
      assert.deepStrictEqual(none, [["a", ["a"]], ["ab", ["b"]], ["ab", [], "final"]])
    }).pipe(governed(judging("full", "full", []), judging("none", "none", none)))
  })

  it.effect.each<readonly [string, Guardrail.Hold]>([
    ["full", "full"],
    ["chars", { chars: 100 }],
    ["boundary", "boundary"]
  ])("in shadow mode holds nothing back: %s", ([, hold]) => {
    const judged: Array<Judged> = []
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* readAll(["a", "b"]), [[["a"], 1], [["b"], 2], ["end", 2]])
      assert.deepStrictEqual(judged.at(-1)?.[2], "final")
      const { end, marks } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Success" })
      assert.deepStrictEqual(verdicts(end), ["g: wouldBlock"])
      assert.strictEqual(marks.length, 1, "marks of the one verdict")
    }).pipe(governed(judging("g", hold, judged, rejectAll, { mode: "shadow" })))
  })

  it.effect("that does not apply holds nothing back", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* readAll(["a", "b"]), [[["a"], 1], [["b"], 2], ["end", 2]])
    }).pipe(governed(
      Guardrail.output({ name: "g", hold: "full", applies: { name: "other" }, check: () => Guardrail.reject("no") })
    )))

  it.effect("sees chunks that are not text, without a text", () => {
    const seen: Array<Guardrail.Output> = []
    return Effect.gen(function*() {
      yield* Stream.runDrain(streamed(() => chunksOf<unknown>(["a", { b: 1 }])))
      assert.deepStrictEqual(seen.map(({ text }) => text), ["a", undefined, undefined])
      assert.deepStrictEqual(seen.map(({ value }) => value), ["a", ["a", { b: 1 }], ["a", { b: 1 }]])
    }).pipe(governed(Guardrail.output({
      name: "g",
      check: (output) => {
        seen.push(output)
        return Guardrail.allow
      }
    })))
  })

  it.effect("keeps back so many characters of chunks that are not text, by their weight", () => {
    const chunk = (n: number) => ({ n, text: "x".repeat(50) })
    return Effect.gen(function*() {
      const asked: Array<unknown> = []
      const pull = yield* Stream.toPull(streamed(() => chunksOf([1, 2, 3].map(chunk), asked)))
      assert.deepStrictEqual(yield* step(pull), [chunk(1)])
      assert.deepStrictEqual(asked, [chunk(1), chunk(2)])
    }).pipe(
      Effect.scoped,
      governed(Guardrail.output({ name: "g", hold: { chars: 60 }, check: () => Guardrail.allow }))
    )
  })

  it.effect("judges the fold so far", () => {
    const judged: Array<Judged> = []
    return Effect.gen(function*() {
      yield* Stream.runDrain(streamed(() => chunksOf(["a", "b"]), {
        initial: 0,
        step: (n: number) => n + 1,
        finish: (n) => n
      }))
      assert.deepStrictEqual(judged, [[1, ["a"]], [2, ["b"]], [2, [], "final"]])
    }).pipe(governed(judging("g", "none", judged)))
  })
})

describe("a rejection of a stream", () => {
  const released = (count: number, chars: number) => ({
    "heddle.released_chunks": count,
    "heddle.released_chars": chars
  })

  const blocked: ReadonlyArray<
    readonly [name: string, hold: Guardrail.Hold, read: ReadonlyArray<string>, asked: number]
  > = [
    ["as it flows", "none", ["ok", "so"], 3],
    ["behind a window", { chars: 4 }, [], 3],
    ["at a boundary", "boundary", [], 4],
    ["as a whole", "full", [], 5]
  ]

  it.effect.each(blocked)(
    "%s lets nothing out that was not let go before",
    ([, hold, expected, pulled]) =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const read: Array<string> = []
        const provider = () => Stream.ensuring(chunksOf(["ok", "so", "bad", ". ", "x"], asked), Mark.emit("closed"))
        const error = yield* errorOf(
          Stream.runForEach(streamed(provider), (chunk) => Effect.sync(() => read.push(chunk)))
        )
        assert.deepInclude(error.reason, { _tag: "GuardrailRejected", guardrail: "g", reason: "it says bad" })
        assert.deepStrictEqual(read, expected)
        assert.strictEqual(asked.length, pulled)
        const { end, marks } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Blocked", by: "g", reason: "it says bad" })
        assert.deepInclude(end.metadata, released(expected.length, expected.join("").length))
        assert.strictEqual(end.profile?.chunkCount, expected.length)
        assert.deepStrictEqual(verdicts(end), ["g: reject"])
        assert.deepStrictEqual(marks.map(({ name }) => name).toSorted(), ["closed", "g"])
      }).pipe(governed(Guardrail.output({ name: "g", hold, check: rejecting("bad") })))
  )

  it.effect("at its end fails it after all that was let go", () =>
    Effect.gen(function*() {
      const read: Array<string> = []
      const stream = streamed(() => chunksOf(["a", "b"]))
      yield* errorOf(Stream.runForEach(stream, (chunk) => Effect.sync(() => read.push(chunk))))
      assert.deepStrictEqual(read, ["a", "b"])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Blocked", by: "g", reason: "no" })
      assert.deepInclude(end.metadata, released(2, 2))
    }).pipe(governed(Guardrail.output({
      name: "g",
      check: ({ final }) => final ? Guardrail.reject("no") : Guardrail.allow
    }))))

  it.effect("by one guardrail keeps back what another had let go", () =>
    Effect.gen(function*() {
      const read: Array<string> = []
      yield* errorOf(
        Stream.runForEach(streamed(() => chunksOf(["a", "bad"])), (chunk) => Effect.sync(() => read.push(chunk)))
      )
      assert.deepStrictEqual(read, ["a"])
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(verdicts(end), ["a: allow", "b: reject", "c: allow"])
    }).pipe(governed(
      judging("a", "none", [], undefined, { priority: 1 }),
      judging("b", "none", [], rejecting("bad"), { priority: 2 }),
      judging("c", "none", [], undefined, { priority: 3 })
    )))

  it.effect("of its first chunk skips the guardrails after it", () =>
    Effect.gen(function*() {
      yield* errorOf(Stream.runDrain(streamed(() => chunksOf(["bad"]))))
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(verdicts(end), ["a: reject", "b: skipped"])
    }).pipe(governed(
      judging("a", "none", [], rejecting("bad"), { priority: 1 }),
      judging("b", "none", [], undefined, { priority: 2 })
    )))

  it.effect("that takes its time is not judged by the guardrails after it", () => {
    const judged: Array<Judged> = []
    return Effect.gen(function*() {
      const error = yield* errorOf(Stream.runDrain(streamed(() => chunksOf(["a", "b"]))))
      assert.deepInclude(error.reason, { _tag: "GuardrailRejected", guardrail: "a" })
      assert.deepStrictEqual(judged, [])
      assert.deepStrictEqual(verdicts((yield* recorded("call")).end), ["a: reject", "z: skipped"])
    }).pipe(governed(
      Guardrail.output({ name: "a", check: () => Effect.as(Effect.yieldNow, Guardrail.reject("no")) }),
      judging("z", "none", judged)
    ))
  })

  it.effect("shares its record with what the same guardrail decided before, and adds up the time", () => {
    const asked = Array.from({ length: 3 }, () => Deferred.makeUnsafe<void>())
    let judged = 0
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(errorOf(Stream.runDrain(streamed(() => chunksOf(["a", "b"])))))
      for (const one of asked) {
        yield* Deferred.await(one)
        yield* TestClock.adjust("1 second")
      }
      yield* Fiber.join(fiber)
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.decisions, [
        { guardrail: "g", verdict: "reject", reason: "no", durationMicros: 3_000_000 }
      ])
    }).pipe(governed(Guardrail.output({
      name: "g",
      check: ({ final }) =>
        Deferred.succeed(asked[judged++]!, undefined).pipe(
          Effect.andThen(Effect.sleep("1 second")),
          Effect.as(final ? Guardrail.reject("no") : Guardrail.allow)
        )
    })))
  })

  it.effect("waits for a check that takes its time, and holds the stream meanwhile", () =>
    Effect.gen(function*() {
      const checking = Deferred.makeUnsafe<void>()
      const asked: Array<string> = []
      const read: Array<string> = []
      const stream = streamed(() => chunksOf(["a", "b"], asked)).pipe(
        Stream.runForEach((chunk) => Effect.sync(() => read.push(chunk)))
      )
      const fiber = yield* stream.pipe(
        Middleware.provide(Guardrail.output({
          name: "g",
          check: () =>
            Deferred.succeed(checking, undefined).pipe(
              Effect.andThen(Effect.sleep("1 second")),
              Effect.as(Guardrail.reject("no"))
            )
        })),
        Effect.forkChild
      )
      yield* Deferred.await(checking)
      assert.deepStrictEqual(asked, ["a"])
      assert.deepStrictEqual(read, [])
      yield* TestClock.adjust("1 second")
      yield* errorOf(Fiber.join(fiber))
      assert.deepStrictEqual(asked, ["a"])
      assert.deepStrictEqual(read, [])
    }).pipe(governed()))
})
