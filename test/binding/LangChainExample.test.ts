/** The example of LangChain as a user runs it, and its page. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

describe("langchain", () => {
  it("keeps its tool from secret files, keys from its reader and its trace, and asks before it sends", {
    timeout: 120_000
  }, async () => {
    const { stderr, stdout } = await promisify(execFile)(process.execPath, [pathOf("examples/langchain.ts")])
    assert.strictEqual(stderr, "")
    assert.notInclude(stdout, "sk-")
    assert.strictEqual(
      stdout,
      `the model was told: the key in notes.txt is [hidden], refused: off limits
the agent said: I read what I may read.
the stream said: The sun shines.
the stream failed: llm call "FakeListChatModel": guardrail "no-keys" rejected it: it shows a key
the graph said: sent, since you said yes
agent scout → Success
  function model_request → Success
    llm FakeBuiltModel → Success
    function RunnableLambda → Success
  function tools → Success
    tool read_file → Success
  function tools → Success
    tool read_file → Blocked by no-secret-files: off limits
      mark guardrail no-secret-files [warn]
  function model_request → Success
    llm FakeBuiltModel → Success
    function RunnableLambda → Success
llm FakeListChatModel → Blocked by no-keys: it shows a key
  mark guardrail no-keys [warn]
agent LangGraph → Success
  function approve → Interrupted
    mark Graph Interrupt
  mark Graph Interrupt
agent LangGraph → Success
  mark Graph Resume
  function approve → Success
  function send → Success
    tool send_mail → Success
`
    )
  })

  it("is what its page shows", () => {
    const code = Fs.readFileSync(pathOf("examples/langchain.ts"), "utf8")
      .replace("\"../src/binding/LangChain.ts\"", "\"heddle/binding/LangChain\"")
      .replace("\"../src/binding/Promises.ts\"", "\"heddle/promises\"")
    const page = Fs.readFileSync(pathOf("docs/langchain.md"), "utf8")
    const blocks = Array.from(page.matchAll(/^```ts\n(.*?)^```$/gms))
    assert.strictEqual(blocks.length, 6)
    const [imports = "", ...rest] = blocks.map(([, block = ""]) => block)
    // The page's imports are sorted by other paths than the example's.
    for (const text of [...imports.trimEnd().split("\n"), ...rest]) assert.include(code, text)
  })
})
