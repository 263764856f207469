/** Memory of this process, after everything unreachable is gone. Needs `--expose-gc`. */
export const settledMemory = async (): Promise<{ readonly heap: number; readonly rss: number }> => {
  const collect = globalThis.gc
  if (collect === undefined) throw new Error("--expose-gc is missing")
  for (let turn = 0; turn < 3; turn++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, rss }
}

/** What each of so many things holds, of those that `open` leaves open. */
export const heldByEach = async (
  count: number,
  open: (count: number) => Promise<void>
): Promise<{ readonly bytes: number; readonly rss: number }> => {
  await open(Math.ceil(count / 20))
  const before = await settledMemory()
  await open(count)
  const after = await settledMemory()
  return { bytes: (after.heap - before.heap) / count, rss: (after.rss - before.rss) / count }
}
