import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { Guardrail } from "../../src/index.ts"
import { tool } from "./Driver.ts"
import { counted, governed, reasonOf, untyped } from "./utils.ts"

class AllowError extends Data.TaggedError("Allow")<{}> {}

const noDecisions: ReadonlyArray<readonly [string, () => unknown]> = [
  ["a Promise of allow", () => Promise.resolve(Guardrail.allow)],
  ["a Promise that fails", () => Promise.reject(new Error("boom"))],
  ["an Effect of a Promise of allow", () => Effect.succeed<unknown>(Promise.resolve(Guardrail.allow))],
  ["an Effect of an Effect of allow", () => Effect.succeed(Effect.succeed(Guardrail.allow))],
  ["undefined", () => undefined],
  ["true", () => true],
  ["a text", () => "Allow"],
  ["another case", () => ({ _tag: "allow" })],
  ["another field", () => ({ type: "Allow" })],
  ["a tag that is no text", () => ({ _tag: ["Allow"] })],
  ["allow in an array", () => [Guardrail.allow]],
  ["an Option of allow", () => Option.some(Guardrail.allow)],
  ["a Result of allow", () => Result.succeed(Guardrail.allow)],
  ["a tagged error named Allow, as a value", () => new AllowError()],
  ["an Effect of a tagged error named Allow", () => Effect.fail(new AllowError())],
  ["a rejection without a reason", () => ({ _tag: "Reject" })],
  ["a rejection with a reason that is no text", () => ({ _tag: "Reject", reason: 1 })],
  ["the function reject, not called", () => Guardrail.reject],
  ["an object that throws", () =>
    new Proxy({}, {
      get: () => {
        throw new Error("boom")
      },
      has: () => {
        throw new Error("boom")
      }
    })]
]

describe("a guardrail that answers no decision blocks", () => {
  it.effect.each(noDecisions)("when it answers %s", ([, answer]) => {
    const { seen, work } = counted()
    return Effect.gen(function*() {
      assert.strictEqual((yield* reasonOf(tool.call({ name: "call" }, work)))._tag, "GuardrailFailed")
      assert.deepStrictEqual(seen, [])
    }).pipe(governed(Guardrail.make({ name: "g", check: (): Guardrail.Decision => untyped(answer()) })))
  })
})
