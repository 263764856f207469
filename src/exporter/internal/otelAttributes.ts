import { degrade } from "../../event/internal/degrade.ts"
import { isRecord } from "../../event/internal/openRecord.ts"
import type { Attributes, AttributeValue } from "./otelSpan.ts"

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))

/** The value as an attribute can have it, if it can: a scalar, or a list of strings or of numbers, which is copied. */
const attributeOf = (value: unknown): AttributeValue | undefined => {
  if (isScalar(value)) return value
  if (!Array.isArray(value) || value.length === 0) return undefined
  if (value.every((item) => typeof item === "string")) return value.slice()
  return value.every((item) => typeof item === "number" && Number.isFinite(item)) ? value.slice() : undefined
}

/** Sets an attribute, also one named `__proto__`. What no attribute can have is left out. */
export const put = (attributes: Attributes, key: string, value: unknown): void => {
  const attribute = attributeOf(value)
  if (attribute === undefined) return
  if (key === "__proto__") {
    Object.defineProperty(attributes, key, { value: attribute, enumerable: true, configurable: true, writable: true })
  } else attributes[key] = attribute
}

/** Any value as text: strings as they are, the rest as JSON. Never throws. */
export const jsonText = (value: unknown): string => JSON.stringify(degrade(value))

/** Sets an attribute to the JSON of a value, if there is one. */
export const putJson = (attributes: Attributes, key: string, value: unknown): void => {
  if (value !== undefined && value !== null) put(attributes, key, jsonText(value))
}

/** Scalars and lists as they are, anything else as JSON text. */
export const putAny = (attributes: Attributes, key: string, value: unknown): void => {
  if (value === undefined || value === null) return
  put(attributes, key, attributeOf(value) ?? jsonText(value))
}

/** One attribute for each field of a record, nested values as JSON text; one attribute for anything else. */
export const putExpanded = (attributes: Attributes, prefix: string, value: unknown): void => {
  if (!isPlain(value)) return putAny(attributes, prefix, value)
  const record = degrade(value)
  if (!isRecord(record)) return putAny(attributes, prefix, record)
  for (const [key, field] of Object.entries(record)) putAny(attributes, `${prefix}.${key}`, field)
}

const isPlain = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** A field of a record, as long as reading it does no harm. */
export const field = (value: unknown, key: string): unknown => {
  if (typeof value !== "object" || value === null) return undefined
  try {
    return Object.hasOwn(value, key) ? (value as { readonly [key: string]: unknown })[key] : undefined
  } catch {
    return undefined
  }
}
