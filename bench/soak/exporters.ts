/** What the soak runs: each exporter of ours, and beside it what the reference has of the same kind. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Metric from "effect/Metric"
import * as AtifExporter from "../../src/exporter/AtifExporter.ts"
import * as AtofExporter from "../../src/exporter/AtofExporter.ts"
import * as OpenInferenceExporter from "../../src/exporter/OpenInferenceExporter.ts"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { AgentRuntime, ExecutionScope, ToolCall } from "../../src/index.ts"
import { search, smallInput } from "../cases/work.ts"

export interface Place {
  readonly directory: string
  readonly url: string
}

/** One agent has 100 events: its own two, and those of 49 tool calls. */
export const eventsOfAgent = 100
const calls = (eventsOfAgent - 2) / 2

export interface Subject {
  /** Runs so many agents, and returns when their events have been handed over. */
  readonly run: (agents: number) => Promise<void>
  /** Hands over the rest, and says how many events were lost on the way, if it knows. */
  readonly close: () => Promise<number | undefined>
}

type Setup = (place: Place) => Promise<Subject>

const ours =
  (layer: (place: Place) => Layer.Layer<never, unknown, AgentRuntime.AgentRuntime>): Setup => async (place) => {
    const runtime = ManagedRuntime.make(AgentRuntime.layerWith({ policies: layer(place) }))
    const context = await runtime.context()
    const call = ToolCall.run({ name: "search", input: smallInput }, (input) => Effect.sync(() => search(input)))
    const agent = Effect.gen(function*() {
      for (let n = 0; n < calls; n++) yield* call
    }).pipe(ExecutionScope.run({ name: "agent", category: "agent" }))
    return {
      run: (agents) =>
        Effect.runPromise(
          Effect.provideContext(
            Effect.gen(function*() {
              for (let n = 0; n < agents; n++) yield* agent
              yield* AgentRuntime.flush
            }),
            context
          )
        ),
      close: async () => {
        await runtime.dispose()
        const metrics = await Effect.runPromise(Metric.snapshot)
        return metrics.reduce(
          (sum, { id, state }) =>
            (id === "heddle.exporter.dropped" || id === "heddle.exporter.failed") && "count" in state
              ? sum + Number(state.count)
              : sum,
          0
        )
      }
    }
  }

interface Sink {
  readonly register: (name: string) => void
  readonly forceFlush?: () => void
  readonly shutdown?: () => void
  readonly exportJson?: () => string
  readonly clear?: () => void
}

interface Relay {
  readonly AtofExporter: new(config: object) => Sink
  readonly AtifExporter: new(session: string, agent: string, version: string) => Sink
  readonly OpenTelemetrySubscriber: new(config: object) => Sink
  readonly pushScope: (name: string, type: number) => unknown
  readonly popScope: (handle: unknown) => void
  readonly toolCallExecuteAsync: (name: string, input: unknown, work: (input: never) => unknown) => Promise<unknown>
}

const reference = (make: (relay: Relay, place: Place) => Sink): Setup => async (place) => {
  const { loadPeer } = await import("../harness/peer.ts")
  const relay = (await loadPeer<{ readonly default: Relay }>("nemo-relay-node")).default
  const { writeFile } = await import("node:fs/promises")
  const sink = make(relay, place)
  sink.register("soak")
  let files = 0
  const work = (input: typeof smallInput) => ({ result: search(input) })
  return {
    run: async (agents) => {
      for (let n = 0; n < agents; n++) {
        const handle = relay.pushScope("agent", 0)
        for (let call = 0; call < calls; call++) await relay.toolCallExecuteAsync("search", smallInput, work)
        relay.popScope(handle)
      }
      sink.forceFlush?.()
      if (sink.exportJson === undefined) return
      await writeFile(`${place.directory}/${files++}.json`, sink.exportJson())
      sink.clear?.()
    },
    close: async () => {
      sink.shutdown?.()
      return undefined
    }
  }
}

const files = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)

/** Each with its name. `bytes` says where they are counted. */
export const subjects: ReadonlyArray<{
  readonly id: string
  readonly bytes: "file" | "http" | "stdout"
  readonly setup: Setup
}> = [
  {
    id: "atof/file",
    bytes: "file",
    setup: ours(({ directory }) =>
      AtofExporter.layerFile({ path: `${directory}/events.jsonl` }).pipe(Layer.provide(files))
    )
  },
  {
    id: "atof/http",
    bytes: "http",
    setup: ours(({ url }) => AtofExporter.layerHttp({ url }).pipe(Layer.provide(FetchHttpClient.layer)))
  },
  {
    id: "atof/stdout",
    bytes: "stdout",
    setup: ours(() => AtofExporter.layerStdout().pipe(Layer.provide(NodeStdio.layer)))
  },
  {
    id: "atif/file",
    bytes: "file",
    setup: ours(({ directory }) => AtifExporter.layerFile({ directory }).pipe(Layer.provide(files)))
  },
  ...(["http/protobuf", "http/json"] as const).flatMap((protocol) => [
    {
      id: `otlp/gen_ai/${protocol}`,
      bytes: "http" as const,
      setup: ours(({ url }) =>
        OpenTelemetryExporter.layerOtlp({ url, protocol }).pipe(Layer.provide(FetchHttpClient.layer))
      )
    },
    {
      id: `otlp/openinference/${protocol}`,
      bytes: "http" as const,
      setup: ours(({ url }) =>
        OpenInferenceExporter.layerOtlp({ url, protocol }).pipe(Layer.provide(FetchHttpClient.layer))
      )
    }
  ]),
  {
    id: "otlp/all signals",
    bytes: "http",
    setup: ours(({ url }) =>
      OpenTelemetryExporter.layerOtlp({ url, signals: ["traces", "logs", "metrics"] }).pipe(
        Layer.provide(FetchHttpClient.layer)
      )
    )
  },
  {
    id: "reference/atof/file",
    bytes: "file",
    setup: reference(({ AtofExporter }, { directory }) =>
      new AtofExporter({ outputDirectory: directory, filename: "events.jsonl" })
    )
  },
  {
    id: "reference/atif/file",
    bytes: "file",
    setup: reference(({ AtifExporter }) => new AtifExporter("soak", "agent", "1"))
  },
  {
    id: "reference/otlp/gen_ai",
    bytes: "http",
    setup: reference(({ OpenTelemetrySubscriber }, { url }) =>
      new OpenTelemetrySubscriber({ type: "gen_ai", endpoint: `${url}/v1/traces` })
    )
  },
  {
    id: "reference/otlp/openinference",
    bytes: "http",
    setup: reference(({ OpenTelemetrySubscriber }, { url }) =>
      new OpenTelemetrySubscriber({ type: "openinference", endpoint: `${url}/v1/traces` })
    )
  }
]
