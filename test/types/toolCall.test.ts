/** What is inferred of tool calls: input, output, errors and requirements. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type CallError, ToolCall } from "../../src/index.ts"
import { type Broken, type Failed, type Index, type Log, type Runtime, Served, typed, work } from "./support.ts"

describe("types of tool calls", () => {
  it("are those of the work", () => {
    typed(() => {
      expectTypeOf(ToolCall.run({ name: "t", input: { city: "Rome" } }, work)).toEqualTypeOf<
        Effect.Effect<{ readonly got: { readonly city: "Rome" } }, Broken | Failed, Log | Runtime>
      >()
      expectTypeOf(ToolCall.run({ name: "t", input: 1 }, () => Effect.void)).toEqualTypeOf<
        Effect.Effect<void, Failed, Runtime>
      >()
      // @ts-expect-error the input has no such field
      void ToolCall.run({ name: "t", input: { city: "Rome" } }, ({ country }) => Effect.succeed(country))
      // @ts-expect-error a name is a text
      void ToolCall.run({ name: 1, input: 1 }, () => Effect.void)
      // @ts-expect-error the work is an effect
      void ToolCall.run({ name: "t", input: 1 }, () => 1)
    })
  })

  it("take input and services of decoding from a schema", () => {
    typed(() => {
      expectTypeOf(ToolCall.run({ name: "t", input: "x", schema: Served }, (n) => Effect.succeed(n + 1))).toEqualTypeOf<
        Effect.Effect<number, Failed, Index | Runtime>
      >()
      const At = Schema.Struct({ at: Schema.DateFromString })
      void ToolCall.run({ name: "t", input: 1, schema: At }, (input) => {
        expectTypeOf(input).toEqualTypeOf<{ readonly at: Date }>()
        return Effect.void
      })
    })
  })

  it("let an answer to a block be of the type of the work", () => {
    typed(() => {
      const either = (): Effect.Effect<string | number> => Effect.succeed(1)
      expectTypeOf(ToolCall.run({ name: "t", input: 1, onBlocked: ({ reason }) => reason }, either)).toEqualTypeOf<
        Effect.Effect<string | number, Failed, Runtime>
      >()
      void ToolCall.run({
        name: "t",
        input: 1,
        onBlocked: (rejection) => {
          expectTypeOf(rejection).toEqualTypeOf<CallError.GuardrailRejected>()
          return 1
        }
      }, () => Effect.succeed(1))
    })
  })

  it("keep the signature of a function that is wrapped", () => {
    typed(() => {
      const double = (n: number): Effect.Effect<string, Broken, Log> => work(n).pipe(Effect.as("x"))
      expectTypeOf(ToolCall.wrap("t")(double)).toEqualTypeOf<
        (input: number) => Effect.Effect<string, Broken | Failed, Log | Runtime>
      >()
      expectTypeOf(ToolCall.wrap("t", { onBlocked: () => 1 })(double)).toEqualTypeOf<
        (input: number) => Effect.Effect<string | number, Broken | Failed, Log | Runtime>
      >()
    })
  })

  it("can be recovered from by reason", () => {
    typed(() => {
      const call = ToolCall.run({ name: "t", input: 1 }, work)
      const caught = Effect.catchReason(call, "CallError", "GuardrailRejected", ({ guardrail }) => {
        expectTypeOf(guardrail).toEqualTypeOf<string>()
        return Effect.succeed(0)
      })
      expectTypeOf(caught).toExtend<Effect.Effect<0 | number | { readonly got: 1 }, Broken | Failed, Log | Runtime>>()
      // @ts-expect-error there is no such reason
      Effect.catchReason(call, "CallError", "Nonsense", () => Effect.void)
    })
  })
})

describe("types of tool calls that run elsewhere", () => {
  it("are a handle, and nothing that a scope or a model call has", () => {
    typed(() => {
      const start = ToolCall.start({ name: "t", input: 1, toolCallId: "c", timestamp: 1 })
      expectTypeOf(start).toEqualTypeOf<Effect.Effect<ToolCall.ToolHandle, Failed, Runtime>>()
      return Effect.map(start, (handle) => {
        expectTypeOf(handle.category).toEqualTypeOf<"tool">()
        expectTypeOf(ToolCall.end(handle)).toEqualTypeOf<Effect.Effect<void, Failed, Runtime>>()
        void ToolCall.end(handle, { output: 1, timestamp: 1, metadata: {} })
        void ToolCall.end(handle, { error: "no", isDefect: true })
        void ToolCall.end(handle, { interrupted: "user" })
        void ToolCall.start({ name: "t", input: 1, parent: handle })
        // @ts-expect-error only a call that is over can be told of as interrupted
        void ToolCall.end(handle, { interrupted: false })
        // @ts-expect-error a model's
        void ToolCall.end(handle, { output: 1, usage: {} })
      })
    })
    typed(() => {
      // @ts-expect-error an input is wanted, or what a check gave
      void ToolCall.start({ name: "t" })
      // @ts-expect-error a time is a number
      void ToolCall.start({ name: "t", input: 1, timestamp: new Date() })
    })
  })

  it("give of a check what may run", () => {
    typed(() => {
      const check = ToolCall.check({ name: "t", input: { city: "Rome" } })
      expectTypeOf(check).toEqualTypeOf<
        Effect.Effect<ToolCall.CheckedTool<{ readonly city: "Rome" }>, Failed, Runtime>
      >()
      expectTypeOf(ToolCall.check({ name: "t", input: 1, schema: Served })).toEqualTypeOf<
        Effect.Effect<ToolCall.CheckedTool<number>, Failed, Index | Runtime>
      >()
      return Effect.flatMap(check, (checked) => ToolCall.start({ name: "t", checked }))
    })
  })
})
