/**
 * One scripted agent through the exporters of the reference and through ours, compared field by field.
 *
 *   node bench/compare/exporters.ts [--all] [--format NAME] [--markdown FILE]
 *
 * Prints what differs and why (`--all`: also what is the same), and ends with 1 if a difference is not explained in
 * `explanations.ts`, or an explanation explains nothing any more. `--markdown` writes the table into a file, between
 * `<!-- compare -->` and `<!-- /compare -->`.
 */
import { fork } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runHeddle } from "./agent/heddle.ts"
import { explanations } from "./explanations.ts"
import { compare, explain } from "./fields/Difference.ts"
import { entriesOf, type Exported } from "./fields/entries.ts"
import { line, markdown } from "./fields/table.ts"
import { receive } from "./receiver.ts"

const { values } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    format: { type: "string" },
    markdown: { type: "string" }
  }
})

const receiver = await receive()
const base = await mkdtemp(join(tmpdir(), "heddle-compare-"))

/** What a run exported, and when it ran. */
const exported = async (
  name: string,
  run: (place: { readonly directory: string; readonly url: string }) => Promise<unknown>
): Promise<Exported> => {
  const directory = join(base, name)
  await mkdir(directory)
  const from = Date.now()
  await run({ directory, url: `${receiver.url}/${name}` })
  return {
    directory,
    times: { from, to: Date.now() },
    posts: receiver.posts.filter(({ path }) => path.startsWith(`/${name}/`))
  }
}

const runReference = async ({ directory, url }: { readonly directory: string; readonly url: string }) => {
  const child = fork(join(import.meta.dirname, "agent/reference.ts"), [directory, url])
  const code = await new Promise((resolve) => child.on("exit", resolve))
  if (code !== 0) throw new Error(`the reference ended with ${String(code)}`)
}

try {
  const reference = await entriesOf(await exported("reference", runReference))
  const heddle = await entriesOf(await exported("heddle", runHeddle))
  const { idle, rows } = explain(compare(reference, heddle), explanations)

  for (const row of rows) {
    if (values.format !== undefined && row.format !== values.format) continue
    if (values.all || row.verdict !== "same") console.log(line(row))
  }
  if (values.markdown !== undefined) {
    const text = await readFile(values.markdown, "utf8")
    const marked = /(?<=<!-- compare -->\n).*(?=<!-- \/compare -->)/s
    if (!marked.test(text)) throw new Error(`${values.markdown} has no <!-- compare --> and <!-- /compare -->`)
    await writeFile(values.markdown, text.replace(marked, () => markdown(rows)))
  }

  const same = rows.filter(({ verdict }) => verdict === "same").length
  const unexplained = rows.filter(({ verdict, why }) => verdict !== "same" && why === undefined)
  for (const row of unexplained) console.error(`not explained: ${line(row)}`)
  for (const pattern of idle) console.error(`explains nothing: ${pattern}`)
  console.log(
    `${rows.length} fields: ${same} same, ${rows.length - same - unexplained.length} differ as explained, ` +
      `${unexplained.length} not explained; ${idle.length} idle explanations`
  )
  if (unexplained.length > 0 || idle.length > 0) process.exitCode = 1
} finally {
  receiver.close()
  await rm(base, { recursive: true })
}
