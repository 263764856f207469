import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as fc from "fast-check"
import { degrade } from "../../src/event/internal/degrade.ts"

const parsed = (value: unknown): unknown => JSON.parse(JSON.stringify(degrade(value)))

describe("degrade", () => {
  it("copies plain JSON, so that later changes of the input do not show", () => {
    const input = { a: [1, "x", null, true, { b: {} }], c: "" }
    const output = degrade(input)
    assert.deepStrictEqual(output, { a: [1, "x", null, true, { b: {} }], c: "" })
    input.a.push(2)
    assert.deepStrictEqual(output, { a: [1, "x", null, true, { b: {} }], c: "" })
  })

  it("treats undefined as null on its own and in arrays, and leaves it out of objects", () => {
    assert.strictEqual(degrade(undefined), null)
    // oxlint-disable-next-line no-sparse-arrays
    assert.deepStrictEqual(degrade({ a: undefined, b: [undefined, , 1] }), { b: [null, null, 1] })
  })

  it("shows numbers that JSON has no form for", () => {
    assert.deepStrictEqual(degrade([Number.NaN, Infinity, -Infinity, 12n, -(2n ** 70n)]), [
      "NaN",
      "Infinity",
      "-Infinity",
      "12",
      "-1180591620717411303424"
    ])
    assert.isTrue(Object.is(degrade(-0), 0))
    assert.strictEqual(degrade(1n << 5_000_000n), "[BigInt of 5000004 bits]")
  })

  it("names functions and symbols", () => {
    assert.deepStrictEqual(degrade([function calc() {}, () => 1, Error, Symbol("s"), Symbol()]), [
      "[Function calc]",
      "[Function]",
      "[Function Error]",
      "[Symbol(s)]",
      "[Symbol()]"
    ])
  })

  it("shows what contains itself as circular, and what is only shared twice", () => {
    const shared = { x: 1 }
    const circular: Record<string, unknown> = { shared, again: shared, list: [shared] }
    circular.self = circular
    circular.map = new Map([["me", circular]])
    assert.deepStrictEqual(degrade(circular), {
      shared: { x: 1 },
      again: { x: 1 },
      list: [{ x: 1 }],
      self: "[Circular]",
      map: [["me", "[Circular]"]]
    })
  })

  it("shows the contents of dates, errors, maps, sets, regular expressions and boxed values", () => {
    class HttpError extends Error {
      override readonly name = "HttpError"
      readonly status = 503
    }
    assert.deepStrictEqual(
      degrade([
        new Date(0),
        new Date(Number.NaN),
        new HttpError("down", { cause: "secret" }),
        Object.defineProperty(new TypeError("bad"), "stack", { value: "at home", enumerable: true }),
        new Map<unknown, unknown>([["a", 1], [{ k: 1 }, 2]]),
        new Set([1, "b"]),
        /a+/g,
        Object("text"),
        Object(7),
        Object(false),
        Object(1n)
      ]),
      [
        "1970-01-01T00:00:00.000Z",
        "[Invalid Date]",
        { name: "HttpError", message: "down", status: 503 },
        { name: "TypeError", message: "bad" },
        [["a", 1], [{ k: 1 }, 2]],
        [1, "b"],
        "/a+/g",
        "text",
        7,
        false,
        "[BigInt]"
      ]
    )
  })

  it("summarises binary data, promises and objects without visible contents", () => {
    assert.deepStrictEqual(
      degrade([
        new Uint8Array(16),
        new DataView(new ArrayBuffer(3)),
        new ArrayBuffer(5),
        Promise.resolve(1),
        new WeakMap(),
        new AbortController().signal
      ]),
      [
        "[Uint8Array 16 bytes]",
        "[DataView 3 bytes]",
        "[ArrayBuffer 5 bytes]",
        "[Promise]",
        "[WeakMap]",
        "[AbortSignal]"
      ]
    )
  })

  it("never shows a redacted value", () => {
    const json = JSON.stringify(degrade({
      key: Redacted.make("sk-secret"),
      labelled: Redacted.make({ deep: "sk-secret" }, { label: "api key" }),
      talkative: Object.assign(Redacted.make("sk-secret"), { toJSON: () => "sk-secret" })
    }))
    assert.strictEqual(json, `{"key":"<redacted>","labelled":"<redacted:api key>","talkative":"<redacted>"}`)
  })

  it("shows own enumerable properties of instances and nothing else", () => {
    class Point {
      readonly x = 1
      readonly #hidden = 2
      get sum() {
        return this.x + this.#hidden
      }
    }
    const point = Object.defineProperty(new Point(), "secret", { value: 1, enumerable: false })
    assert.deepStrictEqual(degrade(point), { x: 1 })
  })

  it("asks toJSON once, and survives one that throws or answers with itself", () => {
    const self: Record<string, unknown> = { a: 1 }
    self.toJSON = () => self
    const endless = (): unknown => ({ toJSON: endless })
    assert.deepStrictEqual(
      degrade([
        new URL("https://example.com/"),
        { toJSON: () => ({ nested: new Date(0) }) },
        {
          toJSON: () => {
            throw new Error("no")
          }
        },
        self,
        { toJSON: endless }
      ]),
      [
        "https://example.com/",
        { nested: "1970-01-01T00:00:00.000Z" },
        "[Throws: no]",
        { a: 1, toJSON: "[Function]" },
        "[Depth]"
      ]
    )
  })

  it("shows what throws when it is read, and keeps its siblings", () => {
    const trap = () => {
      throw new Error("trapped")
    }
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const value = {
      ok: 1,
      get bad(): unknown {
        throw new RangeError("no such thing")
      },
      get odd(): unknown {
        throw { message: 1n }
      },
      proxy: new Proxy({}, { getPrototypeOf: trap, ownKeys: trap, get: trap, has: trap }),
      call: new Proxy(() => 1, { get: trap }),
      revoked: revoked.proxy
    }
    assert.deepStrictEqual(degrade(value), {
      ok: 1,
      bad: "[Throws: no such thing]",
      odd: "[Throws: bigint]",
      proxy: "[Throws: trapped]",
      call: "[Throws: trapped]",
      revoked: "[Throws: Cannot perform 'IsArray' on a proxy that has been revoked]"
    })
  })

  it("reads a property once, so that one that answers only once does no harm", () => {
    let reads = 0
    const output = degrade({
      get once() {
        if (reads++ > 0) throw new Error("again")
        return "first"
      }
    })
    assert.strictEqual(JSON.stringify(output), `{"once":"first"}`)
  })

  it("keeps the key __proto__ as a key, and objects without a prototype", () => {
    const text = `{"__proto__":{"polluted":1},"constructor":2}`
    const output = degrade(JSON.parse(text))
    assert.strictEqual(JSON.stringify(output), text)
    assert.strictEqual(Object.getPrototypeOf(output), Object.prototype)
    assert.deepStrictEqual(degrade(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
  })

  it("lets lone surrogates through", () => {
    assert.strictEqual(parsed("a\ud800b"), "a\ud800b")
  })

  it("cuts long strings and says by how much, the same when done twice", () => {
    const once = degrade("x".repeat(5000), { maxStringLength: 100 })
    assert.strictEqual(once, `${"x".repeat(80)}…[+4920 chars]`)
    assert.strictEqual(degrade(once, { maxStringLength: 100 }), once)
    assert.strictEqual(
      degrade(`${"x".repeat(79)}😀${"x".repeat(50)}`, { maxStringLength: 100 }),
      `${"x".repeat(79)}…[+52 chars]`
    )
  })

  it("cuts what is too deep, also when asked for more depth than the stack has", () => {
    assert.deepStrictEqual(degrade({ a: { b: { c: 1 } } }, { maxDepth: 2 }), { a: { b: "[Depth]" } })
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    assert.include(JSON.stringify(degrade(deep, { maxDepth: 1_000_000 })), "[Depth]")
  })

  it("cuts what is too wide and says by how much", () => {
    assert.deepStrictEqual(degrade([1, 2, 3, 4, 5], { maxNodes: 3 }), [1, 2, 3, "…[+2 items]"])
    assert.deepStrictEqual(degrade({ a: 1, "…": 2, c: 3, d: 4 }, { maxNodes: 2 }), {
      a: 1,
      "…": 2,
      "……": "[+2 entries]"
    })
    assert.deepStrictEqual(degrade(new Set([1, 2, 3, 4]), { maxNodes: 1 }), [1, "…[+3 items]"])
    assert.deepStrictEqual(degrade(["ab", "cd", "ef"], { maxChars: 4 }), ["ab", "cd", "…[+2 chars]"])
    assert.deepStrictEqual(degrade({ ab: 1, cd: 2 }, { maxChars: 3 }), { ab: 1, "…": "[+1 entries]" })
  })

  it("bounds its work on structures that unfold without end", () => {
    let laughs: unknown = ["ha"]
    for (let i = 0; i < 60; i++) laughs = [laughs, laughs]
    const endless = (): object => ({
      get next() {
        return [endless(), endless()]
      }
    })
    const holes: Array<unknown> = []
    holes.length = 2 ** 32 - 1
    const text = "x".repeat(1_000_000)
    for (const value of [laughs, endless(), holes, Array.from({ length: 100_000 }, () => text)]) {
      assert.isBelow(JSON.stringify(degrade(value)).length, 32_000_000)
    }
  })

  it("gives JSON for any value, whatever it does when it is read", () => {
    const failing = (make: () => unknown) => () => {
      throw make()
    }
    // values are made by thunks, since fast-check itself looks into what it generates
    const hostile = fc.letrec<Record<"any" | "leaf", () => unknown>>((tie) => ({
      leaf: fc.oneof(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
        fc.string({ unit: "binary" }),
        fc.constantFrom<unknown>(Symbol.iterator, () => 1, Promise.resolve(), new Error("e"), Redacted.make("s"), /x/)
      ).map((value) => () => value),
      any: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        tie("leaf"),
        fc.array(tie("any"), { maxLength: 4 }).map((makes) => () => makes.map((make) => make())),
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "toJSON", "…")), tie("any"), { maxKeys: 4 })
          .map((makes) => () => Object.fromEntries(Object.entries(makes).map(([key, make]) => [key, make()]))),
        tie("any").map((make) => () => new Map([[make(), make()]])),
        tie("any").map((make) => () => ({ toJSON: make })),
        tie("any").map((make) => () => ({ toJSON: failing(make) })),
        tie("any").map((make) => () => Object.defineProperty({}, "get", { enumerable: true, get: failing(make) })),
        tie("any").map((make) => () => Object.assign(new Error("e"), { value: make(), name: make() })),
        tie("any").map((make) => () => {
          const loop: Array<unknown> = [make()]
          loop.push(loop, { loop })
          return loop
        }),
        fc.tuple(tie("any"), fc.constantFrom("get", "has", "ownKeys", "getPrototypeOf", "getOwnPropertyDescriptor"))
          .map(([make, trap]) => () => new Proxy({ value: make() }, { [trap]: failing(make) }))
      )
    })).any
    fc.assert(
      fc.property(hostile, (make) => {
        const text = JSON.stringify(degrade(make()))
        assert.deepStrictEqual(degrade(JSON.parse(text)), JSON.parse(text))
      }),
      { numRuns: 500 }
    )
  })

  it("changes nothing in JSON", () => {
    fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value)
      assert.strictEqual(JSON.stringify(degrade(value)), text)
    }))
  })
})
