/** What is inferred of calls that run elsewhere, and of the rest that `promisesTypes` does not look at. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Promises from "../../src/binding/Promises.ts"
import type { ExecutionScope, LifecycleEvent, LlmCall, Middleware, ToolCall } from "../../src/index.ts"
import { Served } from "./support.ts"

/** Takes a program and never runs it. */
const typed: (program: (heddle: Promises.Heddle) => unknown) => void = () => undefined

const request = { body: { model: "m" } }

describe("types of calls that run elsewhere", () => {
  it("are promises of handles, which know their kind", () => {
    typed(async (heddle) => {
      const tool = heddle.toolStart("t", 1, { toolCallId: "c", parent: heddle.current(), timestamp: 1 })
      expectTypeOf(tool).toEqualTypeOf<Promise<ToolCall.ToolHandle>>()
      expectTypeOf(heddle.toolEnd(await tool, { output: 1 })).toEqualTypeOf<Promise<void>>()
      const model = heddle.llmStart("m", request, { model: "m", streaming: true })
      expectTypeOf(model).toEqualTypeOf<Promise<LlmCall.LlmHandle>>()
      expectTypeOf(heddle.llmEnd(await model, { response: 1, usage: {} })).toEqualTypeOf<Promise<void>>()
      void heddle.within(await tool, () => 1)
      // @ts-expect-error the handle of a model call
      void heddle.toolEnd(await model)
      // @ts-expect-error an `Exit` is Effect's
      void heddle.toolEnd(await tool, { exit: 1 })
      // @ts-expect-error a body is JSON
      void heddle.llmStart("m", { body: () => 1 })
    })
  })

  it("give of a check what may run", () => {
    typed(async (heddle) => {
      const checked = heddle.toolCheck("t", { city: "Rome" }, { signal: AbortSignal.abort() })
      expectTypeOf(checked).toEqualTypeOf<Promise<ToolCall.CheckedTool<{ city: string }>>>()
      void heddle.toolStart("t", undefined, { checked: await checked })
      const schema = Schema.Struct({ at: Schema.DateFromString })
      expectTypeOf(heddle.toolCheck("t", {}, { schema })).toEqualTypeOf<
        Promise<ToolCall.CheckedTool<{ readonly at: Date }>>
      >()
      expectTypeOf(heddle.llmCheck("m", request)).toEqualTypeOf<Promise<LlmCall.CheckedLlm>>()
      expectTypeOf(heddle.llmCheck("m", request, { schema })).toEqualTypeOf<
        Promise<LlmCall.CheckedLlm<LlmCall.TypedRequest<{ readonly at: Date }>>>
      >()
      // @ts-expect-error a schema that needs services
      void heddle.toolCheck("t", 1, { schema: Served })
    })
  })
})

describe("types of a runtime of promises", () => {
  it("are plain where nothing waits, and promises elsewhere", () => {
    typed((heddle) => {
      expectTypeOf(Promises.make()).toEqualTypeOf<Promise<Promises.Heddle>>()
      expectTypeOf(heddle.mark("m", { data: 1 })).toEqualTypeOf<void>()
      expectTypeOf(heddle.setOutput(1)).toEqualTypeOf<void>()
      expectTypeOf(heddle.current()).toEqualTypeOf<ExecutionScope.ScopeHandle | undefined>()
      expectTypeOf(heddle.registrations()).toEqualTypeOf<ReadonlyArray<Middleware.Registration>>()
      expectTypeOf(heddle.explain({ kind: "tool", name: "t", input: 1 })).toEqualTypeOf<Middleware.Explanation>()
      expectTypeOf(heddle.flush()).toEqualTypeOf<Promise<void>>()
      expectTypeOf(heddle.close()).toEqualTypeOf<Promise<void>>()
      // @ts-expect-error not a severity
      heddle.mark("m", { severity: "loud" })
    })
  })

  it("give middleware what it is about", () => {
    typed(() => {
      const { Guardrail, Intercept, Sanitizer } = Promises
      expectTypeOf(Guardrail.output({
        name: "o",
        check: async (output, call, { signal }) => {
          expectTypeOf(output).toEqualTypeOf<Promises.Guardrail.Output>()
          expectTypeOf(call).toEqualTypeOf<Middleware.Call>()
          expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
          return Guardrail.allow
        }
      })).toEqualTypeOf<Middleware.Entry>()
      expectTypeOf(Intercept.request({ name: "r", transform: async (call) => call })).toEqualTypeOf<Middleware.Entry>()
      expectTypeOf(Sanitizer.error({
        name: "s",
        sanitize: async (error, event) => {
          expectTypeOf(error).toEqualTypeOf<LifecycleEvent.ErrorInfo>()
          expectTypeOf(event).toEqualTypeOf<LifecycleEvent.LifecycleEvent>()
          return error.message
        }
      })).toEqualTypeOf<Middleware.Entry>()
      // @ts-expect-error not a call
      Intercept.request({ name: "r", transform: async () => 1 })
      // @ts-expect-error not an error as it is told
      Sanitizer.error({ name: "s", sanitize: async () => 1 })
    })
  })
})
