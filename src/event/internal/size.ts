/**
 * Rough weight of a payload in bytes: strings of so many levels, a flat guess for the rest. Bounded work, never throws,
 * and no accessor of the payload is asked.
 */
export const sizeOf = (value: unknown, levels = 2): number => {
  try {
    return weigh(value, levels, ownValue)
  } catch {
    return 1024
  }
}

/** The same for data that is read anyway, such as a chunk that a fold reads: accessors are asked, which is faster. */
export const sizeOfData = (value: unknown, levels: number): number => {
  try {
    return weigh(value, levels, anyValue)
  } catch {
    return 1024
  }
}

const ownValue = (value: object, key: string): unknown => Object.getOwnPropertyDescriptor(value, key)?.value

const anyValue = (value: object, key: string): unknown => value[key as keyof typeof value]

const weigh = (value: unknown, depth: number, valueOf: (value: object, key: string) => unknown): number => {
  if (typeof value === "string") return value.length * 2
  if (typeof value !== "object" || value === null) return 8
  if (depth === 0) return 64
  let total = 32
  if (Array.isArray(value)) {
    const step = Math.max(1, Math.floor(value.length / 32))
    for (let i = 0; i < value.length; i += step) total += weigh(value[i], depth - 1, valueOf) * step
    return total
  }
  let seen = 0
  for (const key in value) {
    total += weigh(valueOf(value, key), depth - 1, valueOf)
    if (++seen === 32) break
  }
  return total
}
