// One trace across two processes: an agent on Effect asks a service of plain promises, which continues its trace. With
// OTEL_EXPORTER_OTLP_ENDPOINT both export to your collector; else to one of their own, which prints the trace.
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { fork } from "node:child_process"
import { once } from "node:events"
import * as Http from "node:http"
import { fileURLToPath } from "node:url"
import * as FetchPropagation from "../src/binding/FetchPropagation.ts"
import * as HttpPropagation from "../src/binding/HttpPropagation.ts"
import * as Promises from "../src/binding/Promises.ts"
import * as OpenTelemetryExporter from "../src/exporter/OpenTelemetryExporter.ts"
import { AgentRuntime, ExecutionScope, ToolCall } from "../src/index.ts"
import * as Propagation from "../src/scope/Propagation.ts"

const exporter = (serviceName: string) =>
  OpenTelemetryExporter.layerOtlp({ resource: { serviceName } }).pipe(Layer.provide(FetchHttpClient.layer))

const listen = async (server: Http.Server): Promise<string> => {
  await once(server.listen(0, "127.0.0.1"), "listening")
  const address = server.address()
  return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : ""
}

/** The service: no Effect in sight. It ends with the process that started it. */
const serve = async () => {
  const heddle = await Promises.make({ layers: [exporter("search")] })
  const shelf = ["heddles and how to thread them", "weaving for two shafts"]
  const search = (query: string) =>
    heddle.tool("search", { query }, async ({ query }) => {
      heddle.mark("asked by", { data: heddle.capture().baggage.get("team")?.value })
      return shelf.filter((title) => title.includes(query))
    })
  const server = Http.createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://localhost").searchParams.get("query") ?? ""
    FetchPropagation.continueFrom(heddle, request, () => search(query)).then(
      (found) => response.end(JSON.stringify(found)),
      () => response.writeHead(500).end()
    )
  })
  process.send?.(await listen(server))
  await once(process, "disconnect")
  server.close()
  server.closeAllConnections()
  await heddle.close()
}

/** The agent. Only this client tells the service where its requests come from. */
const ask = (url: string, query: string) =>
  ToolCall.run({ name: "ask the library", input: { query } }, ({ query }) =>
    HttpClient.HttpClient.pipe(
      Effect.flatMap((client) => HttpPropagation.client(client).get(url, { urlParams: { query } })),
      Effect.flatMap(HttpClientResponse.schemaBodyJson(Schema.Array(Schema.String)))
    )).pipe(
      ExecutionScope.run({ name: "librarian", category: "agent" }),
      Propagation.withBaggage({ team: "weavers" }),
      Effect.provide(Layer.merge(AgentRuntime.layerWith({ policies: exporter("agent") }), FetchHttpClient.layer))
    )

const main = async () => {
  const collector = new Collector()
  const own = await listen(collector.server)
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] ??= own
  process.env["OTEL_EXPORTER_OTLP_PROTOCOL"] ??= "http/json"
  const service = fork(fileURLToPath(import.meta.url), ["serve"])
  const [url] = await once(service, "message")
  console.log("found", await Effect.runPromise(ask(String(url), "heddle")))
  service.disconnect()
  await once(service, "exit")
  collector.server.close()
  if (process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] === own) collector.print()
}

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
}

interface Exported {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: ReadonlyArray<{ key: string; value: { stringValue?: string } }> }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
  }>
}

/** Just enough of a collector to see the trace. */
class Collector {
  readonly spans: Array<readonly [service: string | undefined, span: Span]> = []

  readonly server = Http.createServer(async (request, response) => {
    let text = ""
    for await (const chunk of request.setEncoding("utf8")) text += chunk
    const { resourceSpans }: Exported = JSON.parse(text)
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue
      for (const { spans } of scopeSpans) for (const span of spans) this.spans.push([service, span])
    }
    response.writeHead(200, { "content-type": "application/json" }).end("{}")
  })

  print(parent = "", depth = 0): void {
    for (const [service, { name, parentSpanId = "", spanId, traceId }] of this.spans) {
      if (parentSpanId !== parent) continue
      console.log(`${traceId} ${"  ".repeat(depth)}${name} (${service})`)
      this.print(spanId, depth + 1)
    }
  }
}

await (process.argv[2] === "serve" ? serve() : main())
