import { assert, describe, it } from "@effect/vitest"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as EffectAi from "../../src/binding/EffectAi.ts"
import {
  type AgentRuntime,
  ExecutionScope,
  Guardrail,
  Intercept,
  type LifecycleEvent,
  Mark,
  Middleware
} from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { DeleteFile, Files, finish, managed, NotFound, plain, ReadFile, scripted, toolCall } from "./effectAiSupport.ts"

const read = DateTime.makeUnsafe("2026-01-01T00:00:00Z")

const handlers = Files.toLayer({
  read_file: ({ lines, path }) =>
    path === "missing"
      ? Effect.fail(new NotFound({ path }))
      : Effect.succeed({ text: `${lines ?? "all"} lines of ${path}`, read }),
  delete_file: ({ path }) =>
    path === "missing" ? Effect.fail(new NotFound({ path })) : Effect.succeed(`deleted ${path}`)
})

const runtime = (...entries: ReadonlyArray<Middleware.Entry>) =>
  TestRuntime.layer({ policies: Middleware.layer(...entries) })

const call = (name: "read_file" | "delete_file", params: unknown) =>
  Effect.gen(function*() {
    const { handle } = yield* EffectAi.toolkit(Files)
    const results = yield* Stream.runCollect(yield* handle(name, params as never, "call-1"))
    return results.at(-1)!
  })

const ends = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>) =>
  events.filter((event) => event._tag === "ScopeEnd")

const noDelete = Guardrail.make({
  name: "no-delete",
  applies: { kind: "tool", name: "delete_file" },
  check: () => Guardrail.reject("nothing is deleted")
})

describe("a tool call of effect/ai", () => {
  it.effect("shows the parameters as the model gave them, the encoded result and the tool's annotations", () =>
    Effect.gen(function*() {
      const answer = yield* call("read_file", { path: "a", lines: "3" })
      assert.deepStrictEqual(answer.result, { text: "3 lines of a", read })
      const [start, end] = yield* TestRuntime.events
      assert.deepStrictEqual(start?.data, { path: "a", lines: "3" })
      assert.deepStrictEqual(end?.data, { text: "3 lines of a", read: "2026-01-01T00:00:00.000Z" })
      assert.strictEqual(start?.profile?.toolCallId, "call-1")
      assert.deepStrictEqual(start?.metadata, { [Tool.Readonly.key]: true, [Tool.Destructive.key]: false })
    }).pipe(Effect.provide([runtime(), handlers])))

  it.effect("that is blocked is an AiError, or a result where the tool returns its failures", () => {
    const noRead = Guardrail.make({
      name: "no-read",
      applies: { kind: "tool", name: "read_file" },
      check: () => Guardrail.reject("nothing is read")
    })
    return Effect.gen(function*() {
      const error = yield* Effect.flip(call("read_file", { path: "a" }))
      assert.deepStrictEqual(Option.map(EffectAi.callError(error), ({ name }) => name), Option.some("read_file"))
      const answer = yield* call("delete_file", { path: "a" })
      assert.isTrue(answer.isFailure)
      assert.strictEqual(answer.failureOrigin, "handler")
      assert.isTrue(Option.isSome(EffectAi.callError(answer.result)))
      assert.include(JSON.stringify(answer.encodedResult), "nothing is deleted")
      yield* TestRuntime.assertTree(`
        tool read_file → Blocked by no-read: nothing is read
          mark guardrail no-read [warn]
        tool delete_file → Blocked by no-delete: nothing is deleted
          mark guardrail no-delete [warn]
      `)
    }).pipe(Effect.provide([runtime(noRead, noDelete), handlers]))
  })

  it.effect("that fails ends as a failure, also where the model gets it as a result", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(call("read_file", { path: "missing" }))
      assert.deepStrictEqual(error, new NotFound({ path: "missing" }))
      const answer = yield* call("delete_file", { path: "missing" })
      assert.deepInclude(answer, { isFailure: true, encodedResult: { _tag: "NotFound", path: "missing" } })
      assert.deepStrictEqual(
        ends(yield* TestRuntime.events).map(({ outcome }) => outcome._tag === "Failure" && outcome.error?.tag),
        ["NotFound", "NotFound"]
      )
    }).pipe(Effect.provide([runtime(), handlers])))

  it.effect("is answered by the library where the parameters are none, or the tool is unknown", () =>
    Effect.gen(function*() {
      const refused = yield* call("delete_file", { path: 1 })
      assert.deepInclude(refused, { isFailure: true, failureOrigin: "parameters" })
      const { handle } = yield* EffectAi.toolkit(Files)
      const unknown = yield* Effect.flip(handle("another" as "read_file", { path: "a" }))
      assert.strictEqual(unknown._tag === "AiError" && unknown.reason._tag, "ToolNotFoundError")
      const [end] = ends(yield* TestRuntime.events)
      assert.strictEqual(end?.outcome._tag === "Failure" && end.outcome.error?.tag, "AiError")
    }).pipe(Effect.provide([runtime(), handlers])))

  it.effect("is run with what an intercept made of the parameters, and answers with what it made of the result", () => {
    const upper = Intercept.request({
      name: "upper",
      applies: "tool",
      transform: (call) => call.kind === "tool" ? { ...call, input: { path: "B" } } : call
    })
    const shorter = Intercept.execution({
      name: "shorter",
      applies: { kind: "tool", name: "read_file" },
      around: (_, next) => Effect.map(next(), (result) => ({ ...result as object, text: "short" }))
    })
    return Effect.gen(function*() {
      assert.strictEqual((yield* call("delete_file", { path: "a" })).result, "deleted B")
      const answer = yield* call("read_file", { path: "a" })
      assert.deepStrictEqual(answer.result, { text: "short", read })
      assert.deepStrictEqual(answer.encodedResult, { text: "short", read: "2026-01-01T00:00:00.000Z" })
    }).pipe(Effect.provide([runtime(upper, shorter), handlers]))
  })

  it.effect("is tried again by an intercept, and fails with the last failure", () => {
    const twice = Intercept.execution({ name: "twice", around: (_, next) => Effect.catch(next(), () => next()) })
    return Effect.gen(function*() {
      assert.isTrue((yield* call("delete_file", { path: "missing" })).isFailure)
      assert.deepStrictEqual(ends(yield* TestRuntime.events).map(({ name }) => name), ["attempt", "delete_file"])
    }).pipe(Effect.provide([runtime(twice), handlers]))
  })

  it.effect("gives preliminary results before its handler has ended", () => {
    const Slow = Tool.make("slow", { success: Schema.String })
    const Slows = Toolkit.make(Slow)
    return Effect.gen(function*() {
      const seen = yield* Deferred.make<void>()
      const { handle } = yield* EffectAi.toolkit(Slows).pipe(Effect.provide(Slows.toLayer({
        slow: (_, { preliminary }) => preliminary("soon").pipe(Effect.andThen(Deferred.await(seen)), Effect.as("done"))
      })))
      const results = yield* (yield* handle("slow", {})).pipe(
        Stream.tap(({ preliminary }) => preliminary ? Deferred.succeed(seen, undefined) : Effect.void),
        Stream.runCollect
      )
      assert.deepStrictEqual(results.map(({ preliminary, result }) => [preliminary, result]), [
        [true, "soon"],
        [false, "done"]
      ])
    }).pipe(Effect.provide(runtime()))
  })

  it.effect("is the parent of what its handler does, each of many at once, and ends when it is interrupted", () => {
    const { provider } = scripted(
      [toolCall("wait", { name: "one" }, "1"), toolCall("wait", { name: "two" }, "2"), finish("tool-calls")]
    )
    const Wait = Tool.make("wait", { parameters: Schema.Struct({ name: Schema.String }) })
    const Waits = Toolkit.make(Wait)
    return Effect.gen(function*() {
      const context = yield* Effect.context<AgentRuntime.AgentRuntime>()
      const begun = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const fiber = yield* LanguageModel.generateText({ prompt: "wait", toolkit: Waits }).pipe(
        Effect.provide(Waits.toLayer({
          wait: ({ name }) =>
            Mark.emit(name).pipe(
              Effect.andThen(Deferred.succeed(begun[name === "one" ? 0 : 1]!, undefined)),
              Effect.andThen(Effect.never),
              Effect.provideContext(context)
            )
        })),
        ExecutionScope.run({ name: "waiter", category: "agent" }),
        Effect.forkChild
      )
      yield* Effect.forEach(begun, Deferred.await)
      yield* Fiber.interrupt(fiber)
      yield* TestRuntime.assertWellFormed()
      const events = yield* TestRuntime.events
      for (const [name, id] of [["one", "1"], ["two", "2"]]) {
        const mark = events.find((event) => event._tag === "Mark" && event.name === name)
        const start = events.find((event) => event._tag === "ScopeStart" && event.uuid === mark?.parentUuid)
        assert.strictEqual(start?.profile?.toolCallId, id)
      }
      assert.deepStrictEqual(
        ends(events).filter(({ category }) => category === "tool").map(({ outcome }) => outcome._tag),
        ["Interrupted", "Interrupted"]
      )
    }).pipe(Effect.provide(managed(provider)))
  })

  it.effect("is one call, also if the toolkit was managed before the model got it", () => {
    const { provider } = scripted([toolCall("delete_file", { path: "a" }), finish("tool-calls")])
    return Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: "go", toolkit: yield* EffectAi.toolkit(Files) })
      yield* TestRuntime.assertTree(`
        llm effect-ai → Success
        tool delete_file → Success
      `)
    }).pipe(Effect.provide([managed(provider), handlers]))
  })
})

describe("a guardrail for a tool", () => {
  class Limit extends Context.Service<Limit, number>()("heddle/test/binding/EffectAiTools.test/Limit") {}

  const short = EffectAi.guardrail(ReadFile, {
    name: "short",
    check: ({ lines = 0 }, { toolCallId }) =>
      Effect.map(
        Limit,
        (limit) => lines > limit ? Guardrail.reject(`${toolCallId} wants ${lines.toFixed(1)} lines`) : Guardrail.allow
      )
  })

  it.effect("judges decoded parameters with services of its own", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(call("read_file", { path: "a", lines: "11" }))
      assert.include(String(error), "call-1 wants 11.0 lines")
      assert.isFalse((yield* call("read_file", { path: "a", lines: "9" })).isFailure)
    }).pipe(
      Effect.provide([
        TestRuntime.layer({ policies: Middleware.layer(short) }),
        handlers
      ]),
      Effect.provideService(Limit, 10)
    ))

  it.effect("refuses parameters that it cannot read as the library does, and the handler does not run", () => {
    const never = EffectAi.guardrail(DeleteFile, { name: "never", check: () => Guardrail.allow })
    return Effect.gen(function*() {
      const answer = yield* call("delete_file", { path: 1 })
      assert.deepInclude(answer, { isFailure: true, failureOrigin: "parameters" })
      assert.include(JSON.stringify(answer.encodedResult), "ToolParameterValidationError")
      assert.include(JSON.stringify(answer.encodedResult), "Expected string")
    }).pipe(Effect.provide([runtime(never), handlers]))
  })

  it.effect("selects by annotations, with the default of those that are not given", () => {
    const careful = Guardrail.make({
      name: "careful",
      applies: EffectAi.annotated(Tool.Destructive),
      check: () => Guardrail.reject("ask first")
    })
    return Effect.gen(function*() {
      assert.isFalse((yield* call("read_file", { path: "a" })).isFailure)
      assert.isTrue((yield* call("delete_file", { path: "a" })).isFailure)
    }).pipe(Effect.provide([runtime(careful), handlers]))
  })
})

describe("raw parameters", () => {
  const spansOf = (effect: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function*() {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      yield* Effect.withTracer(effect, tracer)
      return spans.map(({ attributes, name }) => ({ name, attributes: Object.fromEntries(attributes) }))
    })
  const tracing = Files.toLayer({
    read_file: ({ path }) => Effect.succeed({ text: path, read }).pipe(Effect.withSpan("disk")),
    delete_file: ({ path }) => Effect.succeed(path).pipe(Effect.tap(Effect.annotateCurrentSpan("own", path.length)))
  })
  const ask = LanguageModel.generateText({ prompt: "go", toolkit: Files })
  const answers = [
    toolCall("read_file", { path: "private" }),
    toolCall("delete_file", { path: "private" }),
    finish("tool-calls")
  ]

  it.effect("stand on the span of a model that is not managed", () =>
    Effect.gen(function*() {
      const spans = yield* spansOf(ask.pipe(Effect.provide([plain(scripted(answers).provider), tracing])))
      assert.include(JSON.stringify(spans), "private")
    }))

  it.effect("stay off the spans of a managed one, where all else is", () =>
    Effect.gen(function*() {
      const spans = yield* spansOf(ask.pipe(Effect.provide([managed(scripted(answers).provider), tracing])))
      assert.notInclude(JSON.stringify(spans), "private")
      assert.include(spans.map(({ name }) => name), "disk")
      const around = spans.find(({ attributes }) => attributes.own === 7)
      assert.strictEqual(around?.name, "LanguageModel.generateText")
      assert.strictEqual(around?.attributes.tool !== undefined, true)
    }))
})
