/** Importing the core entry into a fresh process, beside what else an application could import. */
import { casesOf } from "../harness/Case.ts"
import { fileSpecifier, measureImport, withBuild } from "../harness/startup.ts"

const { probe } = casesOf(import.meta.url)

const peer = (specifier: string) =>
  probe(`peer/import/${specifier}`, `import "${specifier}"`, () => measureImport(specifier))

export const cases = [
  probe("bare/import", "import \"effect/Effect\"", () => measureImport("effect/Effect")),
  probe(
    "import/heddle",
    "import \"heddle\"",
    () => withBuild((directory) => measureImport(fileSpecifier(directory, "dist/index.js")))
  ),
  peer("nemo-flow-node"),
  peer("nemo-relay-node"),
  peer("@opentelemetry/sdk-trace-node"),
  peer("@langchain/core/tools"),
  peer("@openai/agents-core"),
  peer("ai")
]
