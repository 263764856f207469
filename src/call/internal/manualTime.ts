import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Kernel } from "../../event/internal/kernel.ts"
import { InvalidManualCall } from "../CallError.ts"

/** What is wrong with a time that a host gave, if anything. */
export const checkTime = (timestamp: unknown): InvalidManualCall | undefined =>
  timestamp === undefined || (Number.isSafeInteger(timestamp) && Number(timestamp) >= 0)
    ? undefined
    : new InvalidManualCall({
      what: "timestamp",
      actual: typeof timestamp === "number" ? String(timestamp) : `a ${typeof timestamp}`,
      expected: "a whole number of microseconds since the Unix epoch, from 0 to 2^53 - 1"
    })

/**
 * The clock by which a kernel takes the time that a host gave, to the microsecond. Times of a runtime never go backwards:
 * its time is moved forwards here if need be, and the clock says nothing later.
 */
export const clockAt = (kernel: Kernel, timestamp: number): Clock.Clock => {
  kernel.lastTimestamp = Math.max(kernel.lastTimestamp, timestamp)
  return epoch
}

const epoch: Clock.Clock = {
  currentTimeMillisUnsafe: () => 0,
  currentTimeMillis: Effect.succeed(0),
  currentTimeNanosUnsafe: () => 0n,
  currentTimeNanos: Effect.succeed(0n),
  monotonicTimeNanosUnsafe: () => 0n,
  monotonicTimeNanos: Effect.succeed(0n),
  sleep: () => Effect.void
}
