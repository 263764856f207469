/** Where the events of a run go: the terminal, a file, and the numbers of the summary. */
import type * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import * as AtifExporter from "../../src/exporter/AtifExporter.ts"
import * as AtofExporter from "../../src/exporter/AtofExporter.ts"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import { type AgentRuntime, Console, type LifecycleEvent, type Middleware, Subscriber } from "../../src/index.ts"
import * as Builtin from "../../src/plugin/Builtin.ts"
import * as PluginHost from "../../src/plugin/PluginHost.ts"
import { type Completion, replyOf } from "./chat.ts"

type SubscriberLayer<E = never> = Layer.Layer<never, Middleware.DuplicateEntry | E, AgentRuntime.AgentRuntime>

/** Prints the event tree while it grows. */
export const tree = (
  print: (line: string) => void,
  look: { readonly color: boolean; readonly width: number }
): SubscriberLayer => {
  const renderer = Console.renderer({ ...look, data: true })
  return Subscriber.layer({
    name: "tree",
    handle: (event) => {
      for (const line of renderer.render({ ...event, data: headline(event) })) print(line)
    }
  })
}

/** What is worth showing of the payload on one line. */
const headline = (event: LifecycleEvent.LifecycleEvent): unknown => {
  if (event.category === "agent" && event._tag === "ScopeEnd") return undefined
  if (event.category === "llm") return event._tag === "ScopeEnd" ? saidIn(event.data) : undefined
  return event.data
}

const saidIn = (data: unknown): unknown => data === undefined ? undefined : replyOf(data as Completion).content

/** The event log and the trajectory of a run, in its folder. */
export const files = (
  folder: string
): Layer.Layer<never, never, AgentRuntime.AgentRuntime | FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(Effect.map(Path.Path, (path) =>
    Layer.merge(
      AtofExporter.layerFile({ path: path.join(folder, "events.jsonl") }),
      AtifExporter.layerFile({ directory: folder, filename: () => "trajectory.json" })
    )))

/** Spans of a run, to any collector that speaks OTLP over HTTP. What was said is not in them. */
export const spans = (url: string): Layer.Layer<never, Config.ConfigError, AgentRuntime.AgentRuntime> =>
  OpenTelemetryExporter.layerOtlp({
    url,
    resource: { serviceName: "repo-scout" },
    retry: Schedule.recurs(2),
    exportTimeout: "5 seconds"
  }).pipe(Layer.provide(FetchHttpClient.layer))

/**
 * What a document says: exporters and redaction from a file. It may name the folder of the run as `${RUN}`, besides the
 * environment.
 */
export const documented = (path: string, folder: string) =>
  PluginHost.layerFile({ plugins: Builtin.plugins, path }).pipe(
    Layer.provide(
      ConfigProvider.layer(
        ConfigProvider.orElse(ConfigProvider.fromUnknown({ RUN: folder }), ConfigProvider.fromEnv())
      )
    )
  )

/** Makes `runs/<time>/` and returns its path. */
export const newRun = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const time = DateTime.formatIso(yield* DateTime.now).replace(/[:.]/g, "-")
  yield* fs.makeDirectory("runs", { recursive: true })
  const create = (n: number): Effect.Effect<string, PlatformError> => {
    const folder = path.join("runs", n === 1 ? time : `${time}-${n}`)
    return fs.makeDirectory(folder, { mode: 0o700 }).pipe(
      Effect.as(folder),
      // Two runs may begin in the same millisecond.
      Effect.catch((error) => (error.reason._tag === "AlreadyExists" && n < 100 ? create(n + 1) : Effect.fail(error)))
    )
  }
  return yield* create(1)
})

export interface Tally {
  readonly layer: SubscriberLayer
  /** The summary, one line each. */
  readonly summary: () => ReadonlyArray<string>
}

export const tally = (): Tally => {
  const count = { events: 0, model: 0, tool: 0, blocked: 0, failed: 0, interrupted: 0, retries: 0 }
  let first = 0
  let last = 0
  const handle = (event: LifecycleEvent.LifecycleEvent): void => {
    count.events++
    first ||= event.timestamp
    last = event.timestamp
    if (event._tag === "Mark" && event.name === "retry") count.retries++
    if (event._tag !== "ScopeEnd") return
    if (event.outcome._tag === "Blocked") count.blocked++
    if (event.outcome._tag === "Interrupted") count.interrupted++
    if (event.category === "llm") count.model++
    if (event.category === "tool") count.tool++
    if ((event.category === "llm" || event.category === "tool") && event.outcome._tag === "Failure") count.failed++
  }
  return {
    layer: Subscriber.layer({ name: "tally", handle }),
    summary: () => [
      `calls    ${count.model} model, ${count.tool} tool`,
      `policy   ${count.blocked} blocked, ${count.retries} retried` +
      (count.failed > 0 ? `, ${count.failed} failed` : "") +
      (count.interrupted > 0 ? `, ${count.interrupted} scopes interrupted` : ""),
      `time     ${((last - first) / 1000).toFixed(0)} ms`,
      `events   ${count.events}`
    ]
  }
}
