/**
 * Containers of requests. What is judged, recorded and run must not be changed afterwards by whoever holds the
 * original, so containers are copied where they are plain; their leaves are shared. Everything else passes by reference.
 */

const isProxy: (value: unknown) => boolean = (() => {
  // Only the platform can tell a proxy from its target; where it cannot, a proxy is copied like what it stands for.
  const util = globalThis.process?.getBuiltinModule?.("node:util")
  return util?.types.isProxy ?? (() => false)
})()

const { __lookupGetter__: lookupGetter, __lookupSetter__: lookupSetter } = Object.prototype as unknown as Accessors

/** Of Annex B, hence in no type of `Object`; every engine has them. */
interface Accessors {
  readonly __lookupGetter__: (this: object, key: string) => unknown
  readonly __lookupSetter__: (this: object, key: string) => unknown
}

/** What can be copied: a plain array, a plain object, or one without a prototype. */
type Kind = "array" | "object" | "bare"

/**
 * What a value is, if it can be copied: a plain object or array without accessors.
 *
 * Only enumerable string keys are looked at: to look for hidden accessors and for those under symbols as well would cost
 * more than all else that is done for a call with nothing installed. A copy has the symbols and lacks what is hidden.
 */
const kindOf = (value: object): Kind | undefined => {
  if (isProxy(value)) return undefined
  const proto: unknown = Object.getPrototypeOf(value)
  // Nothing tells cheaply whether an array has accessors, and arrays of messages are long.
  if (proto === Array.prototype) return Array.isArray(value) ? "array" : undefined
  if (proto !== Object.prototype && proto !== null) return undefined
  for (const key in value) {
    // A descriptor would say both, but is an object of its own for each key. A setter alone reads as `undefined`.
    if (lookupGetter.call(value, key) !== undefined) return undefined
    if (value[key as keyof typeof value] === undefined && lookupSetter.call(value, key) !== undefined) return undefined
  }
  return proto === null ? "bare" : "object"
}

/** Never throws, also for a revoked proxy where the platform cannot tell one. */
const isPlainArray = (value: unknown): value is Array<unknown> => {
  try {
    return !isProxy(value) && Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype
  } catch {
    return false
  }
}

const copyOf = (value: object, kind: Kind): object => {
  if (kind === "object") return { ...value }
  return kind === "array" ? (value as Array<unknown>).slice() : Object.assign(Object.create(null), value)
}

/** Copies what is known to be a plain object or array. */
export const copyPlain = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.slice()
  return copyOf(value, Object.getPrototypeOf(value) === null ? "bare" : "object")
}

/** A container of its own with the same content, or the value itself if it cannot be copied faithfully. Never throws. */
export const copyContainer = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  try {
    const kind = kindOf(value)
    return kind === undefined ? value : copyOf(value, kind)
  } catch {
    return value
  }
}

/** Copies a container and the arrays directly in it. */
export const copyWithArrays = (value: unknown): unknown => {
  const copy = copyContainer(value)
  if (copy === value || !isRecord(copy)) return copy
  // All keys are own data properties of the copy, so that assignment cannot reach a prototype, whatever they are called.
  for (const key of Object.keys(copy)) {
    const item = copy[key]
    if (isPlainArray(item)) copy[key] = item.slice()
  }
  return copy
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Freezes a container that was copied from `original`; what was passed by reference stays as it is. */
export const freezeCopy = (copy: unknown, original: unknown): void => {
  if (copy !== original && typeof copy === "object" && copy !== null) Object.freeze(copy)
}

/** The same for a container with arrays directly in it. */
export const freezeWithArrays = (copy: unknown, original: unknown): void => {
  if (copy === original || typeof copy !== "object" || copy === null) return
  if (!Array.isArray(copy)) {
    for (const item of Object.values(copy)) if (isPlainArray(item)) Object.freeze(item)
  }
  Object.freeze(copy)
}
