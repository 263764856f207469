/**
 * The scripted agent on the reference, with its exporters: `reference <directory> <url>`. It has one runtime for a
 * process, and its flush stops the process until everything is sent, so it needs one of its own.
 */
import { writeFile } from "node:fs/promises"
import { setTimeout } from "node:timers/promises"
import { OpenAiChat } from "../../../src/index.ts"
import { loadPeer } from "../../harness/peer.ts"
import * as Payloads from "./payloads.ts"

interface Handle {
  readonly uuid: string
}

interface Sink {
  readonly register: (name: string) => void
  readonly forceFlush: () => void
  readonly shutdown: () => void
}

interface Relay {
  readonly AtofExporter: new(config: object) => Sink
  readonly AtifExporter: new(session: string, agent: string, version: string, model: string) => {
    readonly register: (name: string) => void
    readonly exportJson: () => string
  }
  readonly OpenTelemetrySubscriber: new(config: object) => Sink
  readonly OpenTelemetryLogSubscriber: new(config: object) => Sink
  readonly OpenAIChatCodec: new() => unknown
  readonly flushSubscribers: () => Promise<void>
  readonly capturePropagationContext: () => unknown
  readonly createScopeStackFromPropagation: (context: unknown) => unknown
  readonly withScopeStack: <A>(stack: unknown, callback: () => A) => A
  readonly pushScope: (
    name: string,
    type: number,
    parent?: Handle,
    attributes?: number,
    data?: unknown,
    metadata?: object,
    input?: unknown
  ) => Handle
  readonly popScope: (handle: Handle, output?: unknown) => void
  readonly event: (
    name: string,
    parent: undefined,
    data: unknown,
    metadata: object,
    timestamp: undefined,
    dataSchema: undefined,
    severity: number
  ) => void
  readonly registerToolConditionalExecutionGuardrail: (
    name: string,
    priority: number,
    check: (tool: string) => string | null
  ) => void
  readonly registerToolSanitizeRequestGuardrail: (
    name: string,
    priority: number,
    sanitize: (tool: string, input: unknown) => unknown
  ) => void
  readonly toolCallExecuteAsync: (
    name: string,
    input: unknown,
    work: () => Promise<{ readonly result: unknown }>,
    parent?: Handle,
    attributes?: number,
    data?: unknown,
    metadata?: object,
    toolCallId?: string
  ) => Promise<unknown>
}

interface Typed {
  readonly JsonPassthrough: new() => unknown
  readonly typedLlmExecute: (
    name: string,
    request: object,
    work: () => Promise<unknown>,
    codec: unknown,
    options: object
  ) => Promise<unknown>
  readonly typedLlmStreamExecute: (
    name: string,
    request: object,
    work: () => AsyncIterable<unknown>,
    collector: (chunk: unknown) => void,
    finalizer: () => unknown,
    chunkCodec: unknown,
    responseCodec: unknown,
    options: object
  ) => Promise<{ readonly next: () => Promise<unknown> }>
}

const [directory, url] = process.argv.slice(2)
const { default: relay } = await loadPeer<{ readonly default: Relay }>("nemo-relay-node")
const { default: typed } = await loadPeer<{ readonly default: Typed }>("nemo-relay-node/typed")

// Exporters

const otlp = { serviceName: "compare" }
const sinks = {
  atof: new relay.AtofExporter({ outputDirectory: directory, filename: "atof.jsonl" }),
  gen_ai: new relay.OpenTelemetrySubscriber({ ...otlp, type: "gen_ai", endpoint: `${url}/gen_ai/v1/traces` }),
  openinference: new relay.OpenTelemetrySubscriber({
    ...otlp,
    type: "openinference",
    endpoint: `${url}/openinference/v1/traces`
  }),
  logs: new relay.OpenTelemetryLogSubscriber({ ...otlp, endpoint: `${url}/logs/v1/logs` })
}
for (const [name, sink] of Object.entries(sinks)) sink.register(name)
const atif = new relay.AtifExporter("s-1", "scout", "1", Payloads.model)
atif.register("atif")

// Policies

relay.registerToolConditionalExecutionGuardrail(
  "no-delete",
  0,
  (tool) => tool === "delete_file" ? Payloads.noDeleting : null
)
relay.registerToolSanitizeRequestGuardrail("no-keys", 0, (_tool, input) => Payloads.withoutKey(input))

// The agent

const category = { agent: 0, function: 1, retriever: 4 }

const scope = async (
  name: string,
  type: keyof typeof category,
  input: unknown,
  body: () => Promise<unknown>,
  metadata?: object
) => {
  const handle = relay.pushScope(name, category[type], undefined, undefined, undefined, metadata, input)
  relay.popScope(handle, await body())
}

const codec = () => ({
  modelName: Payloads.model,
  codec: new relay.OpenAIChatCodec(),
  responseCodec: new relay.OpenAIChatCodec()
})

const chat = (name: string, content: object, response: unknown) =>
  typed.typedLlmExecute(
    name,
    { headers: Payloads.headers, content },
    async () => response,
    new typed.JsonPassthrough(),
    codec()
  )

const tool = (name: string, input: unknown, result: () => unknown, toolCallId?: string) =>
  relay.toolCallExecuteAsync(
    name,
    input,
    async () => {
      await setTimeout(2)
      return { result: result() }
    },
    undefined,
    undefined,
    undefined,
    undefined,
    toolCallId
  )

/** On a scope stack of its own, since tools that share one take each other for their parents. */
const beside = (context: unknown, body: () => Promise<unknown>) =>
  relay.withScopeStack(relay.createScopeStackFromPropagation(context), body)

const stream = async () => {
  const fold = OpenAiChat.codec.stream
  let state = fold.initial()
  const passthrough = new typed.JsonPassthrough()
  const chunks = await typed.typedLlmStreamExecute(
    Payloads.names.answer,
    { headers: Payloads.headers, content: Payloads.answerRequest },
    async function*() {
      yield* Payloads.answerChunks
    },
    (chunk) => {
      state = fold.step(state, chunk)
    },
    () => fold.finish(state),
    passthrough,
    passthrough,
    codec()
  )
  while (await chunks.next() !== null);
}

/** What is meant to fail here. */
const failing = async (call: Promise<unknown>) => {
  const failed = await call.then(() => false, () => true)
  if (!failed) throw new Error("a call of the reference that should fail did not")
}

await scope("scout", "agent", Payloads.question, async () => {
  relay.event("configured", undefined, { mode: "fast" }, { source: "file" }, undefined, undefined, 2)
  await scope("planning", "function", { step: 1 }, async () => {
    await chat(Payloads.names.plan, Payloads.planRequest, Payloads.planResponse)
    const here = relay.capturePropagationContext()
    await Promise.all([
      beside(here, () => tool("get_weather", Payloads.weatherInput, () => Payloads.weather, "call_a")),
      beside(here, () => tool("read_file", Payloads.fileInput, () => Payloads.fileText, "call_b"))
    ])
  })
  await scope("notes-index", "retriever", { query: "umbrella", top_k: 1 }, async () => ({
    documents: Payloads.documents
  }))
  await scope("answering", "function", { step: 2 }, async () => {
    await failing(tool("delete_file", { path: "notes.txt" }, () => "deleted"))
    await failing(tool("post_report", { to: "base" }, () => {
      throw new Error(Payloads.noRoute)
    }))
    await stream()
  })
  await scope("critic", "agent", "Is this short?", async () => {
    await chat(Payloads.names.critic, Payloads.criticRequest, Payloads.criticResponse)
    return "Yes."
  })
  return Payloads.answerText
}, { session_id: "s-1", user_id: "u-1" })

await relay.flushSubscribers()
for (const sink of Object.values(sinks)) sink.forceFlush()
await writeFile(`${directory}/atif.json`, atif.exportJson())
for (const sink of Object.values(sinks)) sink.shutdown()
