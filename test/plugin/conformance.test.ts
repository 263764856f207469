import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Scope from "effect/Scope"
import { Guardrail, Middleware } from "../../src/index.ts"
import * as Plugin from "../../src/plugin/Plugin.ts"
import { PluginConformance } from "../../src/testing/index.ts"

const Config = Schema.Struct({ n: Schema.Int })
const entry = () => Middleware.layer(Guardrail.make({ name: "sick", check: () => Guardrail.allow }))

const named = <C, E, R>(layer: (config: C) => Layer.Layer<never, E, R>, config: Schema.ConstraintDecoder<C>) =>
  Plugin.make({ kind: "sick", version: "1", config, layer })

/** The names of the checks that a plugin fails. */
const failed = <R>(options: PluginConformance.Options<R>) =>
  Effect.map(
    Effect.forEach(PluginConformance.suite(options), ({ check, name }) =>
      Effect.match(check, { onSuccess: () => [], onFailure: ({ message }) => [`${name}: ${message}`] })),
    (all) =>
      all.flat()
  )

const assertFails = (failures: ReadonlyArray<string>, ...expected: ReadonlyArray<RegExp>) => {
  for (const pattern of expected) {
    assert.isTrue(failures.some((text) => pattern.test(text)), `${String(pattern)} in\n${failures.join("\n")}`)
  }
}

describe("PluginConformance", () => {
  it.effect("finds nothing wrong with a healthy plugin", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* failed({ plugin: named(entry, Config), valid: [{ n: 1 }, { n: 2 }] }), [])
    }))

  it.effect("finds a plugin that takes anything", () =>
    Effect.gen(function*() {
      assertFails(
        yield* failed({ plugin: named(entry, Schema.Record(Schema.String, Schema.Unknown)), valid: [{}] }),
        /^refuses what is wrong.* it takes \{"no_plugin/
      )
    }))

  it.effect("finds a plugin that refuses what its author says it takes, or at another path", () =>
    Effect.gen(function*() {
      const plugin = named(entry, Config)
      assertFails(yield* failed({ plugin, valid: [{ n: "1" }] }), /^takes each valid.* does not take \{"n":"1"\}/)
      assertFails(
        yield* failed({ plugin, valid: [{ n: 1 }], invalid: [{ config: { n: "1" }, path: "m" }] }),
        /^refuses what is wrong.*expected components\[0\]\.config\.m$/
      )
    }))

  it.effect("finds a plugin that throws at what it does not expect", () =>
    Effect.gen(function*() {
      const Throwing = Config.pipe(Schema.decodeTo(Schema.Struct({ n: Schema.Int }), {
        decode: SchemaGetter.transform((config) => {
          if (config.n < 0) throw new TypeError("negative")
          return config
        }),
        encode: SchemaGetter.transform((config) => config)
      }))
      assertFails(
        yield* failed({
          plugin: named(entry, Throwing),
          valid: [{ n: 1 }],
          invalid: [{ config: { n: -1 }, path: "n" }]
        }),
        /^refuses what is wrong.* it throws on \{"n":-1\}/
      )
    }))

  it.effect("finds entries that outlive the plugin", () =>
    Effect.gen(function*() {
      const plugin = named(
        () => Layer.effectDiscard(Effect.suspend(() => Layer.buildWithScope(entry(), Scope.makeUnsafe()))),
        Config
      )
      assertFails(
        yield* failed({ plugin, valid: [{ n: 1 }] }),
        /^is activated, lets calls run.* it leaves behind guardrail "sick"/,
        /^is released when the program is interrupted.* it leaves behind/
      )
    }))

  it.effect("finds what stays open in the outside world", () =>
    Effect.gen(function*() {
      let open = 0
      const plugin = named(() => Layer.effectDiscard(Effect.sync(() => void open++)), Config)
      assertFails(
        yield* failed({ plugin, valid: [{ n: 1 }], held: Effect.sync(() => open) }),
        /^is activated, lets calls run.* it holds 1 afterwards; expected 0 as before/
      )
    }))

  it.effect("finds what happens before the plugin is activated", () =>
    Effect.gen(function*() {
      let open = 0
      const plugin = named(() => {
        open++
        return Layer.empty
      }, Config)
      assertFails(
        yield* failed({ plugin, valid: [{ n: 1 }], held: Effect.sync(() => open) }),
        /^builds nothing before it is activated/
      )
    }))

  it.effect("finds a plugin that breaks calls", () =>
    Effect.gen(function*() {
      const plugin = named(
        () =>
          Middleware.layer(Guardrail.make({
            name: "sick",
            check: () => {
              throw new Error("sick")
            }
          })),
        Config
      )
      assertFails(yield* failed({ plugin, valid: [{ n: 1 }] }), /a call under it fails as GuardrailFailed/)
    }))

  it.effect("finds a plugin that cannot be there twice in a row", () =>
    Effect.gen(function*() {
      let times = 0
      const plugin = named(
        () => Layer.effectDiscard(Effect.suspend(() => times++ === 0 ? Effect.void : Effect.fail("once only"))),
        Config
      )
      assertFails(yield* failed({ plugin, valid: [{ n: 1 }] }), /^is activated twice.*once only/, /^is reloaded/)
    }))
})
