/** What is inferred of middleware: the services that its callbacks need, and nothing of what they fail with. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Guardrail, Intercept, type LifecycleEvent, MetadataInjector, Middleware, Sanitizer } from "../../src/index.ts"
import { type Broken, Index, Log, type Runtime, typed, work } from "./support.ts"

const inIndex = <A>(value: A) => Effect.as(Index, value)
const inLog = <A>(value: A) => Effect.as(Log, value)
const allow = Guardrail.make({ name: "g", check: () => Guardrail.allow })
const asking = Guardrail.make({ name: "g", check: () => inIndex(Guardrail.allow) })
const writing = Intercept.request({ name: "r", transform: (call) => inLog(call) })

describe("types of guardrails", () => {
  it("need what their checks need, and nothing for plain answers", () => {
    typed(() => {
      expectTypeOf(allow).toEqualTypeOf<Middleware.Entry>()
      expectTypeOf(asking).toEqualTypeOf<Middleware.Entry<Index>>()
      expectTypeOf(Guardrail.make({ name: "g", check: () => Effect.as(work(1), Guardrail.allow) })).toEqualTypeOf<
        Middleware.Entry<Log>
      >()
      expectTypeOf(Guardrail.output({
        name: "o",
        hold: { chars: 3 },
        check: (output, call) => {
          expectTypeOf(output).toEqualTypeOf<Guardrail.Output>()
          expectTypeOf(call).toEqualTypeOf<Middleware.Call>()
          return output.final ? inIndex(Guardrail.reject("no")) : Guardrail.allow
        }
      })).toEqualTypeOf<Middleware.Entry<Index>>()
      expectTypeOf(Guardrail.reject("no")).toEqualTypeOf<Guardrail.Decision>()
      // @ts-expect-error not a decision
      Guardrail.make({ name: "g", check: () => true })
      // @ts-expect-error a promise is none either
      Guardrail.make({ name: "g", check: async () => Guardrail.allow })
      // @ts-expect-error there is no such mode
      Guardrail.make({ name: "g", mode: "off", check: () => Guardrail.allow })
    })
  })
})

describe("types of sanitizers", () => {
  it("need what an answer that is an effect needs, and nothing for plain or unknown answers", () => {
    typed(() => {
      expectTypeOf(Sanitizer.request({ name: "s", sanitize: (input) => inIndex(input) })).toEqualTypeOf<
        Middleware.Entry<Index>
      >()
      expectTypeOf(Sanitizer.scopeEnd({
        name: "s",
        sanitize: (fields, event) => event.category === "llm" ? inLog({ data: 1 }) : fields
      })).toEqualTypeOf<Middleware.Entry<Log>>()
      expectTypeOf(Sanitizer.error({ name: "s", sanitize: (error) => inIndex(error.message) })).toEqualTypeOf<
        Middleware.Entry<Index>
      >()
      expectTypeOf(Sanitizer.response({ name: "s", sanitize: (data) => data })).toEqualTypeOf<Middleware.Entry>()
      expectTypeOf(Sanitizer.mark({ name: "s", sanitize: () => JSON.parse("1") })).toEqualTypeOf<Middleware.Entry>()
    })
  })
})

describe("types of intercepts", () => {
  it("need what their callbacks need", () => {
    typed(() => {
      expectTypeOf(writing).toEqualTypeOf<Middleware.Entry<Log>>()
      expectTypeOf(Intercept.request({ name: "r", transform: (call) => call })).toEqualTypeOf<Middleware.Entry>()
      expectTypeOf(Intercept.execution({
        name: "x",
        around: (call, next) => {
          expectTypeOf(next(call)).toEqualTypeOf<Effect.Effect<unknown, unknown>>()
          return Effect.andThen(Index, next())
        },
        stream: (_call, next) => Stream.concat(Stream.fromEffect(work(1)), next())
      })).toEqualTypeOf<Middleware.Entry<Index | Log>>()
      expectTypeOf(Intercept.stream({
        name: "s",
        around: (call, next) => {
          expectTypeOf(next(call)).toEqualTypeOf<Stream.Stream<unknown, unknown>>()
          return next()
        }
      })).toEqualTypeOf<Middleware.Entry>()
      // @ts-expect-error not a call
      Intercept.request({ name: "r", transform: () => 1 })
      // @ts-expect-error not an effect
      Intercept.execution({ name: "x", around: () => 1 })
      // @ts-expect-error not a stream
      Intercept.stream({ name: "s", around: (_call, next) => Stream.runDrain(next()) })
    })
  })
})

describe("types of sanitizers and injectors", () => {
  it("get what they are about, and need what they need", () => {
    typed(() => {
      expectTypeOf(Sanitizer.request({
        name: "s",
        sanitize: (payload, event) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>()
          expectTypeOf(event).toEqualTypeOf<LifecycleEvent.LifecycleEvent>()
          return "[hidden]"
        }
      })).toEqualTypeOf<Middleware.Entry>()
      expectTypeOf(Sanitizer.response({ name: "s", sanitize: () => 1 })).toEqualTypeOf<Middleware.Entry>()
      const sanitize = (fields: Sanitizer.EventFields) => ({ data: fields.data })
      expectTypeOf(Sanitizer.mark({ name: "s", sanitize })).toEqualTypeOf<Middleware.Entry>()
      expectTypeOf(Sanitizer.scopeStart({ name: "s", sanitize })).toEqualTypeOf<Middleware.Entry>()
      expectTypeOf(Sanitizer.scopeEnd({ name: "s", sanitize })).toEqualTypeOf<Middleware.Entry>()
      Sanitizer.error({
        name: "s",
        sanitize: (error) => {
          expectTypeOf(error).toEqualTypeOf<LifecycleEvent.ErrorInfo>()
          return error.message
        }
      })
      // @ts-expect-error an error is told as a text or as tag and message
      Sanitizer.error({ name: "s", sanitize: () => 1 })
      expectTypeOf(MetadataInjector.make({ name: "i", inject: () => inLog({ a: 1 }) })).toEqualTypeOf<
        Middleware.Entry<Log>
      >()
      // @ts-expect-error not flat
      MetadataInjector.make({ name: "i", inject: () => ({ a: { b: 1 } }) })
    })
  })
})

describe("types of what puts middleware in place", () => {
  it("need the services of all entries, where they are installed", () => {
    typed(() => {
      expectTypeOf(Middleware.layer(allow)).toEqualTypeOf<Layer.Layer<never, Middleware.DuplicateEntry, Runtime>>()
      expectTypeOf(Middleware.layer(allow, asking, writing)).toEqualTypeOf<
        Layer.Layer<never, Middleware.DuplicateEntry, Index | Log | Runtime>
      >()
      expectTypeOf(work(1).pipe(Middleware.provide(asking))).toEqualTypeOf<
        Effect.Effect<{ readonly got: number }, Broken, Index | Log>
      >()
      expectTypeOf(Stream.make("a").pipe(Middleware.provide(writing))).toEqualTypeOf<
        Stream.Stream<"a", never, Log>
      >()
      // @ts-expect-error not an entry
      Middleware.layer({ name: "x" })
    })
  })
})
