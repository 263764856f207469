import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime, Guardrail, Middleware } from "../../src/index.ts"

const policies = Middleware.layer(Guardrail.make({ name: "g", check: () => Guardrail.allow }))

/** The runtimes that two parts of one application get. */
const runtimesOf = (one: Layer.Layer<AgentRuntime.AgentRuntime, unknown>, other: typeof one) => {
  const seen: Array<unknown> = []
  const part = Layer.effectDiscard(Effect.map(AgentRuntime.AgentRuntime, (runtime) => {
    seen.push(runtime)
  }))
  const second = Layer.effectDiscard(Effect.map(AgentRuntime.AgentRuntime, (runtime) => {
    seen.push(runtime)
  }))
  return Layer.build(Layer.mergeAll(Layer.provide(part, one), Layer.provide(second, other))).pipe(
    Effect.scoped,
    Effect.as(seen)
  )
}

it.effect("a layer of layerWith that two parts of an application share is one runtime", () =>
  Effect.gen(function*() {
    const layer = AgentRuntime.layerWith({ policies })
    const [one, other] = yield* runtimesOf(layer, layer)
    assert.isDefined(one)
    assert.strictEqual(one, other)
  }))

it.effect("two calls of layerWith are two runtimes, also with the same policies", () =>
  Effect.gen(function*() {
    const [one, other] = yield* runtimesOf(AgentRuntime.layerWith({ policies }), AgentRuntime.layerWith({ policies }))
    assert.isDefined(one)
    assert.notStrictEqual(one, other)
  }))
