import { PerformanceObserver } from "node:perf_hooks"
import { setImmediate } from "node:timers/promises"
import type { Batch, Measures } from "./Case.ts"
import { warm } from "./timing.ts"

const wantedBytes = 48 * 1024 * 1024
const attempts = 5

/**
 * Bytes that one operation allocates, by the growth of the heap while nothing is collected: the process needs a young
 * generation larger than what a batch allocates (`--min-semi-space-size`).
 */
export const measureAllocation = async (batch: Batch, per: number): Promise<Measures> => {
  const collect = globalThis.gc
  if (collect === undefined) throw new Error("--expose-gc is missing")
  const collections: Array<number> = []
  new PerformanceObserver((list) => collections.push(...list.getEntries().map(({ startTime }) => startTime)))
    .observe({ entryTypes: ["gc"] })
  const upTo = await warm(batch, 1500, 200)
  const grown = async (operations: number): Promise<number | undefined> => {
    collect()
    const start = performance.now()
    const before = process.memoryUsage().heapUsed
    await batch.run(operations)
    const after = process.memoryUsage().heapUsed
    // The observer hears of collections a little later.
    for (let turn = 0; turn < 3; turn++) await setImmediate()
    const isWhole = collections.every((time) => time < start)
    return isWhole && after > before ? (after - before) / operations : undefined
  }
  let operations = Math.max(1, Math.min(upTo, 1000))
  const values: Array<number> = []
  for (let attempt = 0; attempt < attempts * 3 && values.length < attempts; attempt++) {
    const bytes = await grown(operations)
    if (bytes === undefined) operations = Math.max(1, Math.floor(operations / 2))
    else if (attempt === 0) operations = Math.max(1, Math.min(upTo, Math.floor(wantedBytes / bytes)))
    else values.push(bytes / per)
  }
  if (values.length === 0) throw new Error("every batch was interrupted by a garbage collection")
  return { bytes: values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]! }
}
