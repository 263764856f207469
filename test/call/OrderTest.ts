import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ExecutionScope, Guardrail, Intercept, Mark, Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import type { Driver } from "./Driver.ts"
import { governed, type Runtime, said, story } from "./utils.ts"

/** One entry of every stage, each of which says when it runs. */
const stages = (driver: Driver, name: string, priority?: number) => [
  Intercept.request({ name, priority, transform: (call) => said(`request ${name}`, call) }),
  Guardrail.make({ name, priority, check: () => said(`check ${name}`, Guardrail.allow) }),
  driver.wrapping({
    name,
    priority,
    around: (_call, next) =>
      said(`before ${name}`, undefined).pipe(
        Effect.flatMap(() => next()),
        Effect.flatMap((value) => said(`after ${name}`, value))
      )
  }),
  Guardrail.output({ name, priority, hold: "full", check: () => said(`output ${name}`, Guardrail.allow) })
]

/** The whole story of a call around which these entries stand, outermost first. */
const inOrder = (...names: ReadonlyArray<string>) => [
  ...names.map((name) => `request ${name}`),
  "start call",
  ...names.map((name) => `check ${name}`),
  ...names.map((name) => `before ${name}`),
  "work",
  ...names.toReversed().map((name) => `after ${name}`),
  ...names.map((name) => `output ${name}`),
  "end call"
]

export const suite = (driver: Driver) => {
  const call = driver.call({ name: "call" }, () => said("work", "done"))

  describe("order", () => {
    it.effect("runs the stages one after the other", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* call, "done")
        assert.deepStrictEqual(yield* story, inOrder("a"))
      }).pipe(governed(...stages(driver, "a"))))

    it.effect("runs a lower priority first and outermost", () =>
      Effect.gen(function*() {
        yield* call
        assert.deepStrictEqual(yield* story, inOrder("a", "b"))
      }).pipe(governed(...stages(driver, "b", 2), ...stages(driver, "a", 1))))

    it.effect("runs the same entries the other way round with their priorities swapped", () =>
      Effect.gen(function*() {
        yield* call
        assert.deepStrictEqual(yield* story, inOrder("b", "a"))
      }).pipe(governed(...stages(driver, "b", 1), ...stages(driver, "a", 2))))

    it.effect("orders by name what has the same priority and level", () =>
      Effect.gen(function*() {
        yield* call
        assert.deepStrictEqual(yield* story, inOrder("a", "b", "c"))
      }).pipe(governed(...stages(driver, "c"), ...stages(driver, "a"), ...stages(driver, "b"))))

    it.effect("orders the runtime before what is provided, and the outer before the inner", () =>
      Effect.gen(function*() {
        yield* call.pipe(
          Middleware.provide(...stages(driver, "a")),
          Middleware.provide(...stages(driver, "b"))
        )
        assert.deepStrictEqual(yield* story, inOrder("c", "b", "a"))
      }).pipe(governed(...stages(driver, "c"))))

    it.effect("lets priority count more than level", () =>
      Effect.gen(function*() {
        yield* call.pipe(
          Middleware.provide(...stages(driver, "inner", -1)),
          Middleware.provide(...stages(driver, "outer"))
        )
        assert.deepStrictEqual(yield* story, inOrder("inner", "outer", "runtime"))
      }).pipe(governed(...stages(driver, "runtime", 1))))

    it.effect("runs provided entries of the same name all", () =>
      Effect.gen(function*() {
        yield* call.pipe(
          Middleware.provide(...stages(driver, "a")),
          Middleware.provide(...stages(driver, "a"))
        )
        assert.deepStrictEqual(yield* story, inOrder("a", "a", "a"))
      }).pipe(governed(...stages(driver, "a"))))

    it.effect("holds what is provided for all that is forked in it, and for nobody else", () =>
      Effect.gen(function*() {
        yield* Effect.all([call, call], { concurrency: 2 }).pipe(Middleware.provide(...stages(driver, "a")))
        yield* call
        const all = yield* story
        assert.strictEqual(all.filter((line) => line === "check a").length, 2)
        assert.strictEqual(all.filter((line) => line === "start call").length, 3)
      }).pipe(governed()))

    it.effect("runs checks, intercepts and work inside the call's scope, and request intercepts outside of it", () =>
      Effect.gen(function*() {
        yield* ExecutionScope.run({ name: "agent", category: "agent" })(call)
        const kind = driver.kind
        yield* TestRuntime.assertTree(`
          agent agent → Success
            mark request a
            ${kind} call → Success
              mark check a
              mark before a
              mark work
              mark after a
              mark output a
        `)
      }).pipe(governed(...stages(driver, "a"))))

    it.effect("leaves the scope of its caller current after it, however it ended", () =>
      Effect.gen(function*() {
        const endings: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, Runtime>]> = [
          ["done", driver.call({ name: "done" }, () => Effect.succeed("done"))],
          ["failed", driver.call({ name: "failed" }, () => Effect.fail("oops"))],
          ["died", driver.call({ name: "died" }, () => Effect.die("oops"))],
          ["interrupted", driver.call({ name: "interrupted" }, () => Effect.interrupt)],
          ["blocked", driver.call({ name: "blocked" }, () => Effect.succeed("done"))]
        ]
        for (const [name, ending] of endings) {
          yield* Effect.exit(ending)
          yield* Mark.emit(`after ${name}`)
        }
        const events = yield* TestRuntime.events
        for (const [name] of endings) {
          const after = events.find((event) => event.name === `after ${name}`)
          assert.strictEqual(after?.parentUuid, events[0]?.uuid, name)
        }
      }).pipe(
        ExecutionScope.run({ name: "agent", category: "agent" }),
        governed(Guardrail.make({
          name: "g",
          applies: { name: "blocked" },
          check: () => Guardrail.reject("no")
        }))
      ))
  })
}
