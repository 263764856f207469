/** What tests of observers share: subscribers that record or hold, captured logs, and runtimes closed by hand. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import type { EventBus, LifecycleEvent } from "../../src/index.ts"
import { Subscriber, ToolCall } from "../../src/index.ts"

type Event = LifecycleEvent.LifecycleEvent

/** `name:start`, `name:end`, the name of a mark, or `gap(dropped, first..last)`. */
export const label = (event: Event): string => {
  if (event._tag === "ScopeStart") return `${event.name}:start`
  if (event._tag === "ScopeEnd") return `${event.name}:end`
  if (event.name !== "heddle.gap") return event.name
  const { dropped, firstSequence, lastSequence } = event.data as LifecycleEvent.Gap
  return `gap(${dropped}, ${firstSequence}..${lastSequence})`
}

export const labels = (events: ReadonlyArray<Event>): ReadonlyArray<string> => events.map(label)

interface Options {
  readonly name?: string
  readonly filter?: (event: Event) => boolean
  readonly buffer?: EventBus.BufferOptions
  readonly lateEnds?: boolean
}

/** A subscriber that keeps what it gets. */
export const recorder = (options?: Options) => {
  const events: Array<Event> = []
  const subscriber = {
    name: "recorder",
    ...options,
    handle: (event: Event) => {
      events.push(event)
    }
  }
  return { events, subscriber, layer: Subscriber.layer(subscriber), labels: () => labels(events) }
}

/** A subscriber whose handler waits, with the event in its hands, until the latch is open. */
export const held = (options?: Options) => {
  const entered: Array<Event> = []
  const handled: Array<Event> = []
  const latch = Latch.makeUnsafe(false)
  const hasEvent = Latch.makeUnsafe(false)
  const subscriber = {
    name: "held",
    ...options,
    handle: (event: Event) =>
      Effect.suspend(() => {
        entered.push(event)
        hasEvent.openUnsafe()
        return Effect.andThen(
          latch.await,
          Effect.sync(() => {
            handled.push(event)
          })
        )
      })
  }
  return {
    entered,
    handled,
    latch,
    /** Done when the handler holds its first event. */
    hasEvent: hasEvent.await,
    subscriber,
    layer: Subscriber.layer(subscriber),
    labels: () => labels(handled)
  }
}

interface LogLine {
  readonly level: string
  readonly text: string
}

/** Captures log messages instead of printing them. */
export const logs = () => {
  const lines: Array<LogLine> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    const parts = Array.isArray(message) ? message : [message]
    lines.push({ level: logLevel, text: parts.map((part) => typeof part === "string" ? part : "{…}").join(" ") })
  })
  return {
    lines,
    texts: () => lines.map(({ text }) => text),
    /** Without the default loggers. */
    layer: Logger.layer([logger])
  }
}

/** Builds a layer that the test closes itself. It is closed with the test at the latest. */
export const opened = <A, E, R>(
  layer: Layer.Layer<A, E, R>
): Effect.Effect<
  { readonly context: Context.Context<A>; readonly close: Effect.Effect<void> },
  E,
  R | Scope.Scope
> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
    const context = yield* Layer.buildWithScope(layer, scope)
    return { context, close: Scope.close(scope, Exit.void) }
  })

/** Lets every other fiber run until it waits for something. */
export const settle: Effect.Effect<void> = Effect.yieldNow.pipe(Effect.repeat({ times: 50 }), Effect.asVoid)

export const succeed = (name: string, input: unknown = {}) => ToolCall.run({ name, input }, () => Effect.succeed(name))
