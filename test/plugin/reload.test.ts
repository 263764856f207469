import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import * as delivery from "../../src/exporter/internal/delivery.ts"
import {
  type AgentRuntime,
  ExecutionScope,
  Guardrail,
  Intercept,
  type LifecycleEvent,
  Mark,
  MetadataInjector,
  Middleware,
  Subscriber,
  ToolCall
} from "../../src/index.ts"
import * as Plugin from "../../src/plugin/Plugin.ts"
import * as PluginHost from "../../src/plugin/PluginHost.ts"

interface Seen {
  readonly document: number
  readonly event: LifecycleEvent.LifecycleEvent
}

/** Two components whose entries say which document they are of, and an exporter that keeps what it gets. */
const world = () => {
  const exported: Array<Seen> = []
  const released: Array<number> = []
  const torn: Array<string> = []
  const config = Schema.Struct({ document: Schema.Int })
  const left = Plugin.make({
    kind: "left",
    version: "1",
    config,
    layer: ({ document }) =>
      Middleware.layer(
        Intercept.request({
          name: "stamp",
          transform: (call) => call.kind === "tool" ? { ...call, input: { stamp: document } } : call
        }),
        MetadataInjector.make({ name: "document", inject: () => ({ document }) })
      )
  })
  const right = Plugin.make({
    kind: "right",
    version: "1",
    config,
    layer: ({ document }) =>
      Middleware.layer(
        Guardrail.make({
          name: "same",
          check: (call) => {
            const stamp = call.kind === "tool" ? (call.input as { readonly stamp?: unknown }).stamp : undefined
            if (stamp !== document) torn.push(`stamped by ${String(stamp)}, judged by ${document}`)
            return Guardrail.allow
          }
        }),
        Intercept.execution({
          name: "around",
          around: (call, next) =>
            Effect.tap(Effect.andThen(Effect.yieldNow, next()), () =>
              Effect.sync(() => {
                const stamp = call.kind === "tool" ? (call.input as { readonly stamp?: unknown }).stamp : undefined
                if (stamp !== document) torn.push(`stamped by ${String(stamp)}, wrapped by ${document}`)
              }))
        })
      )
  })
  const exporter = Plugin.make({
    kind: "exporter",
    version: "1",
    config,
    layer: ({ document }) =>
      Layer.effectDiscard(Effect.gen(function*() {
        yield* Effect.addFinalizer(() => Effect.sync(() => released.push(document)))
        yield* delivery.start({ name: "kept", scheduledDelay: 0 }, {
          export: (events) => Effect.sync(() => exported.push(...events.map((event) => ({ document, event }))))
        })
      }))
  })
  return { exported, released, torn, plugins: [left, right, exporter] }
}

const documentOf = (document: number) => ({
  version: 1,
  components: ["left", "right", "exporter"].map((kind) => ({ kind, config: { document } }))
})

/** Everything that happened, from a subscriber that no document knows of. */
const witness = (events: Array<LifecycleEvent.LifecycleEvent>) =>
  Layer.orDie(Subscriber.layer({
    name: "witness",
    lateEnds: true,
    handle: (event) => {
      events.push(event)
    }
  }))

const pause = (turns: number) => Effect.repeat(Effect.yieldNow, { times: turns })

const agent = (calls: ReadonlyArray<number>) =>
  ExecutionScope.run({ name: "agent", category: "agent" })(
    Effect.forEach(calls, (turns, n) =>
      Effect.gen(function*() {
        yield* Mark.emit(`mark ${n}`)
        yield* ToolCall.run({ name: `tool ${n}`, input: {} }, () => pause(turns))
        yield* pause(turns)
      }), { concurrency: 2 })
  )

const load = fc.record({
  agents: fc.array(
    fc.record({ after: fc.nat(20), calls: fc.array(fc.nat(6), { maxLength: 6 }) }),
    { minLength: 1, maxLength: 6 }
  ),
  reloads: fc.array(fc.nat(15), { minLength: 1, maxLength: 4 })
})

/** Runs work in a runtime of its own while documents are reloaded, and says what everybody saw. */
const under = Effect.fnUntraced(function*<E>(
  work: (
    host: PluginHost.PluginHost["Service"],
    released: ReadonlyArray<number>
  ) => Effect.Effect<unknown, E, AgentRuntime.AgentRuntime>,
  drain?: number
) {
  const { exported, plugins, released, torn } = world()
  const all: Array<LifecycleEvent.LifecycleEvent> = []
  yield* Effect.flatMap(PluginHost.PluginHost, (host) => work(host, released)).pipe(
    Effect.provide(
      PluginHost.layerRuntime(PluginHost.layer({ plugins, document: documentOf(0), drain }), {
        policies: witness(all)
      }),
      { local: true }
    )
  )
  return { all, exported, released, torn }
})

const numbers = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>) => events.map(({ sequence }) => sequence)

/** Each event once, in the exporter of one document; documents one after the other, their events in order. */
const assertPartition = (all: ReadonlyArray<LifecycleEvent.LifecycleEvent>, exported: ReadonlyArray<Seen>): void => {
  assert.deepStrictEqual(
    numbers(exported.map(({ event }) => event)).toSorted((a, b) => a - b),
    numbers(all).toSorted((a, b) => a - b)
  )
  for (const [n, { document, event }] of exported.entries()) {
    const next = exported[n + 1]
    if (next === undefined) break
    assert.isAtLeast(next.document, document)
    if (next.document === document) assert.isAbove(next.event.sequence, event.sequence)
  }
}

/** Every scope was told to one exporter, from its start to its end. */
const assertWhole = (exported: ReadonlyArray<Seen>): void => {
  const documents = new Map<string, Set<number>>()
  for (const { document, event } of exported) {
    documents.set(event.rootUuid, (documents.get(event.rootUuid) ?? new Set()).add(document))
  }
  for (const [root, those] of documents) assert.strictEqual(those.size, 1, `${root} in ${Array.from(those).join()}`)
}

describe("PluginHost.reload", () => {
  it.effect(
    "under load: no call sees two documents, and every event reaches the exporter of one, in order",
    () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(load, ({ agents, reloads }) =>
            Effect.runPromise(Effect.gen(function*() {
              const { all, exported, released, torn } = yield* under((host) =>
                Effect.gen(function*() {
                  const work = yield* Effect.forkChild(
                    Effect.forEach(agents, ({ after, calls }) => Effect.andThen(pause(after), agent(calls)), {
                      concurrency: "unbounded"
                    })
                  )
                  for (const [n, turns] of reloads.entries()) {
                    yield* pause(turns)
                    yield* host.reload(documentOf(n + 1))
                  }
                  yield* Fiber.join(work)
                })
              )
              assert.deepStrictEqual(torn, [])
              assert.deepStrictEqual(released, [0, ...reloads.map((_, n) => n + 1)])
              assertPartition(all, exported)
            }))),
          { numRuns: 80 }
        )
      ),
    20_000
  )

  it.effect("tells what is at work to the exporters that saw it begin, and the rest to the new ones", () =>
    Effect.gen(function*() {
      const { all, exported } = yield* under((host) =>
        Effect.gen(function*() {
          const inside = yield* Deferred.make<void>()
          const go = yield* Deferred.make<void>()
          const old = yield* Effect.forkChild(
            ExecutionScope.run({ name: "old", category: "agent" })(
              Effect.gen(function*() {
                yield* Deferred.succeed(inside, undefined)
                yield* Deferred.await(go)
                yield* ToolCall.run({ name: "late", input: {} }, () => Effect.void)
              })
            )
          )
          yield* Deferred.await(inside)
          yield* host.reload(documentOf(1))
          yield* agent([0, 1])
          yield* Deferred.succeed(go, undefined)
          yield* Fiber.join(old)
          yield* host.settled
          yield* agent([0])
        })
      )
      assertPartition(all, exported)
      assertWhole(exported)
      const names = (document: number) =>
        exported.filter((each) => each.document === document && each.event._tag === "ScopeStart")
          .map(({ event }) => event.name)
      assert.deepStrictEqual(names(0), ["old", "late"])
      assert.deepStrictEqual(names(1), ["agent", "tool 0", "tool 1", "agent", "tool 0"])
      // What observers say of an event is that of the document under which it was born.
      const late = exported.find(({ event }) => event._tag === "ScopeStart" && event.name === "late")
      assert.deepInclude(late?.event.metadata, { document: 1 })
    }))

  it.effect("waits for what is at work no longer than it may, and loses nothing then", () =>
    Effect.gen(function*() {
      const { all, exported } = yield* under((host, released) =>
        Effect.gen(function*() {
          const go = yield* Deferred.make<void>()
          const inside = yield* Deferred.make<void>()
          const old = yield* Effect.forkChild(
            ExecutionScope.run({ name: "old", category: "agent" })(
              Effect.andThen(Deferred.succeed(inside, undefined), Deferred.await(go))
            )
          )
          yield* Deferred.await(inside)
          yield* host.reload(documentOf(1))
          yield* agent([0])
          yield* TestClock.adjust("999 millis")
          yield* pause(50)
          assert.deepStrictEqual(released, [])
          yield* TestClock.adjust("1 millis")
          yield* host.settled
          assert.deepStrictEqual(released, [0])
          yield* Deferred.succeed(go, undefined)
          yield* Fiber.join(old)
        }), 1000)
      assert.deepStrictEqual(
        exported.filter(({ document }) => document === 0).map(({ event }) => event.name),
        ["old"]
      )
      // The end of what began before is one that the new exporters were too late for.
      assert.isAtMost(all.length - exported.length, 1)
    }))

  it.effect("lets a call that is under way finish under the document that it began with", () =>
    Effect.gen(function*() {
      const { torn } = yield* under((host) =>
        Effect.gen(function*() {
          const inside = yield* Deferred.make<void>()
          const go = yield* Deferred.make<void>()
          const call = yield* Effect.forkChild(
            ToolCall.run(
              { name: "slow", input: {} },
              () => Effect.andThen(Deferred.succeed(inside, undefined), Deferred.await(go))
            )
          )
          yield* Deferred.await(inside)
          yield* host.reload(documentOf(1))
          yield* Deferred.succeed(go, undefined)
          yield* Fiber.join(call)
        })
      )
      assert.deepStrictEqual(torn, [])
    }))

  it.effect("is never without a guardrail, whoever asks in between", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      yield* under((host) =>
        Effect.gen(function*() {
          const asking = yield* Effect.forkChild(Effect.forever(Effect.gen(function*() {
            const names = (yield* Middleware.registrations).map(({ kind, name }) => `${kind} ${name}`)
            seen.push(names.toSorted().join(", "))
            yield* Effect.yieldNow
          })))
          for (let n = 1; n <= 10; n++) yield* Effect.andThen(host.reload(documentOf(n)), pause(3))
          yield* Fiber.interrupt(asking)
        })
      )
      assert.deepStrictEqual(Array.from(new Set(seen)), [
        "executionIntercept around, guardrail same, metadataInjector document, requestIntercept stamp"
      ])
    }))

  it.effect("releases everything when the program is interrupted while documents change", () =>
    Effect.gen(function*() {
      const { exported, plugins, released } = world()
      const reached = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Effect.gen(function*() {
          const host = yield* PluginHost.PluginHost
          yield* host.reload(documentOf(1))
          return yield* ExecutionScope.run({ name: "open", category: "agent" })(
            Effect.gen(function*() {
              yield* host.reload(documentOf(2))
              yield* Deferred.succeed(reached, undefined)
              return yield* Effect.never
            })
          )
        }).pipe(Effect.provide(
          PluginHost.layerRuntime(PluginHost.layer({ plugins, document: documentOf(0) }))
        ))
      )
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(released, [0, 1, 2])
      const open = exported.filter(({ event }) => event.name === "open")
      assert.deepStrictEqual(open.map(({ document, event }) => [document, event._tag]), [
        [1, "ScopeStart"],
        [1, "ScopeEnd"]
      ])
    }))
})
