import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as OpenInferenceExporter from "../../src/exporter/OpenInferenceExporter.ts"
import * as OpenTelemetryExporter from "../../src/exporter/OpenTelemetryExporter.ts"
import type { ExporterLayer } from "./ExporterTest.ts"
import { httpSuite, suite } from "./ExporterTest.ts"
import { spansIn } from "./otlpReceiver.ts"

const platform = Layer.merge(FetchHttpClient.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} })))

httpSuite({
  name: "OTLP",
  halves: true,
  layer: (url, options): ExporterLayer =>
    OpenTelemetryExporter.layerOtlp({ url, protocol: "http/json", ...options }).pipe(Layer.provide(platform)),
  agents: (request) =>
    spansIn([request]).flatMap(({ name }) =>
      name.startsWith("invoke_agent ") ? [name.slice("invoke_agent ".length)] : []
    )
})

httpSuite({
  name: "OpenInference",
  halves: true,
  layer: (url, options): ExporterLayer =>
    OpenInferenceExporter.layerOtlp({ url, protocol: "http/json", ...options }).pipe(Layer.provide(platform)),
  agents: (request) =>
    spansIn([request]).flatMap(({ attributes, name }) =>
      attributes.some(({ value }) => value["stringValue"] === "AGENT") ? [name] : []
    )
})

for (const Exporter of [OpenTelemetryExporter, OpenInferenceExporter]) {
  suite({
    name: Exporter === OpenTelemetryExporter ? "span processor" : "OpenInference span processor",
    target: Effect.sync(() => {
      const taken: Array<string> = []
      const waiting: Array<string> = []
      const state = { isDamaged: false }
      const processor: OpenTelemetryExporter.SpanProcessor = {
        onEnd: ({ name }) => void waiting.push(name),
        forceFlush: () => {
          const spans = waiting.splice(0)
          if (state.isDamaged) return Promise.reject(new Error("disk full"))
          taken.push(...spans)
          return Promise.resolve()
        }
      }
      return {
        layer: (options): ExporterLayer =>
          Exporter.layerSpanProcessor(processor, options).pipe(Layer.provide(platform)),
        received: Effect.sync(() =>
          taken.filter((name) => !name.endsWith("look")).map((name) => name.replace("invoke_agent ", ""))
        ),
        damage: Effect.sync(() => void (state.isDamaged = true)),
        mend: Effect.sync(() => void (state.isDamaged = false))
      }
    })
  })
}
