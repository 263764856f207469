import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import * as PiiRedaction from "../../src/plugin/PiiRedaction.ts"
import { cases } from "./pii/cases.ts"

const key = "a key for tests only"
const seed = 20_261_124
const actions: ReadonlyArray<PiiRedaction.Action> = ["replace", "mask", "partial", "hash", "remove", { replace: "■" }]

const redactorOf = (options: PiiRedaction.RedactOptions): PiiRedaction.Redactor =>
  Result.getOrThrow(PiiRedaction.make({ key, ...options }))

const redactors = actions.map((action) => ({
  action,
  redactor: redactorOf({ action, detectors: { entropy: action } })
}))

/** Secrets that hold no letter which JSON escapes, so that they can be looked for in the text of a result. */
const secrets: ReadonlyArray<string> = cases.flatMap(({ group, spans, text }) =>
  group === "missed"
    ? []
    : spans.filter(({ detector }) => !["password", "authorization", "pem", "userinfo"].includes(detector))
      .map(({ end, start }) => text.slice(start, end))
).filter((secret) =>
  JSON.stringify(secret) === `"${secret}"` &&
  !/^(?:415|212|1-800|\(415|4222|0049|[A-Za-z0-9%]{43,86}|T[A-Z2-7]{8}\/)/.test(secret)
)

const quiet = fc.string({ unit: fc.constantFrom(..."ab cd.,;\n"), maxLength: 12 })

/** A text with a secret in it, between spaces. */
const planted = fc.tuple(quiet, fc.constantFrom(...secrets), quiet)
  .map(([before, secret, after]) => ({ secret, text: `${before} ${secret} ${after}` }))

/** A value of any shape and depth, and the secret that lies somewhere in it. */
const holding = (depth: number): fc.Arbitrary<{ readonly secret: string; readonly value: unknown }> => {
  const leaf = planted.map(({ secret, text }) => ({ secret, value: text as unknown }))
  if (depth === 0) return leaf
  const inner = holding(depth - 1)
  return fc.oneof(
    leaf,
    fc.tuple(fc.array(fc.jsonValue(), { maxLength: 3 }), inner, fc.array(fc.jsonValue(), { maxLength: 3 }))
      .map(([before, { secret, value }, after]) => ({ secret, value: [...before, value, ...after] as unknown })),
    fc.tuple(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }), fc.string({ maxLength: 8 }), inner)
      .map(([rest, name, { secret, value }]) => ({ secret, value: { ...rest, [name]: value } as unknown })),
    fc.tuple(planted, fc.jsonValue()).map(([{ secret, text }, rest]) => ({
      secret,
      value: { [text]: rest } as unknown
    })),
    inner.map(({ secret, value }) => ({ secret, value: new Map([["k", value]]) as unknown })),
    inner.map(({ secret, value }) => ({
      secret,
      value: {
        get late() {
          return value
        }
      } as unknown
    }))
  )
}

/** Labelled texts one after the other, with noise between them. */
const texts = fc.array(
  fc.oneof(fc.constantFrom(...cases.map(({ text }) => text)), fc.string({ unit: "binary", maxLength: 30 }), quiet),
  { maxLength: 5 }
).map((parts) => parts.join(" "))

describe("laws of redaction", () => {
  it("no planted secret survives, at whatever depth and under whatever action", () => {
    assert.isAbove(secrets.length, 120)
    fc.assert(
      fc.property(holding(4), fc.constantFrom(...redactors), ({ secret, value }, { redactor }) => {
        assert.notInclude(JSON.stringify(redactor.value(value)), secret)
      }),
      { numRuns: 1500, seed }
    )
  })

  it("what was redacted stays as it is when it is redacted again, unless parts were cut out", () => {
    fc.assert(
      fc.property(texts, fc.constantFrom(...redactors), (text, { action, redactor }) => {
        if (action === "remove") return
        const once = redactor.text(text)
        assert.strictEqual(redactor.text(once), once)
      }),
      { numRuns: 1500, seed }
    )
  })

  it("a text grows by no more than what stands for its findings", () => {
    fc.assert(
      fc.property(texts, fc.constantFrom(...redactors), (text, { action, redactor }) => {
        const longest = action === "remove" || action === "mask" ? 0 : 40
        assert.isAtMost(redactor.text(text).length, text.length + redactor.find(text).length * longest)
        if (action === "mask") assert.strictEqual(redactor.text(text).length, text.length)
      }),
      { numRuns: 500, seed }
    )
  })

  it("findings are in order, apart and within the text, and what lies between them stays", () => {
    const { find, text: redacted } = redactorOf({ action: { replace: "\u0000" } })
    fc.assert(
      fc.property(texts, (text) => {
        let from = 0
        let kept = ""
        for (const { end, start } of find(text)) {
          assert.isAtLeast(start, from)
          assert.isAbove(end, start)
          kept += `${text.slice(from, start)}\u0000`
          from = end
        }
        assert.isAtMost(from, text.length)
        assert.strictEqual(redacted(text), kept + text.slice(from))
      }),
      { numRuns: 500, seed }
    )
  })

  it("it never throws, whatever it is given, and what it gives is JSON", () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true
    })
    fc.assert(
      fc.property(anything, fc.constantFrom(...redactors), (value, { redactor }) => {
        const shown = redactor.value(value)
        assert.deepStrictEqual(JSON.parse(JSON.stringify(shown)), shown)
      }),
      { numRuns: 1500, seed }
    )
  })

  it("values without findings keep their shape, types and order", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as unknown
        const plain = JSON.stringify(json)
        if (/\d{7}|@|:\/\/|::|eyJ|key|secret|token|pass|pwd/i.test(plain)) return
        assert.deepStrictEqual(PiiRedaction.redact(json), json)
      }),
      { numRuns: 500, seed }
    )
  })
})
