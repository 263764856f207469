import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  AgentRuntime,
  type CallError,
  ExecutionScope,
  Guardrail,
  Mark,
  MetadataInjector,
  Middleware,
  Sanitizer,
  ToolCall
} from "../../src/index.ts"
import { opened, recorder, succeed } from "./harness.ts"

const named = (name: string) => Guardrail.make({ name, check: () => Guardrail.allow })

const summary = Effect.map(
  Middleware.registrations,
  (all) => all.map(({ kind, level, name, references }) => `${kind} ${name} level ${level} ×${references}`)
)

describe("AgentRuntime.layer", () => {
  it.effect("is one runtime wherever it is provided within one program", () => {
    const all = recorder()
    const inner = Effect.andThen(succeed("inner"), AgentRuntime.AgentRuntime).pipe(Effect.provide(AgentRuntime.layer))
    return Effect.gen(function*() {
      const outer = yield* AgentRuntime.AgentRuntime
      assert.strictEqual(yield* inner, outer)
      // It has not closed with the inner part.
      assert.strictEqual(yield* succeed("outer"), "outer")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(all.labels(), ["inner:start", "inner:end", "outer:start", "outer:end"])
    }).pipe(Effect.provide(Layer.provideMerge(all.layer, AgentRuntime.layer)))
  })

  it.effect("is another one in another program", () =>
    Effect.gen(function*() {
      const one = yield* opened(AgentRuntime.layer)
      const two = yield* opened(AgentRuntime.layer)
      assert.notStrictEqual(
        Context.get(one.context, AgentRuntime.AgentRuntime),
        Context.get(two.context, AgentRuntime.AgentRuntime)
      )
    }))

  it.effect("is another one than any that `layerWith` makes, and each of those is another one", () =>
    Effect.gen(function*() {
      const runtime = AgentRuntime.AgentRuntime
      const outer = yield* runtime
      const one = yield* Effect.provide(runtime, AgentRuntime.layerWith({}))
      const two = yield* Effect.provide(runtime, AgentRuntime.layerWith({}))
      assert.strictEqual(new Set([outer, one, two]).size, 3)
    }).pipe(Effect.provide(AgentRuntime.layer)))
})

describe("what is installed while an agent is at work", () => {
  it.effect("governs its next call in the scope that it is in, until it is removed", () => {
    const block = Guardrail.make({ name: "block", check: () => Guardrail.reject("no") })
    const seen = recorder()
    return Effect.gen(function*() {
      const outcome = Effect.map(Effect.exit(succeed("call")), ({ _tag }) => _tag)
      const layer = Middleware.layer(block)
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* outcome, "Success")
        const installed = yield* opened(layer)
        assert.strictEqual(yield* outcome, "Failure")
        // What is opened in that scope meanwhile is no way around it.
        const inner = ExecutionScope.run({ name: "inner", category: "agent" })(outcome)
        assert.strictEqual(yield* inner, "Failure")
        yield* installed.close
        assert.strictEqual(yield* outcome, "Success")
        assert.strictEqual(yield* inner, "Success")
      }).pipe(ExecutionScope.run({ name: "agent", category: "agent" }))
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: seen.layer })))
  })
})

describe("two runtimes", () => {
  it.effect("never share events, entries or numbers", () => {
    const a = recorder({ name: "same" })
    const b = recorder({ name: "same" })
    const guarded = Layer.merge(b.layer, Middleware.layer(named("only in b")))
    return Effect.gen(function*() {
      yield* succeed("in a")
      yield* Effect.gen(function*() {
        yield* succeed("in b")
        yield* Mark.emit("m")
        assert.deepStrictEqual(yield* summary, ["guardrail only in b level 0 ×1"])
        yield* AgentRuntime.flush
      }).pipe(
        ExecutionScope.run({ name: "around", category: "agent" }),
        Effect.provide(AgentRuntime.layerWith({ policies: guarded }))
      )
      assert.deepStrictEqual(yield* summary, [])
      yield* AgentRuntime.flush
      assert.deepStrictEqual(a.labels(), ["in a:start", "in a:end"])
      assert.deepStrictEqual(b.labels(), ["around:start", "in b:start", "in b:end", "m", "around:end"])
      assert.deepStrictEqual([a.events[0]!.sequence, b.events[0]!.sequence], [1, 1])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: a.layer })))
  })

  it.effect("make a call under a scope of the other one a new root that links to it", () => {
    const a = recorder()
    const b = recorder()
    return Effect.gen(function*() {
      yield* Effect.gen(function*() {
        yield* Effect.andThen(succeed("in b"), Mark.emit("m"))
        yield* AgentRuntime.flush
      }).pipe(
        Effect.provide(AgentRuntime.layerWith({ policies: b.layer })),
        ExecutionScope.run({ name: "in a", category: "agent" })
      )
      yield* AgentRuntime.flush
      const [start, , mark] = b.events
      assert.isUndefined(start!.parentUuid)
      assert.strictEqual(start!.rootUuid, start!.uuid)
      assert.strictEqual(start!.metadata?.["heddle.link_uuid"], a.events[0]!.uuid)
      assert.strictEqual(start!.metadata?.["heddle.link_root_uuid"], a.events[0]!.uuid)
      assert.isUndefined(mark!.parentUuid)
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: a.layer })))
  })
})

describe("an installed entry", () => {
  // @effect-diagnostics-next-line deterministicKeys:off
  class Who extends Context.Service<Who, string>()("test/Who") {}

  it.effect("counts references, runs once, with the services of the oldest installation still alive", () => {
    const asked: Array<string> = []
    const entry = Guardrail.make({
      name: "g",
      check: () =>
        Effect.map(Who, (who) => {
          asked.push(who)
          return Guardrail.allow
        })
    })
    const by = (who: string) => Layer.provide(Middleware.layer(entry), Layer.succeed(Who, who))
    return Effect.gen(function*() {
      const first = yield* opened(by("first"))
      const second = yield* opened(by("second"))
      const third = yield* opened(by("third"))
      assert.deepStrictEqual(yield* summary, ["guardrail g level 0 ×3"])
      yield* succeed("1")
      yield* second.close
      assert.deepStrictEqual(yield* summary, ["guardrail g level 0 ×2"])
      yield* succeed("2")
      yield* first.close
      yield* succeed("3")
      yield* third.close
      assert.deepStrictEqual(yield* summary, [])
      yield* succeed("4")
      assert.deepStrictEqual(asked, ["first", "first", "third"])
    }).pipe(Effect.provide(AgentRuntime.layer))
  })

  it.effect("counts an entry that one layer mentions twice as two references", () =>
    Effect.gen(function*() {
      const entry = named("g")
      const { close } = yield* opened(Middleware.layer(entry, entry))
      assert.deepStrictEqual(yield* summary, ["guardrail g level 0 ×2"])
      yield* close
      assert.deepStrictEqual(yield* summary, [])
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("is refused when another one of its kind has its name, and nothing of its layer stays", () =>
    Effect.gen(function*() {
      yield* opened(Middleware.layer(named("g")))
      const error = yield* Effect.flip(opened(Middleware.layer(named("other"), named("g"))))
      assert.instanceOf(error, Middleware.DuplicateEntry)
      assert.deepStrictEqual([error.kind, error.name], ["guardrail", "g"])
      assert.include(error.message, `another guardrail named "g"`)
      assert.deepStrictEqual(yield* summary, ["guardrail g level 0 ×1"])
      const within = yield* Effect.flip(opened(Middleware.layer(named("twice"), named("twice"))))
      assert.strictEqual(within.name, "twice")
      assert.deepStrictEqual(yield* summary, ["guardrail g level 0 ×1"])
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("may have the name of an entry of another kind", () =>
    Effect.gen(function*() {
      yield* opened(Middleware.layer(
        named("same"),
        Guardrail.output({ name: "same", check: () => Guardrail.allow }),
        Sanitizer.request({ name: "same", sanitize: (input) => input }),
        Sanitizer.response({ name: "same", sanitize: (input) => input }),
        MetadataInjector.make({ name: "same", inject: () => ({}) })
      ))
      assert.strictEqual((yield* Middleware.registrations).length, 5)
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("may be installed again under its name after it was released", () =>
    Effect.gen(function*() {
      const { close } = yield* opened(Middleware.layer(named("g")))
      yield* close
      yield* opened(Middleware.layer(named("g")))
      assert.deepStrictEqual(yield* summary, ["guardrail g level 0 ×1"])
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("leaves provided ones their names, and both run, outer ones first", () =>
    Effect.gen(function*() {
      const order: Array<string> = []
      const noting = (note: string) =>
        Guardrail.make({
          name: "g",
          check: () => {
            order.push(note)
            return Guardrail.allow
          }
        })
      yield* opened(Middleware.layer(noting("installed")))
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* summary, [
          "guardrail g level 0 ×1",
          "guardrail g level 1 ×1",
          "guardrail g level 2 ×1"
        ])
        yield* succeed("1")
      }).pipe(Middleware.provide(noting("inner")), Middleware.provide(noting("outer")))
      assert.deepStrictEqual(order, ["installed", "outer", "inner"])
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("that was released does not hold for calls that begin afterwards, only for those under way", () => {
    const all = recorder()
    const block = Guardrail.make({ name: "block", check: () => Guardrail.reject("no") })
    return Effect.gen(function*() {
      const { close } = yield* opened(Middleware.layer(block))
      assert.strictEqual((yield* Effect.flip(succeed("1"))).reason._tag, "GuardrailRejected")
      yield* close
      assert.strictEqual(yield* succeed("2"), "2")
    }).pipe(Effect.provide(AgentRuntime.layerWith({ policies: all.layer })))
  })
})

describe("require", () => {
  const missing = (error: CallError.CallError) => error.reason._tag === "PolicyMissing" ? error.reason.missing : []

  it.effect("fails every call while a guardrail is missing, shows it, and runs nothing", () => {
    const all = recorder()
    let ran = 0
    return Effect.gen(function*() {
      const call = ToolCall.run({ name: "tool", input: {} }, () => Effect.sync(() => ++ran))
      assert.deepStrictEqual(missing(yield* Effect.flip(call)), ["a", "b"])
      const { close } = yield* opened(Middleware.layer(named("a")))
      assert.deepStrictEqual(missing(yield* Effect.flip(call)), ["b"])
      yield* opened(Middleware.layer(Guardrail.output({ name: "b", check: () => Guardrail.allow })))
      assert.strictEqual(yield* call, 1)
      yield* close
      assert.deepStrictEqual(missing(yield* Effect.flip(call)), ["a"])
      assert.strictEqual(yield* call.pipe(Middleware.provide(named("a"))), 2)
      yield* AgentRuntime.flush
      const ends = all.events.flatMap((event) =>
        event._tag === "ScopeEnd" && event.outcome._tag === "Failure" ? [event.outcome.error?.tag] : []
      )
      assert.deepStrictEqual(ends, ["CallError", "CallError", "CallError"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ require: ["a", "b"], policies: all.layer })))
  })

  it.effect("is not met by an entry of another kind", () =>
    Effect.gen(function*() {
      yield* opened(Middleware.layer(Sanitizer.request({ name: "a", sanitize: (input) => input })))
      assert.deepStrictEqual(missing(yield* Effect.flip(succeed("tool"))), ["a"])
    }).pipe(Effect.provide(AgentRuntime.layerWith({ require: ["a"] }))))
})
