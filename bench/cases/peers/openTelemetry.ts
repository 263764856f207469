/** OpenTelemetry: spans through a batch processor whose exporter only counts. It has no middleware. */
import { casesOf } from "../../harness/Case.ts"
import { loadPeer } from "../../harness/peer.ts"
import { search, smallInput } from "../work.ts"

interface Span {
  readonly addEvent: (name: string, attributes: Record<string, unknown>) => void
  readonly end: () => void
}

interface Tracer {
  readonly startActiveSpan: <A>(name: string, work: (span: Span) => A) => A
}

interface Processor {
  readonly forceFlush: () => Promise<void>
}

interface Sdk {
  readonly NodeTracerProvider: new(options: { readonly spanProcessors: ReadonlyArray<Processor> }) => {
    readonly register: () => void
    readonly getTracer: (name: string) => Tracer
  }
  readonly BatchSpanProcessor: new(exporter: unknown, options: { readonly maxQueueSize: number }) => Processor
}

const { timed } = casesOf(import.meta.url)

const load = async () => {
  const { BatchSpanProcessor, NodeTracerProvider } = await loadPeer<Sdk>("@opentelemetry/sdk-trace-node")
  const counter = { exported: 0 }
  const processor = new BatchSpanProcessor({
    export: (spans: ReadonlyArray<unknown>, done: (result: { readonly code: number }) => void) => {
      counter.exported += spans.length
      done({ code: 0 })
    },
    shutdown: async () => undefined
    // The default holds 2,048 spans and drops the others in silence; here all must arrive, as with everyone else.
  }, { maxQueueSize: 4_000_000 })
  const provider = new NodeTracerProvider({ spanProcessors: [processor] })
  provider.register()
  return { counter, processor, tracer: provider.getTracer("bench") }
}

export const span = timed("peer/otel/span", "OpenTelemetry startActiveSpan, batch processor", async () => {
  const { counter, processor, tracer } = await load()
  let expected = 0
  return {
    run: async (operations) => {
      expected += operations
      for (let i = 0; i < operations; i++) {
        tracer.startActiveSpan("search", (span) => {
          const found = search(smallInput)
          span.end()
          return found
        })
      }
      await processor.forceFlush()
    },
    check: () => counter.exported === expected ? undefined : `${counter.exported} of ${expected} spans were exported`
  }
})

export const cases = [span]
