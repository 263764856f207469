import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { promisify } from "node:util"
import type { Measures } from "./Case.ts"
import { PeerMissing } from "./peer.ts"
import { summarize } from "./statistics.ts"

const run = promisify(execFile)

const root = fileURLToPath(new URL("../../", import.meta.url))
const bench = fileURLToPath(new URL("../", import.meta.url))

const starts = 5

/** Builds the library as it is published, runs what is given its place, and removes it again. */
export const withBuild = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "heddle-bench-"))
  try {
    writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }))
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"))
    const rolldown = join(root, "node_modules", "rolldown", "bin", "cli.mjs")
    await run(process.execPath, [rolldown, "-c", "-d", join(directory, "dist")], { cwd: root })
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Time and memory of importing a module into a fresh process; its CPU time includes the start of Node. */
export const measureImport = async (specifier: string): Promise<Measures> => {
  const script = `
    const rss = process.memoryUsage().rss
    const start = performance.now()
    await import(${JSON.stringify(specifier)})
    const millis = performance.now() - start
    const { system, user } = process.cpuUsage()
    console.log(JSON.stringify([millis, process.memoryUsage().rss - rss, (system + user) * 1000]))`
  const values: Array<readonly [number, number, number]> = []
  for (let n = 0; n < starts; n++) {
    const { stdout } = await run(process.execPath, ["--no-warnings", "--input-type=module", "--eval", script], {
      cwd: bench
    }).catch((error: unknown) => {
      if (error instanceof Error && error.message.includes("ERR_MODULE_NOT_FOUND")) throw new PeerMissing(specifier)
      throw error
    })
    values.push(JSON.parse(stdout) as [number, number, number])
  }
  return {
    millis: summarize(values.map(([millis]) => millis))!.median,
    rss: summarize(values.map(([, rss]) => rss))!.median,
    cpu: summarize(values.map(([, , cpu]) => cpu))!.median
  }
}

export const fileSpecifier = (directory: string, path: string): string => pathToFileURL(join(directory, path)).href
