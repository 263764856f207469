/**
 * Lifecycle events as ATOF 0.1, one JSON object a line: to a file, to an HTTP collector, to standard output.
 *
 * Events are handed over in batches, in the order of their emission. What goes wrong on the way never reaches the work:
 * it is counted (`heddle.exporter.sent`, `dropped`, `failed`, `retried`, with the attribute `exporter`) and logged at a
 * limited rate. Memory is bounded: when too many events wait, newer ones are dropped and announced as a `heddle.gap`
 * mark. `AgentRuntime.flush` waits until what was emitted before is handed over.
 *
 * Composed around a runtime from outside an exporter is released before it and does not see its last events: give it to
 * `AgentRuntime.layerWith({ policies })`.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { AgentRuntime } from "../event/internal/runtime.ts"
import { ExportError } from "./ExportError.ts"
import { absolutePath } from "./internal/absolutePath.ts"
import { Appender } from "./internal/atofAppender.ts"
import { inChunks } from "./internal/atofChunks.ts"
import * as delivery from "./internal/delivery.ts"
import { makePost } from "./internal/httpPost.ts"

/**
 * How events travel, whatever their target.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DeliveryOptions extends Omit<delivery.DeliveryOptions, "name"> {
  /** Of the exporter, in its counters and in the log. */
  readonly name?: string | undefined
}

/**
 * Where the file is, and when a new one is begun.
 *
 * **Details**
 *
 * - `path`: of the file. Its directory is made if there is none. One process writes a file at a time. A relative path
 *   means the working directory in which the layer is built.
 * - `rotate`: when a line would make the file longer than `maxBytes`, or its first line is older than `maxAge`, it is
 *   renamed (`events.jsonl` to `events.20261124T080000.000Z.jsonl`) and a new one is begun. Of the renamed ones the
 *   newest `maxFiles` are kept, all unless set.
 * - `sync`: whether each batch is forced to the disk, so that it also survives the machine. Default: no.
 * - `scheduledDelay`: 100 milliseconds unless set.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface FileOptions extends DeliveryOptions {
  readonly path: string
  readonly rotate?: {
    readonly maxBytes?: number | undefined
    readonly maxAge?: Duration.Input | undefined
    readonly maxFiles?: number | undefined
  } | undefined
  readonly sync?: boolean | undefined
}

/**
 * Appends events to a file of mode 0600.
 *
 * **Details**
 *
 * The process may be killed at any byte: the next one cuts off what is no whole line and continues behind the last that
 * is. A full disk, a vanished directory or a file that cannot be written are retried, and nothing is written twice. A
 * directory that vanished is made again, and a file that was moved away is begun again. `AtofFile.read` is
 * the way back.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  options: FileOptions
): Layer.Layer<never, never, AgentRuntime | FileSystem.FileSystem | Path.Path> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const name = options.name ?? "atof-file"
    const { kernel } = yield* AgentRuntime
    const path = yield* Path.Path
    const file = absolutePath(path, options.path)
    const travel = { ...options, name, scheduledDelay: options.scheduledDelay ?? "100 millis" }
    if (Result.isFailure(file)) return yield* delivery.start(travel, { export: () => Effect.fail(file.failure) })
    const appender = new Appender(yield* FileSystem.FileSystem, path, {
      path: file.success,
      rotation: {
        maxBytes: options.rotate?.maxBytes ?? Number.POSITIVE_INFINITY,
        maxAge: Duration.fromInputUnsafe(options.rotate?.maxAge ?? Duration.infinity),
        maxFiles: options.rotate?.maxFiles ?? Number.POSITIVE_INFINITY
      },
      sync: options.sync ?? false,
      report: (kind, detail) => kernel.trouble(kind, name, detail)
    })
    yield* Effect.addFinalizer(() => appender.close)
    const failed = (error: PlatformError) =>
      new ExportError({ target: file.success, reason: error.message, isRetryable: true, cause: error })
    yield* delivery.start(travel, {
      export: inChunks({
        maxBytes: () => appender.room > 0 ? Math.min(chunkBytes, appender.room) : chunkBytes,
        write: (lines) => Effect.mapError(appender.write(lines), failed)
      })
    })
  }))

/**
 * Where events are posted to.
 *
 * **Details**
 *
 * - `headers`: of every request. Give secrets as `Redacted`.
 * - `maxBatchBytes`: of one request, unless a single event is longer. Default 4 MiB.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface HttpOptions extends DeliveryOptions {
  readonly url: string
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  readonly maxBatchBytes?: number | undefined
}

/**
 * Posts events to a collector, as `application/x-ndjson`.
 *
 * **Details**
 *
 * Any 2xx is success. 408, 425, 429, 5xx (but 501 and 505) and no answer at all are tried again, and `Retry-After` is
 * obeyed; anything else loses the batch. An answer that got lost makes a batch arrive twice: events have a `uuid`, and
 * a scope's start and end differ in `scope_category`.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerHttp = (
  options: HttpOptions
): Layer.Layer<never, never, AgentRuntime | HttpClient.HttpClient> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const post = makePost(yield* HttpClient.HttpClient, {
      url: options.url,
      headers: options.headers,
      contentType: "application/x-ndjson"
    })
    const maxBytes = options.maxBatchBytes ?? 4_194_304
    yield* delivery.start({ ...options, name: options.name ?? "atof-http" }, {
      export: inChunks({ maxBytes: () => maxBytes, write: post })
    })
  }))

/**
 * Writes events to standard output.
 *
 * **Details**
 *
 * `scheduledDelay` is 100 milliseconds unless set. When nobody reads standard output any more, events are counted as
 * failed and the work goes on. A reader that is slow is waited for: what was begun cannot be taken back, and would be
 * there twice if it was tried again, so there is no `exportTimeout` unless it is set. Newer events are dropped when too
 * many wait.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerStdout = (
  options?: DeliveryOptions
): Layer.Layer<never, never, AgentRuntime | Stdio.Stdio> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const stdio = yield* Stdio.Stdio
    const write = yield* writerTo(stdio)
    yield* delivery.start(
      {
        ...options,
        name: options?.name ?? "atof-stdout",
        scheduledDelay: options?.scheduledDelay ?? "100 millis",
        exportTimeout: options?.exportTimeout ?? Duration.infinity
      },
      { export: inChunks({ maxBytes: () => chunkBytes, write }) }
    )
  }))

// internal

const chunkBytes = 1_048_576

interface Write {
  readonly lines: Uint8Array
  readonly done: Deferred.Deferred<void>
}

/** One sink for all writes until it fails, so that errors of the output have a listener also between them. */
const writerTo = Effect.fnUntraced(function*(stdio: Stdio.Stdio) {
  const scope = yield* Effect.scope
  const open = Effect.gen(function*() {
    const writes = yield* Queue.unbounded<Write>()
    let last: Write | undefined = undefined
    // The sink asks for more when it has written what it got.
    const next = Effect.suspend(() => {
      if (last !== undefined) Deferred.doneUnsafe(last.done, Effect.void)
      return Effect.map(Queue.take(writes), (write) => {
        last = write
        return [write.lines] as const
      })
    })
    const sink = Stream.run(Stream.fromPull(Effect.succeed(next)), stdio.stdout({ endOnDone: false }))
    return { writes, fiber: yield* Effect.forkIn(sink, scope) }
  })
  let current: Effect.Success<typeof open> | undefined = undefined
  let begun = Deferred.makeUnsafe<void>()
  Deferred.doneUnsafe(begun, Effect.void)
  return (lines: Uint8Array): Effect.Effect<void, ExportError> =>
    Effect.gen(function*() {
      const { fiber, writes } = current ??= yield* open
      // What an attempt that was given up has begun is still on its way.
      yield* Effect.raceFirst(Deferred.await(begun), Fiber.join(fiber))
      const done = yield* Deferred.make<void>()
      begun = done
      yield* Queue.offer(writes, { lines, done })
      yield* Effect.raceFirst(Deferred.await(done), Fiber.join(fiber))
    }).pipe(
      Effect.mapError((error) => {
        current = undefined
        Deferred.doneUnsafe(begun, Effect.void)
        return new ExportError({ target: "standard output", reason: error.message, isRetryable: false, cause: error })
      })
    )
})
