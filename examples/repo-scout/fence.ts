/**
 * The directory that the agent may look at. A path is resolved through every symbolic link before it is judged, and what
 * is opened is the resolved path: a link that is put in place later is noticed, not followed.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"

/** Where a path really leads: a place relative to the directory, or why it leads to none. */
export type Place = { readonly inside: string } | { readonly outside: string }

/** A tool could not do what it was asked. `isTransient`: it may work if tried again. */
export class ToolError extends Data.TaggedError("ToolError")<{
  readonly message: string
  readonly isTransient: boolean
}> {}

export class Fence extends Context.Service<Fence, {
  /** Real path of the directory. */
  readonly root: string
  readonly resolve: (path: string) => Effect.Effect<Place>
  /** Opens a file at a resolved place, and makes sure that it is still the file at that place. */
  readonly open: (place: string) => Effect.Effect<FileSystem.File, ToolError, Scope.Scope>
  /** Real path of a folder at a resolved place. */
  readonly folder: (place: string) => Effect.Effect<string, ToolError>
}>()("heddle/examples/repo-scout/fence") {}

/** `root` must be a real path. */
export const layer = (root: string): Layer.Layer<Fence, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    Fence,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path

      const resolve = (requested: string): Effect.Effect<Place> => {
        if (requested.includes("\0")) return Effect.succeed({ outside: "it is no path" })
        return real(path.resolve(root, requested)).pipe(
          Effect.map((target): Place => {
            const place = path.relative(root, target)
            return place === ".." || place.startsWith(`..${path.sep}`) || path.isAbsolute(place)
              ? { outside: "it leads outside the directory" }
              : { inside: place === "" ? "." : place }
          }),
          Effect.catch((error) => Effect.succeed({ outside: `it cannot be resolved (${error.reason._tag})` }))
        )
      }

      /** The real path also of what does not exist: that of the nearest folder that does, and the rest. */
      const real = (target: string): Effect.Effect<string, PlatformError> =>
        fs.realPath(target).pipe(
          Effect.catch((error) =>
            error.reason._tag !== "NotFound" || path.dirname(target) === target
              ? Effect.fail(error)
              // A link that leads nowhere exists itself; where it will lead one day nobody knows.
              : fs.readLink(target).pipe(
                Effect.flip,
                Effect.mapError(() => error),
                Effect.flatMap(() => real(path.dirname(target))),
                Effect.map((parent) => path.join(parent, path.basename(target)))
              )
          )
        )

      const settled = (target: string) =>
        Effect.filterOrFail(fs.realPath(target), (real) => real === target, () => moved)

      const open = (place: string) =>
        Effect.gen(function*() {
          const target = path.join(root, place)
          const expected = yield* fs.stat(target)
          // Opening a pipe would wait for somebody to write.
          if (expected.type !== "File") return yield* failed("it is not a file")
          const file = yield* fs.open(target)
          const opened = yield* file.stat
          yield* settled(target)
          const isSame = opened.dev === expected.dev && String(opened.ino) === String(expected.ino)
          return isSame ? file : yield* moved
        }).pipe(Effect.catchTag("PlatformError", explain))

      const folder = (place: string) => {
        const target = path.join(root, place)
        return Effect.gen(function*() {
          yield* settled(target)
          if ((yield* fs.stat(target)).type !== "Directory") return yield* failed("it is not a folder")
          return target
        }).pipe(Effect.catchTag("PlatformError", explain))
      }

      return Fence.of({ root, resolve, open, folder })
    })
  )

const failed = (message: string) => new ToolError({ message, isTransient: false })

const moved = failed("it was replaced after it had been judged")

/** A failure of the file system in words. */
export const explain = (error: PlatformError): Effect.Effect<never, ToolError> => {
  switch (error.reason._tag) {
    case "NotFound":
      return Effect.fail(failed("there is no such file or folder"))
    case "PermissionDenied":
      return Effect.fail(failed("it may not be read"))
    case "Busy":
    case "TimedOut":
    case "WouldBlock":
      return Effect.fail(new ToolError({ message: "it is busy", isTransient: true }))
    default:
      return Effect.fail(failed(`the file system failed (${error.reason._tag})`))
  }
}
