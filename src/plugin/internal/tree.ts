/**
 * Data of documents, and where each part of it was written.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { isRecord, put } from "../../event/internal/openRecord.ts"

export type Key = string | number
export type Path = ReadonlyArray<Key>

/** A place in one of the documents that were merged. */
export interface Source {
  readonly document: number
  readonly path: Path
}

interface At {
  readonly source: Source
  /** What was written for the same place in documents of less precedence. */
  readonly hidden: ReadonlyArray<Source>
}

interface Leaf extends At {
  readonly _tag: "Leaf"
  readonly value: unknown
}

interface List extends At {
  readonly _tag: "List"
  readonly items: ReadonlyArray<Node>
}

interface Table extends At {
  readonly _tag: "Table"
  readonly fields: ReadonlyMap<string, Node>
}

export type Node = Leaf | List | Table

export interface Refusal {
  readonly path: Path
  readonly message: string
}

const maxDepth = 64
const maxNodes = 100_000

/** Copies data, within limits: a cycle or a value that many aliases blow up is too deep or too large, and says so. */
export const fromValue = (value: unknown, document: number): Result.Result<Node, Refusal> => {
  let count = 0
  let at: Path = []
  const visit = (value: unknown, path: Path): Node => {
    at = path
    if (path.length > maxDepth) throw new Limit(`is nested more than ${maxDepth} levels deep`)
    if (++count > maxNodes) throw new Limit(`has more than ${maxNodes} values`)
    const place: At = { source: { document, path }, hidden: [] }
    if (Array.isArray(value)) {
      return { ...place, _tag: "List", items: value.map((item, index) => visit(item, [...path, index])) }
    }
    if (!isPlain(value)) return { ...place, _tag: "Leaf", value }
    const fields = new Map<string, Node>()
    for (const [key, field] of Object.entries(value)) {
      if (field !== undefined) fields.set(key, visit(field, [...path, key]))
    }
    return { ...place, _tag: "Table", fields }
  }
  return Result.try({
    try: () => visit(value, []),
    catch: (error) =>
      error instanceof Limit
        ? { path: at.slice(0, 8), message: error.message }
        : { path: at.slice(0, 8), message: "cannot be read: expected plain data" }
  })
}

class Limit extends Error {}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (!isRecord(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

export const toValue = (node: Node): unknown => {
  if (node._tag === "Leaf") return node.value
  if (node._tag === "List") return node.items.map(toValue)
  const out: Record<string, unknown> = {}
  for (const [key, field] of node.fields) put(out, key, toValue(field))
  return out
}

/**
 * Lays `high` over `low`: tables by their keys, `components` by their kinds (the n-th of a kind over the n-th), anything
 * else as a whole.
 */
export const merge = (low: Node, high: Node): Node => mergeAt(low, high, 0)

const mergeAt = (low: Node, high: Node, depth: number): Node => {
  if (low._tag !== "Table" || high._tag !== "Table") return over(low, high)
  const fields = new Map(low.fields)
  for (const [key, field] of high.fields) {
    const below = fields.get(key)
    if (below === undefined) fields.set(key, field)
    else if (depth === 0 && key === "components" && below._tag === "List" && field._tag === "List") {
      fields.set(key, { ...field, items: mergeComponents(below.items, field.items), hidden: [] })
    } else fields.set(key, mergeAt(below, field, depth + 1))
  }
  return { ...high, fields }
}

const over = (low: Node, high: Node): Node => ({ ...high, hidden: [...low.hidden, low.source] })

const mergeComponents = (low: ReadonlyArray<Node>, high: ReadonlyArray<Node>): ReadonlyArray<Node> => {
  const items = low.slice()
  const met = new Map<string, number>()
  for (const item of high) {
    const kind = kindOf(item)
    const n = kind === undefined ? 0 : met.get(kind) ?? 0
    if (kind !== undefined) met.set(kind, n + 1)
    const index = kind === undefined ? -1 : nth(low, kind, n)
    const below = low[index]
    if (below === undefined) items.push(item)
    else items[index] = mergeAt(below, item, 1)
  }
  return items
}

const nth = (items: ReadonlyArray<Node>, kind: string, n: number): number => {
  let left = n
  return items.findIndex((item) => kindOf(item) === kind && left-- === 0)
}

const kindOf = (node: Node): string | undefined => {
  const kind = node._tag === "Table" ? node.fields.get("kind") : undefined
  return kind?._tag === "Leaf" && typeof kind.value === "string" ? kind.value : undefined
}

/** The part at a path, or what is nearest above it. */
export const find = (node: Node, path: Path): Node => {
  let current = node
  for (const key of path) {
    const next: Node | undefined = childOf(current, key)
    if (next === undefined) return current
    current = next
  }
  return current
}

const childOf = (node: Node, key: Key): Node | undefined => {
  if (node._tag === "Table") return node.fields.get(String(key))
  return node._tag === "List" && typeof key === "number" ? node.items[key] : undefined
}

/** Every part that holds no other, with its path, and what was written there or around it below. */
export function* leaves(
  node: Node,
  path: Path = [],
  hidden: ReadonlyArray<Source> = []
): Generator<readonly [Path, Node, ReadonlyArray<Source>]> {
  const under = [...hidden, ...node.hidden]
  if (node._tag === "Table" && node.fields.size > 0) {
    for (const [key, field] of node.fields) yield* leaves(field, [...path, key], under)
  } else if (node._tag === "List" && node.items.length > 0) {
    for (const [index, item] of node.items.entries()) yield* leaves(item, [...path, index], under)
  } else yield [path, node, under]
}

/** `components[0].config.path`; keys that are no names are quoted. */
export const formatPath = (path: Path): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`
    if (!/^[\w$-]{1,80}$/.test(key)) return `${text}[${JSON.stringify(key.slice(0, 80))}]`
    return text === "" ? key : `${text}.${key}`
  }, "")
