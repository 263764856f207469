import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  Intercept,
  type LifecycleEvent,
  Mark,
  Middleware,
  ToolCall
} from "../../src/index.ts"
import * as Propagation from "../../src/scope/Propagation.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const agent = (name: string) => ExecutionScope.run({ name, category: "agent" })

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const spanId = "00f067aa0ba902b7"
const foreign = Propagation.fromHeaders({
  traceparent: `00-${traceId}-${spanId}-01`,
  tracestate: "rojo=1",
  baggage: "a=1"
})
const remote: Propagation.PropagationContext = { ...foreign, scope: { uuid: "remote-scope", rootUuid: "remote-root" } }

const startOf = (events: ReadonlyArray<LifecycleEvent.LifecycleEvent>, name: string) => {
  const found = events.find((event) => event._tag === "ScopeStart" && event.name === name)
  assert.isDefined(found, name)
  return found
}

describe("Propagation.capture", () => {
  it.effect("shows the current scope, its root, and the ids that follow from them", () =>
    Effect.gen(function*() {
      const context = yield* Propagation.capture.pipe(agent("inner"), agent("outer"))
      const events = yield* TestRuntime.events
      const [inner, outer] = [startOf(events, "inner"), startOf(events, "outer")]
      assert.deepStrictEqual(context, {
        version: 1,
        scope: { uuid: inner.uuid, rootUuid: outer.uuid },
        trace: {
          traceId: outer.uuid.replaceAll("-", ""),
          spanId: inner.uuid.replaceAll("-", "").slice(16),
          sampled: true,
          random: false,
          state: ""
        },
        baggage: new Map()
      })
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("shows the call inside of a tool", () =>
    Effect.gen(function*() {
      const context = yield* ToolCall.run({ name: "t", input: 1 }, () => Propagation.capture)
      assert.strictEqual(context.scope?.uuid, startOf(yield* TestRuntime.events, "t").uuid)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("outside of every scope shows the enclosing Effect span, and without one nothing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Propagation.capture, Propagation.empty)
      const [context, span] = yield* Effect.all([Propagation.capture, Effect.currentSpan]).pipe(Effect.withSpan("s"))
      assert.isUndefined(context.scope)
      assert.deepStrictEqual(context.trace, {
        traceId: span.traceId,
        spanId: span.spanId,
        sampled: true,
        random: false,
        state: ""
      })
      const unsampled = Tracer.externalSpan({ traceId, spanId, sampled: false })
      const { trace } = yield* Effect.withParentSpan(Propagation.capture, unsampled)
      assert.isFalse(trace?.sampled)
      const broken = Tracer.externalSpan({ traceId: "no id", spanId })
      assert.deepStrictEqual(yield* Effect.withParentSpan(Propagation.capture, broken), Propagation.empty)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("needs no runtime", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Propagation.capture, Propagation.empty)
    }))
})

describe("what continues a remote scope", () => {
  it.effect("is its child, under its root, and the remote scope has no events", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        yield* Mark.emit("mark")
        yield* agent("scope")(Effect.void)
        yield* ToolCall.run({ name: "tool", input: 1 }, () => agent("deep")(Effect.void))
        yield* Effect.scoped(ExecutionScope.open({ name: "opened", category: "agent" }))
      }).pipe(Propagation.continueFrom(remote))
      yield* agent("after")(Effect.void)
      const events = yield* TestRuntime.events
      for (const name of ["scope", "tool", "opened"]) {
        const { metadata, parentUuid, rootUuid } = startOf(events, name)
        assert.deepStrictEqual([parentUuid, rootUuid], ["remote-scope", "remote-root"])
        assert.deepStrictEqual(metadata, { "otel.trace_id": traceId, "otel.parent_span_id": spanId })
      }
      const mark = events.find(({ name }) => name === "mark")
      assert.deepStrictEqual([mark?.parentUuid, mark?.rootUuid], ["remote-scope", "remote-root"])
      assert.deepStrictEqual(mark?.metadata, { "otel.trace_id": traceId, "otel.parent_span_id": spanId })
      const deep = startOf(events, "deep")
      assert.deepStrictEqual([deep.parentUuid, deep.rootUuid], [startOf(events, "tool").uuid, "remote-root"])
      assert.isUndefined(deep.metadata)
      const after = startOf(events, "after")
      assert.isUndefined(after.parentUuid)
      assert.strictEqual(after.rootUuid, after.uuid)
      const own = new Set(events.map(({ uuid }) => uuid))
      for (const uuid of ["remote-scope", "remote-root"]) assert.isFalse(own.has(uuid))
      assert.deepStrictEqual(
        new Set(events.map(({ name }) => name)),
        new Set(["mark", "scope", "tool", "deep", "opened", "after"])
      )
      yield* TestRuntime.assertWellFormed({ remoteParents: true })
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("sees it as the current scope, which can be gone back to and has no parent to show", () =>
    Effect.gen(function*() {
      const current = yield* ExecutionScope.current.pipe(Propagation.continueFrom(remote))
      const handle = Option.getOrThrow(current)
      assert.deepStrictEqual(handle, {
        uuid: "remote-scope",
        rootUuid: "remote-root",
        name: "remote",
        category: "unknown"
      })
      yield* ExecutionScope.setOutput("nobody's").pipe(Propagation.continueFrom(remote))
      yield* agent("within")(Effect.void).pipe(ExecutionScope.within(handle))
      yield* Effect.scoped(ExecutionScope.open({ name: "under", category: "agent", parent: handle }))
      const events = yield* TestRuntime.events
      for (const name of ["within", "under"]) {
        const { metadata, parentUuid, rootUuid } = startOf(events, name)
        assert.deepStrictEqual([parentUuid, rootUuid], ["remote-scope", "remote-root"])
        assert.deepStrictEqual(metadata, { "otel.trace_id": traceId, "otel.parent_span_id": spanId })
      }
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("is the same in what it forks, and ends where the continuation ends", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(agent("forked")(Effect.void), { startImmediately: true }).pipe(
        Propagation.continueFrom(remote)
      )
      yield* Fiber.join(fiber)
      assert.isTrue(Option.isNone(yield* ExecutionScope.current))
      assert.strictEqual((yield* Propagation.baggage).size, 0)
      assert.strictEqual(startOf(yield* TestRuntime.events, "forked").parentUuid, "remote-scope")
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect.each(["success", "failure", "defect", "interruption"])(
    "gives the place back after its %s",
    (how) =>
      Effect.gen(function*() {
        const started = yield* Deferred.make<void>()
        const work: Effect.Effect<unknown, string> = how === "success"
          ? Effect.void
          : how === "failure"
          ? Effect.fail("no")
          : how === "defect"
          ? Effect.die("no")
          : Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
        const seen: Array<unknown> = []
        const see = Effect.gen(function*() {
          const scope = yield* ExecutionScope.current
          const { baggage } = yield* Propagation.capture
          const span = yield* Effect.exit(Effect.currentParentSpan)
          seen.push([Option.getOrThrow(scope).name, baggage.size, span._tag])
        })
        const fiber = yield* work.pipe(
          Propagation.continueFrom(remote),
          Effect.onExit(() => see),
          agent("host"),
          Effect.forkChild
        )
        if (how === "interruption") {
          yield* Deferred.await(started)
          yield* Fiber.interrupt(fiber)
        }
        const exit = yield* Fiber.await(fiber)
        assert.strictEqual(Exit.isSuccess(exit), how === "success")
        assert.deepStrictEqual(seen, [["host", 0, "Failure"]])
        yield* TestRuntime.assertWellFormed()
      }).pipe(Effect.provide(TestRuntime.layer()))
  )

  it.effect("in another runtime is a root that links to the remote scope", () =>
    Effect.gen(function*() {
      const other = yield* Layer.build(TestRuntime.layer())
      yield* agent("b")(Effect.void).pipe(Effect.provide(other), Propagation.continueFrom(remote))
      const b = startOf(yield* Effect.provide(TestRuntime.events, other), "b")
      assert.isUndefined(b.parentUuid)
      assert.deepStrictEqual(b.metadata, {
        "otel.trace_id": traceId,
        "otel.parent_span_id": spanId,
        "heddle.link_uuid": "remote-scope",
        "heddle.link_root_uuid": "remote-root"
      })
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("once its runtime has closed runs as it is", () =>
    Effect.gen(function*() {
      const context = yield* Effect.scoped(Layer.build(AgentRuntime.layer))
      const run = agent("late")(Effect.succeed(1)).pipe(Propagation.continueFrom(remote), Effect.provide(context))
      assert.strictEqual(yield* run, 1)
    }))
})

describe("what continues a trace of others", () => {
  it.effect("is a root in that trace, also inside of a scope", () =>
    Effect.gen(function*() {
      yield* agent("a")(agent("b")(Effect.void)).pipe(Propagation.continueFrom(foreign), agent("host"))
      const events = yield* TestRuntime.events
      const a = startOf(events, "a")
      assert.isUndefined(a.parentUuid)
      assert.strictEqual(a.rootUuid, a.uuid)
      assert.deepStrictEqual(a.metadata, { "otel.trace_id": traceId, "otel.parent_span_id": spanId })
      assert.strictEqual(startOf(events, "b").parentUuid, a.uuid)
      yield* TestRuntime.assertWellFormed()
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("that is invalid changes nothing", () =>
    Effect.gen(function*() {
      const broken = { ...Propagation.empty, trace: { ...foreign.trace!, traceId: "0".repeat(32) } }
      for (const context of [broken, Propagation.empty, Propagation.fromHeaders({ traceparent: "x" })]) {
        const [inside, scope] = yield* Effect.all([Propagation.capture, ExecutionScope.current]).pipe(
          Propagation.continueFrom(context),
          agent("host")
        )
        assert.strictEqual(Option.getOrThrow(scope).name, "host")
        assert.strictEqual(inside.trace?.traceId, Option.getOrThrow(scope).rootUuid.replaceAll("-", ""))
      }
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("what came along", () => {
  it.effect("goes out again: the trace with its state from where it is, the scope, and the baggage", () =>
    Effect.gen(function*() {
      const there = yield* Propagation.capture.pipe(Propagation.continueFrom(remote))
      assert.deepStrictEqual(Propagation.toHeaders(there), Propagation.toHeaders(remote))
      const random = { ...remote, trace: { ...remote.trace!, random: true } }
      const inside = yield* Propagation.capture.pipe(agent("inside"), Propagation.continueFrom(random))
      const { uuid } = startOf(yield* TestRuntime.events, "inside")
      assert.deepStrictEqual(inside.scope, { uuid, rootUuid: "remote-root" })
      assert.deepStrictEqual(inside.trace, {
        traceId,
        spanId: uuid.replaceAll("-", "").slice(16),
        sampled: true,
        random: true,
        state: "rojo=1"
      })
      assert.deepStrictEqual([...inside.baggage], [["a", { value: "1", properties: [] }]])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("stays with its trace: a trace that begins here has no state of another", () =>
    Effect.gen(function*() {
      const other = Tracer.externalSpan({ traceId: "f".repeat(32), spanId })
      const { baggage, trace } = yield* Propagation.capture.pipe(
        Effect.withParentSpan(other),
        Propagation.continueFrom(foreign)
      )
      assert.strictEqual(trace?.traceId, other.traceId)
      assert.strictEqual(trace?.state, "")
      assert.strictEqual(baggage.size, 1)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("stays where a further context does not say another", () =>
    Effect.gen(function*() {
      const inside = (context: Propagation.PropagationContext) =>
        Propagation.capture.pipe(Propagation.continueFrom(context), Propagation.continueFrom(remote))
      assert.deepStrictEqual(yield* inside(Propagation.empty), yield* inside(remote))
      const other = yield* inside(Propagation.fromHeaders({ baggage: "b=2" }))
      assert.deepStrictEqual([...other.baggage.keys()], ["b"])
      assert.strictEqual(other.trace?.state, "rojo=1")
      const withoutState = yield* inside({ ...remote, trace: { ...remote.trace!, state: "" } })
      assert.strictEqual(withoutState.trace?.state, "")
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("is readable, and shows in no event", () =>
    Effect.gen(function*() {
      const hostile = Propagation.fromHeaders({
        traceparent: `00-${traceId}-${spanId}-01`,
        tracestate: "rojo=s3cret",
        baggage: "otel.trace_id=s3cret,heddle.link_uuid=s3cret,a=s3cret"
      })
      const read = yield* Propagation.baggage.pipe(agent("a"), Propagation.continueFrom(hostile))
      assert.deepStrictEqual([...read.keys()], ["a"])
      assert.notInclude(JSON.stringify(yield* TestRuntime.events), "s3cret")
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("can be added to, and what may not be added is told", () =>
    Effect.gen(function*() {
      const told: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => void told.push([logLevel, message]))
      const entry = { value: "3", properties: ["p"] }
      const [inside, outside] = yield* Effect.all([
        Propagation.baggage.pipe(Propagation.withBaggage({ b: "2", a: entry, "heddle.x": "4", "no token": "5" })),
        Propagation.baggage
      ]).pipe(Propagation.continueFrom(foreign), Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual([...inside], [["a", entry], ["b", { value: "2", properties: [] }]])
      assert.deepStrictEqual([...outside.keys()], ["a"])
      assert.strictEqual(told.length, 1)
      assert.include(JSON.stringify(told), "heddle.x")
      assert.include(JSON.stringify(told), "Warn")
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("follows what is forked and goes into other runtimes", () =>
    Effect.gen(function*() {
      const other = yield* Layer.build(TestRuntime.layer())
      const read = Effect.map(Propagation.baggage, (baggage) => baggage.get("a")?.value)
      const inFork = Effect.flatMap(Effect.forkChild(read), Fiber.join)
      const values = yield* Effect.all([inFork, Effect.provide(read, Context.merge(other, Context.empty()))]).pipe(
        Propagation.continueFrom(foreign)
      )
      assert.deepStrictEqual(values, ["1", "1"])
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("is that of the work in the callbacks of policies too", () => {
    const seen: Array<string | undefined> = []
    const reading = Effect.map(Propagation.baggage, (baggage) => void seen.push(baggage.get("a")?.value))
    const policies = Middleware.layer(
      Guardrail.make({ name: "g", check: () => Effect.as(reading, Guardrail.allow) }),
      Intercept.execution({ name: "i", around: (_, next) => Effect.andThen(reading, next()) })
    )
    return ToolCall.run({ name: "t", input: 1 }, () => reading).pipe(
      Propagation.withBaggage({ a: "1" }),
      Effect.andThen(Effect.sync(() => assert.deepStrictEqual(seen, ["1", "1", "1"]))),
      Effect.provide(AgentRuntime.layerWith({ policies }))
    )
  })
})
