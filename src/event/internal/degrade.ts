/**
 * Any JavaScript value as JSON, without ever throwing and without hiding what was lost.
 *
 * The result is a snapshot: containers are new, each property is read once, so neither a getter, a proxy nor a later
 * change of the input can reach whoever holds it. Work and size are bounded by `Limits`.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import type { Json } from "../LifecycleEvent.ts"
import { isRecord, put } from "./openRecord.ts"

/**
 * - `maxDepth`: containers below this depth become `"[Depth]"` (128; never more than 512).
 * - `maxStringLength`: UTF-16 units of one string (1 Mi).
 * - `maxNodes`: values visited in all (200,000); what is left out is counted in a marker.
 * - `maxChars`: UTF-16 units of all strings and keys together (16 Mi), so that the text of the result stays far below
 *   the longest string an engine can hold.
 */
export interface Limits {
  readonly maxDepth?: number | undefined
  readonly maxStringLength?: number | undefined
  readonly maxNodes?: number | undefined
  readonly maxChars?: number | undefined
}

/**
 * JSON for `value`.
 *
 * | value | result |
 * |---|---|
 * | `undefined` | `null` at the top and in arrays, left out of objects |
 * | NaN, ±Infinity, bigint, symbol, function | `"NaN"`, `"-Infinity"`, decimal text, `"[Symbol(x)]"`, `"[Function f]"` |
 * | Date | ISO text or `"[Invalid Date]"` |
 * | Error | `name`, `message` and own enumerable properties; never `stack`, and `cause` only if it is enumerable |
 * | Map, Set | an array of `[key, value]` pairs, an array of values |
 * | Redacted | `"<redacted>"` or `"<redacted:label>"` |
 * | ArrayBuffer and its views, Promise | `"[Uint8Array 16 bytes]"`, `"[Promise]"` |
 * | an object with `toJSON` | what that returns, asked once |
 * | other objects | own enumerable string keys; `"[Tag]"` if there are none and the object has a `Symbol.toStringTag` |
 * | what contains itself, lies too deep, throws when read | `"[Circular]"`, `"[Depth]"`, `"[Throws: message]"` |
 * | too long | `"start…[+N chars]"`, a last item `"…[+N items]"`, a last key `"…"` with `"[+N entries]"` |
 */
export const degrade = (value: unknown, limits?: Limits): Json => {
  if (value === null || typeof value === "boolean") return value
  const state: State = {
    maxDepth: Math.min(limits?.maxDepth ?? 128, 512),
    maxStringLength: limits?.maxStringLength ?? 1_048_576,
    nodes: limits?.maxNodes ?? 200_000,
    chars: limits?.maxChars ?? 16_777_216,
    ancestors: []
  }
  return write(value, 0, state)
}

interface State {
  readonly maxDepth: number
  readonly maxStringLength: number
  readonly ancestors: Array<object>
  nodes: number
  chars: number
}

const write = (value: unknown, depth: number, state: State): Json => {
  switch (typeof value) {
    case "string":
      return cut(value, state)
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? (value === 0 ? 0 : value) : String(value)
    case "undefined":
      return null
    case "object":
      if (value === null) return null
      return guarded(value, depth, state, writeContainer)
    case "bigint":
      return cut(bigintText(value), state)
    case "symbol":
      return cut(`[${String(value)}]`, state)
    default:
      return guarded(value, depth, state, writeFunction)
  }
}

const guarded = <A>(
  value: A,
  depth: number,
  state: State,
  f: (value: A, depth: number, state: State) => Json
): Json => {
  const open = state.ancestors.length
  try {
    return f(value, depth, state)
  } catch (error) {
    state.ancestors.length = open
    return throwsText(error, state)
  }
}

const writeContainer = (value: object, depth: number, state: State): Json => {
  const { ancestors } = state
  if (ancestors.includes(value)) return "[Circular]"
  if (isRecord(value)) {
    const prototype: unknown = Object.getPrototypeOf(value)
    const isPlain = prototype === Object.prototype || prototype === null
    const text = isPlain ? undefined : opaque(value)
    if (text !== undefined) return cut(text, state)
    if (depth >= state.maxDepth) return "[Depth]"
    ancestors.push(value)
    const json = isPlain ? writePlain(value, depth, state) : writeInstance(value, depth, state)
    ancestors.pop()
    return json
  }
  if (!Array.isArray(value)) return null
  if (depth >= state.maxDepth) return "[Depth]"
  ancestors.push(value)
  const json = writeItems(value, value.length, depth, state)
  ancestors.pop()
  return json
}

const writeItems = (value: ReadonlyArray<unknown>, length: number, depth: number, state: State): Json => {
  const out: Array<Json> = []
  for (let i = 0; i < length; i++) {
    if (state.nodes <= 0) {
      out.push(`…[+${length - i} items]`)
      break
    }
    out.push(writeProperty(value, i, depth, state) ?? null)
  }
  return out
}

const writeEntries = (
  value: Readonly<Record<string, unknown>>,
  keys: ReadonlyArray<string>,
  out: Record<string, Json>,
  depth: number,
  state: State
): Json => {
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]
    if (key === undefined) continue
    if (state.nodes <= 0 || key.length > state.chars) {
      put(out, freeKey(out), `[+${keys.length - i} entries]`)
      break
    }
    const json = writeProperty(value, key, depth, state)
    if (json === undefined) continue
    state.chars -= key.length
    put(out, key, json)
  }
  return out
}

const writeProperty = <K extends string | number>(
  value: { readonly [key in K]: unknown },
  key: K,
  depth: number,
  state: State
): Json | undefined => {
  let child: unknown
  state.nodes--
  try {
    child = value[key]
  } catch (error) {
    return throwsText(error, state)
  }
  return child === undefined ? undefined : write(child, depth + 1, state)
}

const writePlain = (value: Readonly<Record<string, unknown>>, depth: number, state: State): Json => {
  if ("toJSON" in value && typeof value.toJSON === "function") {
    const json: unknown = value.toJSON("")
    if (json !== value) return write(json, depth + 1, state)
  }
  return writeEntries(value, Object.keys(value), {}, depth, state)
}

const writeInstance = (value: Readonly<Record<string, unknown>>, depth: number, state: State): Json => {
  if (value instanceof Map) {
    return writeItems(take(Map.prototype.entries.call(value), state), sizeOf(Map.prototype, value), depth, state)
  }
  if (value instanceof Set) {
    return writeItems(take(Set.prototype.values.call(value), state), sizeOf(Set.prototype, value), depth, state)
  }
  const tag = tagOf(value)
  if (tag === "String") return write(String.prototype.valueOf.call(value), depth, state)
  if (tag === "Number") return write(Number.prototype.valueOf.call(value), depth, state)
  if (tag === "Boolean") return write(Boolean.prototype.valueOf.call(value), depth, state)
  const keys = Object.keys(value)
  if (value instanceof Error) {
    const { message, name } = value
    const out: Record<string, Json> = { name: write(name, depth + 1, state), message: write(message, depth + 1, state) }
    return writeEntries(value, keys.filter((key) => !Object.hasOwn(out, key) && key !== "stack"), out, depth, state)
  }
  if (keys.length === 0 && tag !== "Object" && !("toJSON" in value)) return cut(`[${tag}]`, state)
  return writePlain(value, depth, state)
}

/** Text for objects that are shown as one word; their contents are never visited. */
const opaque = (value: object): string | undefined => {
  if (Redacted.isRedacted(value)) {
    const label: unknown = value.label
    return typeof label === "string" ? `<redacted:${label}>` : "<redacted>"
  }
  if (value instanceof Date) {
    return Number.isNaN(Date.prototype.getTime.call(value))
      ? "[Invalid Date]"
      : Date.prototype.toISOString.call(value)
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${tagOf(value)} ${value.byteLength} bytes]`
  if (value instanceof Promise) return "[Promise]"
  if (value instanceof RegExp) return RegExp.prototype.toString.call(value)
  return undefined
}

const writeFunction = (value: unknown, _depth: number, state: State): Json => {
  const name: unknown = typeof value === "function" ? value.name : undefined
  return cut(typeof name === "string" && name !== "" ? `[Function ${name}]` : "[Function]", state)
}

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1)

/** The true size, whatever a subclass says. */
const sizeOf = (prototype: object, value: object): number => Number(Reflect.get(prototype, "size", value))

/** No more items than may still be visited, in case there are millions of them. */
const take = (items: Iterator<unknown>, state: State): ReadonlyArray<unknown> => {
  const out: Array<unknown> = []
  for (let next = items.next(); next.done !== true && out.length < state.nodes; next = items.next()) {
    out.push(next.value)
  }
  return out
}

const freeKey = (out: Record<string, Json>): string => {
  let key = "…"
  while (Object.hasOwn(out, key)) key += "…"
  return key
}

const widest = 1n << 4096n

/** Decimal text, except for integers so wide that writing them in decimal takes seconds. */
const bigintText = (value: bigint): string =>
  value < widest && value > -widest ? String(value) : `[BigInt of ${value.toString(16).length * 4} bits]`

/** Room is left for the marker, so that cutting a second time changes nothing. */
const cut = (text: string, state: State): string => {
  const limit = Math.min(state.maxStringLength, Math.max(0, state.chars))
  if (text.length <= limit) {
    state.chars -= text.length
    return text
  }
  let keep = Math.max(0, limit - 20)
  if (keep > 0 && isHighSurrogate(text.charCodeAt(keep - 1))) keep--
  state.chars -= keep
  return `${text.slice(0, keep)}…[+${text.length - keep} chars]`
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

const throwsText = (error: unknown, state: State): string => {
  try {
    const message: unknown = typeof error === "object" && error !== null && "message" in error ? error.message : error
    return cut(`[Throws: ${typeof message === "string" ? message : typeof message}]`, state)
  } catch {
    return "[Throws]"
  }
}
