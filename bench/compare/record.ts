/**
 * Writes the documents in `test/exporter/reference`: ATIF as nemo-relay-node writes it.
 *
 *   node bench/compare/record.ts
 *
 * Ids and times are those of the run, so that every run writes other files.
 */
import { fork } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadPeer } from "../harness/peer.ts"
import { criticRequest, criticResponse, model } from "./agent/payloads.ts"
import { receive } from "./receiver.ts"

interface Handle {
  readonly uuid: string
}

interface Relay {
  readonly AtifExporter: new(session: string, agent: string, version: string, model: string) => {
    readonly register: (name: string) => void
    readonly deregister: (name: string) => boolean
    readonly exportJson: () => string
  }
  readonly flushSubscribers: () => Promise<void>
  readonly pushScope: (name: string, type: number) => Handle
  readonly popScope: (handle: Handle) => void
  readonly llmCall: (
    name: string,
    request: object,
    parent: undefined,
    attributes: undefined,
    data: undefined,
    metadata: undefined,
    model: string
  ) => Handle
  readonly llmCallEnd: (handle: Handle, response: object) => void
  readonly toolCallExecuteAsync: (
    name: string,
    input: object,
    work: () => Promise<{ readonly result: unknown }>
  ) => Promise<unknown>
}

interface Plugin {
  readonly initialize: (document: object) => Promise<{ readonly close: () => Promise<void> }>
}

const to = join(import.meta.dirname, "../../test/exporter/reference")
const { default: relay } = await loadPeer<{ readonly default: Relay }>("nemo-relay-node")
const { default: plugin } = await loadPeer<{ readonly default: Plugin }>("nemo-relay-node/plugin")

const write = (name: string, text: string) =>
  writeFile(join(to, `${name}.json`), `${JSON.stringify(JSON.parse(text), undefined, 2)}\n`)

const ask = () =>
  relay.llmCall("openai", { headers: {}, content: criticRequest }, undefined, undefined, undefined, undefined, model)

/** What an agent does inside its scope. */
const agents: Readonly<Record<string, () => Promise<void>>> = {
  answered: async () => {
    relay.llmCallEnd(ask(), criticResponse)
  },
  "tools-only": async () => {
    await relay.toolCallExecuteAsync("search", { query: "oar" }, async () => ({ result: ["page 3"] }))
    await relay.toolCallExecuteAsync("read", { page: 3 }, async () => ({ result: "an oar" }))
  },
  empty: async () => {}
}

for (const [name, agent] of Object.entries(agents)) {
  const exporter = new relay.AtifExporter("s-1", "scout", "1", model)
  exporter.register(name)
  const scope = relay.pushScope("scout", 0)
  await agent()
  relay.popScope(scope)
  await relay.flushSubscribers()
  await write(name, exporter.exportJson())
  exporter.deregister(name)
}

// An agent that has asked and waits for the answer.
const exporter = new relay.AtifExporter("s-1", "scout", "1", model)
exporter.register("cut")
const scope = relay.pushScope("scout", 0)
const call = ask()
await relay.flushSubscribers()
await write("cut", exporter.exportJson())
relay.llmCallEnd(call, criticResponse)
relay.popScope(scope)
exporter.deregister("cut")

// The same as `answered`, as its observability plugin writes it into a file.
const directory = await mkdtemp(join(tmpdir(), "heddle-record-"))
const activation = await plugin.initialize({
  version: 1,
  components: [{
    kind: "observability",
    enabled: true,
    config: {
      version: 4,
      atif: { enabled: true, agent_name: "scout", agent_version: "1", model_name: model, output_directory: directory }
    }
  }]
})
const watched = relay.pushScope("scout", 0)
relay.llmCallEnd(ask(), criticResponse)
// Else the end of the call would be dated later than that of the agent.
await relay.flushSubscribers()
relay.popScope(watched)
await activation.close()
const [file] = await readdir(directory)
if (file === undefined) throw new Error("the observability plugin has written no file")
await write("plugin", await readFile(join(directory, file), "utf8"))

// The agent of the comparison.
const receiver = await receive()
const child = fork(join(import.meta.dirname, "agent/reference.ts"), [directory, receiver.url])
const code = await new Promise((resolve) => child.on("exit", resolve))
receiver.close()
if (code !== 0) throw new Error(`the reference ended with ${String(code)}`)
await write("scout", await readFile(join(directory, "atif.json"), "utf8"))
await rm(directory, { recursive: true })
