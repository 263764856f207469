/** Exporters with relative paths in a process whose working directory is removed. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const writer = fileURLToPath(new URL("lostDirectoryWriter.ts", import.meta.url))

/** What the process said, and what is left in its working directory. It is killed if it does not end. */
const run = async (when: "before" | "after") => {
  const directory = Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "heddle-lost-")))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [writer, directory, when], {
      timeout: 60_000,
      killSignal: "SIGKILL"
    })
    const files = Fs.existsSync(directory)
      ? Fs.readdirSync(directory, { recursive: true, encoding: "utf8" }).toSorted()
      : []
    return { stdout, files }
  } finally {
    Fs.rmSync(directory, { recursive: true, force: true })
  }
}

describe("a working directory that is removed", { timeout: 120_000 }, () => {
  it("is made again where exporters were built in it", async () => {
    const { files, stdout } = await run("after")
    assert.match(stdout, /ended$/)
    assert.deepStrictEqual(files, ["out", "out/events.jsonl", "out/runs", "out/runs/agent.json"])
  })

  it("is told as an error of each exporter that is built after that, and the work goes on", async () => {
    const { files, stdout } = await run("before")
    assert.match(stdout, /ended$/)
    for (const target of ["out/events.jsonl", "out/runs"]) assert.include(stdout, `target: '${target}'`)
    assert.include(stdout, "reason: 'expected an absolute path, since the working directory does not exist'")
    assert.deepStrictEqual(files, [])
  })
})
