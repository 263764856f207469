/**
 * What the published package promises: the `heddle` entry runs in a browser, stands on stable Effect modules only, and
 * internals cannot be imported. The unstable modules are those that the lint configuration names.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Esbuild from "esbuild"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const require = createRequire(import.meta.url)

interface LintConfig {
  readonly overrides: ReadonlyArray<{
    readonly rules: {
      readonly "no-restricted-imports"?: readonly [
        string,
        { readonly patterns: ReadonlyArray<{ readonly regex: string; readonly message: string }> }
      ]
    }
  }>
}

/** The rule against unstable Effect modules as written for each stable room and for the barrel. */
const unstableRules = (JSON.parse(Fs.readFileSync(Path.join(root, ".oxlintrc.json"), "utf8")) as LintConfig).overrides
  .flatMap((override) => override.rules["no-restricted-imports"]?.[1].patterns ?? [])
  .filter((pattern) => pattern.message.startsWith("unstable Effect modules"))
  .map((pattern) => pattern.regex)

const isUnstable = (specifier: string): boolean => unstableRules.some((rule) => new RegExp(rule).test(specifier))

/** TypeScript files under a folder, as paths relative to it with forward slashes. */
const filesOf = (folder: string): ReadonlyArray<string> =>
  Fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replaceAll("\\", "/"))

const effectModule = (file: string): string => `effect/${file.replace(/\.[jt]s$/, "").replace(/\/index$/, "")}`

const bundleEntry = () =>
  Esbuild.build({
    absWorkingDir: root,
    entryPoints: ["src/index.ts"],
    bundle: true,
    platform: "browser",
    format: "esm",
    external: ["node:*"],
    write: false,
    metafile: true,
    logLevel: "silent"
  })

describe("the heddle entry", () => {
  it("bundles for a browser without a node: import", async () => {
    const { metafile } = await bundleEntry()
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
    expect(imports.map((entry) => entry.path)).toEqual([])
  })

  it("imports no unstable Effect module", async () => {
    const { metafile } = await bundleEntry()
    const ours = Object.entries(metafile.inputs).filter(([file]) => file.startsWith("src/"))
    const imported = ours.flatMap(([file, input]) =>
      input.imports.flatMap((entry) => {
        const [, target] = entry.path.split("node_modules/effect/dist/")
        return target === undefined ? [] : [{ file, module: effectModule(target) }]
      })
    )
    expect(imported.length).toBeGreaterThan(0)
    expect(imported.filter(({ module }) => isUnstable(module))).toEqual([])
  })
})

describe("the list of unstable Effect modules", () => {
  it("is the same in the seven stable rooms and the barrel", () => {
    expect(unstableRules.length).toBe(8)
    expect(new Set(unstableRules).size).toBe(1)
  })

  it("names what the installed version of effect marks as not stable, and nothing else", () => {
    const source = Path.join(Path.dirname(require.resolve("effect/package.json")), "src")
    const modules = filesOf(source).filter((file) => file !== "index.ts" && !file.includes("internal/"))
    const marked = modules.filter((file) => {
      const header = /^\/\*\*.*?\*\//s.exec(Fs.readFileSync(Path.join(source, file), "utf8"))?.[0] ?? ""
      return /@stability (?:unstable|experimental)/.test(header)
    })
    expect(marked.length).toBeGreaterThan(0)
    expect(modules.map(effectModule).filter(isUnstable).toSorted()).toEqual(marked.map(effectModule).toSorted())
  })
})

describe("the exports", () => {
  it("reach no internal folder", () => {
    const internals = filesOf(Path.join(root, "src")).filter((file) => file.includes("internal/"))
    const reached = internals.filter((file) => {
      try {
        require.resolve(`heddle/${file.replace(/\.ts$/, "")}`)
        return true
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== "ERR_PACKAGE_PATH_NOT_EXPORTED"
      }
    })
    expect(internals.length).toBeGreaterThan(0)
    expect(reached).toEqual([])
  })
})
