/** The example of the provider SDKs as a user runs it, and its page. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

describe("provider-sdks", () => {
  it("keeps tools from secret files, passwords from providers, keys from readers and from the trace", {
    timeout: 120_000
  }, async () => {
    const { stderr, stdout } = await promisify(execFile)(process.execPath, [pathOf("examples/provider-sdks.ts")])
    assert.strictEqual(stderr, "")
    assert.notInclude(stdout, "sk-")
    assert.notInclude(stdout, "never")
    const lines = stdout.trimEnd().split("\n")
    assert.deepStrictEqual(lines.filter((line) => !line.startsWith("told")), [
      "openai said I read what I may read.",
      "anthropic said I read what I may read.",
      "blocked llm call \"openai.chat.completions\": guardrail \"no-passwords\" rejected it: it has a password 0",
      "blocked llm call \"openai.chat.completions\": guardrail \"no-keys\" rejected it: it shows a key",
      "aborted no longer wanted"
    ])
    const count = (start: string) => lines.filter((line) => line.startsWith(`told ${start}`)).length
    assert.strictEqual(count("tool read_file Success \"the key in notes.txt is [hidden]\""), 2)
    assert.strictEqual(count("tool read_file Blocked"), 2)
    assert.strictEqual(count("llm openai.chat.completions Success"), 2)
    assert.strictEqual(count("llm anthropic.messages Success"), 2)
    assert.strictEqual(count("llm openai.chat.completions Blocked"), 2)
    assert.strictEqual(count("agent"), 2)
  })

  it("is what its page shows", () => {
    const code = Fs.readFileSync(pathOf("examples/provider-sdks.ts"), "utf8")
      .replaceAll(/"\.\.\/src\/binding\/(\w+Sdk)\.ts"/g, "\"heddle/binding/$1\"")
      .replace("\"../src/binding/Promises.ts\"", "\"heddle/promises\"")
    const blocks = Array.from(
      Fs.readFileSync(pathOf("docs/provider-sdks.md"), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)
    )
    assert.strictEqual(blocks.length, 8)
    for (const [, block = ""] of blocks) {
      // Imports are sorted by their names, which differ.
      for (const part of block.startsWith("import") ? block.split("\n") : [block]) assert.include(code, part)
    }
  })
})
