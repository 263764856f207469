import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Guardrail, Intercept, Middleware } from "../../src/index.ts"
import type { Driver } from "./Driver.ts"
import { counted, errorOf, governed, reasonOf, recorded, type Runtime, untyped, verdicts } from "./utils.ts"

class Oops extends Data.TaggedError("Oops")<{ readonly n: number }> {}

interface Stage {
  readonly name: string
  readonly reason: "GuardrailFailed" | "InterceptFailed"
  /** How often the work runs although the stage fails. */
  readonly runs: number
  /** The entry named `bad` with this answer. */
  readonly entry: (
    answer: () => unknown,
    applies?: Middleware.Applies<Middleware.Call>
  ) => Middleware.Entry<Runtime>
}

const stagesOf = (driver: Driver): ReadonlyArray<Stage> => [
  {
    name: "a request intercept",
    reason: "InterceptFailed",
    runs: 0,
    entry: (answer, applies) =>
      Intercept.request({ name: "bad", applies, transform: (): Middleware.Call => untyped(answer()) })
  },
  {
    name: "a guardrail",
    reason: "GuardrailFailed",
    runs: 0,
    entry: (answer, applies) =>
      Guardrail.make({ name: "bad", applies, check: (): Guardrail.Decision => untyped(answer()) })
  },
  {
    name: "an execution intercept",
    reason: "InterceptFailed",
    runs: 0,
    entry: (answer, applies) => driver.wrapping({ name: "bad", applies, around: () => untyped(answer()) })
  },
  {
    name: "an output guardrail",
    reason: "GuardrailFailed",
    runs: 1,
    entry: (answer, applies) =>
      Guardrail.output({ name: "bad", applies, hold: "full", check: (): Guardrail.Decision => untyped(answer()) })
  }
]

const boom = new Error("boom")
const oops = new Oops({ n: 1 })

const failures: ReadonlyArray<readonly [name: string, answer: () => unknown]> = [
  ["fails", () => Effect.fail(oops)],
  ["dies", () => Effect.die(boom)],
  ["throws", () => {
    throw boom
  }],
  ["returns a tagged error as a value", () => oops],
  ["returns a Promise", () => Promise.resolve(Guardrail.allow)],
  ["returns a Promise that fails", () => Promise.reject(boom)],
  ["returns undefined", () => undefined],
  ["returns null", () => null],
  ["returns a text", () => "allow"],
  ["returns true", () => true],
  ["returns a function", () => Guardrail.reject],
  ["returns an object that throws when it is read", () =>
    new Proxy({}, {
      get() {
        throw boom
      },
      has() {
        throw boom
      },
      getPrototypeOf() {
        throw boom
      }
    })]
]

const badPredicates: ReadonlyArray<readonly [name: string, applies: () => unknown]> = [
  ["throws", () => {
    throw boom
  }],
  ["answers undefined", () => undefined],
  ["answers 1", () => 1],
  ["answers a text", () => "yes"],
  ["answers a Promise", () => Promise.resolve(false)],
  ["answers a Promise that fails", () => Promise.reject(boom)],
  ["answers an Effect", () => Effect.succeed(false)]
]

export const suite = (driver: Driver) => {
  describe.each(stagesOf(driver))("$name that", ({ entry, reason, runs }) => {
    const failsClosed = (seen: ReadonlyArray<unknown>, program: Effect.Effect<unknown, unknown, Runtime>) =>
      Effect.gen(function*() {
        const error = yield* errorOf(program)
        assert.strictEqual(error.reason._tag, reason)
        assert.strictEqual(error.kind, driver.kind)
        assert.strictEqual(error.name, "call")
        assert.strictEqual(seen.length, runs, "runs of the work")
        const { end, start } = yield* recorded("call")
        assert.strictEqual(error.uuid, start.uuid)
        if (end.outcome._tag !== "Failure") throw new Error(`expected a Failure, not ${end.outcome._tag}`)
        assert.strictEqual(end.outcome.error?.tag, "CallError")
        assert.isFalse(end.outcome.isDefect)
        if (reason === "GuardrailFailed") assert.deepStrictEqual(verdicts(end), ["bad: failed"])
        return error.reason
      })

    it.effect.each(failures)("%s fails the call, closed", ([, answer]) => {
      const { seen, work } = counted()
      return failsClosed(seen, driver.call({ name: "call" }, work)).pipe(governed(entry(answer)))
    })

    it.effect.each(badPredicates)(
      "applies by a predicate that %s fails the call, closed",
      ([, applies]) =>
        Effect.forEach([untyped(applies), { when: untyped(applies) }], (applies) => {
          const { seen, work } = counted()
          return failsClosed(seen, driver.call({ name: "call" }, work)).pipe(
            governed(entry(() => Guardrail.allow, applies))
          )
        })
    )

    it.effect("does not apply does not run", () => {
      const { seen, work } = counted()
      const never = () => {
        throw boom
      }
      return Effect.gen(function*() {
        const other = driver.kind === "tool" ? "llm" : "tool"
        const entries = [
          entry(never, other),
          entry(never, { kind: other }),
          entry(never, { name: "other" }),
          entry(never, { name: /^other/ }),
          entry(never, { name: ["one", "two"] }),
          entry(never, { kind: driver.kind, name: "call", when: () => false }),
          entry(never, () => false)
        ]
        for (const entry of entries) {
          yield* driver.call({ name: "call" }, work).pipe(Middleware.provide(entry))
        }
        assert.strictEqual(seen.length, entries.length)
      }).pipe(governed())
    })

    it.effect("fails has the failure as its cause", () =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(driver.call({ name: "call" }, counted().work))
        if (!("cause" in reason) || !Cause.isCause(reason.cause)) throw new Error("expected a Cause")
        assert.isTrue(reason.cause.reasons.some((part) => Cause.isFailReason(part) && part.error === oops))
      }).pipe(governed(entry(() => Effect.fail(oops)))))

    it.effect.each<readonly [string, () => unknown]>([
      ["dies", () => Effect.die(boom)],
      ["throws", () => {
        throw boom
      }]
    ])("%s has what it threw in its cause", ([, answer]) =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(driver.call({ name: "call" }, counted().work))
        if (!("cause" in reason)) throw new Error("expected a cause")
        const found = Cause.isCause(reason.cause)
          ? reason.cause.reasons.some((part) => Cause.isDieReason(part) && part.defect === boom)
          : reason.cause === boom
        assert.isTrue(found, `the cause is ${String(reason.cause)}`)
        assert.include(reason.message, "boom")
      }).pipe(governed(entry(answer))))
  })

  describe.each(stagesOf(driver).filter(({ reason }) => reason === "GuardrailFailed"))(
    "$name that gives no answer",
    ({ entry, name, runs }) => {
      it.effect("fails the call after 30 seconds", () => {
        const { seen, work } = counted()
        const asked = Deferred.makeUnsafe<void>()
        return Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(reasonOf(driver.call({ name: "call" }, work)))
          yield* Deferred.await(asked)
          yield* TestClock.adjust("29999 millis")
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust("1 millis")
          const reason = yield* Fiber.join(fiber)
          if (reason._tag !== "GuardrailFailed") throw new Error(reason._tag)
          assert.isTrue(reason.timedOut)
          assert.isTrue(reason.isRetryable)
          assert.strictEqual(reason.guardrail, "bad")
          assert.strictEqual(seen.length, runs)
          const { end } = yield* recorded("call")
          assert.deepStrictEqual(verdicts(end), ["bad: failed"])
          assert.strictEqual(end.decisions[0]?.durationMicros, 30_000_000)
        }).pipe(governed(entry(() => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never))))
      })

      it.effect("fails the call after its own timeout, and its check is interrupted", () => {
        const asked = Deferred.makeUnsafe<void>()
        let interrupted = false
        const check = () =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                interrupted = true
              })
            )
          )
        const guardrail = name === "a guardrail"
          ? Guardrail.make({ name: "bad", timeout: "1 second", check })
          : Guardrail.output({ name: "bad", timeout: "1 second", check })
        return Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(reasonOf(driver.call({ name: "call" }, counted().work)))
          yield* Deferred.await(asked)
          yield* TestClock.adjust("1 second")
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "GuardrailFailed")
          assert.isTrue(interrupted)
        }).pipe(governed(guardrail))
      })

      it.effect("in time but cannot be interrupted does not let the call run", () => {
        const { seen, work } = counted()
        const asked = Deferred.makeUnsafe<void>()
        return Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(reasonOf(driver.call({ name: "call" }, work)))
          yield* Deferred.await(asked)
          yield* TestClock.adjust("2 minutes")
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "GuardrailFailed")
          assert.strictEqual(seen.length, runs)
        }).pipe(governed(entry(() =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(Effect.sleep("1 minute")),
            Effect.as(Guardrail.allow),
            Effect.uninterruptible
          )
        )))
      })
    }
  )

  describe("a failing work", () => {
    it.effect("keeps its typed error", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(driver.call({ name: "call" }, () => Effect.fail(oops)))
        assert.strictEqual(error, oops)
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, { _tag: "Failure", error: { tag: "Oops", message: "" }, isDefect: false })
      }).pipe(governed()))

    it.effect.each<readonly [string, () => Effect.Effect<never>]>([
      ["dies", () => Effect.die(boom)],
      ["throws", () => {
        throw boom
      }]
    ])("that %s is a defect, also through middleware of every kind", ([, work]) =>
      Effect.gen(function*() {
        const cause = yield* Effect.flip(Effect.sandbox(driver.call({ name: "call" }, work)))
        assert.deepStrictEqual(cause.reasons.map((part) => Cause.isDieReason(part) && part.defect), [boom])
        const { end } = yield* recorded("call")
        assert.deepStrictEqual(end.outcome, {
          _tag: "Failure",
          error: { tag: "Error", message: "boom" },
          isDefect: true
        })
      }).pipe(governed(
        Intercept.request({ name: "r", transform: (call) => call }),
        Guardrail.make({ name: "g", check: () => Guardrail.allow }),
        driver.wrapping({ name: "e", around: (_, next) => next() }),
        Guardrail.output({ name: "o", check: () => Guardrail.allow })
      )))

    it.effect("is not judged by output guardrails", () => {
      let judged = 0
      return Effect.gen(function*() {
        assert.strictEqual(yield* Effect.flip(driver.call({ name: "call" }, () => Effect.fail(oops))), oops)
        assert.strictEqual(judged, 0)
      }).pipe(governed(Guardrail.output({
        name: "o",
        check: () => {
          judged++
          return Guardrail.reject("no")
        }
      })))
    })
  })

  describe.each(stagesOf(driver))("an interruption during $name", ({ entry, runs }) => {
    it.effect("ends the call as interrupted, once", () => {
      const { seen, work } = counted()
      const reached = Deferred.makeUnsafe<void>()
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(driver.call({ name: "call" }, work))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(seen.length, runs)
        const { end } = yield* recorded("call")
        if (end.outcome._tag !== "Interrupted") throw new Error(end.outcome._tag)
        assert.match(end.outcome.origin ?? "", /^fiber:\d+$/)
      }).pipe(governed(entry(() => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))))
    })
  })

  it.effect("an interruption of the work ends the call as interrupted by that fiber, once", () => {
    const reached = Deferred.makeUnsafe<void>()
    return Effect.gen(function*() {
      const id = yield* Effect.fiberId
      const fiber = yield* Effect.forkChild(
        driver.call({ name: "call" }, () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
      )
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      const { end } = yield* recorded("call")
      assert.deepStrictEqual(end.outcome, { _tag: "Interrupted", origin: `fiber:${id}` })
    }).pipe(governed(driver.wrapping({ name: "e", around: (_, next) => next() })))
  })
}
