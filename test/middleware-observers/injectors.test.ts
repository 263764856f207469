import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import {
  AgentRuntime,
  ExecutionScope,
  Mark,
  MetadataInjector,
  Middleware,
  Sanitizer,
  ToolCall
} from "../../src/index.ts"
import { logs, recorder, settle, succeed } from "../runtime/harness.ts"

const injector = (name: string, answer: () => unknown, priority = 0) =>
  MetadataInjector.make({ name, priority, inject: answer as () => {} })

const setup = (...entries: ReadonlyArray<Middleware.Entry>) => {
  const all = recorder()
  const log = logs()
  const policies = Layer.merge(all.layer, Middleware.layer(...entries))
  return { all, log, runtime: AgentRuntime.layerWith({ policies }).pipe(Layer.provide(log.layer)) }
}

const metadataOf = ({ all }: ReturnType<typeof setup>) => all.events.map(({ metadata }) => metadata)

describe("a metadata injector", () => {
  it.effect("adds flat values to every event", () => {
    const values = { text: "a", number: 1.5, no: false, list: ["a", 1, true], empty: [] }
    const test = setup(injector("i", () => values))
    return Effect.gen(function*() {
      yield* Mark.emit("mark").pipe(ExecutionScope.run({ name: "scope", category: "agent" }))
      yield* AgentRuntime.flush
      assert.deepStrictEqual(metadataOf(test), [values, values, values])
    }).pipe(Effect.provide(test.runtime))
  })

  it.effect("only inserts: the event's own value stays, and the earlier injector's", () => {
    const test = setup(
      injector("late", () => ({ own: "late", a: "late", late: 1 }), 2),
      injector("early", () => ({ own: "early", a: "early" }), 1)
    )
    return Effect.gen(function*() {
      yield* Mark.emit("mark", { metadata: { own: "own" } })
      yield* Mark.emit("mark", { metadata: { own: undefined } })
      yield* AgentRuntime.flush
      assert.deepStrictEqual(metadataOf(test), [
        { own: "own", a: "early", late: 1 },
        { own: undefined, a: "early", late: 1 }
      ])
    }).pipe(Effect.provide(test.runtime))
  })

  const rejected: ReadonlyArray<readonly [what: string, answer: unknown]> = [
    ["an object", { good: 1, bad: { deep: 1 } }],
    ["nothing", { good: 1, bad: undefined }],
    ["null", { good: 1, bad: null }],
    ["a list in a list", { good: 1, bad: [["deep"]] }],
    ["a list with nothing in it", { good: 1, bad: [undefined] }],
    ["what is not a number", { good: 1, bad: Number.NaN }],
    ["an endless number", { good: 1, bad: [Number.POSITIVE_INFINITY] }],
    ["a function", { good: 1, bad: () => 1 }],
    ["a bigint", { good: 1, bad: 1n }],
    ["a symbol", { good: 1, bad: Symbol("x") }],
    [
      "a getter that throws",
      Object.defineProperty({ good: 1 }, "bad", {
        enumerable: true,
        get: () => {
          throw new Error("no")
        }
      })
    ]
  ]
  for (const [what, answer] of rejected) {
    it.effect(`is ignored as a whole when one of its values is ${what}`, () => {
      const test = setup(injector("bad", () => answer), injector("good", () => ({ other: 1 })))
      return Effect.gen(function*() {
        yield* Mark.emit("mark")
        yield* AgentRuntime.flush
        assert.deepStrictEqual(metadataOf(test), [{ other: 1 }])
        yield* settle
        assert.strictEqual(test.log.lines.length, 1)
        assert.include(test.log.texts()[0], "heddle: metadata injector failed: bad")
      }).pipe(Effect.provide(test.runtime))
    })
  }

  const failures: ReadonlyArray<readonly [how: string, answer: () => unknown]> = [
    ["throws", () => {
      throw new Error("no")
    }],
    ["fails", () => Effect.fail("no")],
    ["dies later", () => Effect.andThen(Effect.yieldNow, Effect.die("no"))],
    ["interrupts itself", () => Effect.interrupt],
    ["returns a promise", () => Promise.resolve({ bad: 1 })],
    ["returns a text", () => "bad"],
    ["returns a list", () => ["bad"]],
    ["returns a number", () => 1],
    ["returns something unreadable", () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    }]
  ]
  for (const [how, answer] of failures) {
    it.effect(`that ${how} is ignored, and the event goes on`, () => {
      const test = setup(injector("bad", answer), injector("good", () => ({ other: 1 })))
      return Effect.gen(function*() {
        assert.strictEqual(yield* succeed("tool"), "tool")
        yield* AgentRuntime.flush
        assert.deepStrictEqual(metadataOf(test), [{ other: 1 }, { other: 1 }])
        yield* settle
        assert.strictEqual(test.log.lines.length, 1)
        assert.include(test.log.texts()[0], "heddle: metadata injector failed: bad")
      }).pipe(Effect.provide(test.runtime))
    })
  }

  for (const nothing of [undefined, null, {}]) {
    it.effect(`may have nothing to add (${JSON.stringify(nothing)})`, () => {
      const test = setup(injector("nothing", () => nothing))
      return Effect.gen(function*() {
        yield* Mark.emit("mark", { metadata: { own: 1 } })
        yield* AgentRuntime.flush
        yield* settle
        assert.deepStrictEqual(metadataOf(test), [{ own: 1 }])
        assert.deepStrictEqual(test.log.lines, [])
      }).pipe(Effect.provide(test.runtime))
    })
  }

  it.effect("is given up after its time", () => {
    const test = setup(
      MetadataInjector.make({ name: "hangs", timeout: "1 second", inject: () => Effect.never }),
      injector("good", () => ({ other: 1 }))
    )
    return Effect.gen(function*() {
      yield* Mark.emit("mark")
      const flushing = yield* Effect.forkChild(AgentRuntime.flush)
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(flushing)
      assert.deepStrictEqual(metadataOf(test), [{ other: 1 }])
    }).pipe(Effect.provide(test.runtime))
  })

  it.effect("is logged once a minute at most, with the number of times in between", () => {
    const test = setup(injector("bad", () => Effect.fail("no")), injector("worse", () => Effect.fail("no")))
    const texts = () => test.log.texts().map((text) => text.replace(/ \{…\}$/, ""))
    return Effect.gen(function*() {
      yield* Effect.forEach([1, 2, 3], (n) => Mark.emit(`${n}`))
      yield* AgentRuntime.flush
      yield* settle
      const first = ["heddle: metadata injector failed: bad", "heddle: metadata injector failed: worse"]
      assert.deepStrictEqual(texts(), first)
      yield* TestClock.adjust("59 seconds")
      yield* Mark.emit("4")
      yield* AgentRuntime.flush
      yield* settle
      assert.deepStrictEqual(texts(), first)
      yield* TestClock.adjust("1 second")
      yield* Mark.emit("5")
      yield* AgentRuntime.flush
      yield* settle
      assert.deepStrictEqual(texts(), [...first, ...first.map((text) => `${text} (and 3 more like it)`)])
    }).pipe(Effect.provide(test.runtime))
  })

  it.effect("may not write what belongs to the runtime", () => {
    const test = setup(injector("i", () => ({ "heddle.cleared": "x", "otel.trace_id": "x", heddle: "x" })))
    return Effect.gen(function*() {
      yield* Mark.emit("mark", {
        metadata: { "heddle.sequence": 1, "otel.status_code": "OK", otel: 1, "user.heddle.cleared": "mine" }
      })
      yield* ToolCall.run(
        { name: "tool", input: 1, metadata: { "heddle.governed": true } },
        () => Effect.succeed(1)
      ).pipe(ExecutionScope.run({ name: "scope", category: "agent", metadata: { "otel.parent_span_id": "x" } }))
      yield* AgentRuntime.flush
      const added = { "user.heddle.cleared": "x", "user.otel.trace_id": "x", heddle: "x" }
      assert.deepStrictEqual(metadataOf(test), [
        {
          "user.heddle.sequence": 1,
          "user.otel.status_code": "OK",
          otel: 1,
          ...added,
          "user.heddle.cleared": "mine"
        },
        { "user.otel.parent_span_id": "x", ...added },
        { "user.heddle.governed": true, ...added },
        { "user.heddle.governed": true, ...added },
        { "user.otel.parent_span_id": "x", ...added }
      ])
    }).pipe(Effect.provide(test.runtime))
  })

  it.effect("sees the event as request sanitizers left it, and is seen by scope sanitizers", () => {
    const test = setup(
      Sanitizer.request({ name: "r", sanitize: () => "hidden" }),
      MetadataInjector.make({ name: "i", inject: (event) => ({ saw: String(event.data) }) }),
      Sanitizer.scopeStart({
        name: "s",
        sanitize: ({ metadata }) => ({ data: metadata?.["saw"], metadata: undefined })
      })
    )
    return Effect.gen(function*() {
      yield* succeed("tool", "secret")
      yield* AgentRuntime.flush
      assert.deepStrictEqual([test.all.events[0]!.data, test.all.events[0]!.metadata], ["hidden", undefined])
    }).pipe(Effect.provide(test.runtime))
  })

  it.effect("takes its services from where it was installed, holds for one step if provided, and keeps the order", () => {
    // @effect-diagnostics-next-line deterministicKeys:off
    class Release extends Context.Service<Release, string>()("test/Release") {}
    const all = recorder()
    const release = MetadataInjector.make({
      name: "release",
      inject: () => Effect.map(Effect.andThen(Effect.yieldNow, Release), (release) => ({ release }))
    })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      yield* Mark.emit("2").pipe(Middleware.provide(release), Effect.provideService(Release, "2026.11"))
      yield* Mark.emit("3")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(
        all.events.map(({ metadata, name }) => [name, metadata]),
        [["1", undefined], ["2", { release: "2026.11" }], ["3", undefined]]
      )
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: all.layer })))
  })

  it.effect("keeps a key that looks like a prototype as plain data", () => {
    const test = setup(injector("i", () => JSON.parse(`{ "__proto__": "x", "constructor": "y" }`)))
    return Effect.gen(function*() {
      yield* Mark.emit("mark", { metadata: JSON.parse(`{ "toString": "z" }`) })
      yield* AgentRuntime.flush
      assert.deepStrictEqual(
        Object.entries(test.all.events[0]!.metadata ?? {}).toSorted(),
        [["__proto__", "x"], ["constructor", "y"], ["toString", "z"]]
      )
    }).pipe(Effect.provide(test.runtime))
  })
})
