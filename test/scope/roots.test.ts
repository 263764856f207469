import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import { AgentRuntime, ExecutionScope, type LifecycleEvent, Mark, Subscriber, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const agent = (name: string) => ExecutionScope.run({ name, category: "agent" })
type Events = ReadonlyArray<LifecycleEvent.LifecycleEvent>
const startOf = (events: Events, name: string) =>
  events.find((event) => event._tag === "ScopeStart" && event.name === name)

describe("a root scope", () => {
  it.effect("under an Effect span takes the span's trace id, and its children say nothing of it", () =>
    Effect.gen(function*() {
      const span = yield* Effect.void.pipe(
        agent("child"),
        agent("root"),
        Effect.andThen(Effect.currentParentSpan),
        Effect.withSpan("request")
      )
      const events = yield* TestRuntime.events
      assert.deepStrictEqual(startOf(events, "root")?.metadata, {
        "otel.trace_id": span.traceId,
        "otel.parent_span_id": span.spanId
      })
      assert.isUndefined(startOf(events, "child")?.metadata)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("under a span from elsewhere takes that one's, which metadata of the user cannot overwrite", () =>
    Effect.gen(function*() {
      const external = Tracer.externalSpan({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" })
      const metadata = { "otel.trace_id": "forged" }
      yield* Effect.void.pipe(
        ExecutionScope.run({ name: "root", category: "agent", metadata }),
        Effect.withParentSpan(external)
      )
      yield* ToolCall.run({ name: "tool", input: 1 }, () => Effect.void).pipe(Effect.withParentSpan(external))
      const events = yield* TestRuntime.events
      assert.deepStrictEqual(startOf(events, "root")?.metadata, {
        "otel.trace_id": external.traceId,
        "otel.parent_span_id": external.spanId,
        "user.otel.trace_id": "forged"
      })
      assert.strictEqual(startOf(events, "tool")?.metadata?.["otel.trace_id"], external.traceId)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("without a span says nothing of traces", () =>
    Effect.gen(function*() {
      yield* agent("root")(Effect.void)
      assert.isUndefined(startOf(yield* TestRuntime.events, "root")?.metadata)
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("a scope of one runtime under a scope of another", () => {
  it.effect("is a new root that links to it, and what follows is apart again", () =>
    Effect.gen(function*() {
      const inB = Effect.gen(function*() {
        yield* Mark.emit("mark in B")
        yield* agent("b")(Effect.andThen(Mark.emit("inside b"), agent("b child")(Effect.void)))
        yield* ToolCall.run({ name: "b tool", input: 1 }, () => Effect.void)
        return yield* TestRuntime.events
      }).pipe(Effect.provide(TestRuntime.layer()))
      const eventsOfB = yield* inB.pipe(
        Effect.tap(() => agent("a child")(Effect.void)),
        agent("a inner"),
        agent("a")
      )
      const eventsOfA = yield* TestRuntime.events
      const a = startOf(eventsOfA, "a")
      const inner = startOf(eventsOfA, "a inner")
      const link = { "heddle.link_uuid": inner?.uuid, "heddle.link_root_uuid": a?.uuid }
      for (const name of ["b", "b tool"]) {
        const start = startOf(eventsOfB, name)
        assert.isUndefined(start?.parentUuid)
        assert.strictEqual(start?.rootUuid, start?.uuid)
        assert.deepStrictEqual(start?.metadata, link)
      }
      const b = startOf(eventsOfB, "b")
      assert.strictEqual(startOf(eventsOfB, "b child")?.parentUuid, b?.uuid)
      assert.isUndefined(startOf(eventsOfB, "b child")?.metadata)
      const marks = eventsOfB.filter(({ _tag }) => _tag === "Mark")
      assert.deepStrictEqual(marks.map((mark) => [mark.name, mark.parentUuid]), [
        ["mark in B", undefined],
        ["inside b", b?.uuid]
      ])
      assert.strictEqual(startOf(eventsOfA, "a child")?.parentUuid, inner?.uuid)
      assert.deepStrictEqual(eventsOfA.map(({ name }) => name), ["a", "a inner", "a child", "a child", "a inner", "a"])
      assert.deepStrictEqual(eventsOfB.map(({ sequence }) => sequence), eventsOfB.map((_, index) => index + 1))
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("links as well when it was opened under a handle of the other", () =>
    Effect.gen(function*() {
      const handle = yield* ExecutionScope.open({ name: "a", category: "agent" })
      const start = yield* Effect.gen(function*() {
        yield* Effect.scoped(ExecutionScope.open({ name: "b", category: "agent", parent: handle }))
        return startOf(yield* TestRuntime.events, "b")
      }).pipe(Effect.provide(TestRuntime.layer()))
      assert.isUndefined(start?.parentUuid)
      assert.strictEqual(start?.metadata?.["heddle.link_uuid"], handle.uuid)
    }).pipe(Effect.scoped, Effect.provide(TestRuntime.layer())))
})

describe("with nobody listening", () => {
  it.effect("no event is built: the first one that somebody hears is number 1", () =>
    Effect.gen(function*() {
      const { kernel } = yield* AgentRuntime.AgentRuntime
      yield* Mark.emit("unheard")
      yield* ToolCall.run({ name: "unheard", input: 1 }, () => Mark.emit("unheard")).pipe(agent("unheard"))
      assert.strictEqual(kernel.sequence, 0)
      const heard: Array<LifecycleEvent.LifecycleEvent> = []
      const listen = Subscriber.provide({ name: "listener", handle: (event) => void heard.push(event) })
      yield* agent("heard")(Effect.void).pipe(listen)
      yield* Mark.emit("unheard again")
      yield* Mark.emit("heard as well").pipe(listen)
      assert.deepStrictEqual(heard.map(({ name, sequence }) => [sequence, name]), [
        [1, "heard"],
        [2, "heard"],
        [3, "heard as well"]
      ])
      assert.strictEqual(kernel.sequence, 3)
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("a scope that nobody heard start is not heard to end, and still is the parent", () =>
    Effect.gen(function*() {
      const heard: Array<LifecycleEvent.LifecycleEvent> = []
      const parent = yield* Effect.gen(function*() {
        const { uuid } = yield* ExecutionScope.open({ name: "unheard", category: "agent" })
        const current = yield* ExecutionScope.current
        yield* agent("heard")(Effect.void)
        return { uuid, current }
      }).pipe(
        Effect.scoped,
        agent("outer"),
        Subscriber.provide({
          name: "listener",
          filter: ({ name }) => name === "heard",
          handle: (e) => void heard.push(e)
        })
      )
      assert.deepStrictEqual(heard.map(({ _tag }) => _tag), ["ScopeStart", "ScopeEnd"])
      assert.strictEqual(heard[0]?.parentUuid, parent.current._tag === "Some" ? parent.current.value.uuid : undefined)
    }).pipe(Effect.provide(AgentRuntime.layer)))

  it.effect("what a scope holds that opened unheard is heard, under the scope's id", () =>
    Effect.gen(function*() {
      const heard: Array<LifecycleEvent.LifecycleEvent> = []
      const handle = yield* agent("outer")(Effect.gen(function*() {
        yield* agent("inner")(Effect.void).pipe(
          Subscriber.provide({ name: "listener", handle: (event) => void heard.push(event) })
        )
        return yield* ExecutionScope.current
      }))
      assert.deepStrictEqual(heard.map(({ _tag, name }) => `${_tag} ${name}`), ["ScopeStart inner", "ScopeEnd inner"])
      assert.strictEqual(heard[0]?.parentUuid, handle._tag === "Some" ? handle.value.uuid : undefined)
    }).pipe(Effect.provide(AgentRuntime.layer)))
})
