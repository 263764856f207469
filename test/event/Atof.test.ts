import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Atof from "../../src/event/Atof.ts"
import type { LifecycleEvent, Mark, ScopeEnd, ScopeStart } from "../../src/event/LifecycleEvent.ts"

const uuid = "01a2c3d4-0000-7000-8000-000000000001"
const root = "01a2c3d4-0000-7000-8000-000000000000"

const common = {
  uuid,
  parentUuid: root,
  rootUuid: root,
  sequence: 3,
  timestamp: 1_795_413_363_775_631,
  profile: undefined,
  data: undefined,
  dataSchema: undefined,
  metadata: undefined
}
const start: ScopeStart = { _tag: "ScopeStart", ...common, name: "step", category: "agent", attributes: [] }
const end: ScopeEnd = {
  ...start,
  _tag: "ScopeEnd",
  outcome: { _tag: "Success" },
  decisions: []
}
const mark: Mark = { _tag: "Mark", ...common, name: "note", category: undefined }

const envelope = {
  atof_version: "0.1",
  parent_uuid: root,
  propagation_root_uuid: root,
  timestamp: "2026-11-23T05:56:03.775631929+00:00",
  uuid
}
const foreignStart = {
  ...envelope,
  kind: "scope",
  scope_category: "start",
  name: "step",
  category: "function",
  attributes: ["parallel", "relocatable"],
  category_profile: null,
  data: { in: 1 },
  data_schema: null,
  metadata: { m: 1 }
}
const foreignMark = {
  ...envelope,
  kind: "mark",
  name: "lg",
  category: null,
  category_profile: null,
  data: { a: 1 },
  data_schema: { name: "x", version: "2" },
  metadata: { m: 1, "nemo_relay.log.severity": "warn" }
}
const foreignEnd = {
  ...foreignStart,
  scope_category: "end",
  name: "calc",
  category: "tool",
  attributes: [],
  category_profile: { tool_call_id: "call_1", tool_result_annotation: { k: 1 } },
  data: { b: 1 },
  metadata: { "otel.status_code": "OK" }
}
const foreignLlmEnd = {
  ...foreignEnd,
  name: "chat",
  category: "llm",
  category_profile: {
    annotated_response: {
      api_specific: { api: "openai_chat" },
      finish_reason: "tool_use",
      id: "r1",
      usage: { completion_tokens: 5, cost: { currency: "USD", total: 0.01 } }
    },
    model_name: "gpt"
  },
  data: { choices: [{ index: 0 }] }
}

const decoded = (record: unknown): LifecycleEvent => Result.getOrThrow(Atof.decode(record))
const throughText = (event: LifecycleEvent): LifecycleEvent =>
  Result.getOrThrow(Atof.decodeLine(Atof.encodeLine(event)))
const isKept = (record: unknown) => assert.deepStrictEqual<unknown>(Atof.encode(decoded(record)), record)
const failure = (record: unknown): Atof.AtofError => Result.getOrThrow(Result.flip(Atof.decode(record)))

describe("Atof", () => {
  describe("encode", () => {
    it("writes the end of a call with its outcome and decisions beside the author's metadata", () => {
      assert.deepStrictEqual<unknown>(
        Atof.encode({
          ...end,
          name: "calc",
          category: "tool",
          profile: { toolCallId: "c1" },
          attributes: ["remote", "parallel"],
          metadata: { team: "a" },
          outcome: { _tag: "Blocked", by: "no-shell", reason: "rm is not allowed" },
          decisions: [
            { guardrail: "no-shell", verdict: "reject", reason: "rm is not allowed", durationMicros: 12 },
            { guardrail: "later", verdict: "wouldBlock", durationMicros: 0, digest: "ab" }
          ]
        }),
        {
          kind: "scope",
          atof_version: "0.1",
          uuid,
          parent_uuid: root,
          propagation_root_uuid: root,
          timestamp: "2026-11-23T05:56:03.775631+00:00",
          name: "calc",
          scope_category: "end",
          attributes: ["parallel", "remote"],
          category: "tool",
          category_profile: { tool_call_id: "c1" },
          metadata: {
            team: "a",
            "heddle.sequence": 3,
            "heddle.outcome": { status: "blocked", by: "no-shell", reason: "rm is not allowed" },
            "heddle.decisions": [
              { guardrail: "no-shell", verdict: "reject", reason: "rm is not allowed", duration_micros: 12 },
              { guardrail: "later", verdict: "would_block", duration_micros: 0, digest: "ab" }
            ],
            "otel.status_code": "ERROR",
            "otel.status_description": "guardrail rejected: rm is not allowed",
            "error.type": "guardrail_rejected"
          }
        }
      )
    })

    it("states every outcome in the words of the reference product too", () => {
      const status = (outcome: ScopeEnd["outcome"]) => {
        const { "heddle.outcome": _, "heddle.sequence": __, ...rest } = Object(
          Atof.encode({ ...end, outcome }).metadata
        )
        return rest
      }
      assert.deepStrictEqual(status({ _tag: "Success" }), { "otel.status_code": "OK" })
      assert.deepStrictEqual(
        status({ _tag: "Failure", error: { tag: "HttpError", message: "down" }, isDefect: false }),
        {
          "otel.status_code": "ERROR",
          "otel.status_description": "down",
          "error.type": "internal_error",
          "exception.type": "HttpError"
        }
      )
      assert.deepStrictEqual(status({ _tag: "Failure", error: undefined, isDefect: true }), {
        "otel.status_code": "ERROR",
        "error.type": "internal_error"
      })
      assert.deepStrictEqual(status({ _tag: "Interrupted", origin: "consumer" }), {
        "otel.status_code": "ERROR",
        "otel.status_description": "interrupted by consumer"
      })
    })

    it("writes the request of a model call as headers and content, and only there", () => {
      const data = { headers: { a: "1" }, body: { model: "m" } }
      assert.deepStrictEqual<unknown>(Atof.encode({ ...start, category: "llm", data }).data, {
        headers: { a: "1" },
        content: { model: "m" }
      })
      assert.deepStrictEqual<unknown>(Atof.encode({ ...start, category: "tool", data }).data, data)
      assert.deepStrictEqual<unknown>(Atof.encode({ ...end, category: "llm", data }).data, data)
      const wider = { ...data, extra: 1 }
      assert.deepStrictEqual<unknown>(Atof.encode({ ...start, category: "llm", data: wider }).data, wider)
    })

    it("writes one line for payloads that are no JSON", () => {
      const circular: Record<string, unknown> = { text: "a\nb", big: 10n }
      circular.self = circular
      const revoked = Proxy.revocable<Record<string, unknown>>({}, {})
      revoked.revoke()
      const line = Atof.encodeLine({
        ...start,
        data: circular,
        metadata: revoked.proxy,
        profile: { modelName: "m", timeToFirstChunk: Number.NaN },
        timestamp: Number.NaN
      })
      assert.notInclude(line, "\n")
      const event = Result.getOrThrow(Atof.decodeLine(line))
      assert.deepStrictEqual<unknown>(event.data, { text: "a\nb", big: "10", self: "[Circular]" })
      assert.include(JSON.stringify(event.metadata), "[Throws: ")
      assert.strictEqual(event.timestamp, 0)
    })

    it("writes the severity of a mark where the reference product has it", () => {
      assert.deepStrictEqual<unknown>(Atof.encode({ ...mark, severity: "warn" }).metadata, {
        "heddle.sequence": 3,
        "nemo_relay.log.severity": "warn"
      })
    })

    it("keeps metadata that its author wrote under reserved names, and empty metadata", () => {
      for (const metadata of [{}, { "heddle.sequence": 9, a: 1 }, { "heddle.metadata": {} }, { "error.type": "x" }]) {
        assert.deepStrictEqual<unknown>(throughText({ ...end, metadata }), { ...end, metadata })
      }
      assert.deepStrictEqual<unknown>(Atof.encode({ ...start, metadata: { "heddle.sequence": 9, a: 1 } }).metadata, {
        a: 1,
        "heddle.sequence": 3,
        "heddle.metadata": { "heddle.sequence": 9 }
      })
    })

    it("writes a timestamp that text cannot hold exactly as an integer", () => {
      const timestamp = 2 ** 60
      assert.strictEqual(Atof.encode({ ...start, timestamp }).timestamp, timestamp)
      assert.strictEqual(throughText({ ...start, timestamp }).timestamp, timestamp)
    })

    it("tells absent data from null", () => {
      assert.isFalse(Object.hasOwn(Atof.encode(start), "data"))
      assert.strictEqual(Atof.encode({ ...start, data: null }).data, null)
      assert.strictEqual(throughText({ ...start, data: null }).data, null)
    })
  })

  describe("decode", () => {
    it.effect("reads samples of the reference product", () =>
      Effect.gen(function*() {
        const tool = yield* Effect.fromResult(Atof.decode(foreignEnd))
        assert.strictEqual(tool._tag, "ScopeEnd")
        assert.strictEqual(tool.sequence, 0)
        assert.strictEqual(tool.timestamp, 1_795_413_363_775_631)
        assert.deepStrictEqual<unknown>(tool.profile, { toolCallId: "call_1", tool_result_annotation: { k: 1 } })
        assert.deepInclude(tool, { outcome: { _tag: "Success" }, decisions: [], metadata: undefined })
        const warned = yield* Effect.fromResult(Atof.decode(foreignMark))
        assert.deepInclude(warned, { severity: "warn", metadata: { m: 1 }, category: undefined })
        assert.strictEqual(decoded(foreignLlmEnd).profile?.modelName, "gpt")
      }))

    it("gives samples of the reference product back as they were", () => {
      for (const record of [foreignStart, foreignMark, foreignEnd, foreignLlmEnd]) isKept(record)
    })

    it("reads how a foreign scope ended from its status", () => {
      const outcome = (metadata: unknown) => {
        const event = decoded({ ...foreignEnd, metadata })
        isKept({ ...foreignEnd, metadata })
        return event._tag === "ScopeEnd" ? event.outcome : undefined
      }
      assert.deepStrictEqual(outcome(null), { _tag: "Success" })
      assert.deepStrictEqual(outcome({ "otel.status_code": "UNSET" }), { _tag: "Success" })
      assert.deepStrictEqual(
        outcome({
          "otel.status_code": "ERROR",
          "otel.status_description": "boom",
          "error.type": "internal_error",
          "exception.type": "TypeError"
        }),
        { _tag: "Failure", error: { tag: "TypeError", message: "boom" }, isDefect: false }
      )
      assert.deepStrictEqual(
        outcome({ "otel.status_code": "ERROR", "otel.status_description": "tool execution cancelled" }),
        { _tag: "Interrupted" }
      )
      assert.deepStrictEqual(outcome({ "otel.status_code": "ERROR", "error.type": "timeout" }), {
        _tag: "Failure",
        error: { tag: "timeout", message: "" },
        isDefect: false
      })
      assert.deepStrictEqual(outcome({ "heddle.sequence": 4, "heddle.outcome": { status: "from the future" } }), {
        _tag: "Success"
      })
    })

    it("keeps fields, nulls, keys and spellings that the model does not know", () => {
      const { propagation_root_uuid: _, ...rootless } = foreignStart
      const { attributes: __, ...flagless } = foreignStart
      for (
        const record of [
          rootless,
          flagless,
          { ...foreignStart, parent_uuid: null, propagation_root_uuid: null },
          { ...foreignStart, attributes: null },
          { ...foreignStart, attributes: ["b", "a"], vendor: { x: [null] }, fields: 1, timestamp_ns: "1" },
          { ...foreignStart, atof_version: "0.7" },
          { ...foreignStart, metadata: {} },
          { ...foreignStart, metadata: null },
          { ...foreignStart, metadata: ["odd"] },
          { ...foreignStart, data: null },
          { ...foreignStart, category_profile: { model_name: null, modelName: 1, chunk_count: "3", subtype: "s" } },
          { ...foreignStart, data_schema: { name: "n", version: "1", url: "u" } },
          { ...foreignStart, category: "llm", data: { headers: {}, body: 1 } },
          { ...foreignStart, category: "llm", data: { headers: {}, content: 1 } },
          { ...foreignMark, scope_category: null, attributes: ["x"] },
          { ...foreignMark, metadata: { "nemo_relay.log.severity": "warning" } },
          { ...foreignMark, metadata: { "nemo_relay.log.severity": 4 } },
          JSON.parse(JSON.stringify(foreignMark).replace(`"kind"`, `"__proto__":{"x":1},"kind"`))
        ]
      ) isKept(record)
    })

    it("reads as facts only what states one", () => {
      assert.deepInclude(decoded({ ...foreignMark, metadata: { "nemo_relay.log.severity": "warning" } }), {
        severity: "warn",
        metadata: undefined
      })
      assert.strictEqual(decoded({ ...foreignMark, metadata: { "heddle.sequence": -1 } }).sequence, 0)
      const metadata = { "error.type": "of a success" }
      assert.deepStrictEqual<unknown>(decoded({ ...foreignEnd, metadata }).metadata, metadata)
    })

    it("keeps a profile entry of the wrong type out of the event, until the event has its own", () => {
      const event = decoded({ ...foreignStart, category_profile: { model_name: null, x: 1 } })
      assert.deepStrictEqual(event.profile, { x: 1 })
      assert.deepStrictEqual<unknown>(Atof.encode({ ...event, profile: { modelName: "m" } }).category_profile, {
        model_name: "m"
      })
    })

    it("leaves a foreign request with a body where it was, and reads content as the body", () => {
      const llm = { ...foreignStart, category: "llm" }
      assert.deepStrictEqual<unknown>(decoded({ ...llm, data: { headers: {}, body: 1 } }).data, {
        headers: {},
        body: 1
      })
      assert.deepStrictEqual<unknown>(decoded({ ...llm, data: { headers: {}, content: 1 } }).data, {
        headers: {},
        body: 1
      })
    })

    it("reads timestamps of any offset, precision and era, and writes the same text again", () => {
      const cases: ReadonlyArray<readonly [string | number, number]> = [
        ["1970-01-01T00:00:00+00:00", 0],
        ["1970-01-01T00:00:00.5Z", 500_000],
        ["1969-12-31T23:59:59.999999999Z", -1],
        ["2026-11-23t07:56:03.775631+02:00", 1_795_413_363_775_631],
        ["2000-02-29 00:00:00-00:30", 951_784_200_000_000],
        ["2016-12-31T23:59:60Z", 1_483_228_800_000_000],
        ["1700-03-01T00:00:00.000001Z", -8_515_238_399_999_999],
        [1_795_413_363_775_631, 1_795_413_363_775_631],
        [-5, -5]
      ]
      for (const [timestamp, micros] of cases) {
        assert.strictEqual(decoded({ ...foreignStart, timestamp }).timestamp, micros)
        isKept({ ...foreignStart, timestamp })
      }
      for (const timestamp of ["0001-01-01T00:00:00.123456789Z", "9999-12-31T23:59:59.999999Z"]) {
        isKept({ ...foreignStart, timestamp })
      }
    })

    it("writes what was changed after reading, not what was read", () => {
      const event = decoded({ ...foreignEnd, metadata: { a: "secret", "otel.status_code": "OK" } })
      assert.strictEqual(event._tag, "ScopeEnd")
      if (event._tag !== "ScopeEnd") return
      assert.strictEqual(Atof.encode({ ...event, timestamp: 0 }).timestamp, "1970-01-01T00:00:00.000000+00:00")
      assert.deepStrictEqual<unknown>(Atof.encode({ ...event, metadata: { a: "***" } }).metadata, {
        a: "***",
        "otel.status_code": "OK"
      })
      const metadata = { "otel.status_code": "mine" }
      assert.deepInclude(throughText({ ...event, metadata }), { metadata, outcome: event.outcome })
      assert.deepStrictEqual<unknown>(Atof.encode({ ...event, dataSchema: { name: "n", version: "1" } }).data_schema, {
        name: "n",
        version: "1"
      })
      const interrupted = throughText({ ...event, outcome: { _tag: "Interrupted", origin: "shutdown" } })
      assert.deepInclude(interrupted, { outcome: { _tag: "Interrupted", origin: "shutdown" } })
    })

    it("says what is wrong with a record, where, and what was expected", () => {
      const cases: ReadonlyArray<readonly [unknown, string, string]> = [
        [[], "", "a JSON object"],
        [null, "", "a JSON object"],
        [{ ...foreignStart, kind: "span" }, "kind", `"scope" or "mark"`],
        [{ ...foreignStart, scope_category: null }, "scope_category", `"start" or "end"`],
        [{ ...foreignStart, atof_version: "1.0" }, "atof_version", `"0.y"`],
        [{ ...foreignStart, uuid: 5 }, "uuid", "a string"],
        [{ ...foreignStart, name: undefined }, "name", "a string"],
        [{ ...foreignStart, category: null }, "category", "a string"],
        [{ ...foreignStart, parent_uuid: 1 }, "parent_uuid", "a string or null"],
        [{ ...foreignStart, attributes: [1] }, "attributes", "an array of strings"],
        [{ ...foreignStart, category_profile: [] }, "category_profile", "an object or null"],
        [{ ...foreignStart, data_schema: { name: "x" } }, "data_schema.version", "a string"],
        ...["yesterday", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", 1.5, null].map((
          timestamp
        ) =>
          [
            { ...foreignStart, timestamp },
            "timestamp",
            "RFC 3339 text or integer microseconds since the epoch"
          ] as const
        )
      ]
      for (const [record, path, expected] of cases) {
        assert.deepInclude(failure(record), { _tag: "AtofError", path, expected })
      }
      assert.strictEqual(
        failure({ ...foreignStart, atof_version: "1.0" }).message,
        `ATOF record, field atof_version: expected "0.y", got "1.0"`
      )
    })

    it("answers a torn line and an unreadable object with an error", () => {
      const line = Atof.encodeLine({ ...end, data: { text: "é\"\\" } })
      for (let length = 0; length < line.length; length++) {
        assert.isTrue(Result.isFailure(Atof.decodeLine(line.slice(0, length))))
      }
      const trap = () => {
        throw new Error("no")
      }
      assert.strictEqual(failure(new Proxy({}, { get: trap, ownKeys: trap })).expected, "a readable JSON object")
      const nested = `{"heddle.sequence":1,"heddle.metadata":`.repeat(20_000) + "1" + "}".repeat(20_000)
      const deep = JSON.stringify(foreignEnd).replace(`{"otel.status_code":"OK"}`, nested)
      assert.isTrue(Result.isSuccess(Atof.decodeLine(deep)))
    })
  })
})
