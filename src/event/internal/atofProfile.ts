/**
 * `category_profile`: seven keys that the model names in camelCase, and whatever else stands there.
 *
 * Names are exchanged, not only replaced: an unknown wire key `modelName` becomes `model_name` in the event, so that
 * no key can cover another in either direction.
 *
 * @since 0.1.0
 */
import type { Json, Profile } from "../LifecycleEvent.ts"
import { degrade } from "./degrade.ts"
import { isRecord, put } from "./openRecord.ts"

/** Record form; `odd` are wire entries of known name and unknown type, written unless the event has that key. */
export const encodeProfile = (profile: Profile | undefined, odd: unknown): Json | undefined => {
  if (profile === undefined) return undefined
  const json = degrade(profile)
  const out: Record<string, Json> = {}
  for (const [key, value] of Object.entries(isRecord(json) ? json : { profile: json })) put(out, exchange(key), value)
  if (isRecord(odd)) {
    for (const [key, value] of Object.entries(odd)) {
      if (!Object.hasOwn(out, key)) put(out, key, degrade(value))
    }
  }
  return out
}

/** Event form, and the entries that the model cannot hold. */
export const decodeProfile = (
  record: Readonly<Record<string, unknown>>
): { readonly profile: Profile; readonly odd: Readonly<Record<string, unknown>> | undefined } => {
  const profile: { -readonly [K in keyof Profile]: Profile[K] } = {}
  const odd: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(record)) {
    if (types.has(key) && types.get(key) !== typeof value) put(odd, key, value)
    else put<unknown>(profile, exchange(key), value)
  }
  return { profile, odd: Object.keys(odd).length === 0 ? undefined : odd }
}

const pairs: ReadonlyArray<readonly [event: string, wire: string]> = [
  ["modelName", "model_name"],
  ["toolCallId", "tool_call_id"],
  ["annotatedRequest", "annotated_request"],
  ["annotatedResponse", "annotated_response"],
  ["timeToFirstChunk", "time_to_first_chunk"],
  ["chunkCount", "chunk_count"]
]

const exchanged = new Map(pairs.flatMap(([event, wire]) => [[event, wire], [wire, event]]))

const exchange = (key: string): string => exchanged.get(key) ?? key

const types = new Map([
  ["model_name", "string"],
  ["tool_call_id", "string"],
  ["subtype", "string"],
  ["time_to_first_chunk", "number"],
  ["chunk_count", "number"]
])
