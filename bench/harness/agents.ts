import type { Measures } from "./Case.ts"

/** Tool calls that each agent makes. */
export const callsOfAgent = 10

const warmMillis = 800
const atLeastCalls = 50_000

/**
 * Time of one call, while so many agents run at once. `run` starts that many agents and returns when all have made their
 * calls and all events have arrived.
 */
export const timeAgents = async (agents: number, run: (agents: number) => Promise<void>): Promise<Measures> => {
  const end = performance.now() + warmMillis
  do await run(Math.min(agents, 200))
  while (performance.now() < end)
  // With little to do at a time, it is done several times; but never for long, since some peers are slow.
  const deadline = performance.now() + 2000
  let calls = 0
  const cpu = process.cpuUsage()
  const start = performance.now()
  do {
    await run(agents)
    calls += agents * callsOfAgent
  } while (calls < atLeastCalls && performance.now() < deadline)
  const nanos = (performance.now() - start) * 1e6
  const { system, user } = process.cpuUsage(cpu)
  return { nanos: nanos / calls, cpu: (system + user) * 1000 / calls }
}
