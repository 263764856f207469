/** The scripted agent on heddle, with every exporter of ours. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as AtifExporter from "../../../src/exporter/AtifExporter.ts"
import * as AtofExporter from "../../../src/exporter/AtofExporter.ts"
import * as OpenInferenceExporter from "../../../src/exporter/OpenInferenceExporter.ts"
import * as OpenTelemetryExporter from "../../../src/exporter/OpenTelemetryExporter.ts"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  LlmCall,
  Mark,
  Middleware,
  OpenAiChat,
  Sanitizer,
  ToolCall
} from "../../../src/index.ts"
import * as Payloads from "./payloads.ts"
import type { Place } from "./place.ts"

class Unreachable extends Error {
  override readonly name = "Unreachable"
}

const policies = Middleware.layer(
  Guardrail.make({
    name: "no-delete",
    applies: { kind: "tool" },
    check: (call) => call.name === "delete_file" ? Guardrail.reject(Payloads.noDeleting) : Guardrail.allow
  }),
  Sanitizer.request({
    name: "no-keys",
    sanitize: (input, event) => event.category === "tool" ? Payloads.withoutKey(input) : input
  })
)

const scope = (name: string, category: string, input?: unknown) => ExecutionScope.run({ name, category, input })

const chat = (name: string, body: LlmCall.LlmRequest["body"], response: unknown) =>
  LlmCall.run(
    { name, model: Payloads.model, codec: OpenAiChat.codec, request: { headers: Payloads.headers, body } },
    () => Effect.succeed(response)
  )

const planning = Effect.gen(function*() {
  yield* chat(Payloads.names.plan, Payloads.planRequest, Payloads.planResponse)
  yield* Effect.all([
    ToolCall.run(
      { name: "get_weather", input: Payloads.weatherInput, toolCallId: "call_a" },
      () => Effect.as(Effect.sleep(2), Payloads.weather)
    ),
    ToolCall.run(
      { name: "read_file", input: Payloads.fileInput, toolCallId: "call_b" },
      () => Effect.as(Effect.sleep(2), Payloads.fileText)
    )
  ], { concurrency: 2 })
}).pipe(scope("planning", "function", { step: 1 }))

const retrieval = ExecutionScope.setOutput({ documents: Payloads.documents }).pipe(
  scope("notes-index", "retriever", { query: "umbrella", top_k: 1 })
)

const answering = Effect.gen(function*() {
  yield* Effect.ignore(
    ToolCall.run({ name: "delete_file", input: { path: "notes.txt" } }, () => Effect.succeed("deleted"))
  )
  yield* Effect.ignore(
    ToolCall.run({ name: "post_report", input: { to: "base" } }, () => Effect.fail(new Unreachable(Payloads.noRoute)))
  )
  yield* LlmCall.stream(
    {
      name: Payloads.names.answer,
      model: Payloads.model,
      codec: OpenAiChat.codec,
      fold: OpenAiChat.codec.stream,
      request: { headers: Payloads.headers, body: Payloads.answerRequest }
    },
    () => Stream.fromIterable(Payloads.answerChunks)
  ).pipe(Stream.runDrain)
}).pipe(scope("answering", "function", { step: 2 }))

const critic = Effect.andThen(
  chat(Payloads.names.critic, Payloads.criticRequest, Payloads.criticResponse),
  ExecutionScope.setOutput("Yes.")
).pipe(scope("critic", "agent", "Is this short?"))

const agent = Effect.gen(function*() {
  yield* Mark.emit("configured", { data: { mode: "fast" }, metadata: { source: "file" }, severity: "info" })
  yield* planning
  yield* retrieval
  yield* answering
  yield* critic
  yield* ExecutionScope.setOutput(Payloads.answerText)
}).pipe(ExecutionScope.run({
  name: "scout",
  category: "agent",
  input: Payloads.question,
  metadata: { session_id: "s-1", user_id: "u-1" }
}))

/** What exporters need of the platform. */
const platform = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, FetchHttpClient.layer)

/** Runs it, and returns when every exporter has handed over what it has. */
export const runWith = <E>(
  exporters: Layer.Layer<never, E, AgentRuntime.AgentRuntime | Layer.Success<typeof platform>>
): Promise<void> =>
  agent.pipe(
    Effect.provide(
      AgentRuntime.layerWith({ policies: Layer.mergeAll(policies, exporters) }).pipe(Layer.provide(platform))
    ),
    Effect.runPromise
  )

/** With all of our exporters. */
export const runHeddle = ({ directory, url }: Place): Promise<void> => {
  const otlp = { protocol: "http/protobuf", resource: { serviceName: "compare" }, content: true } as const
  return runWith(Layer.mergeAll(
    AtofExporter.layerFile({ path: `${directory}/atof.jsonl` }),
    AtifExporter.layerFile({
      directory,
      filename: () => "atif.json",
      agent: { name: "scout", version: "1", modelName: Payloads.model }
    }),
    OpenTelemetryExporter.layerOtlp({ ...otlp, name: "gen_ai", url: `${url}/gen_ai`, convention: "v1.41" }),
    OpenInferenceExporter.layerOtlp({ ...otlp, name: "openinference", url: `${url}/openinference` }),
    OpenTelemetryExporter.layerOtlp({ ...otlp, name: "logs", url: `${url}/logs`, signals: ["logs"] })
  ))
}
