import { deepFreeze } from "./deepFreeze.ts"

const isPlain = (value: object): boolean => {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null || Array.isArray(value)
}

/**
 * A frozen copy of plain objects and arrays, however deep and circular, which no later change of the original reaches.
 * Everything else in it is shared. Never throws: what cannot be read is left out.
 */
export const snapshot = <A>(root: A): A => {
  const copies = new Map<object, object>()
  const pending: Array<readonly [original: object, copy: object]> = []
  const copyOf = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value
    const known = copies.get(value)
    if (known !== undefined) return known
    try {
      if (!isPlain(value)) return value
      const copy: object = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value))
      copies.set(value, copy)
      pending.push([value, copy])
      return copy
    } catch {
      return value
    }
  }
  const result = copyOf(root)
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [original, copy] = next
    try {
      for (const key of Object.keys(original)) {
        const value = copyOf(Reflect.get(original, key))
        Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true })
      }
    } catch {
      continue
    }
  }
  return deepFreeze(result) as A
}
