/**
 * What `npm run build` makes of `src`: few files, entries that share what they have in common and load no more than they
 * need, maps back to the sources, and values that a user's bundler can drop.
 */
import { describe, it } from "@effect/vitest"
import * as Esbuild from "esbuild"
import * as assert from "node:assert/strict"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import { createRequire, SourceMap } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type OutputChunk, rolldown } from "rolldown"
import { afterAll, beforeAll } from "vitest"
import config from "../rolldown.config.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "heddle-build-"))
const dist = Path.join(directory, "dist")
const chunks = new Map<string, OutputChunk>()

/** The package as it is installed, without declarations. */
beforeAll(async () => {
  Fs.copyFileSync(Path.join(root, "package.json"), Path.join(directory, "package.json"))
  for (const name of ["node_modules", "src"]) Fs.symlinkSync(Path.join(root, name), Path.join(directory, name))
  await using build = await rolldown({ ...config, cwd: root })
  const { output } = await build.write({ ...config.output, dir: dist })
  for (const file of output) if (file.type === "chunk") chunks.set(file.fileName, file)
})

afterAll(() => Fs.rmSync(directory, { recursive: true, force: true }))

const chunkOf = (file: string): OutputChunk => {
  const chunk = chunks.get(file)
  assert.ok(chunk, `${file} was not built`)
  return chunk
}

/** What importing a file loads: the files of ours, and the modules of others that they name. */
const loadedBy = (file: string) => {
  const files = new Set<string>()
  const others = new Set<string>()
  const load = (name: string): void => {
    if (files.has(name)) return
    files.add(name)
    for (const imported of chunkOf(name).imports) {
      if (chunks.has(imported)) load(imported)
      else others.add(imported)
    }
  }
  load(file)
  return { files: [...files], others: [...others] }
}

const node = (...args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, ["--no-warnings", ...args], { cwd: directory })

/** A program as it is bundled for a browser, and the files of which anything is left in it. */
const bundled = async (program: string) => {
  const { metafile, outputFiles } = await Esbuild.build({
    stdin: { contents: program, resolveDir: directory },
    absWorkingDir: directory,
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    write: false,
    metafile: true,
    logLevel: "silent"
  })
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([file]) => file.replace(/^.*\/node_modules\//, ""))
  )
  return { files, text: outputFiles.map(({ text }) => text).join("") }
}

describe("the build", () => {
  it("has a file for each entry that the package exports", () => {
    const require = createRequire(Path.join(directory, "package.json"))
    const entries = Fs.readdirSync(Path.join(root, "src"), { recursive: true, encoding: "utf8" })
      .map((file) => file.replaceAll("\\", "/"))
      .filter((file) => /^(?:AgentRuntime|[a-z]+\/\w+)\.ts$/.test(file) && !/^(?:cli|testing)\/|ScopeStack/.test(file))
      .map((file) => `heddle/${file.slice(0, -".ts".length)}`)
    assert.ok(entries.includes("heddle/call/ToolCall"))
    for (const entry of ["heddle", "heddle/promises", "heddle/testing", ...entries]) {
      assert.ok(Fs.existsSync(require.resolve(entry)), `${entry} leads to no file`)
    }
  })

  it("gives the same values by each entry, as one runtime", async () => {
    const { stdout } = await node(
      "--input-type=module",
      "--eval",
      `
        import { AgentRuntime, CallError, ToolCall } from "heddle"
        import * as Lean from "heddle/AgentRuntime"
        import * as LeanError from "heddle/call/CallError"
        import * as LeanTool from "heddle/call/ToolCall"
        import * as Effect from "effect/Effect"
        const call = LeanTool.run({ name: "add", input: { a: 1 } }, ({ a }) => Effect.succeed(a + 1))
        console.log(JSON.stringify([
          Lean.AgentRuntime === AgentRuntime.AgentRuntime,
          LeanError.CallError === CallError.CallError,
          LeanTool.run === ToolCall.run,
          await Effect.runPromise(Effect.provide(call, AgentRuntime.layer))
        ]))`
    )
    assert.deepEqual(JSON.parse(stdout), [true, true, true, 2])
  })

  it("loads few files for the heddle entry", () => {
    const { files } = loadedBy("index.js")
    assert.ok(files.length <= 8, files.join(", "))
  })

  it("loads of Effect no more than an entry needs", () => {
    const weights = ["effect/Effect", "effect/Schema", "effect/SchemaParser", "effect/Stream"]
    const heavy = (file: string) => weights.filter((module) => loadedBy(file).others.includes(module))
    for (const file of ["AgentRuntime.js", "scope/ExecutionScope.js", "scope/Mark.js", "scope/Propagation.js"]) {
      assert.deepEqual(heavy(file), ["effect/Effect"], file)
    }
    assert.deepEqual(heavy("call/ToolCall.js"), ["effect/Effect", "effect/SchemaParser"])
    for (const file of ["call/LlmCall.js", "binding/Promises.js"]) {
      assert.deepEqual(heavy(file), ["effect/Effect", "effect/SchemaParser", "effect/Stream"], file)
    }
    for (const provider of ["AnthropicMessages", "Gemini", "OpenAiChat", "OpenAiResponses"]) {
      assert.deepEqual(heavy(`codec/${provider}.js`), [], provider)
    }
  })

  it("runs as a command line", async () => {
    const { version } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as { version: string }
    const { stdout } = await node("dist/cli/main.js", "--version")
    assert.equal(stdout, `heddle v${version}\n`)
    assert.match(chunkOf("cli/main.js").code, /^#!\/usr\/bin\/env node\n/)
  })

  it("has maps that lead to the published sources", () => {
    const text = "Data.TaggedError(\"CallError\")"
    const file = Path.join(dist, "internal/call.js")
    const lines = chunkOf("internal/call.js").code.split("\n")
    const line = lines.findIndex((one) => one.includes(text))
    const map = new SourceMap(JSON.parse(Fs.readFileSync(`${file}.map`, "utf8")))
    const found = map.findEntry(line, lines[line]?.indexOf(text) ?? -1)
    assert.ok("originalSource" in found)
    const source = Path.resolve(Path.dirname(file), found.originalSource)
    assert.equal(source, Path.join(root, "src/call/CallError.ts"))
    const original = Fs.readFileSync(source, "utf8").split("\n")[found.originalLine] ?? ""
    assert.equal(original.slice(found.originalColumn, found.originalColumn + text.length), text)
  })

  it("lets a bundler drop what is not used", async () => {
    const nothing = await bundled("import { ToolCall } from \"heddle\"")
    assert.deepEqual(nothing.files, [])

    const call = await bundled(`
      import { AgentRuntime, ToolCall } from "heddle"
      export const program = [AgentRuntime.layer, ToolCall.run]`)
    assert.ok(call.files.includes("dist/internal/core.js"))
    for (const unused of ["dist/internal/codec.js", "dist/internal/schema.js", "effect/dist/Schema.js"]) {
      assert.ok(!call.files.includes(unused), unused)
    }

    const codec = await bundled("import { OpenAiChat } from \"heddle\"; export const { codec } = OpenAiChat")
    assert.ok(!codec.files.includes("dist/internal/core.js"))
    assert.ok(codec.text.includes("max_completion_tokens"))
    // Fields that only Gemini and Anthropic know.
    for (const unused of ["functionDeclarations", "cache_creation_input_tokens"]) {
      assert.ok(!codec.text.includes(unused), unused)
    }
  })
})
