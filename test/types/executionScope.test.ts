/** What is inferred of scopes. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { ExecutionScope, Mark } from "../../src/index.ts"
import { type Broken, type Log, type Runtime, typed, work } from "./support.ts"

describe("types of scopes", () => {
  it("keep those of the effect inside", () => {
    typed(() => {
      const scope = ExecutionScope.run({ name: "s", category: "agent", input: {}, attributes: ["parallel"] })
      expectTypeOf(scope(work(1))).toEqualTypeOf<
        Effect.Effect<{ readonly got: number }, Broken, Log | Runtime>
      >()
      // @ts-expect-error a category is wanted
      ExecutionScope.run({ name: "s" })
    })
  })

  it("need a Scope of Effect's when they are opened, and nothing to work within", () => {
    typed(() => {
      const open = ExecutionScope.open({ name: "s", category: "custom", subtype: "mine" })
      expectTypeOf(open).toEqualTypeOf<Effect.Effect<ExecutionScope.ScopeHandle, never, Runtime | Scope.Scope>>()
      return Effect.map(open, (handle) => {
        void ExecutionScope.open({ name: "s", category: "agent", parent: handle })
        expectTypeOf(ExecutionScope.within(handle)(work(1))).toEqualTypeOf<
          Effect.Effect<{ readonly got: number }, Broken, Log>
        >()
        // @ts-expect-error it is only read
        handle.name = "other"
      })
    })
  })

  it("are found where they are current", () => {
    typed(() => {
      expectTypeOf(ExecutionScope.current).toEqualTypeOf<Effect.Effect<Option.Option<ExecutionScope.ScopeHandle>>>()
      expectTypeOf(ExecutionScope.setOutput(1)).toEqualTypeOf<Effect.Effect<void>>()
      expectTypeOf(Mark.emit("m", { data: 1, severity: "info" })).toEqualTypeOf<Effect.Effect<void, never, Runtime>>()
      // @ts-expect-error there is no such severity
      void Mark.emit("m", { severity: "loud" })
    })
  })
})
