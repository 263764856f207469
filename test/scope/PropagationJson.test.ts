/** The parts of a context as JSON: what has another form than promised is left out, told of, and takes nothing with it. */
import { assert, describe, it } from "@effect/vitest"
import * as Propagation from "../../src/scope/Propagation.ts"

const scope = { uuid: "u-1", rootUuid: "r-1" }
const trace = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", sampled: true }
const member = { key: "a", value: "1" }

const read = (parts: object) => Propagation.fromJson({ version: 1, scope, trace, baggage: [member], ...parts })

const fieldsOf = (parts: object) => read(parts).diagnostics.map(({ field }) => field)

describe("a part of another form", () => {
  const scopes: ReadonlyArray<unknown> = [null, "u-1", [], {}, { ...scope, uuid: 1 }, { ...scope, rootUuid: "a b" }]
  const traces: ReadonlyArray<unknown> = [
    null,
    [],
    { ...trace, traceId: 1 },
    // A list of one text reads like that text.
    { ...trace, spanId: [trace.spanId] },
    { ...trace, sampled: undefined },
    { ...trace, sampled: "true" },
    { ...trace, random: 1 },
    { ...trace, random: null },
    { ...trace, state: 1 },
    { ...trace, state: null }
  ]
  const members: ReadonlyArray<unknown> = [
    null,
    "a=1",
    { key: 1, value: "1" },
    { key: "a", value: 1 },
    { ...member, properties: "p" },
    { ...member, properties: ["p", 1] },
    { ...member, properties: Array(2) }
  ]

  for (const part of scopes) {
    it(`is no scope: ${JSON.stringify(part)}`, () => {
      assert.deepStrictEqual(fieldsOf({ scope: part }), ["scope"])
      const { baggage, scope, trace } = read({ scope: part })
      assert.deepStrictEqual([scope, trace?.sampled, baggage.size], [undefined, true, 1])
    })
  }

  for (const part of traces) {
    it(`is no trace: ${JSON.stringify(part)}`, () => {
      assert.deepStrictEqual(fieldsOf({ trace: part }), ["trace"])
      const { baggage, scope, trace } = read({ trace: part })
      assert.deepStrictEqual([scope?.uuid, trace, baggage.size], ["u-1", undefined, 1])
    })
  }

  for (const part of members) {
    it(`is no member: ${JSON.stringify(part)}`, () => {
      assert.deepStrictEqual(fieldsOf({ baggage: [part, member] }), ["baggage"])
      assert.deepStrictEqual([...read({ baggage: [part, member] }).baggage], [["a", { value: "1", properties: [] }]])
    })
  }
})

describe("a part that may be missing", () => {
  it("may be undefined, and nothing is told of it", () => {
    assert.deepStrictEqual(fieldsOf({ scope: undefined, trace: undefined, baggage: undefined }), [])
    assert.deepStrictEqual(fieldsOf({ trace: { ...trace, random: undefined, state: undefined } }), [])
    assert.deepStrictEqual(fieldsOf({ baggage: [{ ...member, properties: undefined }] }), [])
    const { random, state } = read({}).trace ?? {}
    assert.deepStrictEqual([random, state], [false, ""])
  })
})
