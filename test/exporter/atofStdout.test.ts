import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as TestClock from "effect/testing/TestClock"
import { spawn } from "node:child_process"
import { join } from "node:path"
import * as AtofExporter from "../../src/exporter/AtofExporter.ts"
import { AgentRuntime, Atof, Mark } from "../../src/index.ts"
import { counted } from "./deliverySupport.ts"

/** Runs the writer, and stops reading after so many bytes. */
const run = (count: number, readAtMost: number) =>
  new Promise<{ readonly output: string; readonly errors: string; readonly code: number | null }>((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "stdoutWriter.ts"), `${count}`], {
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    let errors = ""
    child.stdout.on("data", (data: Buffer) => {
      output += data.toString()
      if (output.length >= readAtMost) child.stdout.destroy()
    })
    child.stderr.on("data", (data: Buffer) => {
      errors += data.toString()
    })
    child.on("error", reject)
    child.on("close", (code) => resolve({ output, errors, code }))
  })

/** Standard output whose reader reads nothing before the latch is open. */
const slow = (reader: Latch.Latch, lines: Array<string>) =>
  Stdio.layerTest({
    stdout: () =>
      Sink.forEach((text: string | Uint8Array) =>
        Effect.andThen(
          reader.await,
          Effect.sync(() => {
            lines.push(...(typeof text === "string" ? text : new TextDecoder().decode(text)).trimEnd().split("\n"))
          })
        )
      )
  })

describe("ATOF on standard output", { timeout: 60_000 }, () => {
  it("is whole lines and nothing else", async () => {
    const { code, errors, output } = await run(300, Number.POSITIVE_INFINITY)
    assert.deepStrictEqual({ code, errors }, { code: 0, errors: "done" })
    const names = output.trimEnd().split("\n").map((line) => Result.getOrThrow(Atof.decodeLine(line)).name)
    assert.deepStrictEqual(names, Array.from({ length: 300 }, (_, n) => `${n + 1}`))
  })

  it("may lose its reader without harm to the work", async () => {
    const { code, errors } = await run(3000, 1)
    assert.deepStrictEqual({ code, errors }, { code: 0, errors: "done" })
  })

  it.effect("waits for a slow reader as long as it takes, and writes nothing twice", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const reader = Latch.makeUnsafe(false)
      const names = ["1", "2", "3"]
      yield* Effect.gen(function*() {
        yield* Effect.forEach(names, (name) => Mark.emit(name), { discard: true })
        yield* TestClock.adjust("10 minutes")
        yield* reader.open
        yield* AgentRuntime.flush
      }).pipe(Effect.provide(
        AgentRuntime.layerWith({
          policies: AtofExporter.layerStdout({ maxBatchSize: 1 }).pipe(Layer.provide(slow(reader, lines)))
        }),
        { local: true }
      ))
      assert.deepStrictEqual(lines.map((line) => Result.getOrThrow(Atof.decodeLine(line)).name), names)
      assert.deepStrictEqual(yield* counted("atof-stdout"), { sent: 3, dropped: 0, failed: 0, retried: 0 })
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("begins no other attempt while one that was given up is on its way", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const reader = Latch.makeUnsafe(false)
      yield* Effect.gen(function*() {
        yield* Mark.emit("1")
        yield* TestClock.adjust("30 seconds")
        yield* reader.open
        yield* AgentRuntime.flush
      }).pipe(Effect.provide(
        AgentRuntime.layerWith({
          policies: AtofExporter.layerStdout({ exportTimeout: "1 second" }).pipe(Layer.provide(slow(reader, lines)))
        }),
        { local: true }
      ))
      // Once by the attempt that was given up, and once by the one that waited for it.
      assert.isAtMost(lines.length, 2)
    }))
})
