/** Programs in Effect, bare and managed, as batches. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { AgentRuntime, Subscriber } from "../../src/index.ts"
import type { Batch } from "./Case.ts"

/** Makes and runs an effect again and again, in one fiber. */
export const repeat = <E, R>(
  times: number,
  make: () => Effect.Effect<unknown, E, R>
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    let left = times
    return Effect.whileLoop({ while: () => left-- > 0, body: make, step: () => undefined })
  })

/** A batch without a runtime of ours. */
export const bareBatch = (make: () => Effect.Effect<unknown, unknown>): Batch => ({
  run: (operations) => Effect.runPromise(repeat(operations, make))
})

/** Counts what it is told, and what it is told that it was not told. */
export interface Counter {
  events: number
  gaps: number
}

export const countingSubscriber = (counter: Counter, name = "count") =>
  Subscriber.layer({
    name,
    handle: (event) => {
      if (event.name === "heddle.gap") counter.gaps++
      else counter.events++
    }
  })

export interface ManagedOptions {
  /** One operation of the batch. */
  readonly make: () => Effect.Effect<unknown, unknown, AgentRuntime.AgentRuntime>
  /** Put around the whole batch. */
  readonly around?: (
    effect: Effect.Effect<void, unknown, AgentRuntime.AgentRuntime>
  ) => Effect.Effect<void, unknown, AgentRuntime.AgentRuntime>
  readonly policies?: ReadonlyArray<Layer.Layer<never, unknown, AgentRuntime.AgentRuntime>>
  readonly audit?: boolean
  readonly subscribers?: number
  /** Events that one operation emits, and that `around` emits for each batch: all must arrive at every subscriber. */
  readonly events?: number
  readonly eventsAround?: number
}

/** A batch in a runtime of its own. With subscribers it ends when all of them have handled all events. */
export const managedBatch = async (options: ManagedOptions): Promise<Batch> => {
  const { audit = false, events = 2, eventsAround = 0, make, policies = [], subscribers = 0 } = options
  const counters: Array<Counter> = Array.from({ length: subscribers }, () => ({ events: 0, gaps: 0 }))
  const layers = [
    ...policies,
    ...counters.map((counter, index) => countingSubscriber(counter, `count-${index}`))
  ].reduce(
    (merged, layer) => Layer.merge(merged, layer),
    Layer.empty as Layer.Layer<
      never,
      unknown,
      AgentRuntime.AgentRuntime
    >
  )
  const runtime = ManagedRuntime.make(AgentRuntime.layerWith({ policies: layers, audit }))
  await runtime.runPromise(Effect.void)
  const around = options.around ?? ((effect) => effect)
  let expected = 0
  return {
    run: async (operations) => {
      expected += operations * events + eventsAround
      const work = around(repeat(operations, make))
      await runtime.runPromise(subscribers === 0 ? work : Effect.andThen(work, AgentRuntime.flush))
    },
    check: () => {
      const wrong = counters.find((counter) => counter.events !== expected)
      return wrong && `a subscriber got ${wrong.events} of ${expected} events (${wrong.gaps} gaps)`
    }
  }
}
