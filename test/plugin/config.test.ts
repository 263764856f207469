import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { AgentRuntime } from "../../src/index.ts"
import * as Plugin from "../../src/plugin/Plugin.ts"
import * as PluginConfig from "../../src/plugin/PluginConfig.ts"
import * as PluginHost from "../../src/plugin/PluginHost.ts"

const Config = Schema.Struct({
  plain: Schema.optionalKey(Schema.String),
  place: Schema.optionalKey(PluginConfig.env(Schema.String)),
  token: Schema.optionalKey(PluginConfig.secret),
  mode: Schema.optionalKey(Schema.Literals(["fast", "careful"])),
  list: Schema.optionalKey(Schema.Array(Schema.Int)),
  inner: Schema.optionalKey(Schema.Struct({ a: Schema.optionalKey(Schema.Int), b: Schema.optionalKey(Schema.Int) }))
})

/** A plugin that keeps the configurations with which it was activated. */
const keeping = (kept: Array<typeof Config.Type>) =>
  Plugin.make({
    kind: "keep",
    version: "1",
    cardinality: "many",
    config: Config,
    layer: (config) => Layer.effectDiscard(Effect.sync(() => kept.push(config)))
  })

const documentOf = (config: unknown, policy?: unknown) => ({
  version: 1,
  components: [{ kind: "keep", config }],
  ...(policy === undefined ? undefined : { policy })
})

const withVariables = (variables: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: variables }))

/** What the plugin was activated with. */
const activated = Effect.fnUntraced(function*(document: unknown) {
  const kept: Array<typeof Config.Type> = []
  yield* Effect.void.pipe(
    Effect.provide(PluginHost.layer({ plugins: [keeping(kept)], document }).pipe(Layer.provide(AgentRuntime.layer)))
  )
  return kept
})

const diagnosed = (document: unknown) =>
  Effect.map(PluginHost.validate({ plugins: [keeping([])], document }), (all) => all.map(PluginConfig.format))

const read = (name: string, text: string) => Result.getOrThrow(PluginConfig.fromText(text, { name }))

const settings = (layers: PluginConfig.Layers) =>
  PluginConfig.explain(layers, [keeping([])]).map(({ file, path, value }) => `${file} ${path} ${value}`)

describe("a field that may come from the environment", () => {
  it.effect("takes variables, with defaults, within text; and nothing else does", () =>
    Effect.gen(function*() {
      const [config] = yield* activated(documentOf({
        plain: "${HOST}",
        place: "http://${HOST}:${PORT:-80}/$${HOST}",
        token: { env: "TOKEN" }
      }))
      assert.strictEqual(config?.plain, "${HOST}")
      assert.strictEqual(config?.place, "http://here:80/${HOST}")
      assert.strictEqual(String(config?.token), "<redacted>")
      assert.strictEqual(config?.token === undefined ? undefined : Redacted.value(config.token), "s3cret")
    }).pipe(withVariables({ HOST: "here", TOKEN: "s3cret" })))

  it.effect("says which variable is not set", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* diagnosed(documentOf({ place: "${NOT_SET}", token: { env: "NEITHER" } })), [
        "the document: error: components[0].config.place: environment variable NOT_SET is not set (plugin.missing_variable)",
        "the document: error: components[0].config.token: environment variable NEITHER is not set (plugin.missing_variable)"
      ])
    }).pipe(withVariables({})))
})

describe("the policy of a document", () => {
  const document = (level: string) =>
    documentOf({ mode: "quick", plain: "kept", odd: 1 }, { unknown_field: level, unsupported_value: level })

  it.effect("makes the unknown an error, a warning, or nothing", () =>
    Effect.gen(function*() {
      const levels = yield* Effect.forEach(["error", "warn", "ignore"], (level) =>
        Effect.map(PluginHost.validate({ plugins: [keeping([])], document: document(level) }), (all) =>
          all.map(({ code, level }) =>
            `${level} ${code}`
          ).toSorted()))
      assert.deepStrictEqual(levels, [
        ["error plugin.unknown_field", "error plugin.unsupported_value"],
        ["warning plugin.unknown_field", "warning plugin.unsupported_value"],
        []
      ])
    }))

  it.effect("leaves out what is only warned of", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* activated(document("warn")), [{ plain: "kept" }])
    }))

  it.effect("never lets a wrong type through", () =>
    Effect.gen(function*() {
      const policy = { unknown_component: "ignore", unknown_field: "ignore", unsupported_value: "ignore" }
      assert.deepStrictEqual(yield* diagnosed(documentOf({ list: [1, "2"] }, policy)), [
        "the document: error: components[0].config.list[1]: expected an integer, got text (plugin.invalid_value)"
      ])
    }))

  it.effect("lets a document run without a component that nobody knows, only if it says so", () =>
    Effect.gen(function*() {
      const components = [{ kind: "keap" }, { kind: "keep" }]
      assert.match((yield* diagnosed({ version: 1, components }))[0] ?? "", /did you mean "keep"\?/)
      assert.deepStrictEqual(
        yield* activated({ version: 1, components, policy: { unknown_component: "warn" } }),
        [{}]
      )
    }))
})

describe("documents laid over one another", () => {
  it("merge objects by key, components by kind and place, and replace everything else", () => {
    const low = read(
      "low.yaml",
      `version: 1
components:
  - { kind: keep, config: { plain: low, list: [1, 2], inner: { a: 1, b: 1 } } }
  - { kind: keep, config: { plain: second } }`
    )
    const high = read(
      "high.toml",
      `[[components]]
kind = "keep"
[components.config]
list = [3]
inner = { b = 2 }
[[components]]
kind = "other"
`
    )
    assert.deepStrictEqual(settings(PluginConfig.layered(low, high)).filter((text) => !text.includes("kind")), [
      "low.yaml version 1",
      "low.yaml components[0].config.plain \"low\"",
      "high.toml components[0].config.list[0] 3",
      "low.yaml components[0].config.inner.a 1",
      "high.toml components[0].config.inner.b 2",
      "low.yaml components[1].config.plain \"second\""
    ])
  })

  it("tells mistakes where they are written, in whichever file", () =>
    Effect.gen(function*() {
      const low = read("low.yaml", "version: 1\ncomponents:\n  - kind: keep\n    config:\n      mode: fats\n")
      const high = read("high.json", `{\n  "components": [{ "kind": "keep",\n    "config": { "lisst": [] } }] }`)
      const diagnostics = yield* PluginConfig.validate(PluginConfig.layered(low, high), [keeping([])])
      assert.deepStrictEqual(diagnostics.map(PluginConfig.format).toSorted(), [
        "high.json:3:17: error: components[0].config.lisst: is not known here; expected plain, place, token, mode, list or inner; did you mean \"list\"? (plugin.unknown_field)",
        "low.yaml:5:7: error: components[0].config.mode: expected fast or careful, got \"fats\"; did you mean \"fast\"? (plugin.unsupported_value)"
      ])
    }).pipe(Effect.runPromise))
})

describe("documents in files", () => {
  const inFolder = <A, E, R>(
    files: Readonly<Record<string, string>>,
    use: (folder: string) => Effect.Effect<A, E, R>
  ) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      for (const [name, text] of Object.entries(files)) yield* fs.writeFileString(`${folder}/${name}`, text)
      return yield* use(folder)
    }).pipe(Effect.provide(NodeServices.layer))

  const project = "version: 1\ncomponents:\n  - { kind: keep, config: { plain: project, mode: fast } }\n"

  it.effect("come in the order: project, those that are named, code", () =>
    inFolder({ "heddle.config.yaml": project, "a.json": `{"components":[{"kind":"keep","config":{"plain":"a"}}]}` }, (
      folder
    ) =>
      Effect.gen(function*() {
        const kept: Array<typeof Config.Type> = []
        const host = PluginHost.layerFromFiles({
          plugins: [keeping(kept)],
          project: folder,
          files: [`${folder}/a.json`],
          document: { components: [{ kind: "keep", config: { list: [7] } }] }
        })
        yield* Effect.void.pipe(Effect.provide(host.pipe(Layer.provide(AgentRuntime.layer))))
        assert.deepStrictEqual(kept, [{ plain: "a", mode: "fast", list: [7] }])
      })))

  it.effect("are all told of when several cannot be read", () =>
    inFolder({ "heddle.config.yaml": "a: [", "heddle.config.json": "{}" }, (folder) =>
      Effect.gen(function*() {
        const { diagnostics } = yield* Effect.flip(
          PluginConfig.fromFiles({ project: folder, files: [`${folder}/none.toml`, folder] })
        )
        assert.deepStrictEqual(diagnostics.map(({ code }) => code), [
          "plugin.configuration_ambiguous",
          "plugin.configuration_syntax",
          "plugin.configuration_file_missing",
          "plugin.configuration_unreadable"
        ])
      })))

  it.effect("are read again on a reload; one that has become wrong changes nothing", () =>
    inFolder({ "a.yaml": project }, (folder) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const kept: Array<typeof Config.Type> = []
        yield* Effect.gen(function*() {
          const host = yield* PluginHost.PluginHost
          yield* fs.writeFileString(`${folder}/a.yaml`, project.replace("fast", "careful"))
          yield* host.reload()
          yield* fs.writeFileString(`${folder}/a.yaml`, project.replace("fast", "slow"))
          assert.strictEqual((yield* Effect.flip(host.reload()))._tag, "PluginConfigError")
          assert.strictEqual((yield* host.components).length, 1)
        }).pipe(Effect.provide(
          PluginHost.layerRuntime(
            PluginHost.layerFile({ plugins: [keeping(kept)], path: `${folder}/a.yaml`, drain: 0 })
          )
        ))
        assert.deepStrictEqual(kept.map(({ mode }) => mode), ["fast", "careful"])
      })))

  it.effect("are named by the environment only for layerFromEnv", () =>
    inFolder({ "a.yaml": project }, (folder) =>
      Effect.gen(function*() {
        const kept: Array<typeof Config.Type> = []
        const host = PluginHost.layerFromEnv({ plugins: [keeping(kept)] }).pipe(Layer.provide(AgentRuntime.layer))
        yield* Effect.void.pipe(Effect.provide(host, { local: true }), withVariables({}))
        assert.deepStrictEqual(kept, [])
        yield* Effect.void.pipe(
          Effect.provide(host, { local: true }),
          withVariables({ HEDDLE_CONFIG: `${folder}/a.yaml` })
        )
        assert.strictEqual(kept.length, 1)
        const error = yield* Effect.flip(
          Effect.void.pipe(Effect.provide(host, { local: true }), withVariables({ HEDDLE_CONFIG: `${folder}/b.yaml` }))
        )
        assert.include(String(error), "there is no such file")
      })))
})
