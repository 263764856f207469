/** What an open agent with a tool call in flight holds. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { AgentRuntime, ExecutionScope, ToolCall } from "../../src/index.ts"
import { casesOf } from "../harness/Case.ts"
import { heldByEach } from "../harness/heap.ts"
import { countingSubscriber } from "../harness/program.ts"

const { probe } = casesOf(import.meta.url)

const agents = 10_000

/** Each call gets an input of its own, as it would from a model. */
const input = (index: number) => ({ query: "how does a heddle work", limit: index })

/** A suspended fiber is reachable only through what will resume it, which here is nothing: so somebody must hold it. */
const held: Array<unknown> = []

const openAgents = <R>(
  count: number,
  agent: (index: number) => Effect.Effect<unknown, unknown, R>
): Effect.Effect<void, never, R> =>
  Effect.andThen(
    Effect.forEach(Array.from({ length: count }), (_, index) =>
      Effect.map(Effect.forkDetach(agent(index)), (fiber) => {
        held.push(fiber)
      }), { discard: true }),
    // All of them get their turn.
    Effect.sleep("20 millis")
  )

const inFlight = (_input: ReturnType<typeof input>) => Effect.never

const managed = (subscribed: boolean) => async () => {
  const counter = { events: 0, gaps: 0 }
  const runtime = ManagedRuntime.make(
    AgentRuntime.layerWith({ policies: subscribed ? countingSubscriber(counter) : Layer.empty })
  )
  const agent = (index: number) =>
    ExecutionScope.run({ name: "agent", category: "agent" })(Effect.gen(function*() {
      return yield* ToolCall.run({ name: "search", input: input(index) }, inFlight)
    }))
  return heldByEach(
    agents,
    (count) => runtime.runPromise(Effect.orDie(Effect.andThen(openAgents(count, agent), AgentRuntime.flush)))
  )
}

export const bare = probe(
  "bare/memory",
  "a bare fiber with an effect in flight",
  () =>
    heldByEach(agents, (count) =>
      Effect.runPromise(openAgents(count, (index) =>
        Effect.gen(function*() {
          return yield* inFlight(input(index))
        }))))
)

export const none = probe("memory/none", "an open agent with a call in flight", managed(false))
export const subscribed = probe("memory/sub", "an open agent with a call in flight, 1 subscriber", managed(true))

export const cases = [bare, none, subscribed]
