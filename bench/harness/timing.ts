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

/** Milliseconds of CPU that this process has had. */
const cpuMillis = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

/**
 * Runs batches until the process has had so much CPU, and says how many operations take as long as a batch should. CPU and
 * not time: on a busy machine the compiler gets its turn later. Who mostly waits is not waited for forever.
 */
export const warm = async (batch: Batch, warmMillis: number, batchMillis: number): Promise<number> => {
  const enough = cpuMillis() + warmMillis
  const latest = performance.now() + 4 * warmMillis
  let operations = 1
  for (;;) {
    const start = performance.now()
    await batch.run(operations)
    const now = performance.now()
    const taken = now - start
    // Early batches are slow: do not trust one of them with more than the fourfold.
    operations = Math.max(1, Math.round(Math.min(operations * 4, operations * batchMillis / Math.max(taken, 0.001))))
    if ((cpuMillis() >= enough && taken >= batchMillis / 4) || now >= latest) return operations
  }
}
