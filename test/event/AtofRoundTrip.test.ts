// oxlint-disable oxc/no-map-spread -- `map` is that of fast-check's arbitraries
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import * as Atof from "../../src/event/Atof.ts"
import type { LifecycleEvent, ScopeEnd } from "../../src/event/LifecycleEvent.ts"

const throughText = (event: LifecycleEvent): LifecycleEvent =>
  Result.getOrThrow(Atof.decodeLine(Atof.encodeLine(event)))

const json = fc.jsonValue({ maxDepth: 3 }).map((value): unknown => JSON.parse(JSON.stringify(value)))
const keys = fc.oneof(
  fc.string({ unit: "binary", maxLength: 5 }),
  fc.constantFrom(
    "__proto__",
    "heddle.sequence",
    "heddle.outcome",
    "heddle.decisions",
    "heddle.metadata",
    "otel.status_code",
    "otel.status_description",
    "error.type",
    "exception.type",
    "nemo_relay.log.severity"
  )
)
const values = fc.oneof(
  json,
  fc.constantFrom<unknown>("OK", "ERROR", "warning", "warn", 3, { status: "success" }, {}, { "heddle.sequence": 3 })
)
const objects = fc.dictionary(keys, values, { maxKeys: 5, noNullPrototype: true })
const timestamps = fc.oneof(
  fc.integer({ min: -9_007_199_254_740_991, max: 9_007_199_254_740_991 }),
  fc.integer({ min: 1_700_000_000_000_000, max: 1_900_000_000_000_000 })
).map((value) => value + 0)

describe("Atof", () => {
  it("loses nothing of an event with JSON payloads on the way through text", () => {
    const text = fc.string({ unit: "binary", maxLength: 8 })
    const request = fc.record({ headers: json, body: json })
    const content = fc.record({ headers: json, content: json })
    const fields = {
      uuid: fc.uuid({ version: 7 }),
      rootUuid: fc.uuid({ version: 7 }),
      sequence: fc.nat({ max: 4 }),
      timestamp: timestamps,
      name: text,
      profile: fc.option(
        fc.oneof(
          fc.record({
            modelName: text,
            toolCallId: text,
            subtype: text,
            annotatedRequest: json,
            annotatedResponse: json,
            timeToFirstChunk: fc.nat().map((n) => n / 7),
            chunkCount: fc.nat()
          }, { requiredKeys: [] }).map((value) => ({ ...value })),
          fc.dictionary(fc.oneof(keys, fc.constantFrom("model_name", "chunk_count", "annotated_request")), json)
            .map((value) => ({ ...value }))
        ),
        { nil: undefined }
      ),
      data: fc.oneof(fc.constant(undefined), json, request, content).map((value) =>
        value === undefined ? undefined : JSON.parse(JSON.stringify(value))
      ),
      dataSchema: fc.option(fc.record({ name: text, version: text }).map((value) => ({ ...value })), {
        nil: undefined
      }),
      metadata: fc.option(objects, { nil: undefined })
    }
    const parent = fc.oneof(fc.constant({}), fc.record({ parentUuid: fc.uuid({ version: 7 }) }))
    const category = fc.oneof(fc.constantFrom("agent", "tool", "llm", "custom"), text)
    const attributes = fc.uniqueArray(text, { maxLength: 3 }).map((list) => list.toSorted())
    const outcome: fc.Arbitrary<ScopeEnd["outcome"]> = fc.oneof(
      fc.constant({ _tag: "Success" as const }),
      fc.record({
        _tag: fc.constant("Failure" as const),
        error: fc.option(
          fc.record({ tag: text, message: text, cause: text }, { requiredKeys: ["tag", "message"] }),
          { nil: undefined }
        ),
        isDefect: fc.boolean()
      }, { noNullPrototype: true }),
      fc.record({ _tag: fc.constant("Blocked" as const), by: text, reason: text }),
      fc.record({ _tag: fc.constant("Interrupted" as const), origin: text }, { requiredKeys: ["_tag"] })
    )
    const decisions = fc.array(
      fc.record(
        {
          guardrail: text,
          verdict: fc.constantFrom("allow", "reject", "wouldBlock", "failed", "skipped"),
          reason: text,
          durationMicros: fc.nat(),
          digest: text
        },
        { requiredKeys: ["guardrail", "verdict", "durationMicros"] }
      ),
      { maxLength: 2 }
    )
    const severity = fc.record(
      { severity: fc.constantFrom("trace", "debug", "info", "warn", "error") },
      { requiredKeys: [] }
    )
    const event: fc.Arbitrary<LifecycleEvent> = fc.tuple(fc.record(fields), parent).chain(([base, parent]) =>
      fc.oneof(
        fc.record({ category, attributes }).map((rest): LifecycleEvent => ({
          _tag: "ScopeStart",
          ...base,
          ...parent,
          ...rest
        })),
        fc.record({ category, attributes, outcome, decisions }).map((rest): LifecycleEvent => ({
          _tag: "ScopeEnd",
          ...base,
          ...parent,
          ...rest
        })),
        fc.tuple(fc.option(category, { nil: undefined }), severity).map(([category, rest]): LifecycleEvent => ({
          _tag: "Mark",
          ...base,
          ...parent,
          category,
          ...rest
        }))
      )
    )
    fc.assert(
      fc.property(event, (event) => {
        const again = throughText(event)
        assert.deepEqual(again, event)
        assert.deepEqual(throughText(again), again)
      }),
      { numRuns: 1000 }
    )
  })

  it("loses nothing of a record, whoever wrote it", () => {
    const nullable = <A>(value: fc.Arbitrary<A>) => fc.option(value, { nil: null })
    const optional = {
      parent_uuid: nullable(fc.uuid()),
      propagation_root_uuid: nullable(fc.uuid()),
      data: fc.oneof(json, fc.record({ headers: json, body: json }), fc.record({ headers: json, content: json })),
      data_schema: nullable(fc.record({ name: fc.string(), version: fc.string(), more: json })),
      metadata: fc.oneof(json, objects),
      attributes: nullable(fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 })),
      category_profile: nullable(
        fc.dictionary(
          fc.oneof(keys, fc.constantFrom("model_name", "modelName", "chunk_count", "chunkCount", "subtype")),
          json
        )
      )
    }
    const timestamp = fc.oneof(
      timestamps,
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()).filter((text) => text.length === 24),
      fc.tuple(fc.integer({ min: 0, max: 999_999_999 }), fc.constantFrom("Z", "+00:00", "-07:30", "+14:00"))
        .map(([nanos, offset]) => `2026-11-23T05:56:03.${String(nanos).padStart(9, "0")}${offset}`)
    )
    const required = {
      kind: fc.constantFrom("scope", "mark"),
      scope_category: fc.constantFrom("start", "end"),
      atof_version: fc.constantFrom("0.1", "0.2", "0.10"),
      uuid: fc.uuid(),
      name: fc.string(),
      category: fc.constantFrom("llm", "tool", "custom", "new"),
      timestamp
    }
    const record = fc.tuple(
      fc.dictionary(fc.string({ maxLength: 4 }), json, { maxKeys: 2 }),
      fc.record({ ...required, ...optional }, {
        requiredKeys: ["kind", "scope_category", "atof_version", "uuid", "name", "category", "timestamp"]
      })
    ).map(([unknown, known]): unknown => JSON.parse(JSON.stringify({ ...unknown, ...known })))
    fc.assert(
      fc.property(record, (record) => {
        const event = Result.getOrThrow(Atof.decode(record))
        assert.deepEqual<unknown>(Atof.encode(event), record)
        assert.deepEqual(throughText(event), event)
      }),
      { numRuns: 1000 }
    )
  })
})
