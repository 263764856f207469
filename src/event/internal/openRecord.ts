/**
 * Open records: objects whose keys come from outside.
 *
 * @since 0.1.0
 */

/** An object that is not an array. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Sets an own property, `"__proto__"` included. */
export const put = <A>(out: Record<string, A>, key: string, value: A): void => {
  if (key === "__proto__") {
    Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    out[key] = value
  }
}

/** Whether two JSON values are equal; the order of keys does not matter. */
export const jsonEqual = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => jsonEqual(item, b[i]))
  }
  if (!isRecord(a) || !isRecord(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key], b[key]))
}
