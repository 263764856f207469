import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { ExecutionScope, LlmCall, Mark, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const agent = (name: string) => ExecutionScope.run({ name, category: "agent" })
const tool = <A, E, R>(name: string, work: Effect.Effect<A, E, R>) => ToolCall.run({ name, input: name }, () => work)
const request = { headers: {}, body: {} }

describe("parallel work", () => {
  it.effect("keeps its places when all of it is open at once", () =>
    Effect.gen(function*() {
      const all = yield* Deferred.make<void>()
      let waiting = 0
      const meet = Effect.suspend(() => ++waiting === 4 ? Deferred.succeed(all, undefined) : Deferred.await(all))
      const branch = (name: string) =>
        Effect.all([tool(`${name} 1`, meet), tool(`${name} 2`, meet)], { concurrency: 2 }).pipe(
          Effect.andThen(Mark.emit(`${name} done`)),
          agent(name)
        )
      yield* Effect.all([branch("left"), branch("right")], { concurrency: "unbounded" }).pipe(agent("root"))
      yield* TestRuntime.assertTree(
        `
        agent root → Success
          agent left → Success
            mark left done
            tool left 1 → Success
            tool left 2 → Success
          agent right → Success
            mark right done
            tool right 1 → Success
            tool right 2 → Success
      `,
        { sort: true }
      )
      yield* TestRuntime.assertWellFormed()
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("belongs where it was forked, however it was forked", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        const child = yield* Effect.forkChild(tool("child", Effect.yieldNow))
        const detached = yield* Effect.forkDetach(tool("detached", Effect.yieldNow))
        const scoped = yield* Effect.forkScoped(tool("scoped", Effect.yieldNow))
        yield* agent("meanwhile")(Effect.yieldNow)
        for (const fiber of [child, detached, scoped]) yield* Fiber.join(fiber)
      }).pipe(Effect.scoped, agent("root"))
      yield* TestRuntime.assertTree(
        `
        agent root → Success
          tool child → Success
          tool detached → Success
          agent meanwhile → Success
          tool scoped → Success
      `,
        { sort: true }
      )
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("that outlives its scope still belongs there", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      const fiber = yield* Effect.andThen(Deferred.await(go), tool("late", Effect.void)).pipe(
        Effect.forkDetach,
        agent("root")
      )
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(fiber)
      yield* TestRuntime.assertTree(`
        agent root → Success
          tool late → Success
      `)
      yield* TestRuntime.assertWellFormed()
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("ends the losers of a race as interrupted, each where it belongs", () =>
    Effect.gen(function*() {
      yield* Effect.raceFirst(
        agent("slow")(tool("forever", Effect.never)),
        agent("fast")(tool("quick", Effect.yieldNow))
      ).pipe(agent("root"))
      yield* Mark.emit("after")
      yield* TestRuntime.assertTree(
        `
        mark after
        agent root → Success
          agent fast → Success
            tool quick → Success
          agent slow → Interrupted by fiber
            tool forever → Interrupted by fiber
      `,
        { sort: true }
      )
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("that fails interrupts its siblings, and each ends as it ended", () =>
    Effect.gen(function*() {
      const failed = Effect.all([
        agent("fails")(Effect.andThen(Effect.yieldNow, Effect.fail("no"))),
        agent("waits")(Effect.never)
      ], { concurrency: 2 })
      yield* Effect.exit(agent("root")(failed))
      yield* TestRuntime.assertTree(
        `
        agent root → Failure string: no
          agent fails → Failure string: no
          agent waits → Interrupted by fiber
      `,
        { sort: true }
      )
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("interrupted by somebody says by whom", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(agent("a")(Effect.never))
      yield* Effect.yieldNow
      const by = yield* Effect.withFiber((self) => Effect.succeed(self.id))
      yield* Fiber.interrupt(fiber)
      const events = yield* TestRuntime.events
      const end = events.find((event) => event._tag === "ScopeEnd")
      assert.deepStrictEqual(end?._tag === "ScopeEnd" ? end.outcome : undefined, {
        _tag: "Interrupted",
        origin: `fiber:${by}`
      })
    }).pipe(Effect.provide(TestRuntime.layer())))
})

describe("streams", () => {
  it.effect("have the provider inside of the call and the consumer outside", () =>
    Effect.gen(function*() {
      const model = LlmCall.stream({ name: "model", request }, () =>
        Stream.make("a", "b").pipe(
          Stream.rechunk(1),
          Stream.tap((chunk) => tool(`provides ${chunk}`, Effect.void)),
          Stream.ensuring(Mark.emit("closed"))
        ))
      yield* model.pipe(
        Stream.tap((chunk) => tool(`consumes ${chunk}`, Effect.void)),
        Stream.runDrain,
        agent("root")
      )
      yield* TestRuntime.assertTree(`
        agent root → Success
          llm model → Success
            tool provides a → Success
            tool provides b → Success
            mark closed
          tool consumes a → Success
          tool consumes b → Success
      `)
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("that run at the same time are apart, also when one is read in part", () =>
    Effect.gen(function*() {
      const model = (name: string) =>
        LlmCall.stream({ name, request }, () =>
          Stream.make(1, 2, 3).pipe(
            Stream.rechunk(1),
            Stream.tap((chunk) => Effect.andThen(Effect.yieldNow, Mark.emit(`${name} ${chunk}`)))
          ))
      yield* Effect.all([
        agent("left")(Stream.runDrain(model("whole"))),
        agent("right")(Stream.runDrain(Stream.take(model("part"), 1)))
      ], { concurrency: 2 }).pipe(agent("root"))
      yield* TestRuntime.assertTree(
        `
        agent root → Success
          agent left → Success
            llm whole → Success
              mark whole 1
              mark whole 2
              mark whole 3
          agent right → Success
            llm part → Interrupted by consumer
              mark part 1
      `,
        { sort: true }
      )
    }).pipe(Effect.provide(TestRuntime.layer())))

  it.effect("merged into one belong where they are read", () =>
    Effect.gen(function*() {
      const model = (name: string) =>
        LlmCall.stream({ name, request }, () => Stream.fromEffect(Effect.as(Mark.emit(`in ${name}`), name)))
      const chunks = yield* Stream.runCollect(Stream.merge(model("one"), model("two"))).pipe(agent("root"))
      assert.deepStrictEqual(Array.from(chunks).toSorted(), ["one", "two"])
      yield* TestRuntime.assertTree(
        `
        agent root → Success
          llm one → Success
            mark in one
          llm two → Success
            mark in two
      `,
        { sort: true }
      )
    }).pipe(Effect.provide(TestRuntime.layer())))
})
