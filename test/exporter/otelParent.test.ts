import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { adoptSpans } from "../../src/exporter/internal/otelParent.ts"
import { AgentRuntime, ExecutionScope } from "../../src/index.ts"

/** Whether the Effect span inside of a scope is that of the scope. */
const isAdopted = Effect.serviceOption(Tracer.ParentSpan).pipe(
  Effect.map(Option.isSome),
  ExecutionScope.run({ name: "s", category: "agent" })
)

it.effect("spans are adopted from the first exporter on until the last has gone, in whatever order they go", () =>
  Effect.gen(function*() {
    for (const isReversed of [false, true]) {
      const [a, b] = [yield* Scope.make(), yield* Scope.make()]
      assert.isFalse(yield* isAdopted)
      yield* Scope.provide(adoptSpans, a)
      yield* Scope.provide(adoptSpans, b)
      assert.isTrue(yield* isAdopted)
      yield* Scope.close(isReversed ? b : a, Exit.void)
      assert.isTrue(yield* isAdopted)
      yield* Scope.close(isReversed ? a : b, Exit.void)
      assert.isFalse(yield* isAdopted)
    }
  }).pipe(Effect.provide(AgentRuntime.layer)))
