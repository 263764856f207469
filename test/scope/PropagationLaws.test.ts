/** What holds for every context and every input. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Propagation from "../../src/scope/Propagation.ts"

const runs = { numRuns: 300 }

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
    .filter((digits) => !/^0+$/.test(digits))

const token = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(..."abzAZ019!#$%&'*+-.^_`|~"), minLength: 1, maxLength })

const stateKey = fc.string({ unit: fc.constantFrom(..."abz019_-*/@"), minLength: 1, maxLength: 12 })
  .filter((key) => /^[a-z0-9]/.test(key) && key !== "heddle")

const stateValue = fc.string({ unit: fc.constantFrom(..."abzAZ019 !;:/?{}"), minLength: 1, maxLength: 20 })
  .filter((value) => !value.endsWith(" "))

const state = fc.uniqueArray(fc.tuple(stateKey, stateValue), { selector: ([key]) => key, maxLength: 8 })
  .map((members) => members.map(([key, value]) => `${key}=${value}`).join(","))

const isFree = (key: string) => !/^(?:heddle|otel)\./i.test(key)

const baggage = fc.uniqueArray(
  fc.tuple(
    token(12).filter(isFree),
    fc.record({
      value: fc.string({ unit: "grapheme", maxLength: 20 }),
      properties: fc.array(token(6), { maxLength: 2 })
    })
  ),
  { selector: ([key]) => key, maxLength: 20 }
).map((entries) => new Map(entries))

const context: fc.Arbitrary<Propagation.PropagationContext> = fc.record({
  version: fc.constant(1),
  scope: fc.option(fc.record({ uuid: fc.uuid(), rootUuid: fc.uuid() }), { nil: undefined }),
  trace: fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean(), random: fc.boolean(), state }),
  baggage
})

/** The member of a heddle shows in the `tracestate` of what came in. */
const comparable = ({ baggage, scope, trace }: Propagation.PropagationContext) => ({
  baggage: [...baggage],
  scope,
  trace: { ...trace, state: trace?.state.split(",").filter((member) => !member.startsWith("heddle=")).join(",") }
})

const assertValid = ({ baggage, diagnostics, scope, trace }: Propagation.Received) => {
  if (trace !== undefined) {
    assert.match(trace.traceId, /^(?!0{32})[0-9a-f]{32}$/)
    assert.match(trace.spanId, /^(?!0{16})[0-9a-f]{16}$/)
    assert.isBoolean(trace.sampled)
    assert.isBoolean(trace.random)
    assert.isAtMost(trace.state.split(",").length, 32)
  }
  if (scope !== undefined) { for (const id of [scope.uuid, scope.rootUuid]) assert.match(id, /^[\w.~-]{1,64}$/) }
  assert.isAtMost(baggage.size, 64)
  for (const key of baggage.keys()) assert.isTrue(isFree(key), key)
  assert.isAtMost(diagnostics.length, 32)
}

const headersOf = fc.record({
  traceparent: fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.array(fc.string(), { maxLength: 3 })),
  tracestate: fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."ab=, \t:1heddle-"), maxLength: 200 })),
  baggage: fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."ab=,; \t%1C\"heddle."), maxLength: 400 }))
}, { requiredKeys: [] })

/** Something that was valid before a few of its characters changed. */
const damaged = fc.tuple(
  context,
  fc.array(fc.tuple(fc.constantFrom("traceparent", "tracestate", "baggage"), fc.nat(), fc.string({ maxLength: 2 })))
).map(([context, changes]) => {
  const headers = Propagation.toHeaders(context)
  for (const [name, at, text] of changes) {
    const before = headers[name] ?? ""
    const index = before === "" ? 0 : at % before.length
    headers[name] = before.slice(0, index) + text + before.slice(index + 1)
  }
  return headers
})

describe("whatever it says, a context", () => {
  it("comes back from headers as it was", () => {
    fc.assert(
      fc.property(context, (context) => {
        const read = Propagation.fromHeaders(Propagation.toHeaders(context))
        assert.deepStrictEqual(read.diagnostics, [])
        assert.deepStrictEqual(comparable(read), comparable(context))
      }),
      runs
    )
  })

  it("comes back from JSON as it was", () => {
    fc.assert(
      fc.property(context, (context) => {
        const read = Propagation.fromJson(JSON.parse(JSON.stringify(Propagation.toJson(context))))
        assert.deepStrictEqual(read.diagnostics, [])
        assert.deepStrictEqual(comparable(read), comparable(context))
      }),
      runs
    )
  })

  it("becomes the same headers again after a journey", () => {
    fc.assert(
      fc.property(context, (context) => {
        const headers = Propagation.toHeaders(context)
        assert.deepStrictEqual(Propagation.toHeaders(Propagation.fromHeaders(headers)), headers)
      }),
      runs
    )
  })

  it("becomes headers that keep the limits and the alphabet of headers", () => {
    const large = fc.tuple(
      context,
      fc.array(fc.tuple(token(300), fc.string({ unit: "binary", maxLength: 600 })), { maxLength: 100 }),
      fc.array(fc.tuple(stateKey, fc.string({ unit: fc.constantFrom(..."ab "), maxLength: 255 })), { maxLength: 32 })
    )
    fc.assert(
      fc.property(large, ([context, entries, members]) => {
        const baggage = new Map(entries.map(([key, value]) => [key, { value, properties: [] }]))
        const state = members.map(([key, value]) => `${key}=${value}x`).join(",")
        const headers = Propagation.toHeaders({ ...context, trace: { ...context.trace!, state }, baggage })
        assert.isAtMost(headers["tracestate"]?.length ?? 0, 512)
        assert.isAtMost(headers["tracestate"]?.split(",").length ?? 0, 32)
        assert.isAtMost(headers["baggage"]?.length ?? 0, 8192)
        assert.isAtMost(headers["baggage"]?.split(",").length ?? 0, 64)
        for (const value of Object.values(headers)) assert.match(value, /^[\x20-\x7e]+$/)
        assert.deepStrictEqual(Propagation.fromHeaders(headers).diagnostics, [])
      }),
      { numRuns: 100 }
    )
  })
})

describe("whatever comes in", () => {
  it("as headers gives no error and no invalid ids", () => {
    fc.assert(
      fc.property(fc.oneof(headersOf, damaged), (headers) => assertValid(Propagation.fromHeaders(headers))),
      { numRuns: 1000 }
    )
  })

  it("as JSON gives no error and no invalid ids", () => {
    const part = fc.oneof(fc.anything({ withBigInt: true, withNullPrototype: true }), fc.string())
    const json = fc.oneof(
      fc.anything(),
      fc.record({ version: fc.oneof(fc.nat(3), part), scope: part, trace: part, baggage: part }, { requiredKeys: [] }),
      fc.record({
        version: fc.integer({ min: 1 }),
        scope: fc.record({ uuid: fc.string(), rootUuid: fc.string() }),
        trace: fc.record({ traceId: fc.string(), spanId: fc.string(), sampled: part, state: fc.string() }),
        baggage: fc.array(fc.record({ key: fc.string(), value: fc.string(), properties: fc.array(fc.string()) }))
      })
    )
    fc.assert(fc.property(json, (json) => assertValid(Propagation.fromJson(json))), { numRuns: 1000 })
  })

  it("is only ignored, if it throws when it is read", () => {
    const throws = () => {
      throw new Error("hostile")
    }
    const hostile: ReadonlyArray<object> = [
      new Proxy({}, { ownKeys: throws, get: throws, has: throws, getOwnPropertyDescriptor: throws }),
      Object.defineProperty({}, "traceparent", { get: throws, enumerable: true }),
      Object.defineProperty({ version: 1 }, "trace", { get: throws, enumerable: true }),
      { [Symbol.iterator]: throws }
    ]
    for (const input of hostile) {
      const json = Propagation.fromJson(input)
      assertValid(json)
      const read = Propagation.fromHeaders(input as Propagation.HeadersInput)
      assertValid(read)
      assert.isUndefined(read.trace)
      assert.isUndefined(json.trace)
    }
    assert.strictEqual(Propagation.fromHeaders(hostile[1] as Propagation.HeadersInput).diagnostics.length, 1)
    assert.strictEqual(Propagation.fromJson(hostile[2]).diagnostics.length, 1)
    for (const nothing of [null, undefined, 1, "x", []]) {
      assert.strictEqual(Propagation.fromJson(nothing).diagnostics.length, 1)
    }
  })
})

describe("JSON of a context", () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
  const trace = { traceId, spanId: "00f067aa0ba902b7", sampled: true }
  const fields = (json: unknown) => Propagation.fromJson(json).diagnostics.map(({ field }) => field)

  it("says its version, and nothing that there is not", () => {
    assert.deepStrictEqual(Propagation.toJson(Propagation.empty), { version: 1 })
    const context = { ...Propagation.empty, trace: { ...trace, random: false, state: "" } }
    assert.deepStrictEqual(Propagation.toJson(context), { version: 1, trace })
  })

  it("of a later version is read as far as it is known", () => {
    const read = Propagation.fromJson({ version: 7, trace: { ...trace, tint: "red" }, scope: 1, mood: {}, baggage: [] })
    assert.strictEqual(read.trace?.traceId, traceId)
    assert.deepStrictEqual(read.diagnostics.map(({ field }) => field), ["scope"])
  })

  it("without a version, or with none that there can be, is ignored", () => {
    for (const version of [undefined, 0, -1, 1.5, "1", null]) {
      assert.deepStrictEqual(fields({ version, trace }), ["context"])
    }
  })

  it("has parts that are checked each for itself", () => {
    const read = Propagation.fromJson({
      version: 1,
      scope: { uuid: "a b", rootUuid: "r" },
      trace: { ...trace, state: "not valid" },
      baggage: [{ key: "a", value: "1" }, { key: "b" }, null, { key: "heddle.c", value: "2" }, {
        key: "d d",
        value: "3"
      }]
    })
    assert.deepStrictEqual(read.diagnostics.map(({ field }) => field), [
      "baggage",
      "baggage",
      "baggage",
      "baggage",
      "scope",
      "tracestate"
    ])
    assert.strictEqual(read.trace?.state, "")
    assert.deepStrictEqual([...read.baggage.keys()], ["a"])
    assert.deepStrictEqual(fields({ version: 1, trace: { ...trace, spanId: "0".repeat(16) } }), ["trace"])
    assert.deepStrictEqual(fields({ version: 1, trace: { ...trace, traceId: traceId.toUpperCase() } }), ["trace"])
    assert.deepStrictEqual(fields({ version: 1, baggage: { a: "1" } }), ["baggage"])
  })
})
