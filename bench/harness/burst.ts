import type { Measures } from "./Case.ts"

const marks = 100_000

/** 600 bytes that nobody else holds. */
export const payload = (): { readonly text: string } => ({ text: Buffer.alloc(600, "x").toString("latin1") })

/** Emits a burst without a pause and tells how far the process grew. `emit` answers how many marks arrived in the end. */
export const measureBurst = async (emit: (marks: number) => Promise<number>): Promise<Measures> => {
  await emit(100)
  const before = process.memoryUsage().rss
  const start = performance.now()
  const arrived = await emit(marks)
  const nanos = (performance.now() - start) * 1e6
  const peak = process.resourceUsage().maxRSS * 1024
  return { nanos: nanos / marks, rss: peak - before, lost: 1 - arrived / marks }
}
