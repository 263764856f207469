/** The agent of the AI SDK as a user runs it: a process of its own. */
import { assert, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const example = fileURLToPath(new URL("../../examples/ai-sdk.ts", import.meta.url))

it("ai-sdk keeps its tool from secret files, and keys from its reader", { timeout: 120_000 }, async () => {
  const { stderr, stdout } = await promisify(execFile)(process.execPath, [example])
  assert.strictEqual(stderr, "")
  assert.notInclude(stdout, "sk-123")
  const lines = stdout.trimEnd().split("\n")
  const starting = (word: string) => lines.filter((line) => line.startsWith(word))
  assert.deepStrictEqual(starting("said"), ["said One file is off limits. "])
  assert.deepStrictEqual(starting("the model"), [
    "the model is told: tool call \"readFile\": guardrail \"no-secret-files\" rejected it: off limits"
  ])
  assert.deepStrictEqual(starting("failed"), [
    "failed llm call \"openai.responses\": guardrail \"no-keys\" rejected it: it shows a key"
  ])
  assert.sameMembers(starting("ended"), [
    "ended llm openai.responses Success",
    "ended tool readFile Success",
    "ended tool readFile Blocked",
    "ended function step 0 Success",
    "ended llm openai.responses Blocked",
    "ended function step 1 Failure",
    "ended agent reader Failure"
  ])
})
