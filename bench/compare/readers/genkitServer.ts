/** Genkit's telemetry server in a process of its own: `genkitServer <port> <directory>`. Says `ready` to its parent. */
import { join } from "node:path"
import { loadPeer } from "../../harness/peer.ts"

interface Genkit {
  readonly startTelemetryServer: (options: {
    readonly port: number
    readonly traceStore: unknown
    readonly logStore: unknown
  }) => Promise<void>
  readonly LocalFileTraceStore: new(options: object) => unknown
  readonly LocalFileLogStore: new(options: object) => unknown
}

const [port, directory] = process.argv.slice(2)
// What the package offers to `import` has the syntax of a module and no sign of being one.
const { LocalFileLogStore, LocalFileTraceStore, startTelemetryServer } = await loadPeer<Genkit>(
  join(import.meta.dirname, "../../node_modules/@genkit-ai/telemetry-server/lib/cjs/index.js")
)
const roots = { storeRoot: directory, indexRoot: directory }
await startTelemetryServer({
  port: Number(port),
  traceStore: new LocalFileTraceStore(roots),
  logStore: new LocalFileLogStore(roots)
})
process.send?.("ready")
