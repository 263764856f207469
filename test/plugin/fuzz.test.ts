import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import * as Yaml from "yaml"
import { plugin as limit } from "../../examples/plugin-template.ts"
import { AgentRuntime } from "../../src/index.ts"
import * as Observability from "../../src/plugin/Observability.ts"
import * as PluginConfig from "../../src/plugin/PluginConfig.ts"
import * as PluginHost from "../../src/plugin/PluginHost.ts"
import * as Pricing from "../../src/plugin/Pricing.ts"

/** Those whose layers touch nothing outside are activated; the others are only asked for their opinion. */
const plugins = [Observability.plugin, Pricing.plugin, limit]

const formats = ["json", "yaml", "toml"] as const

/** Never a defect: a document is read or refused, checked, explained, and activated or refused. */
const survives = (read: Result.Result<PluginConfig.Layers, PluginConfig.PluginConfigError>) =>
  Effect.gen(function*() {
    if (Result.isFailure(read)) {
      assert.isNotEmpty(read.failure.diagnostics)
      assert.isString(read.failure.message)
      return
    }
    const diagnostics = yield* PluginConfig.validate(read.success, plugins)
    for (const diagnostic of diagnostics) {
      assert.match(PluginConfig.format(diagnostic), /(error|warning): /)
      assert.notStrictEqual(diagnostic.code, "plugin.defect", PluginConfig.format(diagnostic))
    }
    assert.isArray(PluginConfig.explain(read.success, plugins))
    assert.isArray(PluginConfig.explain(PluginConfig.layered(read.success, read.success), plugins))
  })

const activates = (document: unknown) =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(
      Effect.void.pipe(
        Effect.provide(PluginHost.layer({ plugins: [limit], document }).pipe(Layer.provide(AgentRuntime.layer)))
      )
    )
    if (Exit.isSuccess(exit)) return
    for (const reason of exit.cause.reasons) assert.strictEqual(reason._tag, "Fail")
  })

const check = <A>(arbitrary: fc.Arbitrary<A>, law: (value: A) => Effect.Effect<unknown>, numRuns: number) =>
  Effect.promise(() =>
    fc.assert(fc.asyncProperty(arbitrary, (value) => Effect.runPromise(Effect.asVoid(law(value)))), { numRuns })
  )

const key = fc.oneof(
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "kind",
    "config",
    "enabled",
    "components",
    "version",
    "policy",
    "atof",
    "atif",
    "opentelemetry",
    "env",
    "type",
    "unknown_field",
    ""
  ),
  fc.string({ maxLength: 8 })
)
const { tree } = fc.letrec<{ readonly tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<unknown>("observability", "pricing", "input_limit", "${HOME}", "${", 1, 0, -1, true, null, "error"),
    fc.string({ maxLength: 12 }),
    fc.double(),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(key, tie("tree"), { maxKeys: 5, noNullPrototype: false })
  )
}))

const valid = {
  version: 1,
  components: [
    { kind: "observability", config: { atof: [{ type: "file", path: "a" }, { type: "http", url: "http://a" }] } },
    { kind: "pricing", config: { files: ["a.json"] } },
    { kind: "input_limit", enabled: true, config: { max_characters: 4, tools: ["a"] } }
  ],
  policy: { unknown_component: "warn", unknown_field: "ignore", unsupported_value: "warn" }
}

type Step = string | number

const paths = (value: unknown, path: ReadonlyArray<Step> = []): Array<ReadonlyArray<Step>> => [
  path,
  ...(typeof value !== "object" || value === null ?
    [] :
    Object.entries(value).flatMap(([name, inner]) =>
      paths(inner, [...path, Array.isArray(value) ? Number(name) : name])
    ))
]

const replaced = (value: unknown, [step, ...rest]: ReadonlyArray<Step>, by: unknown): unknown => {
  if (step === undefined) return by
  if (Array.isArray(value)) return value.map((item: unknown, n) => n === step ? replaced(item, rest, by) : item)
  return Object.fromEntries(
    Object.entries(Object(value)).map(([name, inner]) => [name, name === step ? replaced(inner, rest, by) : inner])
  )
}

const mutated = fc.record({ path: fc.constantFrom(...paths(valid)), by: tree }).map(({ by, path }) =>
  replaced(valid, path, by)
)

describe("documents", { timeout: 60_000 }, () => {
  it.effect("of arbitrary data never crash the host", () =>
    check(tree, (document) => Effect.andThen(survives(PluginConfig.fromDocument(document)), activates(document)), 100))

  it.effect("that were right before one part changed never crash the host", () =>
    check(
      mutated,
      (document) => Effect.andThen(survives(PluginConfig.fromDocument(document)), activates(document)),
      300
    ))

  it.effect("of arbitrary data say the same in JSON and in YAML", () =>
    check(tree.map((data): unknown => JSON.parse(JSON.stringify(data))), (document) =>
      Effect.gen(function*() {
        const data = PluginConfig.fromDocument(document)
        const texts = [
          PluginConfig.fromText(JSON.stringify(document), { name: "a.json" }),
          PluginConfig.fromText(Yaml.stringify(document), { name: "a.yaml" })
        ]
        for (const text of texts) {
          yield* survives(text)
          if (Result.isFailure(text) || Result.isFailure(data)) continue
          const about = (layers: PluginConfig.Layers) =>
            Effect.map(PluginConfig.validate(layers, plugins), (all) =>
              all.map(({ code, message, path }) => ({ code, message, path })))
          assert.deepStrictEqual(yield* about(text.success), yield* about(data.success))
        }
      }), 60))

  it.effect("of arbitrary text never crash the reader, whatever its format", () =>
    check(
      fc.record({
        text: fc.oneof(
          fc.string({ unit: "binary" }),
          fc.string({ unit: fc.constantFrom(..."[]{}:,-&*!|>'\"%@`\n\t #=.1a\\~"), maxLength: 60 }),
          tree.map((data) => Yaml.stringify(data)).chain((text) =>
            fc.record({ at: fc.nat(text.length), by: fc.string({ maxLength: 4 }) }).map(({ at, by }) =>
              text.slice(0, at) + by + text.slice(at + by.length)
            )
          )
        ),
        format: fc.constantFrom(...formats)
      }),
      ({ format, text }) => survives(PluginConfig.fromText(text, { name: "a", format })),
      200
    ))

  it.effect("that are bombs, cycles, towers or giants are refused, and say why", () =>
    Effect.gen(function*() {
      const level = (name: string, of: string) =>
        `${name}: &${name} [${Array.from({ length: 9 }, () => of).join(", ")}]`
      const names = "abcdefghi"
      const bomb = [
        `${names[0]}: &${names[0]} [1, 1, 1, 1, 1, 1, 1, 1, 1]`,
        ...Array.from(names.slice(1), (name, n) => level(name, `*${names[n]}`))
      ].join("\n")
      const noJson = { version: 1, big: 1n, sick: { [Symbol.toPrimitive]: 1, toJSON: 1 }, at: new Date(Number.NaN) }
      yield* survives(PluginConfig.fromDocument(noJson))
      const cyclic: Record<string, unknown> = {}
      cyclic["self"] = cyclic
      const giant = { version: 1, components: Array.from({ length: 120_000 }, () => ({ kind: "x" })) }
      const text = (text: string, name: string) => PluginConfig.fromText(text, { name })
      const all: Record<string, Result.Result<PluginConfig.Layers, PluginConfig.PluginConfigError>> = {
        bomb: text(bomb, "a.yaml"),
        cycle: text("a: &a [*a]", "a.yaml"),
        "YAML tower": text("[".repeat(50_000), "a.yaml"),
        "closed YAML tower": text(`${"[".repeat(3000)}${"]".repeat(3000)}`, "a.yaml"),
        "JSON tower": text(`${"[".repeat(200_000)}${"]".repeat(200_000)}`, "a.json"),
        "TOML tower": text(`a = ${"[".repeat(20_000)}${"]".repeat(20_000)}`, "a.toml"),
        "long text": text(`# ${"x".repeat(2_000_000)}`, "a.yaml"),
        "cyclic data": PluginConfig.fromDocument(cyclic),
        giant: PluginConfig.fromDocument(giant),
        "hostile data": PluginConfig.fromDocument(
          new Proxy({}, {
            ownKeys: () => {
              throw new Error("no")
            }
          })
        ),
        "unknown ending": text("{}", "a.ini")
      }
      for (const [name, read] of Object.entries(all)) {
        assert.isTrue(Result.isFailure(read), name)
        yield* survives(read)
      }
    }))

  it.effect("cannot reach the prototypes of objects", () =>
    Effect.gen(function*() {
      const text =
        `{"version":1,"__proto__":{"polluted":1},"components":[{"kind":"input_limit","__proto__":{"enabled":false},"config":{"max_characters":1,"__proto__":{"tools":[]}}}]}`
      for (const format of ["json", "yaml"] as const) {
        const read = PluginConfig.fromText(text, { name: "a", format })
        assert.isTrue(Result.isSuccess(read))
        if (Result.isFailure(read)) continue
        const diagnostics = yield* PluginConfig.validate(PluginConfig.layered(read.success, read.success), plugins)
        assert.deepStrictEqual(
          diagnostics.map(({ code, path }) => `${code} ${path}`).toSorted(),
          [
            "plugin.unknown_field __proto__",
            "plugin.unknown_field components[0].__proto__",
            "plugin.unknown_field components[0].config.__proto__"
          ]
        )
      }
      assert.notProperty({}, "polluted")
    }))
})
