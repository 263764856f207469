/** Ways around a guardrail, each of them tried. `read` is a tool that must never get at `.env`. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { AgentRuntime, Guardrail, Intercept, LlmCall, Middleware, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import { reasonOf, recorded, type Runtime, untyped } from "./utils.ts"

interface Input {
  readonly path: string
}

const pathOf = (call: Middleware.Call): unknown =>
  call.kind === "tool" ? (call.input as Input).path : (call.request.body as unknown as Input).path

const noSecrets = Guardrail.make({
  name: "no-secrets",
  check: (call) => pathOf(call) === ".env" ? Guardrail.reject("secret") : Guardrail.allow
})

/** The secrets that were read. */
class Leaks extends Context.Service<Leaks, Array<string>>()("heddle/test/call/bypass.test/Leaks") {}

const open = (input: Input): Effect.Effect<string, never, Leaks> =>
  Effect.map(Leaks, (leaks) => {
    if (input.path === ".env") leaks.push(input.path)
    return input.path
  })

const read = (input: Input, name = "read") => ToolCall.run({ name, input }, open)

/** Runs an attempt under policy; whatever it does, nothing secret may have been read. */
const safely = <A, E>(
  attempt: Effect.Effect<A, E, Leaks | Runtime | TestRuntime.TestRuntime>,
  options?: AgentRuntime.RuntimeOptions<Middleware.DuplicateEntry, Runtime>
) =>
  Effect.suspend(() => {
    const leaks: Array<string> = []
    return attempt.pipe(
      Effect.provideService(Leaks, leaks),
      Effect.provide(TestRuntime.layer({ policies: Middleware.layer(noSecrets), ...options })),
      Effect.tap(() => Effect.sync(() => assert.deepStrictEqual(leaks, [])))
    )
  })

const secret: Input = { path: ".env" }
const harmless: Input = { path: "readme" }

const withPath = (call: Middleware.Call, path: string): Middleware.Call =>
  call.kind === "tool" ? { ...call, input: { path } } : call

/** A guardrail that waits to be told, after the one that judges. */
const slow = () => {
  const asked = Deferred.makeUnsafe<void>()
  const go = Deferred.makeUnsafe<void>()
  return {
    asked: Deferred.await(asked),
    go: Deferred.succeed(go, undefined),
    entry: Guardrail.make({
      name: "slow",
      priority: 1,
      check: () =>
        Deferred.succeed(asked, undefined).pipe(
          Effect.andThen(Deferred.await(go)),
          Effect.as(Guardrail.allow)
        )
    })
  }
}

class Path implements Input {
  path = "readme"
}

describe("a guardrail holds although", () => {
  it.effect("nothing is tried", () =>
    safely(Effect.gen(function*() {
      assert.strictEqual(yield* read(harmless), "readme")
      assert.strictEqual((yield* reasonOf(read(secret)))._tag, "GuardrailRejected")
    })))

  it.effect("the request became harmful after a request intercept", () =>
    safely(
      reasonOf(
        read(harmless).pipe(
          Middleware.provide(Intercept.request({
            name: "last",
            priority: Number.MAX_VALUE,
            transform: (call) => withPath(call, ".env")
          }))
        )
      ).pipe(Effect.map((reason) => assert.strictEqual(reason._tag, "GuardrailRejected")))
    ))

  it.effect("an intercept renames the call to one that it does not judge", () =>
    Effect.gen(function*() {
      const onlyRead = Guardrail.make({
        name: "only-read",
        applies: { name: "read" },
        check: (call) => pathOf(call) === ".env" ? Guardrail.reject("secret") : Guardrail.allow
      })
      const rename = (call: Middleware.Call): Middleware.Call => ({ ...call, name: "other" })
      for (
        const entry of [
          Intercept.request({ name: "i", transform: rename }),
          Intercept.execution({ name: "i", around: (call, next) => next(rename(withPath(call, ".env"))) })
        ]
      ) {
        const policies = Middleware.layer(onlyRead, entry)
        yield* safely(Effect.exit(read(harmless)), { policies })
        yield* safely(Effect.exit(read(secret)), { policies })
      }
    }))

  it.effect("the caller changes the request after it was judged", () => {
    const { asked, entry, go } = slow()
    return safely(
      Effect.gen(function*() {
        const input = { path: "readme" }
        const fiber = yield* Effect.forkChild(read(input))
        yield* asked
        input.path = ".env"
        yield* go
        assert.strictEqual(yield* Fiber.join(fiber), "readme")
      }),
      { policies: Middleware.layer(noSecrets, entry) }
    )
  })

  it.effect("an intercept keeps the request and changes it after it was judged", () => {
    const { asked, entry, go } = slow()
    const kept = { path: "readme" }
    return safely(
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(read(harmless))
        yield* asked
        kept.path = ".env"
        yield* go
        assert.strictEqual(yield* Fiber.join(fiber), "readme")
      }),
      {
        policies: Middleware.layer(
          noSecrets,
          entry,
          Intercept.request({ name: "r", transform: (call) => call.kind === "tool" ? { ...call, input: kept } : call })
        )
      }
    )
  })

  it.effect("another guardrail writes into the request", () =>
    safely(
      Effect.map(Effect.exit(read(harmless)), (exit) => assert.isTrue(Exit.isFailure(exit))),
      {
        policies: Middleware.layer(
          noSecrets,
          Guardrail.make({
            name: "writes",
            priority: 1,
            check: (call) => {
              if (call.kind === "tool") Object.assign(call.input as object, secret)
              return Guardrail.allow
            }
          })
        )
      }
    ))

  it.effect("another guardrail writes into the decoded input", () => {
    const decoding = ToolCall.run(
      { name: "read", input: { path: "readme" }, schema: Schema.Struct({ path: Schema.Trim }) },
      open
    )
    const writes = Guardrail.make({
      name: "writes",
      priority: 1,
      check: (call) => {
        if (call.kind === "tool") Object.assign(call.decoded as object, secret)
        return Guardrail.allow
      }
    })
    return safely(Effect.exit(decoding), { policies: Middleware.layer(noSecrets, writes) })
  })

  it.effect("another guardrail writes into a decoded instance, with audit", () => {
    class Target extends Schema.Class<Target>("Target")({ path: Schema.String }) {}
    const decoding = ToolCall.run({ name: "read", input: { path: "readme" }, schema: Target }, open)
    const writes = Guardrail.make({
      name: "writes",
      priority: 1,
      check: (call) => {
        if (call.kind === "tool") Object.assign(call.decoded as object, secret)
        return Guardrail.allow
      }
    })
    return safely(Effect.exit(decoding), { audit: true, policies: Middleware.layer(noSecrets, writes) })
  })

  it.effect("an execution intercept writes into the request before next", () =>
    safely(Effect.exit(read(harmless)), {
      policies: Middleware.layer(
        noSecrets,
        Intercept.execution({
          name: "writes",
          around: (call, next) => {
            if (call.kind === "tool") Object.assign(call.input as object, secret)
            return next()
          }
        })
      )
    }))

  it.effect("an instance of a class changes after it was judged, with audit", () => {
    const { asked, entry, go } = slow()
    return safely(
      Effect.gen(function*() {
        const input = new Path()
        const fiber = yield* Effect.forkChild(reasonOf(read(input)))
        yield* asked
        input.path = ".env"
        yield* go
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "GuardrailFailed")
        const { end } = yield* recorded("read")
        assert.strictEqual(end.outcome._tag, "Failure")
        assert.match(end.decisions[0]?.digest ?? "", /^[0-9a-f]{64}$/)
      }),
      { audit: true, policies: Middleware.layer(noSecrets, entry) }
    )
  })

  it.effect("a leaf changes after it was judged, with audit", () => {
    const { asked, entry, go } = slow()
    const nested = Guardrail.make({
      name: "nested",
      check: (call) =>
        call.kind === "tool" && (call.input as { readonly file: Input }).file.path === ".env"
          ? Guardrail.reject("secret")
          : Guardrail.allow
    })
    return safely(
      Effect.gen(function*() {
        const file = new Path()
        const fiber = yield* Effect.forkChild(
          reasonOf(ToolCall.run({ name: "read", input: { file } }, ({ file }) => open(file)))
        )
        yield* asked
        file.path = ".env"
        yield* go
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "GuardrailFailed")
      }),
      { audit: true, policies: Middleware.layer(nested, entry) }
    )
  })

  it.effect("what was decoded from the request changes after it was judged, with audit", () => {
    const { asked, entry, go } = slow()
    const file = new Path()
    const schema = Schema.Struct({ file: Schema.instanceOf(Path) })
    return safely(
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          reasonOf(ToolCall.run({ name: "read", input: { file }, schema }, ({ file }) => open(file)))
        )
        yield* asked
        file.path = ".env"
        yield* go
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "GuardrailFailed")
      }),
      { audit: true, policies: Middleware.layer(entry) }
    )
  })

  it.effect("the work of a first run changes a leaf for the second, with audit", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const input = new Path()
      const call = ToolCall.run({ name: "read", input }, (input) =>
        Effect.suspend(() => {
          seen.push(input.path)
          input.path = ".env"
          return Effect.fail("again")
        }))
      yield* reasonOf(call).pipe(
        Effect.map((reason) => assert.strictEqual(reason._tag, "GuardrailFailed")),
        Effect.provide(TestRuntime.layer({
          audit: true,
          policies: Middleware.layer(
            noSecrets,
            Intercept.execution({ name: "retry", around: (_call, next) => Effect.retry(next(), { times: 1 }) })
          )
        }))
      )
      assert.deepStrictEqual(seen, ["readme"])
    }))

  it.effect("next is given another request", () =>
    safely(
      Effect.gen(function*() {
        assert.strictEqual((yield* reasonOf(read(harmless)))._tag, "GuardrailRejected")
        assert.strictEqual((yield* recorded("read")).end.outcome._tag, "Blocked")
      }),
      {
        policies: Middleware.layer(
          noSecrets,
          Intercept.execution({ name: "x", around: (call, next) => next(withPath(call, ".env")) })
        )
      }
    ))

  it.effect("next is given a request that reads differently each time", () =>
    safely(Effect.exit(read(harmless)), {
      policies: Middleware.layer(
        noSecrets,
        Intercept.execution({
          name: "x",
          around: (call, next) => {
            let reads = 0
            return next(untyped({
              ...call,
              get input() {
                return reads++ === 0 ? harmless : secret
              }
            }))
          }
        })
      )
    }))

  it.effect("its block is swallowed, and next runs again with what was allowed", () =>
    safely(
      Effect.gen(function*() {
        assert.strictEqual((yield* reasonOf(read(harmless)))._tag, "GuardrailRejected")
        assert.strictEqual((yield* recorded("read")).end.outcome._tag, "Blocked")
      }),
      {
        policies: Middleware.layer(
          noSecrets,
          Intercept.execution({
            name: "x",
            around: (call, next) => Effect.catchCause(next(withPath(call, ".env")), () => next())
          })
        )
      }
    ))

  it.effect("the model is called by a stream", () => {
    let asked = 0
    return safely(Effect.gen(function*() {
      const stream = LlmCall.stream({ name: "m", request: { headers: {}, body: { path: ".env" } } }, () => {
        asked++
        return Stream.make("secret")
      })
      assert.strictEqual((yield* reasonOf(Stream.runCollect(stream)))._tag, "GuardrailRejected")
      assert.strictEqual(asked, 0)
    }))
  })

  it.effect("the call is made in a fiber that outlives the aspect around it", () => {
    const go = Deferred.makeUnsafe<void>()
    return safely(
      Effect.gen(function*() {
        const fiber = yield* Deferred.await(go).pipe(
          Effect.andThen(reasonOf(read(secret))),
          Effect.forkDetach,
          Middleware.provide(noSecrets)
        )
        yield* Deferred.succeed(go, undefined)
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "GuardrailRejected")
      }),
      { policies: Middleware.layer() }
    )
  })

  it.effect("the call is nested in another runtime, for an aspect", () =>
    safely(
      Effect.gen(function*() {
        const nested = read(secret).pipe(Effect.provide(AgentRuntime.layerWith({})))
        assert.strictEqual((yield* reasonOf(nested.pipe(Middleware.provide(noSecrets))))._tag, "GuardrailRejected")
      }),
      { policies: Middleware.layer() }
    ))

  it.effect("the call is nested in another runtime that was given the same policy value", () => {
    const policies = Middleware.layer(noSecrets)
    return safely(
      Effect.gen(function*() {
        const nested = read(secret).pipe(Effect.provide(AgentRuntime.layerWith({ policies })))
        assert.strictEqual((yield* reasonOf(nested))._tag, "GuardrailRejected")
        assert.strictEqual((yield* reasonOf(read(secret)))._tag, "GuardrailRejected")
      }),
      { policies }
    )
  })

  it.effect("the call is nested in another runtime without it, where it is required", () =>
    safely(Effect.gen(function*() {
      const nested = read(secret).pipe(Effect.provide(AgentRuntime.layerWith({ require: ["no-secrets"] })))
      assert.strictEqual((yield* reasonOf(nested))._tag, "PolicyMissing")
    })))

  it.effect("the runtime has closed", () =>
    safely(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        AgentRuntime.layerWith({ policies: Middleware.layer(noSecrets) }),
        scope
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* reasonOf(Effect.provide(read(secret), context)))._tag, "RuntimeClosed")
    })))

  it.effect("it runs into its timeout", () => {
    const asked = Deferred.makeUnsafe<void>()
    return safely(
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(reasonOf(read(secret)))
        yield* Deferred.await(asked)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "GuardrailFailed")
      }),
      {
        policies: Middleware.layer(Guardrail.make({
          name: "hangs",
          check: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)
        }))
      }
    )
  })

  it.effect("an onBlocked answers for it", () =>
    safely(Effect.gen(function*() {
      const call = ToolCall.run({ name: "read", input: secret, onBlocked: () => "refused" }, open)
      assert.strictEqual(yield* call, "refused")
      assert.strictEqual((yield* recorded("read")).end.outcome._tag, "Blocked")
    })))
})
