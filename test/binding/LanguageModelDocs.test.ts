import { assert, it } from "@effect/vitest"
import * as Fs from "node:fs"

const read = (path: string) => Fs.readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")
const flat = (code: string) => code.replace(/\s+/g, " ").trim()

it("the page on language models shows code that runs", () => {
  const code = flat(
    ["examples/repo-scout/provider.ts", "test/binding/LanguageModelGoverned.test.ts"].map(read).join("\n")
  )
  const blocks = [...read("docs/language-models.md").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block!)
  assert.strictEqual(blocks.length, 3)
  for (const block of blocks) assert.include(code, flat(block))
})
