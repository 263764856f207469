import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { sizeOf, sizeOfData } from "../../src/event/internal/size.ts"

const boom = (): never => {
  throw new Error("boom")
}

describe("the weight of a payload", () => {
  it("counts strings by their length, and all else as a flat guess", () => {
    assert.strictEqual(sizeOf("abcd"), 8)
    assert.strictEqual(sizeOf(1), 8)
    assert.strictEqual(sizeOf(undefined), 8)
    assert.strictEqual(sizeOf(null), 8)
    assert.strictEqual(sizeOf({ a: "abcd", b: [1, "ab"] }), 32 + 8 + (32 + 8 + 4))
  })

  it("goes so many levels deep", () => {
    const nested = { a: { b: { c: "x".repeat(1000) } } }
    assert.strictEqual(sizeOf(nested, 2), 32 + 32 + 64)
    assert.strictEqual(sizeOf(nested, 3), 32 + 32 + 32 + 2000)
  })

  it("is the same whether accessors are asked or not, where there are none", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.nat(9), (value, levels) => {
      assert.strictEqual(sizeOfData(value, levels), sizeOf(value, levels))
    }))
  })

  it("grows with the strings in it, also in a long list", () => {
    fc.assert(fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 31 }), (texts) => {
      const chars = texts.reduce((sum, text) => sum + text.length, 0)
      assert.strictEqual(
        sizeOfData({ choices: texts.map((text) => ({ text })) }, 8),
        64 + texts.length * 32 + chars * 2
      )
    }))
    const long = Array.from({ length: 10_000 }, () => "x".repeat(100))
    assert.isAbove(sizeOf(long), 1_900_000)
    assert.isBelow(sizeOf(long), 2_100_000)
  })

  it("asks no accessor, except of data that is read anyway", () => {
    let asked = 0
    const payload = {
      get text() {
        asked++
        return "abcd"
      }
    }
    assert.strictEqual(sizeOf(payload), 32 + 8)
    assert.strictEqual(asked, 0)
    assert.strictEqual(sizeOfData(payload, 8), 32 + 8)
    assert.strictEqual(asked, 1)
  })

  it("never throws", () => {
    const throwing = {
      get text() {
        return boom()
      }
    }
    const proxy = new Proxy({}, { ownKeys: boom, getOwnPropertyDescriptor: boom })
    for (const value of [throwing, proxy, [proxy]]) {
      assert.isAbove(sizeOf(value), 0)
      assert.isAbove(sizeOfData(value, 8), 0)
    }
  })
})
