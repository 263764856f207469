/** The process of one exporter: `child <id> <events> <directory> <url>`, with `--expose-gc`. */
import { settledMemory } from "../harness/heap.ts"
import { PeerMissing } from "../harness/peer.ts"
import { eventsOfAgent, subjects } from "./exporters.ts"

const [id, events, directory = "", url = ""] = process.argv.slice(2)
const subject = await subjects.find((one) => one.id === id)!.setup({ directory, url }).catch((error: unknown) => {
  if (!(error instanceof PeerMissing)) throw error
  process.send?.({ missing: error.message })
  process.exit()
})

/** The heap is looked at when a quarter of the events has been delivered, and so on. */
const steps = 4
const agents = Math.ceil(Number(events) / eventsOfAgent / steps)
/** So many agents between two flushes: what is on its way stays below every queue. */
const between = 100

const heaps: Array<number> = []
let seconds = 0
let rss = 0

for (let step = 0; step < steps; step++) {
  const start = performance.now()
  for (let n = 0; n < agents; n += between) await subject.run(Math.min(between, agents - n))
  seconds += (performance.now() - start) / 1000
  const memory = await settledMemory()
  heaps.push(memory.heap)
  rss = Math.max(rss, memory.rss)
}
const start = performance.now()
const lost = await subject.close()
seconds += (performance.now() - start) / 1000

process.send?.({ events: agents * steps * eventsOfAgent, seconds, heaps, rss, lost })
