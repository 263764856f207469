/**
 * A receiver that we did not write, in a process of its own: Genkit's telemetry server. What it has stored is read back
 * and compared with the spans that were made.
 *
 * It reads OTLP in JSON only, and acknowledges and drops protobuf: a body of that kind is decoded with OpenTelemetry's own
 * definitions on its way to it.
 */
import * as Layer from "effect/Layer"
import { fork } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as OpenTelemetryExporter from "../../../src/exporter/OpenTelemetryExporter.ts"
import { runWith } from "../agent/heddle.ts"
import { decode } from "../otlp.ts"
import { receive } from "../receiver.ts"
import { type Check, differences } from "./Check.ts"

interface StoredSpan {
  readonly spanId: string
  readonly traceId: string
  readonly parentSpanId?: string
  readonly displayName: string
  readonly spanKind: string
  readonly startTime: number
  readonly endTime: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly status?: { readonly code: number; readonly message?: string }
}

export const genkit = async (): Promise<ReadonlyArray<Check>> => {
  const directory = await mkdtemp(join(tmpdir(), "heddle-genkit-"))
  const port = await freePort()
  const child = fork(join(import.meta.dirname, "genkitServer.ts"), [String(port), directory], {
    cwd: directory,
    stdio: ["ignore", "ignore", "inherit", "ipc"]
  })
  try {
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve())
      child.once("exit", (code) => reject(new Error(`Genkit's server ended with ${String(code)}`)))
    })
    const url = `http://127.0.0.1:${port}`
    return [await json(url), await protobuf(url)]
  } finally {
    child.removeAllListeners("exit")
    child.kill()
    await rm(directory, { recursive: true, force: true })
  }
}

const json = async (url: string): Promise<Check> => {
  const made: Array<OpenTelemetryExporter.ReadableSpan> = []
  await runWith(Layer.mergeAll(
    OpenTelemetryExporter.layerOtlp({
      url: `${url}/api/otlp`,
      protocol: "http/json",
      content: true,
      signals: ["traces", "logs"]
    }),
    collect(made)
  ))
  const { traceId } = made[0]!.spanContext()
  const logs = (await read(`${url}/api/traces/${traceId}/logs`)) as { readonly logs: ReadonlyArray<object> }
  const problems = await compared(url, made)
  return {
    name: "Genkit's telemetry server, HTTP/JSON",
    seen: `${made.length} spans and ${logs.logs.length} log records read back`,
    problems: logs.logs.length === 2 ? problems : [...problems, `2 log records were sent, it has ${logs.logs.length}`]
  }
}

const protobuf = async (url: string): Promise<Check> => {
  const made: Array<OpenTelemetryExporter.ReadableSpan> = []
  const receiver = await receive()
  await runWith(Layer.mergeAll(
    OpenTelemetryExporter.layerOtlp({ url: receiver.url, protocol: "http/protobuf", content: true }),
    collect(made)
  ))
  receiver.close()
  for (const post of receiver.posts) {
    const answer = await fetch(`${url}/api/otlp${post.path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(decode(post))
    })
    if (!answer.ok) throw new Error(`Genkit answered ${answer.status} ${await answer.text()}`)
  }
  return {
    name: "Genkit's telemetry server, HTTP/protobuf decoded with OpenTelemetry's definitions",
    seen: `${made.length} spans read back`,
    problems: await compared(url, made)
  }
}

/** The same spans in this process. */
const collect = (into: Array<OpenTelemetryExporter.ReadableSpan>) =>
  OpenTelemetryExporter.layerSpanProcessor({ onEnd: (span) => into.push(span) }, { content: true })

const kinds = ["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]

const compared = async (
  url: string,
  made: ReadonlyArray<OpenTelemetryExporter.ReadableSpan>
): Promise<ReadonlyArray<string>> => {
  const stored = (await read(`${url}/api/traces/${made[0]!.spanContext().traceId}`)) as {
    readonly spans: Readonly<Record<string, StoredSpan>>
  }
  if (Object.keys(stored.spans).length !== made.length) {
    return [`${made.length} spans were sent, it has ${Object.keys(stored.spans).length}`]
  }
  return made.flatMap((span) => {
    const { spanId, traceId } = span.spanContext()
    const there = stored.spans[spanId]
    return differences(
      {
        traceId,
        parentSpanId: span.parentSpanContext?.spanId,
        displayName: span.name,
        spanKind: kinds[span.kind],
        startTime: millis(span.startTime),
        endTime: millis(span.endTime),
        attributes: span.attributes,
        status: span.status.code === 0 ? undefined : JSON.parse(JSON.stringify(span.status))
      },
      there === undefined ? undefined : {
        traceId: there.traceId,
        parentSpanId: there.parentSpanId,
        displayName: there.displayName,
        spanKind: there.spanKind,
        startTime: there.startTime,
        endTime: there.endTime,
        attributes: withNumbers(there.attributes, span.attributes),
        status: there.status
      },
      span.name
    )
  })
}

/** It keeps a 64-bit integer in the text that OTLP has for it. */
const withNumbers = (
  attributes: Readonly<Record<string, unknown>>,
  made: Readonly<Record<string, unknown>>
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [
      key,
      typeof made[key] === "number" && typeof value === "string" ? Number(value) : value
    ])
  )

const millis = ([seconds, nanos]: readonly [number, number]): number => Math.round(seconds * 1000 + nanos / 1_000_000)

const read = async (url: string): Promise<unknown> => {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
  return await answer.json()
}

const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
