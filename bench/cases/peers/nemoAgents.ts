/** NeMo Flow and NeMo Relay with many agents at once, each on a scope stack of its own, and in a burst of marks. */
import { setImmediate } from "node:timers/promises"
import { callsOfAgent, timeAgents } from "../../harness/agents.ts"
import { measureBurst, payload } from "../../harness/burst.ts"
import { casesOf } from "../../harness/Case.ts"
import { heldByEach } from "../../harness/heap.ts"
import { search, smallInput, type ToolInput } from "../work.ts"
import { Deliveries, type Flavour, loadNemo } from "./nemo.ts"

const { probe } = casesOf(import.meta.url)

const agentCase = (flavour: Flavour, agents: number, subscribers: number) =>
  probe(
    `peer/${flavour}/agents/${agents}/${subscribers === 0 ? "none" : "sub"}`,
    `${flavour}: ${agents} agents${subscribers === 0 ? "" : ", 1 subscriber"}`,
    async () => {
      const nemo = await loadNemo(flavour)
      const { native, result } = nemo
      const deliveries = new Deliveries(nemo, subscribers)
      const work = async (input: ToolInput) => {
        await setImmediate()
        return result(search(input))
      }
      return timeAgents(agents, async (count) => {
        await Promise.all(Array.from({ length: count }, async () => {
          const stack = native.createScopeStack()
          native.setThreadScopeStack(stack)
          const scope = native.pushScope("agent", 0)
          for (let i = 0; i < callsOfAgent; i++) {
            native.setThreadScopeStack(stack)
            await native.toolCallExecuteAsync("search", smallInput, work)
          }
          native.setThreadScopeStack(stack)
          native.popScope(scope)
        }))
        if (subscribers > 0) await deliveries.expect(count * (2 + 2 * callsOfAgent))
      })
    },
    agents === 10_000 ? 1 : 2
  )

const memoryCase = (flavour: Flavour) =>
  probe(`peer/${flavour}/memory/sub`, `${flavour}: an open agent with a call in flight, 1 subscriber`, async () => {
    const nemo = await loadNemo(flavour)
    const { native } = nemo
    const deliveries = new Deliveries(nemo, 1)
    const held: Array<unknown> = []
    return heldByEach(10_000, async (count) => {
      for (let index = 0; index < count; index++) {
        const stack = native.createScopeStack()
        native.setThreadScopeStack(stack)
        const scope = native.pushScope("agent", 0)
        const call = native.toolCallExecuteAsync(
          "search",
          { query: "how does a heddle work", limit: index },
          // A promise that nobody can settle any more would end the call.
          () => new Promise((resolve) => held.push(resolve))
        )
        held.push(stack, scope, call)
      }
      await deliveries.expect(count * 2)
    })
  })

const burstCase = (flavour: Flavour) =>
  probe(`peer/${flavour}/burst/sub`, `${flavour}: 100,000 marks of 600 bytes, 1 subscriber`, async () => {
    const nemo = await loadNemo(flavour)
    const deliveries = new Deliveries(nemo, 1)
    return measureBurst(async (marks) => {
      for (let i = 0; i < marks; i++) nemo.native.event("burst", undefined, payload())
      await deliveries.expect(marks)
      return marks
    })
  })

const flavours: ReadonlyArray<Flavour> = ["nemo-flow", "nemo-relay"]

export const agents = (count: number) => cases.filter(({ id }) => id.includes(`/agents/${count}/`))
export const memory = flavours.map(memoryCase)
export const burst = flavours.map(burstCase)

export const cases = [
  ...flavours.flatMap((flavour) =>
    [100, 1000, 10_000].flatMap((count) => [agentCase(flavour, count, 0), agentCase(flavour, count, 1)])
  ),
  ...memory,
  ...burst
]
