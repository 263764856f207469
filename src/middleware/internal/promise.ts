/**
 * Whether a callback returned a Promise where only a plain value or an Effect will do. Its rejection is taken, so that a
 * callback that gets this wrong fails its call or its event, not the process.
 */
export const isPromise = (value: unknown): value is Promise<unknown> => {
  if (!(value instanceof Promise)) return false
  value.catch(() => undefined)
  return true
}
