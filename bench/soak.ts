/**
 * Many events through each exporter, and through those of the reference: events per second, bytes per event, and whether
 * memory stays flat. 100,000 events each unless said; `--events 1000000` is the whole soak.
 *
 *   node bench/soak.ts [--events N] [--only REGEXP] [--json FILE]
 *
 * Each exporter runs in a process of its own; a collector that takes everything runs in this one. What is counted are
 * the bytes that reached the file, the collector or the reader of standard output.
 */
import { fork } from "node:child_process"
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { subjects } from "./soak/exporters.ts"

interface Report {
  readonly events: number
  readonly seconds: number
  readonly heaps: ReadonlyArray<number>
  readonly rss: number
  readonly lost: number | undefined
}

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "100000" },
    only: { type: "string", default: "" },
    json: { type: "string" }
  }
})

let received = 0
const server = createServer((request, response) => {
  request.on("data", (data: Uint8Array) => {
    received += data.length
  })
  request.on("end", () => response.writeHead(200).end())
})
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const filesIn = async (directory: string): Promise<number> => {
  const names = await readdir(directory)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

const soak = async ({ bytes, id }: (typeof subjects)[number]) => {
  const directory = await mkdtemp(join(tmpdir(), "heddle-soak-"))
  received = 0
  try {
    const child = fork(join(import.meta.dirname, "soak/child.ts"), [id, values.events, directory, url], {
      execArgv: ["--expose-gc"],
      stdio: ["ignore", "pipe", "inherit", "ipc"]
    })
    let printed = 0
    child.stdout?.on("data", (data: Uint8Array) => {
      printed += data.length
    })
    let report: Report | { readonly missing: string } | undefined
    child.on("message", (message) => {
      report = message as typeof report
    })
    const code = await new Promise((resolve) => child.on("close", resolve))
    if (report === undefined) return { id, problem: `ended with ${String(code)} before it had reported` }
    if ("missing" in report) return { id, problem: report.missing }
    const written = bytes === "http" ? received : bytes === "stdout" ? printed : await filesIn(directory)
    return { id, ...report, bytes: written }
  } finally {
    await rm(directory, { recursive: true })
  }
}

const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1)

const results = []
const began = performance.now()
console.log("| exporter | events | events/s | bytes/event | lost | heap at 25 % | 50 % | 75 % | 100 % | largest RSS |")
console.log("|---|---|---|---|---|---|---|---|---|---|")
for (const subject of subjects) {
  if (!new RegExp(values.only).test(subject.id)) continue
  const result = await soak(subject)
  results.push(result)
  if ("problem" in result) {
    console.log(`| ${result.id} | ${result.problem} |`)
    continue
  }
  const { bytes, events, heaps, id, lost, rss, seconds } = result
  const perSecond = Math.round(events / seconds).toLocaleString("en")
  console.log(
    `| ${id} | ${events.toLocaleString("en")} | ${perSecond} | ${(bytes / events).toFixed(0)} | ${
      lost ?? "not said"
    } | ` +
      `${heaps.map((heap) => `${mebibytes(heap)} MiB`).join(" | ")} | ${mebibytes(rss)} MiB |`
  )
}
console.log(`\nin ${((performance.now() - began) / 1000).toFixed(0)} s`)
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(results, undefined, 2))
server.close()
