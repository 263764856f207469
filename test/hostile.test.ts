import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { LifecycleEvent } from "../src/index.ts"
import {
  AgentRuntime,
  Atof,
  Console,
  ExecutionScope,
  Guardrail,
  Intercept,
  LlmCall,
  Mark,
  MetadataInjector,
  Middleware,
  Sanitizer,
  ToolCall
} from "../src/index.ts"
import { TestRuntime } from "../src/testing/index.ts"
import { logs, recorder } from "./runtime/harness.ts"

const explode = (): never => {
  throw new Error("trap")
}

const traps: ProxyHandler<object> = {
  apply: explode,
  construct: explode,
  defineProperty: explode,
  deleteProperty: explode,
  get: explode,
  getOwnPropertyDescriptor: explode,
  getPrototypeOf: explode,
  has: explode,
  isExtensible: explode,
  ownKeys: explode,
  preventExtensions: explode,
  set: explode,
  setPrototypeOf: explode
}

const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const getter = (key: string | symbol, target: object = {}): object =>
  Object.defineProperty(target, key, { enumerable: true, configurable: true, get: explode })

const nested = (depth: number): unknown => {
  let value: unknown = "bottom"
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? { value } : [value]
  return value
}

class Instance {
  readonly #hidden = "hidden"
  readonly shown = "shown"
  get hidden(): string {
    return this.#hidden
  }
}

const hostile: ReadonlyArray<readonly [what: string, make: () => unknown]> = [
  ["undefined", () => undefined],
  ["a circular object", () => {
    const value: Record<string, unknown> = { a: 1 }
    value["self"] = value
    value["list"] = [value]
    return value
  }],
  ["a circular array", () => {
    const value: Array<unknown> = []
    value.push(value, { value })
    return value
  }],
  ["a bigint", () => 2n ** 100n],
  ["a bigint inside", () => ({ n: [1n] })],
  ["a function", () => () => "called"],
  ["a function that throws when it is read", () => new Proxy(() => undefined, traps)],
  ["a symbol", () => Symbol("secret")],
  ["symbols as keys and values", () => ({ [Symbol("key")]: 1, value: Symbol.iterator })],
  ["an instance with private fields", () => new Instance()],
  ["a map, a set and a date", () => ({ map: new Map([[{}, new Set([1])]]), date: new Date(Number.NaN) })],
  ["a getter that throws", () => getter("bad", { good: 1 })],
  ["a getter that throws, deep inside", () => ({ list: [{ deep: getter("bad") }] })],
  ["a getter that throws under a symbol", () => getter(Symbol("bad"))],
  ["a getter that throws in a prototype", () => Object.create(getter("bad"))],
  ["a toJSON that throws", () => ({ toJSON: explode })],
  ["a toString that throws", () => ({ toString: explode, [Symbol.toPrimitive]: explode })],
  ["a message that throws", () => getter("message", { _tag: "Bad" })],
  ["a tag that throws", () => getter("_tag", { message: "bad" })],
  ["a constructor that is none", () => ({ constructor: { name: { odd: 1 } } })],
  ["a tag and a name that are no text", () => ({ _tag: 1, name: {}, message: { odd: 1 } })],
  ["an object without a prototype", () => Object.create(null)],
  ["an error of an error", () => {
    const error = new Error("circular")
    error.cause = error
    return error
  }],
  ["an error whose message throws", () => getter("message", new Error("x"))],
  ["an error whose stack throws", () => getter("stack", new Error("x"))],
  ["a proxy whose traps throw", () => new Proxy({}, traps)],
  ["a proxy of an array whose traps throw", () => new Proxy([], traps)],
  ["a proxy whose traps throw, inside", () => ({ a: new Proxy({}, traps), b: [new Proxy([], traps)] })],
  ["a revoked proxy", () => revoked({})],
  ["a revoked proxy of an array", () => revoked([])],
  ["revoked proxies, inside", () => ({ a: revoked({}), b: revoked([]), c: [revoked([])] })],
  ["lone surrogates and control characters", () => "\ud800 \u0000 \u001b[2J \u202e \udc00"],
  [
    "keys of Object.prototype",
    () => JSON.parse(`{ "__proto__": { "polluted": true }, "constructor": 1, "toString": 2 }`)
  ],
  ["a thenable", () => Object.fromEntries(["then"].map((key) => [key, explode]))],
  ["an effect", () => Effect.die("must not run")]
]

/** Each of them costs every consumer some time, so they do not go everywhere. */
const heavy: typeof hostile = [
  [
    "an array of a lying length",
    () => new Proxy([1], { get: (t, k, r) => k === "length" ? 2 ** 40 : Reflect.get(t, k, r) })
  ],
  ["a sparse array", () => {
    const list: Array<number> = []
    list[100_000] = 1
    return list
  }],
  ["a very long text", () => "x".repeat(3_000_000)],
  ["ten thousand levels", () => nested(10_000)],
  ["a very wide object", () => Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, i]))]
]

/** Every consumer that ships must take every event. */
const consume = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>) => {
  const renderers = [
    Console.renderer(),
    Console.renderer({ color: true, data: true, width: 40 })
  ]
  for (const event of events) {
    const line = Atof.encodeLine(event)
    assert.strictEqual(typeof JSON.parse(line), "object")
    assert.notInclude(line, "\n")
    assert.strictEqual(Atof.decodeLine(line)._tag, "Success")
    for (const { render } of renderers) {
      for (const text of render(event)) {
        for (const character of "\n\r\u0000\u202e") assert.isFalse(text.includes(character))
      }
    }
  }
  assert.isUndefined(({} as { polluted?: unknown }).polluted)
}

/** Entries that hand on what they get, as they get it. */
const identities = () =>
  Middleware.layer(
    Guardrail.make({ name: "g", check: () => Guardrail.allow }),
    // Not on streams: they are judged only as far as their fold may reach, and some of these are larger.
    Guardrail.output({ name: "o", applies: "tool", check: () => Guardrail.allow }),
    Intercept.request({ name: "r", transform: (call) => ({ ...call }) }),
    Intercept.execution({ name: "x", around: (_, next) => next() }),
    Sanitizer.request({ name: "s", sanitize: (payload) => payload }),
    Sanitizer.response({ name: "s", sanitize: (payload) => Effect.succeed(payload) }),
    Sanitizer.error({ name: "s", sanitize: (error) => error }),
    Sanitizer.mark({ name: "s", sanitize: (fields) => fields }),
    Sanitizer.scopeStart({ name: "s", sanitize: ({ data }) => ({ data }) }),
    Sanitizer.scopeEnd({ name: "s", sanitize: ({ data }) => data }),
    MetadataInjector.make({ name: "i", inject: () => ({ a: 1 }) })
  )

const runs: ReadonlyArray<readonly [where: string, audit: boolean, policies: () => ReturnType<typeof identities>]> = [
  ["alone", false, () => Layer.empty],
  ["under middleware that hands everything on", true, identities]
]

describe("a hostile value", () => {
  for (const [where, audit, policies] of runs) {
    const observed = <A, E>(
      effect: Effect.Effect<A, E, AgentRuntime.AgentRuntime>,
      check: (exit: Exit.Exit<A, E>, events: ReadonlyArray<LifecycleEvent.LifecycleEvent>) => void
    ) => {
      const all = recorder()
      return Effect.gen(function*() {
        const exit = yield* Effect.exit(effect)
        yield* AgentRuntime.flush
        check(exit, all.events)
        consume(all.events)
        // Nothing has died of it.
        const before = all.events.length
        yield* Mark.emit("still there")
        yield* AgentRuntime.flush
        assert.strictEqual(all.events.length, before + 1)
      }).pipe(Effect.provide(
        AgentRuntime.layerWith({ audit, capture: { cause: true }, policies: Layer.merge(all.layer, policies()) }).pipe(
          Layer.provide(logs().layer)
        )
      ))
    }

    for (const [what, make] of audit ? hostile : [...hostile, ...heavy]) {
      it.effect(`is a tool's input and result: ${what}, ${where}`, () => {
        const value = make()
        const seen: Array<unknown> = []
        return observed(
          ToolCall.run({ name: "tool", input: value }, (input) => {
            seen.push(input)
            return Effect.succeed({ value })
          }),
          (exit, events) => {
            assert.isTrue(Exit.isSuccess(exit) && exit.value.value === value)
            assert.strictEqual(seen.length, 1)
            assert.strictEqual(events.length, 2)
          }
        )
      })
    }

    for (const [what, make] of hostile) {
      it.effect(`is a tool's whole result: ${what}, ${where}`, () => {
        const value = make()
        return observed(
          ToolCall.run({ name: "tool", input: 1 }, () => Effect.succeed([value] as const).pipe(Effect.map(([v]) => v))),
          (exit) => assert.isTrue(Exit.isSuccess(exit) && exit.value === value)
        )
      })

      it.effect(`is metadata, of a mark, a scope and a call: ${what}, ${where}`, () => {
        const metadata = make() as Record<string, unknown>
        return observed(
          Mark.emit("mark", { metadata }).pipe(
            Effect.andThen(ToolCall.run({ name: "tool", input: 1, metadata }, () => Effect.succeed(1))),
            ExecutionScope.run({ name: "scope", category: "agent", metadata })
          ),
          (exit, events) => {
            assert.isTrue(Exit.isSuccess(exit))
            assert.strictEqual(events.length, 5)
          }
        )
      })

      it.effect(`is the data of a mark and of a scope: ${what}, ${where}`, () => {
        const value = make()
        return observed(
          Mark.emit("mark", { data: value, metadata: { value } }).pipe(
            Effect.andThen(ExecutionScope.setOutput(value)),
            ExecutionScope.run({ name: "scope", category: "agent", input: value })
          ),
          (exit, events) => {
            assert.isTrue(Exit.isSuccess(exit))
            assert.strictEqual(events.length, 3)
          }
        )
      })

      it.effect(`is an error and a defect: ${what}, ${where}`, () => {
        const value = make()
        return Effect.forEach([Effect.fail(value), Effect.die(value)], (fails) =>
          observed(
            ToolCall.run({ name: "tool", input: 1 }, () => fails).pipe(
              ExecutionScope.run({ name: "scope", category: "agent" })
            ),
            (exit, events) => {
              assert.isTrue(Exit.isFailure(exit))
              if (Exit.isFailure(exit)) {
                const [reason] = exit.cause.reasons
                const error = reason !== undefined && Cause.isFailReason(reason)
                  ? reason.error
                  : reason !== undefined && Cause.isDieReason(reason)
                  ? reason.defect
                  : "neither"
                assert.isTrue(Object.is(error, value))
              }
              for (const event of events) {
                if (event._tag !== "ScopeEnd") continue
                assert.strictEqual(event.outcome._tag, "Failure")
                if (event.outcome._tag !== "Failure" || event.outcome.error === undefined) throw new Error("no error")
                assert.strictEqual(typeof event.outcome.error.tag, "string")
                assert.strictEqual(typeof event.outcome.error.message, "string")
                assert.isAtMost(event.outcome.error.tag.length, 2000)
                assert.isAtMost(event.outcome.error.message.length, 1100)
              }
            }
          ))
      })

      it.effect(`is a model's body and answer, buffered and streamed: ${what}, ${where}`, () => {
        const value = make()
        const body = value as LifecycleEvent.Json
        return observed(
          Effect.all([
            LlmCall.run({ name: "llm", request: { headers: {}, body } }, () => Effect.succeed({ value })),
            LlmCall.run({ name: "llm", request: { headers: {}, body: { inside: body } } }, () => Effect.succeed(1)),
            Stream.runCollect(
              LlmCall.stream({ name: "llm", request: { headers: {}, body } }, () => Stream.make({ value }))
            )
          ]),
          (exit, events) => {
            assert.isTrue(Exit.isSuccess(exit))
            assert.strictEqual(events.length, 6)
          }
        )
      })
    }

    const names: ReadonlyArray<string> = [
      "",
      "__proto__",
      "constructor",
      "x".repeat(100_000),
      "\u001b[2J\u0000\n\r\u202e\u2028",
      "\ud800",
      "heddle.gap",
      "attempt"
    ]
    for (const name of names) {
      it.effect(`is the name of a scope, a call and a mark: ${JSON.stringify(name.slice(0, 20))}, ${where}`, () =>
        observed(
          Mark.emit(name).pipe(
            Effect.andThen(ToolCall.run({ name, input: 1, toolCallId: name }, () => Effect.succeed(1))),
            Effect.andThen(
              LlmCall.run(
                { name, model: name, request: { headers: { [name]: name }, body: {} } },
                () => Effect.succeed(1)
              )
            ),
            ExecutionScope.run({ name, category: name, subtype: name, attributes: [name] })
          ),
          (exit, events) => {
            assert.isTrue(Exit.isSuccess(exit))
            assert.deepStrictEqual(new Set(events.map((event) => event.name)), new Set([name]))
          }
        ))
    }
  }

  for (const [what, make] of [...hostile, ...heavy]) {
    it.effect(`does not hurt the test runtime: ${what}`, () => {
      const value = make()
      return Effect.gen(function*() {
        const exit = yield* Effect.exit(
          ToolCall.run(
            { name: "tool", input: { value }, metadata: { value } },
            () => Effect.andThen(Mark.emit("mark", { data: value }), Effect.fail(value))
          )
        )
        assert.isTrue(Exit.isFailure(exit))
        const events = yield* TestRuntime.events
        assert.strictEqual(events.length, 3)
        yield* TestRuntime.assertWellFormed()
        consume(events)
      }).pipe(Effect.provide(TestRuntime.layer()))
    })
  }

  for (const [what, make] of hostile) {
    it.effect(`fails closed where a sanitizer makes one: ${what}`, () => {
      const value = make()
      const all = recorder()
      return Effect.gen(function*() {
        yield* Effect.flip(
          ToolCall.run({ name: "tool", input: 1 }, () => Effect.andThen(Mark.emit("mark"), Effect.fail("no")))
        )
        yield* ToolCall.run({ name: "tool", input: 1 }, () => Effect.succeed(1))
        yield* AgentRuntime.flush
        assert.strictEqual(all.events.length, 5)
        consume(all.events)
      }).pipe(Effect.provide(
        AgentRuntime.layerWith({
          policies: Layer.merge(
            all.layer,
            Middleware.layer(
              Sanitizer.request({ name: "s", sanitize: () => value }),
              Sanitizer.response({ name: "s", sanitize: () => value }),
              Sanitizer.error({ name: "s", sanitize: () => value as string }),
              Sanitizer.mark({ name: "s", sanitize: () => value }),
              Sanitizer.scopeStart({ name: "s", sanitize: () => ({ profile: value, metadata: value }) }),
              Sanitizer.scopeEnd({ name: "s", sanitize: () => ({ profile: value, metadata: value }) }),
              MetadataInjector.make({ name: "i", inject: () => value as {} })
            )
          )
        }).pipe(Layer.provide(logs().layer))
      ))
    })
  }
})
