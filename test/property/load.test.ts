import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  type LifecycleEvent,
  Middleware,
  type Middleware as Mw,
  Subscriber,
  ToolCall
} from "../../src/index.ts"

/** Agents of each round: one to warm up, one at full size, one to see whether anything still grows. */
const rounds = [500, 10_000, 3000]
const calls = 10

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const heap = async (): Promise<number> => {
  for (let n = 0; n < 3; n++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

const numberOf = (data: unknown): number =>
  typeof data === "object" && data !== null && "agent" in data && typeof data.agent === "number" ? data.agent : -1

/** Checks the tree as it grows. It holds what is open and nothing else. */
class Census {
  readonly open = new Map<string, { readonly agent: number; calls: number }>()
  readonly openCalls = new Set<string>()
  most = 0
  agents = 0
  calls = 0
  sequence = 0
  wrong = 0

  readonly handle = (event: LifecycleEvent.LifecycleEvent): void => {
    if (event.sequence !== ++this.sequence) this.wrong++
    if (event._tag === "ScopeStart") {
      if (event.category === "agent") {
        this.open.set(event.uuid, { agent: numberOf(event.data), calls: 0 })
        this.most = Math.max(this.most, this.open.size)
        return
      }
      const parent = this.open.get(event.parentUuid ?? "")
      if (parent === undefined || parent.agent !== numberOf(event.data)) this.wrong++
      else parent.calls++
      return void this.openCalls.add(event.uuid)
    }
    if (event._tag !== "ScopeEnd" || event.outcome._tag !== "Success") return void this.wrong++
    if (event.category === "agent") {
      if (this.open.get(event.uuid)?.calls !== calls) this.wrong++
      this.open.delete(event.uuid)
      this.agents++
    } else {
      if (!this.openCalls.delete(event.uuid)) this.wrong++
      if (event.decisions.length !== 1) this.wrong++
      this.calls++
    }
  }
}

const own = (agent: number, seen: Uint8Array): Mw.Entry =>
  Guardrail.make({
    name: "own",
    check: (call) => {
      if (call.kind !== "tool" || numberOf(call.input) !== agent) return Guardrail.reject("somebody else's call")
      seen[agent] = seen[agent]! + 1
      return Guardrail.allow
    }
  })

/** All meet in their first call, so that all are open at once, and take turns later on. */
const agent = (number: number, seen: Uint8Array, meet: Effect.Effect<void>) =>
  Effect.forEach(
    Array.from({ length: calls }, (_, call) => ({ agent: number, call })),
    (input) =>
      ToolCall.run(
        { name: "call", input },
        () => input.call === 0 ? meet : input.call === 5 ? Effect.yieldNow : Effect.void
      ),
    { discard: true }
  ).pipe(
    Middleware.provide(own(number, seen)),
    ExecutionScope.run({ name: "agent", category: "agent", input: { agent: number } })
  )

/** All agents at once in a runtime that stays. */
const crowd = Effect.fnUntraced(function*(agents: number) {
  const seen = new Uint8Array(agents)
  const all = Latch.makeUnsafe()
  let waiting = 0
  const meet = Effect.suspend(() => ++waiting === agents ? Effect.asVoid(all.open) : all.await)
  yield* Effect.forEach(Array.from({ length: agents }, (_, number) => number), (number) => agent(number, seen, meet), {
    concurrency: "unbounded",
    discard: true
  })
  yield* AgentRuntime.flush
  return seen
})

describe("ten thousand agents at once, ten calls each", () => {
  it("keep their own calls and their own middleware, and leave no memory behind", async () => {
    const census = new Census()
    const counting = Subscriber.layer({
      name: "census",
      handle: census.handle,
      buffer: { capacity: Number.POSITIVE_INFINITY, strategy: "dropping" }
    })
    const program = Effect.gen(function*() {
      const { kernel } = yield* AgentRuntime.AgentRuntime
      const heaps: Array<number> = []
      let total = 0
      for (const agents of rounds) {
        const seen = yield* crowd(agents)
        total += agents
        assert.isTrue(seen.every((count) => count === calls), "each agent's middleware saw all of its calls")
        assert.deepStrictEqual(
          {
            agents: census.agents,
            calls: census.calls,
            most: census.most,
            open: census.open.size,
            wrong: census.wrong
          },
          { agents: total, calls: total * calls, most: agents, open: 0, wrong: 0 }
        )
        census.most = 0
        assert.strictEqual(kernel.interruptOpen("test"), 0)
        assert.strictEqual(kernel.locals.size, 0)
        assert.deepStrictEqual(yield* Middleware.registrations, [])
        heaps.push(yield* Effect.promise(heap))
      }
      return heaps
    })
    const Runtime = AgentRuntime.layerWith({ policies: counting })
    const [first, second, third] = await Effect.runPromise(Effect.provide(program, Runtime))
    // The full round makes 220,000 events and the last one 66,000: a few bytes kept for each would be seen.
    assert.isBelow(second! - first!, 2_000_000, "bytes that the full round left")
    assert.isBelow(third! - second!, 1_000_000, "bytes that the last round left")
  }, 60_000)
})
