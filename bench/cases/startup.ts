/** Importing the core entry, or single nouns of it, into a fresh process, beside what else an application could import. */
import { casesOf } from "../harness/Case.ts"
import { fileSpecifier, measureImport, withBuild } from "../harness/startup.ts"

const { probe } = casesOf(import.meta.url)

export const bare = probe("bare/import", "import \"effect/Effect\"", () => measureImport("effect/Effect"))

const peer = (specifier: string) =>
  probe(`peer/import/${specifier}`, `import "${specifier}"`, () => measureImport(specifier))

const own = (specifier: string, file: string) =>
  probe(
    `import/${specifier}`,
    `import "${specifier}"`,
    () => withBuild((directory) => measureImport(fileSpecifier(directory, `dist/${file}`)))
  )

export const cases = [
  bare,
  own("heddle", "index.js"),
  own("heddle/AgentRuntime", "AgentRuntime.js"),
  own("heddle/call/ToolCall", "call/ToolCall.js"),
  own("heddle/promises", "binding/Promises.js"),
  peer("nemo-flow-node"),
  peer("nemo-relay-node"),
  peer("@opentelemetry/sdk-trace-node"),
  peer("@langchain/core/tools"),
  peer("@openai/agents-core"),
  peer("ai")
]
