import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as PiiRedaction from "../../src/plugin/PiiRedaction.ts"
import { cases } from "./pii/cases.ts"
import { measure } from "./pii/measure.ts"
import { negatives } from "./pii/negatives.ts"

const defaults = Result.getOrThrow(PiiRedaction.make())

const counts = (detector: PiiRedaction.DetectorName): ReadonlyArray<number> => {
  const one = measure(defaults, cases).byDetector.get(detector)
  return [one?.truePositives ?? 0, one?.falsePositives ?? 0, one?.falseNegatives ?? 0]
}

describe("the labelled set", () => {
  it("has the numbers that docs/pii-redaction.md tells", () => {
    const { mistakes, total, trueNegatives } = measure(defaults, cases)
    assert.deepStrictEqual(
      {
        texts: cases.length,
        withoutLabels: cases.filter(({ spans }) => spans.length === 0).length,
        truePositives: total.truePositives,
        falsePositives: total.falsePositives,
        falseNegatives: total.falseNegatives,
        trueNegatives
      },
      {
        texts: 342,
        withoutLabels: 154,
        truePositives: 182,
        falsePositives: 5,
        falseNegatives: 13,
        trueNegatives: 150
      },
      mistakes.join("\n")
    )
  })

  it("has each detector's share of them: true positives, false positives, false negatives", () => {
    assert.deepStrictEqual(counts("email"), [31, 1, 3])
    assert.deepStrictEqual(counts("phone"), [29, 1, 3])
    assert.deepStrictEqual(counts("card"), [19, 1, 2])
    assert.deepStrictEqual(counts("iban"), [14, 0, 1])
    assert.deepStrictEqual(counts("ip"), [15, 2, 1])
    assert.deepStrictEqual(counts("token"), [44, 0, 0])
    assert.deepStrictEqual(counts("jwt"), [4, 0, 0])
    assert.deepStrictEqual(counts("pem"), [5, 0, 0])
    assert.deepStrictEqual(counts("userinfo"), [6, 0, 0])
    assert.deepStrictEqual(counts("authorization"), [4, 0, 0])
    assert.deepStrictEqual(counts("password"), [11, 0, 3])
  })

  for (const group of Object.keys(negatives).filter((name) => name !== "mistaken")) {
    it(`leaves every text of the kind ${group} as it is`, () => {
      const texts = cases.filter((one) => one.group === group).map(({ text }) => text)
      assert.isAbove(texts.length, 3)
      assert.deepStrictEqual(texts.map((text) => defaults.text(text)), texts)
    })
  }

  it("leaves hashes and identifiers as they are when random words are looked for", () => {
    const { find } = Result.getOrThrow(PiiRedaction.make({ detectors: { entropy: true } }))
    const texts = cases.filter(({ group }) => group === "hash" || group === "id")
    assert.strictEqual(texts.length, 46)
    assert.deepStrictEqual(texts.filter(({ text }) => find(text).length > 0).map(({ text }) => text), [])
  })

  it("finds a random word when they are looked for, and by default does not", () => {
    const word = "q7Zk2LmX9vB4tN8wR1cYp3Hd"
    assert.deepStrictEqual(defaults.find(`see ${word}.`), [])
    assert.strictEqual(
      Result.getOrThrow(PiiRedaction.make({ detectors: { entropy: true } })).text(`see ${word}.`),
      "see [REDACTED:entropy]."
    )
    assert.strictEqual(
      Result.getOrThrow(PiiRedaction.make({ detectors: { entropy: true }, entropyBits: 5 })).text(`see ${word}.`),
      `see ${word}.`
    )
  })

  it("knows numbers of other regions when they are asked for", () => {
    const { text } = Result.getOrThrow(PiiRedaction.make({ regions: ["DE", "GB", "FR"] }))
    assert.strictEqual(
      text("030 901820, 0171 1234567, 01 42 68 53 00 und 020 7946 0958; am 24.11.2026 um 11:55, 1.234.567 Stück"),
      "[REDACTED:phone], [REDACTED:phone], [REDACTED:phone] und [REDACTED:phone]; am 24.11.2026 um 11:55, 1.234.567 Stück"
    )
  })
})
