import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { ExecutionScope, Guardrail, Mark, type Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import type { Driver } from "./Driver.ts"
import { counted, governed, type Payload, reasonOf, recorded, type Runtime, said, untyped, verdicts } from "./utils.ts"

class Oops extends Data.TaggedError("Oops")<{ readonly n: number }> {}

const noBad = (driver: Driver, seen: Array<unknown> = []) =>
  Guardrail.make({
    name: "no-bad",
    check: (call) => {
      const { q } = driver.payloadOf(call)
      seen.push(q)
      return q === "bad" ? Guardrail.reject("bad") : Guardrail.allow
    }
  })

type Next = Parameters<Parameters<Driver["wrapping"]>[0]["around"]>[1]

export const suite = (driver: Driver) => {
  const around = <R = never>(
    f: (next: Next, call: Middleware.Call) => Effect.Effect<unknown, unknown, R>,
    options?: { readonly name?: string; readonly priority?: number }
  ) =>
    driver.wrapping({ name: options?.name ?? "x", priority: options?.priority, around: (call, next) => f(next, call) })

  describe("next", () => {
    it.effect("may never run: the answer of the intercept is the result, and the call a success", () => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        assert.strictEqual(yield* driver.call({ name: "call" }, work), "cached")
        assert.deepStrictEqual(seen, [])
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Success" })
        assert.strictEqual(end.data, "cached")
      }).pipe(governed(around(() => Effect.succeed("cached"))))
    })

    it.effect("may be replaced: the result of the work is not the result of the call", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* driver.call({ name: "call" }, counted("a").work), "a!")
        assert.strictEqual((yield* recorded("call")).end.data, "a!")
      }).pipe(governed(around((next) => Effect.map(next(), (value) => `${String(value)}!`)))))

    it.effect("runs the work again, each further run in a scope of its own", () => {
      let runs = 0
      const flaky = () =>
        Effect.suspend(() => {
          const run = ++runs
          return Effect.andThen(
            Mark.emit(`run ${run}`),
            run < 3 ? Effect.fail(new Oops({ n: run })) : Effect.succeed("ok")
          )
        })
      return Effect.gen(function*() {
        assert.strictEqual(yield* driver.call({ name: "call" }, flaky), "ok")
        yield* TestRuntime.assertTree(`
          ${driver.kind} call → Success
            mark run 1
            function attempt → Failure Oops
              mark run 2
            function attempt → Success
              mark run 3
        `)
        yield* TestRuntime.assertWellFormed()
      }).pipe(governed(around((next) => Effect.retry(next(), { times: 2 }))))
    })

    it.effect("may run many times at once, all under the call", () => {
      let runs = 0
      const both = Deferred.makeUnsafe<void>()
      const work = () =>
        Effect.suspend(() => {
          const run = ++runs
          if (run === 2) Deferred.doneUnsafe(both, Effect.void)
          return Effect.andThen(Deferred.await(both), said(`run ${run}`, run))
        })
      return Effect.gen(function*() {
        assert.deepStrictEqual(yield* driver.call({ name: "call" }, work), [1, 2])
        yield* TestRuntime.assertTree(
          `
          ${driver.kind} call → Success
            mark run 1
            function attempt → Success
              mark run 2
        `,
          { sort: true }
        )
        yield* TestRuntime.assertWellFormed()
      }).pipe(governed(around((next) => Effect.all([next(), next()], { concurrency: 2 }))))
    })

    it.effect("interrupts the run that lost a race, and ends its scope", () => {
      let runs = 0
      let interrupted = 0
      const started = Deferred.makeUnsafe<void>()
      const work = () =>
        Effect.suspend(() =>
          ++runs === 1
            ? Deferred.await(started).pipe(Effect.as("first"))
            : Deferred.succeed(started, undefined).pipe(
              Effect.andThen(Effect.never),
              Effect.onInterrupt(() =>
                Effect.sync(() => {
                  interrupted++
                })
              )
            )
        )
      return Effect.gen(function*() {
        assert.strictEqual(yield* driver.call({ name: "call" }, work), "first")
        assert.strictEqual(interrupted, 1)
        yield* TestRuntime.assertTree([
          { name: "call", outcome: "Success", children: [{ name: "attempt", outcome: "Interrupted" }] }
        ])
      }).pipe(governed(around((next) => Effect.race(next(), next()))))
    })

    it.effect("is refused after its call has ended", () => {
      const { seen, work } = counted()
      let late: Effect.Effect<unknown, unknown> | undefined
      return Effect.gen(function*() {
        yield* driver.call({ name: "call" }, work)
        assert.strictEqual((yield* reasonOf(late!))._tag, "InterceptFailed")
        assert.deepStrictEqual(seen, [])
        yield* recorded("call")
      }).pipe(governed(around((next) => {
        late = next()
        return Effect.succeed("early")
      })))
    })

    it.effect("runs in the scope that the intercept opened around it", () =>
      Effect.gen(function*() {
        yield* driver.call({ name: "call" }, () => said("work", "done"))
        yield* TestRuntime.assertTree(`
          ${driver.kind} call → Success
            function timed → Success
              mark work
        `)
      }).pipe(governed(
        around<Runtime>((next) => ExecutionScope.run({ name: "timed", category: "function" })(next()))
      )))

    it.effect("gives errors of the work as they are, typed and defects", () => {
      const error = new Oops({ n: 1 })
      const caught: Array<unknown> = []
      return Effect.gen(function*() {
        const failed = yield* Effect.flip(Effect.sandbox(driver.call({ name: "a" }, () => Effect.fail(error))))
        const died = yield* Effect.flip(Effect.sandbox(driver.call({ name: "b" }, () => Effect.die(error))))
        assert.deepStrictEqual(failed.reasons.map((part) => Cause.isFailReason(part) && part.error === error), [true])
        assert.deepStrictEqual(died.reasons.map((part) => Cause.isDieReason(part) && part.defect === error), [true])
        assert.strictEqual(caught.length, 2)
        assert.isTrue(caught.every((found) => found === error))
      }).pipe(governed(
        around((next) =>
          Effect.tapCause(next(), (cause) =>
            Effect.sync(() => {
              for (const part of cause.reasons) {
                caught.push(Cause.isFailReason(part) ? part.error : Cause.isDieReason(part) && part.defect)
              }
            }))
        )
      ))
    })

    it.effect("leaves an error kept from it to be the error of the call", () => {
      const error = new Oops({ n: 1 })
      return Effect.gen(function*() {
        assert.strictEqual(yield* Effect.flip(driver.call({ name: "a" }, () => Effect.fail(error))), error)
      }).pipe(governed(
        around((next) => Effect.flatMap(Effect.flip(next()), (kept) => Effect.fail(kept)), { name: "outer" }),
        around((next) => next(), { name: "inner", priority: 1 })
      ))
    })

    it.effect("of an outer intercept gives the failure of an inner one as it is", () =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(driver.call({ name: "call" }, counted().work))
        if (reason._tag !== "InterceptFailed") throw new Error(reason._tag)
        assert.strictEqual(reason.intercept, "inner")
        assert.isTrue(reason.isRetryable)
      }).pipe(governed(
        around((next) => Effect.tapError(next(), () => Effect.void), { name: "outer" }),
        around(() => Effect.fail("oops"), { name: "inner", priority: 1 })
      )))

    it.effect("leaves what an intercept fails with itself to be its own failure", () => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        const reason = yield* reasonOf(driver.call({ name: "call" }, work))
        if (reason._tag !== "InterceptFailed" || !Cause.isCause(reason.cause)) throw new Error(reason._tag)
        assert.strictEqual(reason.intercept, "x")
        assert.deepStrictEqual(reason.cause, Cause.fail("mine"))
        assert.strictEqual(seen.length, 1)
        assert.strictEqual((yield* recorded("call")).end.outcome._tag, "Failure")
      }).pipe(governed(around((next) => Effect.andThen(next(), Effect.fail("mine")))))
    })

    it.effect("is interrupted with the call", () => {
      const reached = Deferred.makeUnsafe<void>()
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          driver.call({ name: "call" }, () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
        )
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* recorded("call")).end.outcome._tag, "Interrupted")
      }).pipe(governed(around((next) => Effect.catchCause(next(), () => Effect.succeed("swallowed")))))
    })
  })

  describe("next with another request", () => {
    const changed = (next: Next, call: Middleware.Call, payload: unknown) => next(driver.withPayload(call, payload))

    it.effect("runs it, once it was judged as well", () => {
      const judged: Array<unknown> = []
      const { seen, work } = counted()
      return Effect.gen(function*() {
        assert.strictEqual(yield* driver.call({ name: "call", payload: { q: "x" } }, work), "done")
        assert.deepStrictEqual(seen, [{ q: "y" }])
        assert.deepStrictEqual(judged, ["x", "y"])
        const { end, start } = yield* recorded("call")
        assert.deepStrictEqual(driver.recordedPayload(start.data), { q: "x" })
        assert.deepStrictEqual(verdicts(end), ["no-bad: allow", "no-bad: allow"])
      }).pipe(governed(around((next, call) => changed(next, call, { q: "y" })), noBad(driver, judged)))
    })

    it.effect("is blocked if it is rejected", () => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        assert.strictEqual((yield* reasonOf(driver.call({ name: "call" }, work)))._tag, "GuardrailRejected")
        assert.deepStrictEqual(seen, [])
        const { end, marks } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Blocked", by: "no-bad", reason: "bad" })
        assert.deepStrictEqual(verdicts(end), ["no-bad: allow", "no-bad: reject"])
        assert.strictEqual(marks.length, 1)
      }).pipe(governed(around((next, call) => changed(next, call, { q: "bad" })), noBad(driver)))
    })

    it.effect("is what inner intercepts see, and outer ones do not", () => {
      const seen: Array<unknown> = []
      return Effect.gen(function*() {
        yield* driver.call({ name: "call" }, counted().work)
        assert.deepStrictEqual(seen, ["x", "y"])
      }).pipe(governed(
        around((next, call) => {
          seen.push(driver.payloadOf(call)["q"])
          return changed(next, call, { q: "y" })
        }, { name: "outer" }),
        around((next, call) => {
          seen.push(driver.payloadOf(call)["q"])
          return next()
        }, { name: "inner", priority: 1 })
      ))
    })

    it.effect("is the same request when nothing was changed, and is not judged again", () => {
      const judged: Array<unknown> = []
      return Effect.gen(function*() {
        yield* driver.call({ name: "call" }, counted().work)
        assert.deepStrictEqual(judged, ["x"])
      }).pipe(governed(around((next, call) => next({ ...call })), noBad(driver, judged)))
    })

    it.effect("gives each further run its own judgement", () => {
      const judged: Array<unknown> = []
      const { seen, work } = counted()
      return Effect.gen(function*() {
        yield* driver.call({ name: "call" }, work)
        assert.deepStrictEqual(judged, ["x", "y", "z"])
        assert.deepStrictEqual(seen, [{ q: "x" }, { q: "y" }, { q: "z" }])
      }).pipe(governed(
        around((next, call) => Effect.all([next(), changed(next, call, { q: "y" }), changed(next, call, { q: "z" })])),
        noBad(driver, judged)
      ))
    })

    const forbidden: ReadonlyArray<readonly [string, (call: Middleware.Call) => unknown]> = [
      ["name", (call) => ({ ...call, name: "other" })],
      ["kind", (call) => ({ ...call, kind: call.kind === "tool" ? "llm" : "tool" })],
      ["scope", (call) => ({ ...call, scope: { ...call.scope } })],
      ["form", () => ({ q: "y" })],
      ["type", () => "y"],
      ["value to null", () => null],
      driver.kind === "tool"
        ? ["tool call id", (call) => ({ ...call, toolCallId: "other" })]
        : ["model", (call) => ({ ...call, model: "other" })],
      driver.kind === "tool"
        ? ["decoded input", (call) => ({ ...call, decoded: "other" })]
        : ["streaming", (call) => ({ ...call, streaming: !driver.streaming })]
    ]

    it.effect.each(forbidden)("may not change its %s", ([, change]) => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        assert.strictEqual((yield* reasonOf(driver.call({ name: "call" }, work)))._tag, "InterceptFailed")
        assert.deepStrictEqual(seen, [])
        assert.strictEqual((yield* recorded("call")).end.outcome._tag, "Failure")
      }).pipe(governed(around((next, call) => next(untyped(change(call))))))
    })
  })

  describe("a block inside next", () => {
    const bad = (next: Next, call: Middleware.Call) => next(driver.withPayload(call, { q: "bad" }))
    const tries: ReadonlyArray<
      readonly [string, (next: Next, call: Middleware.Call) => Effect.Effect<unknown, unknown>]
    > = [
      ["caught", (next, call) => Effect.orElseSucceed(bad(next, call), () => "mine")],
      ["caught as a cause", (next, call) => Effect.catchCause(bad(next, call), () => Effect.succeed("mine"))],
      ["retried", (next, call) => Effect.retry(bad(next, call), { times: 3 })],
      ["followed by the first request", (next, call) => Effect.catch(bad(next, call), () => next())],
      ["raced", (next, call) => Effect.race(bad(next, call), Effect.as(Effect.yieldNow, "mine"))],
      ["one of many", (next, call) => Effect.orElseSucceed(Effect.all([bad(next, call), next()]), () => "mine")],
      ["turned into another error", (next, call) => Effect.mapError(bad(next, call), () => new Oops({ n: 1 }))],
      ["turned into a defect", (next, call) => Effect.orDie(bad(next, call))]
    ]
    it.effect.each(tries)("is final when %s", ([, swallow]) => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        const reason = yield* reasonOf(driver.call({ name: "call" }, work))
        assert.strictEqual(reason._tag, "GuardrailRejected")
        assert.deepStrictEqual(seen, [])
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Blocked", by: "no-bad", reason: "bad" })
      }).pipe(governed(around(swallow), noBad(driver)))
    })

    it.effect("is final when an intercept further out swallows it", () =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(driver.call({ name: "call" }, counted().work))
        assert.strictEqual(reason._tag, "GuardrailRejected")
      }).pipe(governed(
        around((next) => Effect.orElseSucceed(next(), () => "mine"), { name: "outer" }),
        around(bad, { name: "inner", priority: 1 }),
        noBad(driver)
      )))
  })

  it.effect("the work gets containers of its own at each run of next", () => {
    const seen: Array<Payload> = []
    return Effect.gen(function*() {
      yield* driver.call({ name: "call", payload: { q: "x" } }, (payload) =>
        Effect.sync(() => {
          seen.push({ ...payload })
          Object.assign(payload, { q: "mine", more: 1 })
        }))
      assert.deepStrictEqual(seen, [{ q: "x" }, { q: "x" }])
      const { start } = yield* recorded("call")
      assert.deepStrictEqual(driver.recordedPayload(start.data), { q: "x" })
    }).pipe(governed(around((next) => Effect.andThen(next(), next()))))
  })
}
