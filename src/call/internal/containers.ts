/**
 * Containers of requests. What is judged, recorded and run must not be changed afterwards by whoever holds the
 * original, so containers are copied where they are plain; their leaves are shared. Everything else passes by reference.
 */

const isProxy: (value: unknown) => boolean = (() => {
  // Only the platform can tell a proxy from its target; where it cannot, a proxy is copied like what it stands for.
  const util = globalThis.process?.getBuiltinModule?.("node:util")
  return util?.types.isProxy ?? (() => false)
})()

const getDescriptor = Object.getOwnPropertyDescriptor

/** Whether a value is a plain object or array whose own properties are data. Never throws. */
const isPlainContainer = (value: unknown): value is Record<string, unknown> | ReadonlyArray<unknown> => {
  if (typeof value !== "object" || value === null || isProxy(value)) return false
  const proto: unknown = Object.getPrototypeOf(value)
  if (proto !== Object.prototype && proto !== null && proto !== Array.prototype) return false
  // Nothing tells cheaply whether an array has accessors, and arrays of messages are long.
  if (proto === Array.prototype) return Array.isArray(value)
  // `for in` and the counts are the fast way to look at every own key: `Reflect.ownKeys` costs four times as much.
  let keys = 0
  for (const key in value) {
    const descriptor = getDescriptor(value, key)
    if (descriptor === undefined || descriptor.get !== undefined || descriptor.set !== undefined) return false
    keys++
  }
  return keys === Object.getOwnPropertyNames(value).length && hasDataSymbolsOnly(value)
}

const hasDataSymbolsOnly = (value: object): boolean => {
  for (const key of Object.getOwnPropertySymbols(value)) {
    const descriptor = getDescriptor(value, key)
    if (descriptor === undefined || !("value" in descriptor) || descriptor.enumerable !== true) return false
  }
  return true
}

/** Never throws, also for a revoked proxy where the platform cannot tell one. */
const isPlainArray = (value: unknown): value is Array<unknown> => {
  try {
    return !isProxy(value) && Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype
  } catch {
    return false
  }
}

/** Copies what is known to be a plain object or array. */
export const copyPlain = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.slice()
  return Object.getPrototypeOf(value) === null ? Object.assign(Object.create(null), value) : { ...value }
}

/** A container of its own with the same content, or the value itself if it cannot be copied faithfully. */
export const copyContainer = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  try {
    return isPlainContainer(value) ? copyPlain(value) : value
  } catch {
    return value
  }
}

/** Copies a container and the arrays directly in it. */
export const copyWithArrays = (value: unknown): unknown => {
  const copy = copyContainer(value)
  if (copy === value || typeof copy !== "object" || copy === null || isPlainArray(copy)) return copy
  for (const [key, item] of Object.entries(copy)) {
    if (isPlainArray(item)) Object.defineProperty(copy, key, dataProperty(item.slice()))
  }
  return copy
}

const dataProperty = (value: unknown): PropertyDescriptor => ({
  value,
  enumerable: true,
  configurable: true,
  writable: true
})

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
