/** Many agents at once, each in a scope of its own, making 10 tool calls that each yield to the event loop. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { setImmediate } from "node:timers/promises"
import { AgentRuntime, ExecutionScope, Middleware, ToolCall } from "../../src/index.ts"
import { callsOfAgent, timeAgents } from "../harness/agents.ts"
import { casesOf, type ProbeCase } from "../harness/Case.ts"
import { type Counter, countingSubscriber } from "../harness/program.ts"
import { entriesOfEach } from "./middleware.ts"
import { search, smallInput, type ToolInput } from "./work.ts"

const { probe } = casesOf(import.meta.url)

const work = (input: ToolInput) => Effect.andThen(Effect.yieldNow, Effect.sync(() => search(input)))

const calls = <E, R>(call: () => Effect.Effect<number, E, R>): Effect.Effect<void, E, R> =>
  Effect.gen(function*() {
    for (let i = 0; i < callsOfAgent; i++) yield* call()
  })

const many = <E, R>(count: number, agent: Effect.Effect<void, E, R>): Effect.Effect<void, E, R> =>
  Effect.forEach(Array.from({ length: count }), () => agent, { concurrency: "unbounded", discard: true })

type Agent = Effect.Effect<void, unknown, AgentRuntime.AgentRuntime>

const bareAgent = calls(() => work(smallInput))

const managedAgent: Agent = ExecutionScope.run({ name: "agent", category: "agent" })(
  calls(() => ToolCall.run({ name: "search", input: smallInput }, work))
)

const managedRun = async (agent: Agent, subscribed: boolean): Promise<(agents: number) => Promise<void>> => {
  const counter: Counter = { events: 0, gaps: 0 }
  const runtime = ManagedRuntime.make(
    AgentRuntime.layerWith({ policies: subscribed ? countingSubscriber(counter) : Layer.empty })
  )
  let expected = 0
  return async (agents) => {
    await runtime.runPromise(Effect.andThen(many(agents, agent), AgentRuntime.flush))
    expected += subscribed ? agents * (2 + 2 * callsOfAgent) : 0
    if (counter.events !== expected) {
      throw new Error(`the subscriber got ${counter.events} of ${expected} events (${counter.gaps} gaps)`)
    }
  }
}

const local: Agent = managedAgent.pipe(Middleware.provide(...entriesOfEach(1)))

const casesFor = (agents: number): ReadonlyArray<ProbeCase> => [
  probe(
    `bare/agents/${agents}`,
    `${agents} fibers in bare Effect`,
    () => timeAgents(agents, (count) => Effect.runPromise(many(count, bareAgent)))
  ),
  probe(`bare/async/${agents}`, `${agents} async functions`, () =>
    timeAgents(agents, async (count) => {
      await Promise.all(Array.from({ length: count }, async () => {
        for (let i = 0; i < callsOfAgent; i++) {
          await setImmediate()
          search(smallInput)
        }
      }))
    })),
  probe(
    `agents/${agents}/none`,
    `${agents} agents`,
    async () => timeAgents(agents, await managedRun(managedAgent, false))
  ),
  probe(
    `agents/${agents}/sub`,
    `${agents} agents, 1 subscriber`,
    async () => timeAgents(agents, await managedRun(managedAgent, true))
  ),
  probe(
    `agents/${agents}/local+sub`,
    `${agents} agents, 1 of each provided to each, 1 subscriber`,
    async () => timeAgents(agents, await managedRun(local, true))
  )
]

/** How many agents run at once. */
export const sizes = [100, 1000, 10_000]

export const cases = sizes.flatMap(casesFor)
