import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ExecutionScope, Guardrail, Intercept, Middleware } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"
import type { Driver } from "./Driver.ts"
import { said } from "./utils.ts"

/** Somebody's name, and who was asked in that name. */
class Whose extends Context.Service<Whose, { readonly name: string; readonly log: Array<string> }>()(
  "heddle/test/call/ServicesTest/Whose"
) {}

const note = <A>(what: string, value: A) =>
  Effect.map(Whose, ({ log, name }) => {
    log.push(`${what} of ${name}`)
    return value
  })

const entries = (driver: Driver) => [
  Intercept.request({ name: "r", transform: (call) => note("request", call) }),
  Guardrail.make({ name: "g", check: () => note("check", Guardrail.allow) }),
  driver.wrapping({
    name: "x",
    around: (_call, next) => Effect.flatMap(note("around", undefined), () => next())
  }),
  Guardrail.output({ name: "o", hold: "full", check: () => note("output", Guardrail.allow) })
]

const byInstaller = ["request", "check", "around"].map((what) => `${what} of the installer`)

export const suite = (driver: Driver) => {
  describe("services", () => {
    /** A call whose work needs a service too, as its caller gives it. */
    const call = (log: Array<string>) =>
      Effect.flatMap(
        Effect.context<Whose>(),
        (caller) => driver.call({ name: "call" }, () => Effect.provide(note("work", "done"), caller))
      ).pipe(
        Effect.provideService(Whose, { name: "the caller", log })
      )

    /** The same, and the work takes the service from where it runs. */
    const bare = (log: Array<string>) =>
      driver.call({ name: "call" }, () => note("work", "done") as Effect.Effect<string>).pipe(
        Effect.provideService(Whose, { name: "the caller", log })
      )

    it.effect("are those of the installer for callbacks, and those of the caller for the work", () => {
      const log: Array<string> = []
      const policies = Middleware.layer(...entries(driver)).pipe(
        Layer.provide(Layer.succeed(Whose, { name: "the installer", log }))
      )
      const expected = [...byInstaller, "work of the caller", "output of the installer"]
      return Effect.gen(function*() {
        yield* call(log)
        assert.deepStrictEqual(log.splice(0), expected)
        yield* bare(log)
        assert.deepStrictEqual(log, expected)
      }).pipe(Effect.provide(TestRuntime.layer({ policies })))
    })

    it.effect("are those of the place where entries are provided", () => {
      const log: Array<string> = []
      return Effect.gen(function*() {
        yield* bare(log).pipe(
          Middleware.provide(...entries(driver)),
          Effect.provideService(Whose, { name: "the installer", log })
        )
        assert.deepStrictEqual(log, [...byInstaller, "work of the caller", "output of the installer"])
      }).pipe(Effect.provide(TestRuntime.layer()))
    })

    it.effect("of an installer bring neither its scope nor its aspects with them", () => {
      const log: Array<string> = []
      return Effect.gen(function*() {
        const judging = Guardrail.make({
          name: "g",
          check: () => said("checked", undefined).pipe(Effect.flatMap(() => note("check", Guardrail.allow)))
        })
        const inner = bare(log).pipe(ExecutionScope.run({ name: "agent", category: "agent" }))
        yield* inner.pipe(
          Middleware.provide(judging),
          Effect.provideService(Whose, { name: "the installer", log }),
          ExecutionScope.run({ name: "installing", category: "function" })
        )
        yield* TestRuntime.assertTree(`
          function installing → Success
            agent agent → Success
              ${driver.kind} call → Success
                mark checked
        `)
      }).pipe(Effect.provide(TestRuntime.layer()))
    })
  })
}
