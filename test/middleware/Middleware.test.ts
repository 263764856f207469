import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Guardrail, Intercept, LlmCall, MetadataInjector, Middleware, Sanitizer, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const guardrail = (name: string, priority?: number, log: Array<string> = []) =>
  Guardrail.make({
    name,
    priority,
    check: () => {
      log.push(name)
      return Guardrail.allow
    }
  })

const call = ToolCall.run({ name: "call", input: {} }, () => Effect.succeed("done"))

const names = Effect.map(Middleware.registrations, (entries) => entries.map(({ name }) => name))

describe("Middleware.registrations", () => {
  it.effect("lists what is in place, in order, with level, priority and references", () => {
    const shared = guardrail("shared", 1)
    return Effect.gen(function*() {
      const seen = yield* Middleware.registrations.pipe(
        Middleware.provide(guardrail("inner", -1), guardrail("shared", 1)),
        Middleware.provide(guardrail("outer")),
        Effect.provide(Middleware.layer(shared))
      )
      assert.deepStrictEqual(seen, [
        { kind: "guardrail", name: "inner", priority: -1, level: 2, references: 1 },
        { kind: "guardrail", name: "outer", priority: 0, level: 1, references: 1 },
        { kind: "guardrail", name: "shared", priority: 1, level: 0, references: 2 },
        { kind: "guardrail", name: "shared", priority: 1, level: 2, references: 1 }
      ])
    }).pipe(Effect.provide(TestRuntime.layer({ policies: Middleware.layer(shared) })))
  })

  it.effect("has entries of all kinds", () =>
    Effect.gen(function*() {
      const kinds = (yield* Middleware.registrations).map(({ kind }) => kind)
      assert.deepStrictEqual(kinds.toSorted(), [
        "errorSanitizer",
        "executionIntercept",
        "guardrail",
        "markSanitizer",
        "metadataInjector",
        "outputGuardrail",
        "requestIntercept",
        "requestSanitizer",
        "responseSanitizer",
        "scopeEndSanitizer",
        "scopeStartSanitizer",
        "streamIntercept"
      ])
    }).pipe(Effect.provide(TestRuntime.layer({
      policies: Middleware.layer(
        guardrail("same"),
        Guardrail.output({ name: "same", check: () => Guardrail.allow }),
        Intercept.request({ name: "same", transform: (call) => call }),
        Intercept.execution({ name: "same", around: (_call, next) => next() }),
        Intercept.stream({ name: "same", around: (_call, next) => next() }),
        Sanitizer.request({ name: "same", sanitize: (payload) => payload }),
        Sanitizer.response({ name: "same", sanitize: (payload) => payload }),
        Sanitizer.error({ name: "same", sanitize: (payload) => payload }),
        Sanitizer.mark({ name: "same", sanitize: (payload) => payload }),
        Sanitizer.scopeStart({ name: "same", sanitize: (payload) => payload }),
        Sanitizer.scopeEnd({ name: "same", sanitize: (payload) => payload }),
        MetadataInjector.make({ name: "same", inject: () => ({}) })
      )
    }))))
})

describe("Middleware.layer", () => {
  it.effect("installs for as long as it lives", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* names, [])
      assert.deepStrictEqual(yield* Effect.provide(names, Middleware.layer(guardrail("a"))), ["a"])
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("runs an entry that is installed twice once, until the last of the two is gone", () => {
    const log: Array<string> = []
    const entry = guardrail("a", 0, log)
    return Effect.gen(function*() {
      const first = yield* Scope.make()
      const second = yield* Scope.make()
      yield* Layer.buildWithScope(Middleware.layer(entry), first)
      yield* Layer.buildWithScope(Middleware.layer(entry), second)
      yield* call
      assert.deepStrictEqual(log.splice(0), ["a"])
      yield* Scope.close(first, Exit.void)
      yield* call
      assert.deepStrictEqual(log.splice(0), ["a"])
      yield* Scope.close(second, Exit.void)
      yield* call
      assert.deepStrictEqual(log, [])
    }).pipe(Effect.provide(TestRuntime.layer()))
  })

  it.effect("runs an entry with the services of its oldest installation that is still alive", () => {
    class Name extends Context.Service<Name, string>()("heddle/test/middleware/Middleware.test/Name") {}
    const log: Array<string> = []
    const entry = Guardrail.make({
      name: "a",
      check: () =>
        Effect.map(Name, (name) => {
          log.push(name)
          return Guardrail.allow
        })
    })
    const installedAs = (name: string) =>
      Middleware.layer(entry).pipe(Layer.provide(Layer.succeed(Name, name)), Layer.fresh)
    return Effect.gen(function*() {
      const first = yield* Scope.make()
      const second = yield* Scope.make()
      yield* Layer.buildWithScope(installedAs("first"), first)
      yield* Layer.buildWithScope(installedAs("second"), second)
      yield* call
      yield* Scope.close(first, Exit.void)
      yield* call
      assert.deepStrictEqual(log, ["first", "second"])
      yield* Scope.close(second, Exit.void)
    }).pipe(Effect.provide(TestRuntime.layer()))
  })

  it.effect("refuses another entry of the same kind and name, and then installs nothing", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.provide(names, Middleware.layer(guardrail("b"), guardrail("a")), { local: true })
      )
      assert.strictEqual(error._tag, "DuplicateEntry")
      assert.deepInclude(error, { kind: "guardrail", name: "a" })
      const within = yield* Effect.flip(Effect.provide(names, Middleware.layer(guardrail("c"), guardrail("c"))))
      assert.deepInclude(within, { _tag: "DuplicateEntry", name: "c" })
      assert.deepStrictEqual(yield* names, ["a"])
    }).pipe(Effect.provide(TestRuntime.layer({ policies: Middleware.layer(guardrail("a")) }))))

  it.effect("governs the whole runtime, also where it was not provided", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const outside = call
      yield* Effect.provide(outside, Middleware.layer(guardrail("a", 0, log)))
      yield* outside
      assert.deepStrictEqual(log, ["a"])
    }).pipe(Effect.provide(TestRuntime.layer()))
  })
})

describe("Middleware.provide", () => {
  it.effect("may be used twice with the same entry value: both run", () => {
    const log: Array<string> = []
    const entry = guardrail("a", 0, log)
    return Effect.gen(function*() {
      yield* call.pipe(Middleware.provide(entry), Middleware.provide(entry, entry))
      assert.deepStrictEqual(log, ["a", "a", "a"])
    }).pipe(Effect.provide(TestRuntime.layer()))
  })

  it.effect("holds for a stream while that is read, and not for who reads it", () => {
    const log: Array<string> = []
    const nested = Stream.fromEffect(call)
    return Effect.gen(function*() {
      yield* Stream.concat(nested, nested).pipe(
        Middleware.provide(guardrail("a", 0, log)),
        Stream.runForEach(() => call)
      )
      assert.deepStrictEqual(log, ["a", "a"])
    }).pipe(Effect.provide(TestRuntime.layer()))
  })

  it.effect("ends with its effect, however that ends", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      yield* Effect.exit(Effect.fail("oops").pipe(Middleware.provide(guardrail("a", 0, log))))
      yield* Effect.exit(Effect.die("oops").pipe(Middleware.provide(guardrail("a", 0, log))))
      yield* call
      assert.deepStrictEqual(log, [])
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(TestRuntime.layer()))
  })
})

describe("Middleware.explain", () => {
  /** Entries of all kinds around calls, of which only some apply, each of which says that it ran. */
  const everything = (log: Array<string>) => {
    const ran = (kind: string, name: string) => {
      log.push(`${kind} ${name}`)
    }
    const applies: ReadonlyArray<readonly [string, Middleware.Applies<Middleware.Call> | undefined]> = [
      ["all", undefined],
      ["tools", "tool"],
      ["models", { kind: "llm" }],
      ["named", { name: "call" }],
      ["others", { name: /^other/ }],
      ["when", { when: (call) => call.name === "call" }],
      ["never", () => false]
    ]
    return applies.flatMap(([name, applies], index) => {
      const common = { name, applies, priority: -index }
      return [
        Intercept.request({
          ...common,
          transform: (call) => {
            ran("requestIntercept", name)
            return call
          }
        }),
        Guardrail.make({
          ...common,
          check: () => {
            ran("guardrail", name)
            return Guardrail.allow
          }
        }),
        Intercept.execution({
          ...common,
          around: (_call, next) => {
            ran("executionIntercept", name)
            return next()
          },
          stream: index % 2 === 0 ? undefined : (_call, next) => {
            ran("executionIntercept", name)
            return next()
          }
        }),
        Intercept.stream({
          ...common,
          around: (_call, next) => {
            ran("streamIntercept", name)
            return next()
          }
        }),
        Guardrail.output({
          ...common,
          hold: "full",
          check: () => {
            ran("outputGuardrail", name)
            return Guardrail.allow
          }
        })
      ]
    })
  }

  const request = { headers: {}, body: {} }
  const questions: ReadonlyArray<
    readonly [string, Parameters<typeof Middleware.explain>[0], typeof call | Effect.Effect<unknown, unknown, never>]
  > = [
    ["a tool call", { kind: "tool", name: "call", input: {} }, call],
    [
      "a buffered model call",
      { kind: "llm", name: "call", request },
      untyped(LlmCall.run({ name: "call", request }, () => Effect.succeed("x")))
    ],
    [
      "a streamed model call",
      { kind: "llm", name: "call", request, streaming: true },
      untyped(Stream.runDrain(LlmCall.stream({ name: "call", request }, () => Stream.make("x"))))
    ],
    [
      "a call of another name",
      { kind: "tool", name: "other", input: {} },
      untyped(ToolCall.run({ name: "other", input: {} }, () => Effect.void))
    ]
  ]

  it.effect.each(questions)("says what runs around %s, in order", ([, question, run]) => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const all = Effect.gen(function*() {
        const { runs, skips } = yield* Middleware.explain(question)
        yield* run
        return { runs, skips }
      })
      const { runs, skips } = yield* all.pipe(
        Middleware.provide(Guardrail.make({
          name: "provided",
          check: () => {
            log.push("guardrail provided")
            return Guardrail.allow
          }
        }))
      )
      assert.deepStrictEqual(runs.map(({ kind, name }) => `${kind} ${name}`), log)
      assert.strictEqual(runs.length + skips.length, 36)
      assert.isTrue([...runs, ...skips].every(({ why }) => why.length > 0))
    }).pipe(Effect.provide(TestRuntime.layer({ policies: Middleware.layer(...everything(log)) })))
  })

  it.effect("says which intercepts a broken chain skips", () => {
    const log: Array<string> = []
    const tag = (name: string, priority: number, breakChain = false) =>
      Intercept.request({
        name,
        priority,
        breakChain,
        transform: (call) => {
          log.push(name)
          return call
        }
      })
    return Effect.gen(function*() {
      const all = Effect.andThen(call, Middleware.explain({ kind: "tool", name: "call", input: {} }))
      const { runs, skips } = yield* all.pipe(Middleware.provide(tag("p", 3)))
      assert.deepStrictEqual(runs.map(({ name }) => name), log)
      assert.deepStrictEqual(skips.map(({ name }) => name), ["c"])
      assert.include(skips[0]?.why, "\"b\"")
    }).pipe(Effect.provide(TestRuntime.layer({
      policies: Middleware.layer(tag("a", 0), tag("b", 1, true), tag("c", 2))
    })))
  })

  it.effect("says what is missing, and which predicate would fail the call", () =>
    Effect.gen(function*() {
      const { missing, runs, skips } = yield* Middleware.explain({ kind: "tool", name: "call", input: {} })
      assert.deepStrictEqual(missing, ["b"])
      assert.deepStrictEqual(runs, [])
      assert.include(skips[0]?.why, "boom")
    }).pipe(Effect.provide(TestRuntime.layer({
      require: ["a", "b"],
      policies: Middleware.layer(Guardrail.make({
        name: "a",
        applies: () => {
          throw new Error("boom")
        },
        check: () => Guardrail.allow
      }))
    }))))
})

function untyped(effect: unknown): Effect.Effect<unknown, unknown, never> {
  return effect as Effect.Effect<unknown, unknown, never>
}
