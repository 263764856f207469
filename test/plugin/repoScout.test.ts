import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import { examples, folder, scout } from "../examples/scout.ts"

/** A collector on this machine, with all that was sent to it. */
const collector = async () => {
  const bodies: Array<Buffer> = []
  const paths = new Set<string | undefined>()
  const server = Http.createServer((request, response) => {
    paths.add(request.url)
    request.on("data", (chunk: Buffer) => bodies.push(chunk))
    request.on("end", () => response.end("{}"))
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    text: () => Buffer.concat(bodies).toString("latin1"),
    paths,
    close: () => void server.close()
  }
}

const address = "jane.roe@example.org"

describe("repo-scout --config", () => {
  it(
    "is observed and redacted as one file says: spans, events and a trajectory, without e-mail addresses",
    async () => {
      const project = folder({ "README.md": `# Project\nWrite to ${address} about the guardrail.\n` })
      const cwd = folder()
      const { close, paths, text, url } = await collector()
      try {
        const args = ["--dir", project, "--ask", "Who is the contact of the guardrail?", "--quiet"]
        const { code, stderr, stdout } = await scout(
          [...args, "--config", Path.join(examples, "repo-scout/observed.yaml")],
          { cwd, env: { OTLP_URL: url } }
        )
        assert.strictEqual(code, 0, stderr)
        // Redaction is for observers: the answer is what the agent found.
        assert.include(stdout, address)
        const run = Path.join(cwd, "runs", Fs.readdirSync(Path.join(cwd, "runs"))[0]!)
        const events = Fs.readFileSync(Path.join(run, "events.jsonl"), "utf8")
        const trajectory = Fs.readFileSync(Path.join(run, "trajectory.json"), "utf8")
        for (const observed of [events, trajectory, text()]) assert.notInclude(observed, address)
        assert.include(events, "Write to [REDACTED:email] about the guardrail")
        assert.include(trajectory, "ATIF-v1.7")
        assert.deepStrictEqual(Array.from(paths), ["/v1/traces"])
        assert.include(text(), "repo-scout")
      } finally {
        close()
      }
    },
    60_000
  )

  it("says what is wrong with the file, where, and does not run", async () => {
    const cwd = folder({ "wrong.yaml": "version: 1\ncomponents:\n  - kind: pii_redacton\n" })
    const { code, stderr } = await scout(["--dir", cwd, "--quiet", "--config", "wrong.yaml"], { cwd })
    assert.strictEqual(code, 1)
    assert.include(stderr, `wrong.yaml:3:5: error: components[0].kind: no plugin of that kind`)
    assert.include(stderr, `did you mean "pii_redaction"?`)
  }, 180_000)
})
