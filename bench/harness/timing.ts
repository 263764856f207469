import type { Batch, Measures } from "./Case.ts"

/** Wall and CPU time of one batch, for each operation. */
export const timeBatch = async (batch: Batch, operations: number, per: number): Promise<Measures> => {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await batch.run(operations)
  const nanos = (performance.now() - start) * 1e6
  const { system, user } = process.cpuUsage(cpu)
  return { nanos: nanos / (operations * per), cpu: (system + user) * 1000 / (operations * per) }
}

/** Runs batches until the time is over, and says how many operations take as long as a batch should. */
export const warm = async (batch: Batch, warmMillis: number, batchMillis: number): Promise<number> => {
  const end = performance.now() + warmMillis
  let operations = 1
  for (;;) {
    const start = performance.now()
    await batch.run(operations)
    const now = performance.now()
    const wanted = operations * batchMillis / Math.max(now - start, 0.001)
    // Early batches are slow: do not trust one of them with more than the fourfold.
    operations = Math.max(1, Math.round(Math.min(operations * 4, wanted)))
    if (now >= end && now - start >= batchMillis / 4) return Math.max(1, operations)
  }
}
