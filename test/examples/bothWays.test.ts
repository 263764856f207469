/** One agent in two files and on one page: the page shows the files, and both give the same events. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { LifecycleEvent } from "../../src/index.ts"
import { EventTree } from "../../src/testing/index.ts"

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const read = (path: string) => Fs.readFileSync(pathOf(path), "utf8")
const page = read("docs/both-ways.md")
const ways = ["Effect", "promises"] as const

const fileOf = (way: (typeof ways)[number]) => `examples/both-ways-${way.toLowerCase()}.ts`

/** Code without its layout: names are shorter on the page, so that lines break elsewhere. */
const words = (code: string) => code.split(/\s+/).filter((word) => word !== "")

const blocks = (intro: string) =>
  Array.from(page.matchAll(new RegExp(`^${intro}:\\n\\n\`\`\`ts\\n(.*?)^\`\`\`$`, "gms")), ([, code]) => code ?? "")

const shown = (code: string) =>
  code.replace("\"../src/index.ts\"", "\"heddle\"").replace("\"../src/binding/Promises.ts\"", "\"heddle/promises\"")

const run = async (way: (typeof ways)[number]): Promise<ReadonlyArray<LifecycleEvent.LifecycleEvent>> => {
  const { stderr, stdout } = await promisify(execFile)(process.execPath, [pathOf(fileOf(way))])
  assert.strictEqual(stderr, "")
  assert.notInclude(stdout, "sk-123")
  return stdout.trimEnd().split("\n").map((line): LifecycleEvent.LifecycleEvent => JSON.parse(line))
}

describe("one agent, both ways", () => {
  it.each(ways)("is shown as it stands in its file, with %s", (way) => {
    const code = blocks(`With ${way}`)
    assert.strictEqual(code.length, 5)
    assert.deepStrictEqual(words(code.join("\n")), words(shown(read(fileOf(way)))))
  })

  it("gives the same tree of events, which is that of the page", { timeout: 60_000 }, async () => {
    const [effect, promises] = await Promise.all(ways.map(run))
    for (const events of [effect!, promises!]) EventTree.assertWellFormed(events, { contiguous: true })
    const all = { data: true, decisions: true }
    assert.strictEqual(
      EventTree.render(promises!, all).replaceAll(/"durationMicros":\d+/g, ""),
      EventTree.render(effect!, all).replaceAll(/"durationMicros":\d+/g, "")
    )
    const tree = /^```text\n(.*?)^```$/ms.exec(page)?.[1] ?? ""
    EventTree.assertTree(effect!, tree)
  })
})
