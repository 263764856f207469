/** A runtime for the contract suite of bindings, for drivers in promises and in effects. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Promises from "../../src/binding/Promises.ts"
import { AgentRuntime, ExecutionScope, type LifecycleEvent, Middleware, Subscriber } from "../../src/index.ts"

type Runtime = AgentRuntime.AgentRuntime
type Event = LifecycleEvent.LifecycleEvent

/** A runtime of the suite, as a driver gets it. */
export interface Host {
  readonly heddle: Promises.Heddle
  /** For bindings of Effect: the context of the place that the running code is in. Run effects with it. */
  readonly context: () => Context.Context<Runtime>
}

/** The same, with what only the suite needs. */
export interface RecordingHost extends Host {
  readonly events: () => Promise<ReadonlyArray<Event>>
  /** The events as soon as they fulfil a condition. */
  readonly until: (condition: (events: ReadonlyArray<Event>) => boolean) => Promise<ReadonlyArray<Event>>
}

/** Runs work with a runtime that has these entries, and closes it. */
export const withHost = async <A>(
  entries: ReadonlyArray<Middleware.Entry>,
  work: (host: RecordingHost) => Promise<A>
): Promise<A> => {
  const recorded: Array<Event> = []
  const waiting = new Set<() => void>()
  const recorder = Subscriber.layer({
    name: "recorder",
    handle: (event) => {
      recorded.push(event)
      for (const look of waiting) look()
    }
  })
  const scope = Scope.makeUnsafe()
  const runtime = AgentRuntime.layerWith({ policies: Layer.merge(Middleware.layer(...entries), recorder) })
  const context = await Effect.runPromise(Layer.buildWithScope(runtime, scope))
  const heddle = Promises.fromContext(context)
  const events = async () => {
    await heddle.flush()
    return recorded.slice()
  }
  try {
    return await work({
      heddle,
      context: () => {
        const here = heddle.current()
        return here === undefined
          ? context
          : Effect.runSyncWith(context)(ExecutionScope.within(here)(Effect.context<Runtime>()))
      },
      events,
      until: (condition) =>
        new Promise((resolve) => {
          const look = () => {
            if (!condition(recorded)) return
            waiting.delete(look)
            resolve(recorded.slice())
          }
          waiting.add(look)
          look()
        })
    })
  } finally {
    await heddle.close()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
