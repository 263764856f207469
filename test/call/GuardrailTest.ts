import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { ExecutionScope, Guardrail, Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import type { Driver } from "./Driver.ts"
import { counted, errorOf, governed, pair, reasonOf, recorded, said, untyped, verdicts } from "./utils.ts"

const input = (name: string, priority: number, decision: Guardrail.Decision, mode?: "enforce" | "shadow") =>
  Guardrail.make({ name, priority, mode, check: () => decision })

const output = (name: string, priority: number, decision: Guardrail.Decision, mode?: "enforce" | "shadow") =>
  Guardrail.output({ name, priority, mode, hold: "full", check: () => decision })

const kinds = [
  { kind: "guardrails", make: input, runs: 0 },
  { kind: "output guardrails", make: output, runs: 1 }
]

export const suite = (driver: Driver) => {
  describe.each(kinds)("$kind", ({ make, runs }) => {
    it.effect("let the call run when all allow, and say so on its end", () => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        assert.strictEqual(yield* driver.call({ name: "call" }, work), "done")
        assert.strictEqual(seen.length, 1)
        const { end, marks } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Success" })
        assert.deepStrictEqual(end.decisions, [
          { guardrail: "a", verdict: "allow", durationMicros: 0 },
          { guardrail: "b", verdict: "allow", durationMicros: 0 }
        ])
        assert.deepStrictEqual(marks, [])
      }).pipe(governed(make("a", 1, Guardrail.allow), make("b", 2, Guardrail.allow)))
    })

    it.effect("block with the first rejection, and skip those after it", () => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        const error = yield* errorOf(driver.call({ name: "call" }, work))
        if (error.reason._tag !== "GuardrailRejected") throw new Error(error.reason._tag)
        assert.strictEqual(error.reason.guardrail, "b")
        assert.strictEqual(error.reason.reason, "no")
        assert.isFalse(error.isRetryable)
        assert.strictEqual(seen.length, runs)
        const { end, marks } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Blocked", by: "b", reason: "no" })
        assert.deepStrictEqual(end.decisions, [
          { guardrail: "a", verdict: "allow", durationMicros: 0 },
          { guardrail: "b", verdict: "reject", reason: "no", durationMicros: 0 },
          { guardrail: "c", verdict: "skipped", durationMicros: 0 }
        ])
        assert.deepStrictEqual(marks.map(({ category, data, name }) => ({ category, data, name })), [
          { category: "guardrail", name: "b", data: end.decisions[1] }
        ])
        assert.isUndefined(end.data, "a blocked result is not shown")
      }).pipe(governed(
        make("c", 3, Guardrail.reject("never asked")),
        make("a", 1, Guardrail.allow),
        make("b", 2, Guardrail.reject("no"))
      ))
    })

    it.effect("in shadow mode never block, and say what they would have blocked", () => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        assert.strictEqual(yield* driver.call({ name: "call" }, work), "done")
        assert.strictEqual(seen.length, 1)
        const { end, marks } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Success" })
        assert.deepStrictEqual(verdicts(end), ["a: wouldBlock", "b: allow", "c: allow"])
        assert.strictEqual(end.decisions[0]?.reason, "no")
        assert.deepStrictEqual(marks.map(({ category, name }) => [category, name]), [["guardrail", "a"]])
      }).pipe(governed(
        make("a", 1, Guardrail.reject("no"), "shadow"),
        make("b", 2, Guardrail.allow, "shadow"),
        make("c", 3, Guardrail.allow)
      ))
    })

    it.effect("record each of two provided under one name", () =>
      Effect.gen(function*() {
        yield* driver.call({ name: "call" }, counted().work).pipe(
          Effect.flip,
          Middleware.provide(make("same", 1, Guardrail.allow), make("same", 2, Guardrail.reject("no")))
        )
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(verdicts(end), ["same: allow", "same: reject"])
      }).pipe(governed()))
  })

  describe.each<readonly [string, () => unknown]>([
    ["fails", () => Effect.fail("oops")],
    ["dies", () => Effect.die("oops")],
    ["throws", () => {
      throw new Error("oops")
    }],
    ["answers undefined", () => undefined],
    ["answers a Promise", () => Promise.resolve(Guardrail.allow)]
  ])("a shadow guardrail that %s", (_, answer) => {
    it.effect("never blocks", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* driver.call({ name: "call" }, counted().work), "done")
        const { end, marks } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Success" })
        assert.deepStrictEqual(verdicts(end), ["in: wouldBlock", "out: wouldBlock"])
        assert.deepStrictEqual(marks.map(({ name }) => name), ["in", "out"])
      }).pipe(governed(
        Guardrail.make({ name: "in", mode: "shadow", check: (): Guardrail.Decision => untyped(answer()) }),
        Guardrail.output({
          name: "out",
          mode: "shadow",
          hold: "full",
          check: (): Guardrail.Decision => untyped(answer())
        })
      )))
  })

  describe("guardrails", () => {
    it.effect("of both kinds may share a name, and each is recorded", () =>
      Effect.gen(function*() {
        yield* driver.call({ name: "call" }, counted().work)
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(verdicts(end), ["same: allow", "same: allow"])
      }).pipe(governed(input("same", 0, Guardrail.allow), output("same", 0, Guardrail.allow))))

    it.effect("in shadow mode never block when their predicate throws or they answer nothing in time", () => {
      const asked = Deferred.makeUnsafe<void>()
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(driver.call({ name: "call" }, counted().work))
        yield* Deferred.await(asked)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(yield* Fiber.join(fiber), "done")
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(verdicts(end), ["applies: wouldBlock", "hangs: wouldBlock"])
      }).pipe(governed(
        Guardrail.make({
          name: "applies",
          mode: "shadow",
          applies: () => {
            throw new Error("boom")
          },
          check: () => Guardrail.allow
        }),
        Guardrail.make({
          name: "hangs",
          mode: "shadow",
          check: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)
        })
      ))
    })

    it.effect("take time, which their decisions say", () => {
      const asked = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
      const slow = (name: string, nth: number, millis: number) =>
        Guardrail.make({
          name,
          priority: nth,
          check: () =>
            Deferred.succeed(asked[nth]!, undefined).pipe(
              Effect.andThen(Effect.sleep(millis)),
              Effect.as(Guardrail.allow)
            )
        })
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(driver.call({ name: "call" }, counted().work))
        yield* Deferred.await(asked[0]!)
        yield* TestClock.adjust(5)
        yield* Deferred.await(asked[1]!)
        yield* TestClock.adjust(7)
        yield* Fiber.join(fiber)
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(end.decisions, [
          { guardrail: "a", verdict: "allow", durationMicros: 5000 },
          { guardrail: "b", verdict: "allow", durationMicros: 7000 }
        ])
      }).pipe(governed(slow("a", 0, 5), slow("b", 1, 7)))
    })

    it.effect("see the scope, the kind and the payload of the call", () => {
      const seen: Array<Middleware.Call> = []
      return Effect.gen(function*() {
        yield* driver.call({ name: "call", payload: { q: "secret" }, metadata: { user: "u1" } }, counted().work)
        const { start } = yield* recorded("call")
        const call = seen[0]!
        assert.strictEqual(call.kind, driver.kind)
        assert.strictEqual(call.name, "call")
        assert.deepStrictEqual(driver.payloadOf(call), { q: "secret" })
        assert.deepStrictEqual(call.metadata, { user: "u1" })
        assert.strictEqual(call.scope.uuid, start.uuid)
        assert.strictEqual(call.scope.rootUuid, start.rootUuid)
        if (call.kind === "llm") assert.strictEqual(call.streaming, driver.streaming)
      }).pipe(governed(Guardrail.make({
        name: "g",
        check: (call) => {
          seen.push(call)
          return Guardrail.allow
        }
      })))
    })

    it.effect("give one verdict of a nested call: only it is blocked, its parent fails with its error", () =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(
          driver.call({ name: "outer" }, () => driver.call({ name: "inner" }, counted().work))
        )
        assert.strictEqual(reason._tag, "GuardrailRejected")
        const events = yield* TestRuntime.events
        assert.deepStrictEqual(pair(events, "inner").end.outcome, { _tag: "Blocked", by: "g", reason: "no" })
        const { outcome } = pair(events, "outer").end
        if (outcome._tag !== "Failure") throw new Error(outcome._tag)
        assert.strictEqual(outcome.error?.tag, "CallError")
        assert.isFalse(outcome.isDefect)
      }).pipe(governed(
        Guardrail.make({ name: "g", applies: { name: "inner" }, check: () => Guardrail.reject("no") })
      )))

    it.effect("leave a parent to succeed that recovers from the block of its child", () =>
      Effect.gen(function*() {
        const answer = yield* ExecutionScope.run({ name: "agent", category: "agent" })(
          driver.call({ name: "outer" }, () =>
            Effect.orElseSucceed(driver.call({ name: "inner" }, counted().work), () => "without"))
        )
        assert.strictEqual(answer, "without")
        yield* TestRuntime.assertTree(`
          agent agent → Success
            ${driver.kind} outer → Success
              ${driver.kind} inner → Blocked by g: no
                mark guardrail g [warn]
        `)
      }).pipe(governed(
        Guardrail.make({
          name: "g",
          applies: { name: "inner" },
          check: () =>
            Guardrail.reject("no")
        })
      )))

    it.effect("hang what their checks open under the call", () =>
      Effect.gen(function*() {
        yield* driver.call({ name: "call" }, () => said("work", "done"))
        yield* TestRuntime.assertTree(`
          ${driver.kind} call → Success
            guardrail lookup → Success
              mark looked up
            mark work
        `)
      }).pipe(governed(Guardrail.make({
        name: "g",
        check: () =>
          said("looked up", Guardrail.allow).pipe(ExecutionScope.run({ name: "lookup", category: "guardrail" }))
      }))))
  })

  const call = driver.callOrAnswer
  if (call === undefined) return
  describe("an answer to a block", () => {
    it.effect.each(kinds)("from $kind is the result, and the call ends blocked", ({ make, runs }) => {
      const { seen, work } = counted()
      return Effect.gen(function*() {
        assert.strictEqual(yield* call({ name: "call" }, (reason) => `refused: ${reason}`, work), "refused: no")
        assert.strictEqual(seen.length, runs)
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Blocked", by: "g", reason: "no" })
        assert.isUndefined(end.data)
      }).pipe(governed(make("g", 0, Guardrail.reject("no"))))
    })

    it.effect("is not asked for a guardrail that failed, nor for the block of a nested call", () =>
      Effect.gen(function*() {
        const failed = yield* reasonOf(call({ name: "failed" }, () => "refused", counted().work))
        assert.strictEqual(failed._tag, "GuardrailFailed")
        const nested = yield* reasonOf(
          call({ name: "outer" }, () => "refused", () => driver.call({ name: "inner" }, counted().work))
        )
        assert.strictEqual(nested._tag, "GuardrailRejected")
      }).pipe(governed(
        Guardrail.make({ name: "bad", applies: { name: "failed" }, check: () => Effect.fail("oops") }),
        Guardrail.make({ name: "g", applies: { name: "inner" }, check: () => Guardrail.reject("no") })
      )))

    it.effect("that throws is a defect, and the call ends blocked", () =>
      Effect.gen(function*() {
        const boom = new Error("boom")
        const cause = yield* Effect.flip(Effect.sandbox(call({ name: "call" }, () => {
          throw boom
        }, counted().work)))
        assert.deepStrictEqual(cause.reasons.map((reason) => reason._tag), ["Die"])
        const { end } = yield* recorded("call")
        assert.strictEqual(end.outcome._tag, "Blocked")
      }).pipe(governed(input("g", 0, Guardrail.reject("no")))))
  })
}
