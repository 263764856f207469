import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime, Guardrail, Middleware, Subscriber } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { labels, opened, succeed } from "./harness.ts"

type Policies = Layer.Layer<never, Middleware.DuplicateEntry, AgentRuntime.AgentRuntime>

const block = Guardrail.make({ name: "block", check: () => Guardrail.reject("no") })
const allow = Guardrail.make({ name: "allow", check: () => Guardrail.allow })

// @effect-diagnostics-next-line deterministicKeys:off
class Answer extends Context.Service<Answer, Guardrail.Decision>()("test/Answer") {}
const asked = Guardrail.make({ name: "asked", check: () => Effect.map(Answer, (answer) => answer) })

const Block = Middleware.layer(block)
const Allow = Middleware.layer(allow)
const Refusing = Layer.succeed(Answer, Guardrail.reject("no"))

/** One policy value each, made once: what a program holds in a constant. */
const compositions: ReadonlyArray<readonly [how: string, policies: Policies]> = [
  ["as it is", Block],
  ["merge", Layer.merge(Block, Allow)],
  ["mergeAll", Layer.mergeAll(Allow, Block)],
  ["provide", Layer.provide(Middleware.layer(asked), Refusing)],
  ["provideMerge", Layer.provideMerge(Allow, Block)],
  ["provideMerge the other way", Layer.provideMerge(Block, Allow)],
  ["suspend", Layer.suspend(() => Layer.merge(Allow, Block))],
  ["unwrap", Layer.unwrap(Effect.sync(() => Layer.merge(Allow, Block)))],
  ["fresh", Layer.fresh(Layer.merge(Allow, Block))],
  ["flatMap", Layer.flatMap(Allow, () => Block)],
  [
    "all of them inside of each other",
    Layer.suspend(() =>
      Layer.provideMerge(
        Layer.unwrap(
          Effect.succeed(Layer.fresh(Layer.mergeAll(Allow, Layer.provide(Middleware.layer(asked), Refusing))))
        ),
        Layer.flatMap(Block, () => Layer.empty)
      )
    )
  ]
]

const runtimes: ReadonlyArray<
  readonly [
    what: string,
    of: (policies: Policies) => Layer.Layer<AgentRuntime.AgentRuntime, Middleware.DuplicateEntry>
  ]
> = [
  ["layerWith", (policies) => AgentRuntime.layerWith({ policies })],
  ["a test runtime", (policies) => TestRuntime.layer({ policies })]
]

const verdict = Effect.match(succeed("tool"), {
  onFailure: (error) => error.reason._tag,
  onSuccess: () => "ran"
})

describe("one policy value", () => {
  for (const [what, of] of runtimes) {
    for (const [how, policies] of compositions) {
      it.effect(`guards two runtimes side by side (${what}, ${how})`, () =>
        Effect.gen(function*() {
          const one = yield* opened(of(policies))
          const two = yield* opened(of(policies))
          assert.strictEqual(yield* Effect.provideContext(verdict, one.context), "GuardrailRejected")
          assert.strictEqual(yield* Effect.provideContext(verdict, two.context), "GuardrailRejected")
          yield* one.close
          assert.strictEqual(yield* Effect.provideContext(verdict, two.context), "GuardrailRejected")
        }))

      it.effect(`guards a runtime and another one inside of it (${what}, ${how})`, () =>
        Effect.gen(function*() {
          assert.strictEqual(yield* verdict, "GuardrailRejected")
          assert.strictEqual(yield* Effect.provide(verdict, of(policies)), "GuardrailRejected")
          assert.strictEqual(yield* verdict, "GuardrailRejected")
        }).pipe(Effect.provide(of(policies))))

      it.effect(`guards two runtimes of one program's layers (${what}, ${how})`, () => {
        const seen: Array<string> = []
        const user = Layer.effectDiscard(Effect.map(verdict, (text) => seen.push(text)))
        const both = Layer.mergeAll(Layer.provide(user, of(policies)), Layer.provide(user, of(policies)))
        return Effect.map(
          opened(both),
          () => assert.deepStrictEqual([...new Set(seen)], ["GuardrailRejected"])
        )
      })
    }
  }

  it.effect("observes two runtimes, each with a subscriber of its own", () => {
    const built: Array<ReadonlyArray<unknown>> = []
    const policies = Layer.unwrap(Effect.sync(() => {
      const events: Array<Parameters<typeof labels>[0][number]> = []
      built.push(events)
      return Subscriber.layer({
        name: "own",
        handle: (event) => {
          events.push(event)
        }
      })
    }))
    return Effect.gen(function*() {
      yield* succeed("outer")
      yield* Effect.andThen(succeed("inner"), AgentRuntime.flush).pipe(
        Effect.provide(AgentRuntime.layerWith({ policies }))
      )
      yield* AgentRuntime.flush
      assert.deepStrictEqual(
        built.map((events) => labels(events as Parameters<typeof labels>[0])),
        [["outer:start", "outer:end"], ["inner:start", "inner:end"]]
      )
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies })))
  })

  it.effect("is built once within one runtime, however often it is mentioned there", () => {
    const policies = Layer.mergeAll(Block, Layer.merge(Block, Allow), Layer.provideMerge(Allow, Block))
    return Effect.gen(function*() {
      const registrations = yield* Middleware.registrations
      assert.deepStrictEqual(
        registrations.map(({ name, references }) => [name, references]),
        [["allow", 1], ["block", 1]]
      )
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies })))
  })

  it.effect("takes services from around the runtime", () => {
    const Runtime = AgentRuntime.layerWith({ policies: Middleware.layer(asked) })
    return Effect.gen(function*() {
      assert.strictEqual(yield* Effect.provide(verdict, Layer.provide(Runtime, Refusing)), "GuardrailRejected")
      assert.strictEqual(
        yield* Effect.provide(verdict, Layer.provide(Runtime, Layer.succeed(Answer, Guardrail.allow))),
        "ran"
      )
    })
  })
})
