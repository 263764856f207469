/**
 * Trajectories of a running program: one ATIF document for each agent scope that is not inside of another one, handed
 * over when that scope ends.
 *
 * No events are kept, only the steps that they make, within the limits of `Atif.Options`. Agents that are still at work
 * when the exporter is released are written as they are, and say so (`extra.incomplete`).
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import * as Atif from "./Atif.ts"
import { ExportError } from "./ExportError.ts"
import { absolutePath } from "./internal/absolutePath.ts"
import * as collect from "./internal/atifCollect.ts"
import type { DeliveryOptions } from "./internal/delivery.ts"

// models

/**
 * What an exporter of trajectories is made with, besides what the documents are made with.
 *
 * **Details**
 *
 * - `name`: in counters and in the log. Default `"atif"`.
 * - `maxOpen`: agents that may be at work at once (1,000); beyond it the oldest is written as it is.
 * - The others are those of every exporter.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options extends Atif.Options, Partial<Omit<DeliveryOptions, "filter">> {
  readonly maxOpen?: number | undefined
}

/**
 * Where trajectories are written.
 *
 * **Details**
 *
 * - `directory`: made if it is not there. A relative one is meant from the working directory in which the layer is
 *   built.
 * - `filename`: name of a document's file. Default `trajectory-<trajectory_id>.json`. Characters other than letters,
 *   digits and `-_.~` become `_`. A file of the same name is replaced.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface FileOptions extends Options {
  readonly directory: string
  readonly filename?: ((trajectory: Atif.Trajectory) => string) | undefined
}

// layers

/**
 * Writes each trajectory into a file of its own, mode 0600. A file is there as a whole or not at all.
 *
 * **Details**
 *
 * What could not be written is tried again with what comes next, and when the exporter is released; the newest eight
 * documents are kept for that.
 *
 * **Example** (Trajectories in a directory)
 *
 * ```ts
 * AgentRuntime.layerWith({ policies: AtifExporter.layerFile({ directory: "trajectories" }) }).pipe(
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  options: FileOptions
): Layer.Layer<never, never, AgentRuntime | FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(Effect.map(Path.Path, (path) => {
    const directory = absolutePath(path, options.directory)
    return collect.layer(
      options,
      (trajectory) => Effect.flatMap(Effect.fromResult(directory), (found) => write(found, options, trajectory)),
      true
    )
  }))

/**
 * Hands each trajectory to a function.
 *
 * **Details**
 *
 * A failure is counted and logged, and the trajectory is lost; fail with an `ExportError` that is retryable to be asked
 * again.
 *
 * **Example** (Collecting trajectories)
 *
 * ```ts
 * AtifExporter.layer({ write: (trajectory) => Queue.offer(queue, trajectory) })
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  options: Options & { readonly write: (trajectory: Atif.Trajectory) => Effect.Effect<unknown, E, R> }
): Layer.Layer<never, never, AgentRuntime | Exclude<R, Scope.Scope>> =>
  collect.layer(
    options,
    (trajectory) =>
      Effect.mapError(
        Effect.suspend(() => options.write(trajectory)),
        (error) =>
          error instanceof ExportError ? error : new ExportError({
            target: options.name ?? "atif",
            reason: `the function that takes trajectories failed on ${trajectory.trajectory_id}`,
            isRetryable: false,
            cause: error
          })
      ),
    false
  )

// internal

const write = Effect.fnUntraced(function*(directory: string, options: FileOptions, trajectory: Atif.Trajectory) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, safeName(options.filename?.(trajectory) ?? defaultName(trajectory)))
  const whole = `${file}.tmp`
  yield* fs.makeDirectory(directory, { recursive: true }).pipe(
    Effect.andThen(fs.writeFileString(whole, Atif.encodeText(trajectory), { mode: 0o600 })),
    Effect.andThen(fs.rename(whole, file)),
    Effect.onError(() => Effect.ignore(fs.remove(whole, { force: true }))),
    Effect.mapError((error) =>
      new ExportError({ target: file, reason: error.message, isRetryable: false, lost: 0, cause: error })
    )
  )
})

const defaultName = ({ trajectory_id: id }: Atif.Trajectory): string => `trajectory-${id}.json`

/** A name that stays in its directory and that every file system takes. */
const safeName = (name: string): string => name.replaceAll(/[^\w.~-]/g, "_").replace(/^\.+/, "_").slice(0, 200) || "_"
