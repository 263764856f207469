import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { AgentRuntime, Guardrail, Middleware, ToolCall } from "../../src/index.ts"
import * as Plugin from "../../src/plugin/Plugin.ts"
import * as PluginHost from "../../src/plugin/PluginHost.ts"

class Refused extends Data.TaggedError("Refused")<{ readonly message: string }> {}

/** A component that says when it comes and goes, and may fail. */
const steps = (log: Array<string>) =>
  Plugin.make({
    kind: "step",
    version: "1.0.0",
    cardinality: "many",
    config: Schema.Struct({ name: Schema.String, fails: Schema.optionalKey(Schema.Boolean) }),
    layer: ({ fails, name }) =>
      Layer.effectDiscard(
        fails === true
          ? Effect.fail(new Refused({ message: `${name} cannot` }))
          : Effect.acquireRelease(
            Effect.sync(() => log.push(`+${name}`)),
            () => Effect.sync(() => log.push(`-${name}`))
          )
      )
  })

/** A guardrail that rejects everything, in words of the document. */
const wall = Plugin.make({
  kind: "wall",
  version: "1.0.0",
  cardinality: "many",
  config: Schema.Struct({ name: Schema.String, says: Schema.String }),
  layer: ({ name, says }) => Middleware.layer(Guardrail.make({ name, check: () => Guardrail.reject(says) }))
})

const step = (name: string, fails?: boolean) => ({
  kind: "step",
  config: fails === undefined ? { name } : { name, fails }
})

const documentOf = (...components: ReadonlyArray<unknown>) => ({ version: 1, components })

const hosted = <P extends Plugin.Plugin<never>>(options: {
  readonly plugins: ReadonlyArray<P>
  readonly document: unknown
  readonly drain?: number
}) => PluginHost.layer(options).pipe(Layer.provideMerge(AgentRuntime.layer))

const whoRejects = Effect.gen(function*() {
  const exit = yield* Effect.exit(ToolCall.run({ name: "search", input: {} }, () => Effect.succeed("ran")))
  if (Exit.isSuccess(exit)) return exit.value
  const failure = exit.cause.reasons[0]
  return failure?._tag === "Fail" && failure.error.reason._tag === "GuardrailRejected"
    ? failure.error.reason.reason
    : String(exit.cause)
})

describe("PluginHost", () => {
  it.effect("releases components in the reverse of the order in which they were built", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      yield* Effect.sync(() => log.push("work")).pipe(
        Effect.provide(hosted({ plugins: [steps(log)], document: documentOf(step("a"), step("b"), step("c")) }))
      )
      assert.deepStrictEqual(log, ["+a", "+b", "+c", "work", "-c", "-b", "-a"])
    }))

  it.effect("activates all of a document or nothing, and says which component failed and where it is", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const error = yield* Effect.flip(
        Effect.sync(() => log.push("work")).pipe(
          Effect.provide(hosted({ plugins: [steps(log)], document: documentOf(step("a"), step("b"), step("c", true)) }))
        )
      )
      assert.deepStrictEqual(log, ["+a", "+b", "-b", "-a"])
      assert.strictEqual(error._tag, "PluginActivationError")
      assert.strictEqual(
        error.message,
        "component step (components[2]) could not be activated: c cannot"
      )
    }))

  it.effect("releases what was built when its activation is interrupted", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const reached = yield* Deferred.make<void>()
      const stuck = Plugin.make({
        kind: "stuck",
        version: "1",
        config: Schema.Struct({}),
        layer: () => Layer.effectDiscard(Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
      })
      const fiber = yield* Effect.forkChild(
        Effect.void.pipe(
          Effect.provide(hosted({ plugins: [steps(log), stuck], document: documentOf(step("a"), { kind: "stuck" }) }))
        )
      )
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(log, ["+a", "-a"])
    }))

  it.effect("leaves out what is turned off", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const host = hosted({ plugins: [steps(log)], document: documentOf({ ...step("a"), enabled: false }, step("b")) })
      const components = yield* Effect.flatMap(PluginHost.PluginHost, (host) => host.components).pipe(
        Effect.provide(host)
      )
      assert.deepStrictEqual(log, ["+b", "-b"])
      assert.deepStrictEqual(components, [{ index: 1, kind: "step", version: "1.0.0" }])
    }))

  it.effect("refuses a wrong document with everything that is wrong, before anything is built", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const error = yield* Effect.flip(
        Effect.void.pipe(
          Effect.provide(
            hosted({ plugins: [steps(log)], document: documentOf(step("a"), { kind: "stap" }, { kind: "step" }) })
          )
        )
      )
      assert.deepStrictEqual(log, [])
      assert.strictEqual(error._tag, "PluginConfigError")
      if (error._tag !== "PluginConfigError") return
      assert.deepStrictEqual(
        error.diagnostics.map(({ code, path, suggestion }) => ({ code, path, suggestion })),
        [
          { code: "plugin.unknown_component", path: "components[1].kind", suggestion: "step" },
          { code: "plugin.missing_field", path: "components[2].config.name", suggestion: undefined }
        ]
      )
    }))

  it.effect("shows the services of a component that provides to all others, wherever they stand", () =>
    Effect.gen(function*() {
      class Answer extends Context.Service<Answer, number>()("heddle/test/plugin/PluginHost.test/Answer") {}
      const seen: Array<unknown> = []
      const giver = Plugin.make({
        kind: "giver",
        version: "1",
        provides: true,
        config: Schema.Struct({}),
        layer: () => Layer.succeed(Answer, 42)
      })
      const taker = Plugin.make({
        kind: "taker",
        version: "1",
        config: Schema.Struct({}),
        layer: () => Layer.effectDiscard(Effect.map(Effect.serviceOption(Answer), (option) => seen.push(option)))
      })
      yield* Effect.void.pipe(
        Effect.provide(hosted({ plugins: [giver, taker], document: documentOf({ kind: "taker" }, { kind: "giver" }) }))
      )
      assert.deepInclude(seen[0], { _tag: "Some", value: 42 })
    }))

  it.effect("governs calls by the document that is active, and by no other", () =>
    Effect.gen(function*() {
      const host = yield* PluginHost.PluginHost
      assert.strictEqual(yield* whoRejects, "one")
      yield* host.reload(documentOf({ kind: "wall", config: { name: "w", says: "two" } }))
      assert.strictEqual(yield* whoRejects, "two")
      yield* host.reload(documentOf())
      assert.strictEqual(yield* whoRejects, "ran")
    }).pipe(
      Effect.provide(
        hosted({ plugins: [wall], document: documentOf({ kind: "wall", config: { name: "w", says: "one" } }) })
      )
    ))

  it.effect("keeps the old document running when a new one is refused, fails, or clashes with other entries", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const other = Middleware.layer(Guardrail.make({ name: "taken", check: () => Guardrail.allow }))
      const first = { kind: "wall", config: { name: "w", says: "one" } }
      yield* Effect.gen(function*() {
        const host = yield* PluginHost.PluginHost
        const attempts = [
          documentOf({ kind: "wall", config: { name: "w" } }),
          documentOf({ kind: "wall", config: { name: "w", says: "two" } }, step("a"), step("b", true)),
          documentOf(step("a"), { kind: "wall", config: { name: "taken", says: "two" } })
        ]
        const tags: Array<string> = []
        for (const attempt of attempts) {
          tags.push((yield* Effect.flip(host.reload(attempt)))._tag)
          assert.strictEqual(yield* whoRejects, "one")
        }
        assert.deepStrictEqual(tags, ["PluginConfigError", "PluginActivationError", "PluginActivationError"])
        assert.deepStrictEqual(log, ["+a", "-a", "+a", "-a"])
        assert.strictEqual((yield* host.components).length, 1)
      }).pipe(
        Effect.provide(
          PluginHost.layer({ plugins: [wall, steps(log)], document: documentOf(first) }).pipe(
            Layer.provideMerge(other),
            Layer.provideMerge(AgentRuntime.layer)
          )
        )
      )
    }))

  it.effect("reads again where the document came from when a reload names none", () =>
    Effect.gen(function*() {
      const host = yield* PluginHost.PluginHost
      yield* host.reload(documentOf())
      assert.strictEqual(yield* whoRejects, "ran")
      yield* host.reload()
      assert.strictEqual(yield* whoRejects, "one")
    }).pipe(
      Effect.provide(
        hosted({ plugins: [wall], document: documentOf({ kind: "wall", config: { name: "w", says: "one" } }) })
      )
    ))

  it.effect("governs two runtimes apart that are made of one layer", () =>
    Effect.gen(function*() {
      const policies = PluginHost.layer({
        plugins: [wall],
        document: documentOf({ kind: "wall", config: { name: "w", says: "one" } })
      })
      const other = AgentRuntime.layerWith({ policies })
      const both = yield* Effect.all([whoRejects, whoRejects.pipe(Effect.provide(other, { local: true }))]).pipe(
        Effect.provide(AgentRuntime.layerWith({ policies }))
      )
      assert.deepStrictEqual(both, ["one", "one"])
    }))
})
