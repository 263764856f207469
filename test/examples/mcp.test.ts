/** The agent and its server as a user runs them: two processes, which show one trace. And their page. */
import { assert, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const example = fileURLToPath(new URL("../../examples/mcp.ts", import.meta.url))

it("mcp is guarded on both sides and shows one trace of two processes", { timeout: 120_000 }, async () => {
  const { stderr, stdout } = await promisify(execFile)(process.execPath, [example])
  assert.strictEqual(stderr, "")
  assert.notInclude(stdout, "sk-123")
  assert.deepStrictEqual(stdout.trimEnd().split("\n"), [
    "read_file { path: 'notes.txt' } → [ { type: 'text', text: 'the text of notes.txt' } ]",
    "read_file { path: 'keys.txt' } → tool call \"read_file\": guardrail \"no-keys\" rejected it: it shows a key",
    "read_file { path: '.env' } → [ { type: 'text', text: 'Refused by policy: off limits' } ]",
    "delete_all {} → tool call \"delete_all\": guardrail \"read-only\" rejected it: it deletes",
    "agent agent → Success",
    "  tool read_file → Success",
    "    tool read_file → Success",
    "      mark opened",
    "  tool read_file → Blocked by no-keys: it shows a key",
    "    mark guardrail no-keys [warn]",
    "    tool read_file → Success",
    "      mark opened",
    "  tool read_file → Success",
    "    mark mcp.tool_error [warn]",
    "    tool read_file → Blocked by no-secret-files: off limits",
    "      mark guardrail no-secret-files [warn]",
    "  tool delete_all → Blocked by read-only: it deletes",
    "    mark guardrail read-only [warn]"
  ])
})

it("mcp is what its page shows", () => {
  const linesOf = (code: string) => code.split("\n").map((line) => line.trim()).filter((line) => line !== "")
  const code = linesOf(Fs.readFileSync(example, "utf8"))
  const page = Fs.readFileSync(new URL("../../docs/mcp.md", import.meta.url), "utf8")
  const blocks = Array.from(page.matchAll(/^```ts\n(.*?)^```$/gms), ([, block = ""]) => block)
  assert.strictEqual(blocks.length, 2)
  for (const block of blocks) assert.includeMembers(code, linesOf(block))
})
