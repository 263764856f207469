/** What every exporter promises, whatever it writes and wherever to. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { ExportError } from "../../src/exporter/ExportError.ts"
import { AgentRuntime, ExecutionScope, ToolCall } from "../../src/index.ts"
import { logs } from "../runtime/harness.ts"
import { type Collector, collector, deadUrl, noise, ok, type Request, silence, status } from "./collector.ts"
import { counted } from "./deliverySupport.ts"

/** Options of the exporter under test; every exporter takes them. */
export interface ExporterOptions {
  /** Its name in counters and in the log. */
  readonly name: string
  readonly retry: Schedule.Schedule<unknown, ExportError>
  readonly exportTimeout?: Duration.Input | undefined
}

export type ExporterLayer = Layer.Layer<never, unknown, AgentRuntime.AgentRuntime>

/** A place that the exporter under test writes to. */
interface Target {
  readonly layer: (options: ExporterOptions) => ExporterLayer
  /** Names of the agents whose whole work has arrived, in order. */
  readonly received: Effect.Effect<ReadonlyArray<string>>
  /** From now on it takes nothing, and fails at once. */
  readonly damage: Effect.Effect<void>
  readonly mend: Effect.Effect<void>
}

export interface Driver {
  readonly name: string
  readonly target: Effect.Effect<Target, unknown, Scope.Scope>
}

/** The work that is observed: an agent with one tool call. Answers with its name. */
const agent = (name: string) =>
  ToolCall.run({ name: "look", input: { for: name } }, () => Effect.succeed(name)).pipe(
    ExecutionScope.run({ name, category: "agent", input: { goal: name } })
  )

const once = Schedule.recurs(0)
const often = Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 200 }))

const runtime = (layer: ExporterLayer, closeTimeout: Duration.Input = "10 seconds") =>
  Effect.provide(AgentRuntime.layerWith({ policies: layer, closeTimeout }))

/** Flush, failure isolation, closing and the empty run. */
export const suite = (driver: Driver) => {
  const unique = names(driver.name)
  describe(`the ${driver.name} exporter`, () => {
    it.live("has handed over what was emitted before a flush when it returns", () =>
      Effect.gen(function*() {
        const target = yield* driver.target
        yield* Effect.gen(function*() {
          yield* agent("one")
          yield* AgentRuntime.flush
          assert.deepStrictEqual(yield* target.received, ["one"])
          yield* agent("two")
          yield* agent("three")
          yield* AgentRuntime.flush
          assert.deepStrictEqual(yield* target.received, ["one", "two", "three"])
        }).pipe(runtime(target.layer({ name: unique(), retry: once })))
        assert.deepStrictEqual(yield* target.received, ["one", "two", "three"])
      }))

    it.live("has handed over the last events when its runtime is closed", () =>
      Effect.gen(function*() {
        const target = yield* driver.target
        yield* agent("one").pipe(runtime(target.layer({ name: unique(), retry: once })))
        assert.deepStrictEqual(yield* target.received, ["one"])
      }))

    it.live("writes nothing in an empty run", () =>
      Effect.gen(function*() {
        const target = yield* driver.target
        const name = unique()
        yield* AgentRuntime.flush.pipe(runtime(target.layer({ name, retry: once })))
        assert.deepStrictEqual(yield* target.received, [])
        assert.deepStrictEqual(yield* counted(name), { sent: 0, dropped: 0, failed: 0, retried: 0 })
      }))

    it.live("lets the work go on when its target fails, says so once, and resumes when it can", () =>
      Effect.gen(function*() {
        const target = yield* driver.target
        const name = unique()
        const captured = logs()
        yield* Effect.gen(function*() {
          yield* target.damage
          for (const each of ["one", "two", "three"]) {
            assert.strictEqual(yield* agent(each), each)
            yield* AgentRuntime.flush
          }
          assert.deepStrictEqual(yield* target.received, [])
          assert.isAbove((yield* counted(name)).failed, 0)
          yield* target.mend
          yield* agent("four")
          yield* AgentRuntime.flush
          assert.deepStrictEqual(yield* target.received, ["four"])
        }).pipe(runtime(target.layer({ name, retry: once })), Effect.provide(captured.layer))
        assert.strictEqual(captured.texts().filter((text) => text.includes(`export failed: ${name}`)).length, 1)
      }))
  })
}

export interface HttpDriver {
  readonly name: string
  readonly layer: (url: string, options: ExporterOptions) => ExporterLayer
  /** Names of the agents whose whole work is in this request, in order. */
  readonly agents: (request: Request) => ReadonlyArray<string>
  /** Whether it answers 413 with smaller requests. */
  readonly halves?: boolean
}

/** A driver of the general suite, for an exporter that posts to an HTTP collector. */
const overHttp = (driver: HttpDriver): Driver => ({
  name: driver.name,
  target: Effect.map(collector, (server): Target => ({
    layer: (options) => driver.layer(server.url, options),
    received: Effect.sync(() => received(driver, server)),
    damage: Effect.sync(() => {
      server.otherwise = status(400)
    }),
    mend: Effect.sync(() => {
      server.otherwise = ok
    })
  }))
})

const received = (driver: HttpDriver, server: Collector): ReadonlyArray<string> => server.taken.flatMap(driver.agents)

/** What a collector may do to an exporter. */
export const httpSuite = (driver: HttpDriver) => {
  suite(overHttp(driver))
  const unique = names(`${driver.name} http`)
  const withCollector = <A, E>(use: (server: Collector) => Effect.Effect<A, E, Scope.Scope>) =>
    Effect.flatMap(collector, use)

  describe(`the ${driver.name} exporter and a collector that`, () => {
    it.live("is not there: the work goes on, and the runtime closes", () =>
      Effect.gen(function*() {
        const url = yield* deadUrl
        const name = unique()
        const result = yield* agent("one").pipe(runtime(driver.layer(url, { name, retry: once })))
        assert.strictEqual(result, "one")
        const { failed, sent } = yield* counted(name)
        assert.strictEqual(sent, 0)
        assert.isAbove(failed, 0)
      }))

    it.live("never answers: the runtime closes under its limit", () =>
      withCollector((server) =>
        Effect.gen(function*() {
          server.otherwise = silence
          const name = unique()
          const result = yield* agent("one").pipe(
            runtime(driver.layer(server.url, { name, retry: often }), "300 millis"),
            Effect.timeout("5 seconds")
          )
          assert.strictEqual(result, "one")
          const { dropped, failed } = yield* counted(name)
          assert.isAbove(dropped + failed, 0)
        })
      ))

    it.live("does not answer in time: the batch is tried again", () =>
      withCollector((server) =>
        Effect.gen(function*() {
          server.answers.push(silence)
          yield* agent("one").pipe(
            runtime(driver.layer(server.url, { name: unique(), retry: often, exportTimeout: "1 second" }))
          )
          // An attempt that was given up may have arrived.
          assert.deepStrictEqual([...new Set(received(driver, server))], ["one"])
          assert.isAtLeast(server.requests.length, 2)
        })
      ))

    it.live("is slow: nobody waits for it but a flush", () =>
      withCollector((server) =>
        Effect.gen(function*() {
          const answer = yield* Deferred.make<void>()
          server.answers.push((response) => {
            Effect.runFork(Effect.andThen(Deferred.await(answer), Effect.sync(() => response.writeHead(200).end())))
          })
          yield* Effect.gen(function*() {
            yield* agent("first")
            const flush = yield* Effect.forkChild(AgentRuntime.flush)
            yield* server.next
            for (let n = 0; n < 100; n++) yield* agent(`${n}`)
            assert.deepStrictEqual(received(driver, server), [])
            assert.isUndefined(flush.pollUnsafe())
            yield* Deferred.succeed(answer, undefined)
            yield* AgentRuntime.flush
          }).pipe(runtime(driver.layer(server.url, { name: unique(), retry: once })))
          assert.deepStrictEqual(received(driver, server), ["first", ...Array.from({ length: 100 }, (_, n) => `${n}`)])
        })
      ))

    for (const code of driver.halves === true ? [400, 401, 404] : [400, 401, 404, 413]) {
      it.live(`refuses with ${code}: the batch is not tried again, and the next one goes on`, () =>
        withCollector((server) =>
          Effect.gen(function*() {
            server.answers.push(status(code, {}, "no"))
            const name = unique()
            yield* Effect.gen(function*() {
              yield* agent("one")
              yield* AgentRuntime.flush
              assert.strictEqual(server.requests.length, 1)
              yield* agent("two")
            }).pipe(runtime(driver.layer(server.url, { name, retry: often })))
            assert.strictEqual(server.requests.length, 2)
            assert.deepStrictEqual(received(driver, server), ["two"])
            assert.strictEqual((yield* counted(name)).retried, 0)
          })
        ))
    }

    it.live("throttles with 429: the batch comes again when it asked for it", () =>
      withCollector((server) =>
        Effect.gen(function*() {
          server.answers.push(status(429, { "retry-after": "1" }))
          yield* agent("one").pipe(runtime(driver.layer(server.url, { name: unique(), retry: often })))
          assert.deepStrictEqual(received(driver, server), ["one"])
          const [first, second] = server.requests
          assert.isAtLeast(second!.at - first!.at, 990)
        })
      ))

    it.live("is not available for a while: each batch arrives once", () =>
      withCollector((server) =>
        Effect.gen(function*() {
          server.answers.push(status(503), status(502), status(504))
          yield* Effect.gen(function*() {
            yield* agent("one")
            yield* AgentRuntime.flush
            yield* agent("two")
          }).pipe(runtime(driver.layer(server.url, { name: unique(), retry: often })))
          assert.deepStrictEqual(received(driver, server), ["one", "two"])
          assert.strictEqual(server.requests.length, 5)
        })
      ))

    it.live("answers with garbage: the work and the next batches go on", () =>
      withCollector((server) =>
        Effect.gen(function*() {
          server.answers.push(status(200, { "content-type": "application/json" }, "<html>\u0000{"), noise)
          const name = unique()
          yield* Effect.gen(function*() {
            for (const each of ["one", "two", "three"]) {
              assert.strictEqual(yield* agent(each), each)
              yield* AgentRuntime.flush
            }
          }).pipe(runtime(driver.layer(server.url, { name, retry: often })))
          assert.deepStrictEqual(received(driver, server).slice(-2), ["two", "three"])
        })
      ))

    it.live("answers with a body that does not end: the batch counts as taken, or is given up", () =>
      withCollector((server) =>
        Effect.gen(function*() {
          server.answers.push((response) => {
            response.writeHead(200)
            const more = () => {
              if (!response.destroyed) response.write("x".repeat(10_000), () => setImmediate(more))
            }
            more()
          })
          yield* Effect.gen(function*() {
            yield* agent("one")
            yield* AgentRuntime.flush
            yield* agent("two")
          }).pipe(runtime(driver.layer(server.url, { name: unique(), retry: once, exportTimeout: "2 seconds" })))
          assert.deepStrictEqual(received(driver, server), ["two"])
        })
      ))
  })
}

/** Names of exporters, so that each test has counters of its own. */
const names = (prefix: string) => {
  let count = 0
  return () => `${prefix} ${++count}`
}
