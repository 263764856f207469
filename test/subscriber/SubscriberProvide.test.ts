import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type { LifecycleEvent } from "../../src/index.ts"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  Mark,
  Middleware,
  Sanitizer,
  Subscriber,
  ToolCall
} from "../../src/index.ts"
import { held, label, logs, opened, recorder, settle, succeed } from "../runtime/harness.ts"

describe("Subscriber.provide", () => {
  it.effect("sees exactly what is born under its effect, forked fibers included", () => {
    const watch = recorder()
    return Effect.gen(function*() {
      const outside = yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, Mark.emit("beside")))
      yield* Mark.emit("before")
      yield* Effect.gen(function*() {
        yield* Mark.emit("inside")
        const child = yield* Effect.forkChild(Effect.andThen(Mark.emit("forked"), succeed("call")))
        yield* Fiber.join(child)
        yield* Effect.forkChild(Fiber.join(outside)).pipe(Effect.flatMap(Fiber.join))
      }).pipe(ExecutionScope.run({ name: "step", category: "agent" }), Subscriber.provide(watch.subscriber))
      yield* Mark.emit("after")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(watch.labels(), [
        "step:start",
        "inside",
        "forked",
        "call:start",
        "call:end",
        "step:end"
      ])
    }).pipe(Effect.provide(AgentRuntime.layer))
  })

  it.effect("gets the end of a scope that was opened under it, and not that of one around it", () => {
    const watch = recorder()
    return Mark.emit("m").pipe(
      Subscriber.provide(watch.subscriber),
      ExecutionScope.run({ name: "outer", category: "agent" }),
      Effect.andThen(AgentRuntime.flush),
      Effect.map(() => assert.deepStrictEqual(watch.labels(), ["m"])),
      Effect.provide(AgentRuntime.layer)
    )
  })

  const endings: ReadonlyArray<
    readonly [how: string, end: Effect.Effect<string, string>, check: (exit: Exit.Exit<string, unknown>) => boolean]
  > = [
    ["returns", Effect.succeed("value"), (exit) => Exit.isSuccess(exit) && exit.value === "value"],
    ["fails", Effect.fail("no"), Exit.hasFails],
    ["dies", Effect.die("no"), Exit.hasDies],
    ["interrupts itself", Effect.interrupt, Exit.hasInterrupts]
  ]
  for (const [how, end, check] of endings) {
    it.effect(`has handled everything when its effect ${how}`, () => {
      const watch = held()
      return Effect.gen(function*() {
        const work = yield* Effect.andThen(Mark.emit("1"), Effect.andThen(succeed("2"), end)).pipe(
          Subscriber.provide(watch.subscriber),
          Effect.exit,
          Effect.forkChild
        )
        yield* watch.hasEvent
        yield* settle
        assert.isUndefined(work.pollUnsafe())
        yield* watch.latch.open
        const exit = yield* Fiber.join(work)
        assert.deepStrictEqual(watch.labels(), ["1", "2:start", "2:end"])
        assert.isTrue(check(exit))
      }).pipe(Effect.ensuring(watch.latch.open), Effect.provide(AgentRuntime.layer))
    })
  }

  it.effect("has handled everything, the end included, when its effect is interrupted from outside", () => {
    const seen: Array<string> = []
    const started = Deferred.makeUnsafe<void>()
    return Effect.gen(function*() {
      const work = yield* Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
        ExecutionScope.run({ name: "step", category: "agent" }),
        Subscriber.provide({
          name: "slow",
          handle: (event) =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => {
                seen.push(event._tag === "ScopeEnd" ? event.outcome._tag : label(event))
              })
            )
        }),
        Effect.forkChild
      )
      yield* Deferred.await(started)
      yield* Fiber.interrupt(work)
      assert.deepStrictEqual(seen, ["step:start", "Interrupted"])
    }).pipe(Effect.provide(AgentRuntime.layer))
  })

  it.effect("nests: each sees what is born under it", () => {
    const outer = recorder({ name: "same name" })
    const inner = recorder({ name: "same name" })
    return Effect.gen(function*() {
      yield* Mark.emit("1")
      yield* succeed("2").pipe(Subscriber.provide(inner.subscriber))
      yield* Mark.emit("3")
    }).pipe(
      Subscriber.provide(outer.subscriber),
      Effect.map(() => {
        assert.deepStrictEqual(outer.labels(), ["1", "2:start", "2:end", "3"])
        assert.deepStrictEqual(inner.labels(), ["2:start", "2:end"])
      }),
      Effect.provide(AgentRuntime.layer)
    )
  })

  it.effect("sees what is born under it in every runtime", () => {
    const watch = recorder()
    return Effect.gen(function*() {
      yield* succeed("here")
      yield* succeed("there").pipe(Effect.provide(AgentRuntime.layerWith({})))
    }).pipe(
      Subscriber.provide(watch.subscriber),
      Effect.map(() => assert.deepStrictEqual(watch.labels(), ["here:start", "here:end", "there:start", "there:end"])),
      Effect.provide(AgentRuntime.layer)
    )
  })

  it.effect("is not held up by a fiber that outlives the effect and goes on emitting", () => {
    const watched: Array<string> = []
    const handling = Latch.makeUnsafe(false)
    const emitted = Latch.makeUnsafe(false)
    let count = 0
    // Each event is handled only after the next one was emitted, so there is always one on its way.
    const outliving = Effect.forever(Effect.gen(function*() {
      yield* handling.await
      yield* handling.close
      if (count++ < 100) yield* Mark.emit(`${count}`)
      yield* emitted.open
    }))
    const handle = (event: LifecycleEvent.LifecycleEvent) =>
      Effect.gen(function*() {
        watched.push(event.name)
        yield* handling.open
        yield* emitted.await
        yield* emitted.close
      })
    return Effect.gen(function*() {
      const scope = yield* Effect.scope
      yield* Effect.andThen(Mark.emit("first"), Effect.forkIn(outliving, scope)).pipe(
        Subscriber.provide({ name: "in lockstep", handle })
      )
      assert.isBelow(watched.length, 10)
      assert.strictEqual(yield* succeed("next"), "next")
      yield* AgentRuntime.flush
    }).pipe(Effect.provide(AgentRuntime.layer))
  })

  it.effect("leaves a fiber that outlives the effect its work, and is drained of it by no flush", () => {
    const watch = recorder()
    const go = Latch.makeUnsafe(false)
    return Effect.gen(function*() {
      const daemon = yield* Effect.forkDetach(Effect.andThen(go.await, succeed("late"))).pipe(
        Effect.tap(() => Mark.emit("early")),
        Subscriber.provide(watch.subscriber)
      )
      yield* go.open
      assert.strictEqual(yield* Fiber.join(daemon), "late")
      yield* AgentRuntime.flush
      assert.deepStrictEqual(watch.labels(), ["early"])
    }).pipe(Effect.provide(AgentRuntime.layer))
  })

  it.live("gives up on a handler that never finishes after the time limit, and says so", () => {
    const log = logs()
    const stuck = held({ name: "stuck" })
    return Effect.gen(function*() {
      const { context } = yield* opened(AgentRuntime.layerWith({ closeTimeout: "50 millis" }))
      const value = yield* Effect.andThen(Mark.emit("1"), succeed("value")).pipe(
        Subscriber.provide(stuck.subscriber),
        Effect.provideContext(context)
      )
      assert.strictEqual(value, "value")
      assert.deepStrictEqual(log.texts(), [`heddle: subscriber "stuck" was closed before it had handled 3 events`])
    }).pipe(Effect.provide(log.layer), Effect.scoped)
  })

  it.live("counts also what has not reached the handler's buffer when the time is over", () => {
    const log = logs()
    const watch = recorder({ name: "late" })
    return Effect.gen(function*() {
      const hang = Sanitizer.mark({ name: "hang", timeout: "1 hour", sanitize: () => Effect.never })
      const { context } = yield* opened(AgentRuntime.layerWith({ closeTimeout: "50 millis" }))
      yield* Effect.andThen(Mark.emit("1"), succeed("value")).pipe(
        Middleware.provide(hang),
        Subscriber.provide(watch.subscriber),
        Effect.provideContext(context)
      )
      assert.deepStrictEqual(log.texts(), [`heddle: subscriber "late" was closed before it had handled 3 events`])
    }).pipe(Effect.provide(log.layer), Effect.scoped)
  })

  it.effect("shows events as the sanitizers of their place leave them", () => {
    const watch = recorder()
    const hide = Sanitizer.mark({ name: "hide", sanitize: () => ({ data: "hidden" }) })
    return Effect.andThen(
      Mark.emit("a", { data: "secret" }),
      Mark.emit("b", { data: "secret" }).pipe(Middleware.provide(hide))
    ).pipe(
      Subscriber.provide(watch.subscriber),
      Effect.map(() => assert.deepStrictEqual(watch.events.map(({ data }) => data), ["secret", "hidden"])),
      Effect.provide(AgentRuntime.layer)
    )
  })

  it.effect("does not get back what its own handler emits", () => {
    const all = recorder({ name: "all" })
    const seen: Array<string> = []
    return Effect.andThen(Mark.emit("1"), Mark.emit("2")).pipe(
      Subscriber.provide({
        name: "echo",
        handle: (event) => {
          seen.push(event.name)
          return Effect.andThen(succeed(`re ${event.name}`), AgentRuntime.flush)
        }
      }),
      Effect.andThen(AgentRuntime.flush),
      Effect.map(() => {
        assert.deepStrictEqual(seen, ["1", "2"])
        assert.deepStrictEqual(
          all.labels().toSorted(),
          ["1", "2", "re 1:end", "re 1:start", "re 2:end", "re 2:start"]
        )
      }),
      Effect.provide(AgentRuntime.layerWith({ policies: all.layer }))
    )
  })

  it.effect("fails neither the effect nor the next events when its handler fails", () => {
    const seen: Array<string> = []
    return Effect.andThen(Mark.emit("1"), succeed("2")).pipe(
      Subscriber.provide({
        name: "failing",
        handle: (event) => {
          seen.push(label(event))
          return Effect.fail("no")
        }
      }),
      Effect.map((value) => {
        assert.strictEqual(value, "2")
        assert.deepStrictEqual(seen, ["1", "2:start", "2:end"])
      }),
      Effect.provide(Layer.merge(AgentRuntime.layer, logs().layer))
    )
  })

  it.effect("has a handler that is governed by what is provided around it", () => {
    const answers: Array<string> = []
    const noTools = Guardrail.make({ name: "no-tools", check: () => Guardrail.reject("not here") })
    return Mark.emit("seen").pipe(
      Subscriber.provide({
        name: "caller",
        handle: () =>
          ToolCall.run({ name: "from handler", input: {} }, () => Effect.succeed("ran")).pipe(
            Effect.catchReason("CallError", "GuardrailRejected", ({ reason }) => Effect.succeed(reason)),
            Effect.map((answer) => {
              answers.push(answer)
            })
          )
      }),
      Middleware.provide(noTools),
      Effect.andThen(Effect.sync(() => assert.deepStrictEqual(answers, ["not here"]))),
      Effect.provide(AgentRuntime.layerWith({}))
    )
  })
})
