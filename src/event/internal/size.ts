/**
 * Rough weight of a payload in bytes: strings of so many levels, a flat guess for the rest. Bounded work, never throws,
 * and no accessor of the payload is asked.
 */
export const sizeOf = (value: unknown, levels = 2): number => {
  try {
    return weigh(value, levels, false)
  } catch {
    return 1024
  }
}

/** The same for data that is read anyway, such as a chunk that a fold reads: accessors are asked, which is faster. */
export const sizeOfData = (value: unknown, levels: number): number => {
  try {
    return weigh(value, levels, true)
  } catch {
    return 1024
  }
}

const weigh = (value: unknown, depth: number, asks: boolean): number => {
  if (typeof value === "string") return value.length * 2
  if (typeof value !== "object" || value === null) return 8
  return depth === 0 ? 64 : weighContent(value, depth - 1, asks)
}

const weighContent = (value: object, depth: number, asks: boolean): number => {
  let total = 32
  if (Array.isArray(value)) {
    const step = Math.max(1, Math.floor(value.length / 32))
    for (let i = 0; i < value.length; i += step) total += weigh(value[i], depth, asks) * step
    return total
  }
  let seen = 0
  for (const key in value) {
    // Written out here: V8 reads a property whose key is that of the loop without looking for it.
    total += weigh(asks ? value[key as keyof typeof value] : ownValue(value, key), depth, asks)
    if (++seen === 32) break
  }
  return total
}

const ownValue = (value: object, key: string): unknown => Object.getOwnPropertyDescriptor(value, key)?.value
