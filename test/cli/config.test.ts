import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Command from "effect/cli/Command"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { TestConsole } from "effect/testing"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import packageJson from "../../package.json" with { type: "json" }
import { command } from "../../src/cli/configCommand.ts"
import { version } from "../../src/cli/version.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

/** Runs the command in this process, and tells what it wrote. */
const run = Effect.fnUntraced(function*(...args: ReadonlyArray<string>) {
  const error = yield* Command.runWith(command, { version })(args).pipe(
    Effect.as(undefined),
    Effect.catch((error) => Effect.succeed(error))
  )
  const lines = (yield* TestConsole.logLines).map(String)
  return { failure: error?._tag, lines }
})

const withFiles = <A, E, R>(
  files: Readonly<Record<string, string>>,
  use: (directory: string) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* fs.makeTempDirectoryScoped()
    for (const [name, text] of Object.entries(files)) yield* fs.writeFileString(path.join(directory, name), text)
    return yield* use(directory)
  }).pipe(Effect.provide(NodeServices.layer))

/** The program itself, with what it wrote and its exit code. */
const program = (args: ReadonlyArray<string>) =>
  Effect.promise(() =>
    new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
      execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      })
    })
  )

/** Twenty mistakes, one a comment. */
const planted = `version: 2                            # 1 version
policy:
  unknown_field: eror                     # 2 choice of the policy
  unknown_feild: warn                     # 3 field of the policy
componets: []                             # 4 field of the document
components:
  - kind: observabilty                    # 5 kind
  - kind: observability
    enabeld: true                         # 6 field of a component
    enabled: "yes"                        # 7 type
    config:
      atof:
        - type: fil                       # 8 choice that says which form
          path: a
        - type: file                      # 9 missing path
        - type: file
          path: \${HEDDLE_TEST_NOT_SET}/e  # 10 variable
        - type: http
          url: ftp://collector            # 11 address
          headers: { "x-key": 5 }         # 12 secret that is no text
        - path: b                         # 13 missing type
        - type: stdout
          max_batch_size: 0               # 14 range
      atif:
        - directory: 7                    # 15 type
          version: "1.9"                  # 16 choice
      opentelemetry:
        - projection: genai               # 17 choice
          signals: [traces, metric]       # 18 choice within a list
          protocoll: http/json            # 19 field
  - kind: observability                   # 20 one too many
`

const expected: ReadonlyArray<readonly [line: number, path: string, code: string, suggestion?: string]> = [
  [1, "version", "plugin.unsupported_config_version"],
  [3, "policy.unknown_field", "plugin.unsupported_value", "error"],
  [4, "policy.unknown_feild", "plugin.unknown_field", "unknown_field"],
  [5, "componets", "plugin.unknown_field", "components"],
  [7, "components[0].kind", "plugin.unknown_component", "observability"],
  [9, "components[1].enabeld", "plugin.unknown_field", "enabled"],
  [10, "components[1].enabled", "plugin.invalid_value"],
  [13, "components[1].config.atof[0].type", "plugin.unsupported_value", "file"],
  [15, "components[1].config.atof[1].path", "plugin.missing_field"],
  [17, "components[1].config.atof[2].path", "plugin.missing_variable"],
  [19, "components[1].config.atof[3].url", "plugin.invalid_value"],
  [20, "components[1].config.atof[3].headers.x-key", "plugin.invalid_value"],
  [21, "components[1].config.atof[4].type", "plugin.missing_field"],
  [23, "components[1].config.atof[5].max_batch_size", "plugin.invalid_value"],
  [25, "components[1].config.atif[0].directory", "plugin.invalid_value"],
  [26, "components[1].config.atif[0].version", "plugin.unsupported_value"],
  [28, "components[1].config.opentelemetry[0].projection", "plugin.unsupported_value", "gen_ai"],
  [29, "components[1].config.opentelemetry[0].signals[1]", "plugin.unsupported_value", "metrics"],
  [30, "components[1].config.opentelemetry[0].protocoll", "plugin.unknown_field", "protocol"],
  [31, "components[2].kind", "plugin.duplicate_component"]
]

interface Told {
  readonly diagnostics: ReadonlyArray<{
    readonly level: string
    readonly code: string
    readonly path: string
    readonly message: string
    readonly suggestion?: string
    readonly line?: number
  }>
}

describe("heddle config check", () => {
  it.effect("finds twenty planted mistakes in one pass, each with its path, its line and what was expected", () =>
    withFiles({ "planted.yaml": planted }, (directory) =>
      Effect.gen(function*() {
        const { failure, lines } = yield* run("config", "check", `${directory}/planted.yaml`, "--format", "json")
        assert.strictEqual(failure, "ProblemsFound")
        const { diagnostics } = JSON.parse(lines.join("\n")) as Told
        const byLine = diagnostics.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
        assert.deepStrictEqual(
          byLine.map(({ code, line, path, suggestion }) => [line, path, code, suggestion]),
          expected.map(([line, path, code, suggestion]) => [line, path, code, suggestion])
        )
        for (const { level, message, path } of diagnostics) {
          assert.strictEqual(level, "error")
          assert.match(message, /expected|missing|not set/, path)
        }
      })))

  it.effect("writes no secret, also where it is wrong", () =>
    withFiles({
      "a.yaml":
        `version: 1\ncomponents:\n  - kind: observability\n    config:\n      atof:\n        - type: http\n          url: s3cret\n          headers: [s3cret]\n          s3crets: s3cret\n`
    }, (directory) =>
      Effect.gen(function*() {
        const { lines } = yield* run("config", "check", `${directory}/a.yaml`)
        assert.strictEqual(lines.length, 4, lines.join("\n"))
        assert.notMatch(lines.join("\n"), /s3cret(?!s)/)
      })))

  it.effect("says that a document is right", () =>
    withFiles(
      { "a.toml": `version = 1\n[[components]]\nkind = "observability"\n` },
      (directory) =>
        Effect.gen(function*() {
          const { failure, lines } = yield* run("config", "check", `${directory}/a.toml`)
          assert.strictEqual(failure, undefined)
          assert.deepStrictEqual(lines, [`${directory}/a.toml: no problems`])
        })
    ))

  it.effect("colours only where a terminal shows it", () =>
    withFiles({ "a.json": `{"version":3}` }, (directory) =>
      Effect.gen(function*() {
        const capable = { canColor: true, canAnimate: false, canPrompt: false }
        const coloured = yield* run("config", "check", `${directory}/a.json`).pipe(
          Effect.provideService(TerminalCapabilities.TerminalCapabilities, capable)
        )
        assert.isTrue(coloured.lines[0]?.startsWith("\u001b[31m"))
        const plain = yield* run("config", "check", `${directory}/a.json`).pipe(
          Effect.provideService(TerminalCapabilities.TerminalCapabilities, { ...capable, canColor: false })
        )
        assert.strictEqual(
          plain.lines.at(-2),
          `${directory}/a.json:1:2: error: version: expected 1 (plugin.unsupported_config_version)`
        )
      })))

  it.effect(
    "ends with 0, 1 or 2: right, wrong, wrong usage",
    () =>
      withFiles(
        { "right.json": `{"version":1}`, "wrong.json": `{"version":1,"x":1}` },
        (directory) =>
          Effect.gen(function*() {
            const results = yield* Effect.forEach(
              [
                ["config", "check", `${directory}/right.json`],
                ["config", "check", `${directory}/right.json`, `${directory}/wrong.json`],
                ["config", "check"]
              ],
              (args) => program(args),
              { concurrency: 2 }
            )
            assert.deepStrictEqual(results.map(({ code }) => code), [0, 1, 2])
            // Standard output is no terminal here.
            assert.notInclude(results[1]?.stdout, "\u001b")
            assert.include(results[2]?.stderr, "FILE")
          })
      ),
    60_000
  )

  it.effect("says what is wrong with a module of plugins", () =>
    withFiles({ "none.js": "export const plugins = [1]" }, (directory) =>
      Effect.gen(function*() {
        const { failure } = yield* run("config", "check", "a.json", "--plugins", `${directory}/none.js`)
        assert.strictEqual(failure, "PluginsUnreadable")
      })))

  it.effect("knows the plugins of an application that it is told of", () =>
    withFiles({
      "a.yaml": `version: 1\ncomponents:\n  - kind: input_limit\n    config: { max_characters: 0 }\n`,
      "plugins.ts": `export { plugins } from ${
        JSON.stringify(fileURLToPath(new URL("../../examples/plugin-template.ts", import.meta.url)))
      }\n`
    }, (directory) =>
      Effect.gen(function*() {
        const { lines } = yield* run("config", "check", `${directory}/a.yaml`, "--plugins", `${directory}/plugins.ts`)
        assert.include(lines[0], "components[0].config.max_characters: expected a value greater than 0, got 0")
      })))
})

describe("heddle config explain", () => {
  it.effect("tells which file says what, over which others, and no secret", () =>
    withFiles({
      "heddle.config.yaml":
        `version: 1\ncomponents:\n  - kind: observability\n    config:\n      atof: [{ type: stdout }]\n      opentelemetry: [{ headers: { authorization: s3cret, b: { env: TOKEN } } }]\n`,
      "over.toml":
        `[[components]]\nkind = "observability"\nenabled = false\n[[components.config.atof]]\ntype = "file"\npath = "e.jsonl"\n`
    }, (directory) =>
      Effect.gen(function*() {
        const { lines } = yield* run("config", "explain", `${directory}/over.toml`, "--project", directory)
        const project = `${directory}/heddle.config.yaml`
        assert.deepStrictEqual(lines, [
          `version = 1  # ${project}:1:1`,
          `components[0].kind = "observability"  # ${directory}/over.toml, over ${project}`,
          `components[0].config.atof[0].type = "file"  # ${directory}/over.toml, over ${project}`,
          `components[0].config.atof[0].path = "e.jsonl"  # ${directory}/over.toml, over ${project}`,
          `components[0].config.opentelemetry[0].headers.authorization = <redacted>  # ${project}:6:36`,
          `components[0].config.opentelemetry[0].headers.b.env = "TOKEN"  # ${project}:6:64`,
          `components[0].enabled = false  # ${directory}/over.toml`
        ])
      })))
})

describe("heddle config schema", () => {
  it.effect("describes every built-in plugin, closed, with its choices", () =>
    Effect.gen(function*() {
      const { lines } = yield* run("config", "schema")
      const schema = JSON.parse(lines.join("\n")) as {
        readonly properties: {
          readonly components: {
            readonly items: {
              readonly oneOf: ReadonlyArray<{ readonly properties: Record<string, { const?: string }> }>
            }
          }
        }
      }
      const kinds = schema.properties.components.items.oneOf.map(({ properties }) => properties["kind"]?.const)
      assert.includeMembers(kinds, ["observability", "pricing"])
      assert.notInclude(lines.join("\n"), `"additionalProperties": true`)
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("heddle", () => {
  it("tells the version of its package", () => {
    assert.strictEqual(version, packageJson.version)
  })
})
