/** The example and the page about it: it runs as the page says, and the page shows what stands in it. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const page = Fs.readFileSync(pathOf("docs/effect-ai.md"), "utf8")
const example = Fs.readFileSync(pathOf("examples/effect-ai.ts"), "utf8")

const blocks = (language: string) =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms")), ([, code]) => code ?? "")

/** Code without its layout: the page has less indentation. */
const words = (code: string) => code.split(/\s+/).filter((word) => word !== "").join(" ")

describe("the example of effect/ai", () => {
  it("gives the tree of the page, and shows no key", { timeout: 60_000 }, async () => {
    const { stderr, stdout } = await promisify(execFile)(process.execPath, [pathOf("examples/effect-ai.ts")])
    assert.strictEqual(stderr, "")
    const [tree] = blocks("text")
    assert.strictEqual(stdout.trimEnd(), `I may not delete b.txt.\nblocked: it shows a key\n${tree?.trimEnd()}`)
  })

  it("is what the page shows", () => {
    const shown = blocks("ts")
    assert.lengthOf(shown, 4)
    for (const code of shown) assert.include(words(example), words(code))
  })
})
