import { CallError } from "../../call/CallError.ts"

/** The `CallError` that an error is, or that is its cause, however often it was wrapped. */
export const callErrorOf = (error: unknown): CallError | undefined => {
  const seen = new Set<unknown>()
  let cause = error
  while (cause instanceof Error && !seen.has(cause)) {
    if (cause instanceof CallError) return cause
    seen.add(cause)
    cause = cause.cause
  }
  return undefined
}
