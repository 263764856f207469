/**
 * A process whose exporters have relative paths, and whose working directory is removed:
 * `lostDirectoryWriter <directory> <"before" | "after" the exporters are built>`.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as AtifExporter from "../../src/exporter/AtifExporter.ts"
import * as AtofExporter from "../../src/exporter/AtofExporter.ts"
import { AgentRuntime, ExecutionScope } from "../../src/index.ts"

const [directory = "", when] = process.argv.slice(2)
const lose = () => Fs.rmSync(directory, { recursive: true })

process.chdir(directory)
if (when === "before") lose()

const Runtime = AgentRuntime.layerWith({
  policies: Layer.mergeAll(
    AtofExporter.layerFile({ path: "out/events.jsonl", scheduledDelay: 1, closeTimeout: 500 }),
    AtifExporter.layerFile({
      directory: "out/runs",
      filename: () => "agent.json",
      scheduledDelay: 1,
      closeTimeout: 500
    })
  )
}).pipe(Layer.provide(NodeServices.layer))

const main = Effect.gen(function*() {
  if (when === "after") lose()
  yield* ExecutionScope.run({ name: "scout", category: "agent" })(Effect.void)
})

await Effect.runPromise(Effect.provide(main, Runtime))
process.stdout.write("\nended")
