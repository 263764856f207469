import { assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type { LifecycleEvent } from "../../src/index.ts"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  Mark,
  MetadataInjector,
  Middleware,
  Sanitizer,
  ToolCall
} from "../../src/index.ts"
import { logs, recorder, settle } from "../runtime/harness.ts"

type Event = LifecycleEvent.LifecycleEvent

const unreadable = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const failures: ReadonlyArray<readonly [how: string, answer: () => unknown]> = [
  ["throws", () => {
    throw new Error("no")
  }],
  ["throws something unprintable", () => {
    throw { toString: null }
  }],
  ["fails", () => Effect.fail("no")],
  ["dies", () => Effect.die("no")],
  ["fails later", () => Effect.andThen(Effect.yieldNow, Effect.fail("no"))],
  ["interrupts itself", () => Effect.interrupt],
  ["returns a promise", () => Promise.resolve("visible")],
  ["returns an effect of a promise", () => Effect.map(Effect.void, (): unknown => Promise.resolve("visible"))],
  ["returns something unreadable", unreadable],
  ["returns an effect of something unreadable", () => Effect.succeed(unreadable())]
]

const kinds: ReadonlyArray<
  readonly [
    kind: string,
    make: (options: { readonly name: string; readonly sanitize: () => unknown }) => Middleware.Entry,
    target: (event: Event) => boolean,
    cleared: ReadonlyArray<string>
  ]
> = [
  [
    "request",
    ({ name, sanitize }) => Sanitizer.request({ name, sanitize }),
    (event) => event._tag === "ScopeStart" && event.name === "tool",
    ["data"]
  ],
  [
    "response",
    ({ name, sanitize }) => Sanitizer.response({ name, sanitize }),
    (event) => event._tag === "ScopeEnd" && event.name === "tool",
    ["data"]
  ],
  [
    "mark",
    ({ name, sanitize }) => Sanitizer.mark({ name, sanitize }),
    (event) => event._tag === "Mark",
    ["data", "profile", "metadata"]
  ],
  [
    "scopeStart",
    ({ name, sanitize }) => Sanitizer.scopeStart({ name, applies: "tool", sanitize }),
    (event) => event._tag === "ScopeStart" && event.name === "tool",
    ["data", "profile", "metadata"]
  ],
  [
    "scopeEnd",
    ({ name, sanitize }) => Sanitizer.scopeEnd({ name, applies: "tool", sanitize }),
    (event) => event._tag === "ScopeEnd" && event.name === "tool",
    ["data", "profile", "metadata"]
  ]
]

const program = ToolCall.run(
  { name: "tool", input: "secret", toolCallId: "secret id", metadata: { own: "secret" } },
  (input) => Effect.as(Mark.emit("mark", { data: "secret", metadata: { own: "secret" } }), input)
).pipe(
  Effect.tap((value) => ExecutionScope.setOutput(value)),
  ExecutionScope.run({ name: "scope", category: "agent" })
)

describe("a sanitizer that gives no answer", () => {
  for (const [kind, make, target, cleared] of kinds) {
    for (const [how, answer] of failures) {
      it.effect(`clears its field, says so, and touches nothing else (${kind} ${how})`, () => {
        const all = recorder()
        const log = logs()
        return Effect.gen(function*() {
          assert.strictEqual(yield* program, "secret")
          yield* AgentRuntime.flush
          assert.deepStrictEqual(all.labels(), ["scope:start", "tool:start", "mark", "tool:end", "scope:end"])
          for (const event of all.events) {
            if (target(event)) {
              assert.isUndefined(event.data)
              assert.deepStrictEqual(event.metadata?.["heddle.cleared"], cleared)
              assert.strictEqual(event.metadata?.["heddle.cleared_by"], "broken")
              if (cleared.includes("metadata")) assert.notInclude(JSON.stringify(event), "secret")
            } else {
              assert.isUndefined(event.metadata?.["heddle.cleared"])
              if (event.name === "tool" || event.name === "mark") assert.strictEqual(event.data, "secret")
            }
          }
          yield* settle
          assert.strictEqual(log.lines.length, 1)
          assert.include(log.texts()[0], `heddle: ${kind}Sanitizer failed, the field was cleared: broken`)
        }).pipe(Effect.provide(
          AgentRuntime.layerWith({
            policies: Layer.merge(all.layer, Middleware.layer(make({ name: "broken", sanitize: answer })))
          }).pipe(Layer.provide(log.layer))
        ))
      })
    }
  }

  for (const [how, answer] of failures) {
    it.effect(`clears the error and every reason in it (error ${how})`, () => {
      const all = recorder()
      return Effect.gen(function*() {
        yield* Effect.flip(ToolCall.run({ name: "fails", input: 1 }, () => Effect.fail("secret")))
        const error = yield* Effect.flip(ToolCall.run({ name: "blocked", input: 1 }, () => Effect.void))
        assert.include(error.message, "secret")
        yield* AgentRuntime.flush
        const ends = all.events.flatMap((event) => event._tag === "ScopeEnd" ? [event] : [])
        assert.deepStrictEqual(ends.map(({ outcome }) => outcome), [
          { _tag: "Failure", error: undefined, isDefect: false },
          { _tag: "Blocked", by: "block", reason: "" }
        ])
        for (const end of ends) {
          assert.deepStrictEqual(end.metadata?.["heddle.cleared"], ["error"])
          assert.notInclude(JSON.stringify(end), "secret")
        }
      }).pipe(Effect.provide(
        AgentRuntime.layerWith({
          policies: Layer.merge(
            all.layer,
            Middleware.layer(
              Guardrail.make({
                name: "block",
                applies: { name: "blocked" },
                check: () => Guardrail.reject("secret")
              }),
              Guardrail.make({ name: "a", mode: "shadow", check: () => Guardrail.reject("another secret") }),
              Sanitizer.error({ name: "broken", sanitize: answer as () => undefined })
            )
          )
        }).pipe(Layer.provide(logs().layer))
      ))
    })
  }

  for (
    const [how, applies] of [
      ["throws", () => {
        throw new Error("no")
      }],
      ["answers neither true nor false", () => "yes" as never]
    ] as const
  ) {
    it.effect(`fails closed when its predicate ${how}`, () => {
      const all = recorder()
      return Effect.gen(function*() {
        assert.strictEqual(yield* program, "secret")
        yield* AgentRuntime.flush
        const start = all.events[1]!
        assert.isUndefined(start.data)
        assert.deepStrictEqual(start.metadata?.["heddle.cleared"], ["data"])
      }).pipe(Effect.provide(
        AgentRuntime.layerWith({
          policies: Layer.merge(
            all.layer,
            Middleware.layer(Sanitizer.request({ name: "broken", applies, sanitize: () => "fine" }))
          )
        }).pipe(Layer.provide(logs().layer))
      ))
    })
  }

  for (const [timeout, millis] of [["2 seconds", 2000], [undefined, 5000]] as const) {
    it.effect(`has failed after ${millis} ms, and events behind it wait for that`, () => {
      const all = recorder()
      return Effect.gen(function*() {
        assert.strictEqual(yield* program, "secret")
        yield* settle
        assert.deepStrictEqual(all.labels(), ["scope:start"])
        yield* TestClock.adjust(millis - 1)
        yield* settle
        assert.deepStrictEqual(all.labels(), ["scope:start"])
        yield* TestClock.adjust(1)
        yield* AgentRuntime.flush
        assert.strictEqual(all.events.length, 5)
        assert.deepStrictEqual(all.events[1]!.metadata?.["heddle.cleared"], ["data"])
      }).pipe(Effect.provide(
        AgentRuntime.layerWith({
          policies: Layer.merge(
            all.layer,
            Middleware.layer(Sanitizer.request({ name: "hangs", timeout, sanitize: () => Effect.never }))
          )
        }).pipe(Layer.provide(logs().layer))
      ))
    })
  }

  it.effect("is interrupted when its time is over", () => {
    const interrupted = Latch.makeUnsafe(false)
    return Effect.gen(function*() {
      yield* Mark.emit("mark")
      const flushing = yield* Effect.forkChild(AgentRuntime.flush)
      yield* settle
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(flushing)
      yield* interrupted.await
    }).pipe(Effect.provide(
      AgentRuntime.layerWith({
        policies: Layer.merge(
          recorder().layer,
          Middleware.layer(
            Sanitizer.mark({
              name: "hangs",
              sanitize: () => Effect.onInterrupt(Effect.never, () => interrupted.open)
            })
          )
        )
      }).pipe(Layer.provide(logs().layer))
    ))
  })

  it.effect("leaves the other kinds their turn, and nobody of its own kind brings the field back", () => {
    const all = recorder()
    return Effect.gen(function*() {
      assert.strictEqual(yield* program, "secret")
      yield* AgentRuntime.flush
      const [, start, , end] = all.events
      assert.isUndefined(start!.data)
      assert.deepStrictEqual(start!.metadata, {
        own: "secret",
        "heddle.cleared": ["data"],
        "heddle.cleared_by": "1",
        injected: true,
        seen: "nothing"
      })
      assert.strictEqual(end!.data, "hidden")
    }).pipe(Effect.provide(
      AgentRuntime.layerWith({
        policies: Layer.merge(
          all.layer,
          Middleware.layer(
            Sanitizer.request({ name: "1", sanitize: () => Effect.fail("no") }),
            Sanitizer.request({ name: "2", sanitize: () => "secret again" }),
            MetadataInjector.make({ name: "injector", inject: () => ({ injected: true }) }),
            Sanitizer.scopeStart({
              name: "3",
              sanitize: ({ data, metadata }) => ({ metadata: { ...metadata, seen: data ?? "nothing" } })
            }),
            Sanitizer.response({ name: "4", sanitize: () => "hidden" })
          )
        )
      }).pipe(Layer.provide(logs().layer))
    ))
  })

  it.effect("names all that was cleared when several fail", () => {
    const all = recorder()
    return Effect.gen(function*() {
      yield* program
      yield* AgentRuntime.flush
      assert.deepStrictEqual(all.events[1]!.metadata?.["heddle.cleared"], ["data", "profile", "metadata"])
      assert.notInclude(JSON.stringify(all.events[1]), "secret")
      assert.deepStrictEqual(all.events[3]!.metadata?.["heddle.cleared"], ["data"])
    }).pipe(Effect.provide(
      AgentRuntime.layerWith({
        policies: Layer.merge(
          all.layer,
          Middleware.layer(
            Sanitizer.request({ name: "1", sanitize: () => Effect.fail("no") }),
            Sanitizer.scopeStart({ name: "2", applies: "tool", sanitize: () => Effect.fail("no") }),
            Sanitizer.response({ name: "3", sanitize: () => Effect.fail("no") })
          )
        )
      }).pipe(Layer.provide(logs().layer))
    ))
  })

  it.effect("takes the rejection of a promise that it returned instead", () => {
    const watched: Array<{ readonly mock: { readonly calls: ReadonlyArray<unknown> } }> = []
    const rejecting = () => {
      const promise = new Promise<never>(() => undefined)
      // A rejection that nobody takes would end the process.
      watched.push(vi.spyOn(promise, "then"))
      return promise as never
    }
    return Effect.gen(function*() {
      yield* program
      yield* Effect.flip(ToolCall.run({ name: "fails", input: 1 }, () => Effect.fail("secret")))
      yield* AgentRuntime.flush
      assert.isAtLeast(watched.length, 4)
      assert.strictEqual(watched.filter(({ mock }) => mock.calls.length === 0).length, 0)
    }).pipe(Effect.provide(
      AgentRuntime.layerWith({
        policies: Layer.merge(
          recorder().layer,
          Middleware.layer(
            Sanitizer.request({ name: "async", sanitize: rejecting }),
            Sanitizer.response({ name: "async", sanitize: () => Effect.sync(rejecting) }),
            Sanitizer.error({ name: "async", sanitize: rejecting }),
            Sanitizer.mark({ name: "async", sanitize: rejecting }),
            MetadataInjector.make({ name: "async", inject: rejecting })
          )
        )
      }).pipe(Layer.provide(logs().layer))
    ))
  })
})
