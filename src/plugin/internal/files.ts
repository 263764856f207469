import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import type { Diagnostic } from "../PluginConfig.ts"

/** What is made of the files. */
interface Reading<A, E> {
  readonly read: (text: string, options: { readonly name: string }) => Result.Result<A, E>
  readonly none: A
  readonly join: (first: A, ...others: ReadonlyArray<A>) => A
  readonly fail: (diagnostics: ReadonlyArray<Diagnostic>) => E
}

const projectNames = ["yaml", "yml", "json", "toml"].map((ending) => `heddle.config.${ending}`)

/** Longer ones are refused unread. */
const maxBytes = 4_194_304

export const readFiles = Effect.fnUntraced(
  function*<A, E extends { readonly diagnostics: ReadonlyArray<Diagnostic> }>(
    options: { readonly files?: ReadonlyArray<string> | undefined; readonly project?: string | undefined },
    reading: Reading<A, E>
  ): Effect.fn.Return<A, E, FileSystem.FileSystem | Path.Path> {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const diagnostics: Array<Diagnostic> = []
    const complain = (file: string, code: string, message: string) =>
      void diagnostics.push({ level: "error", code: `plugin.${code}`, path: "", message, file })
    const files: Array<string> = []
    if (options.project !== undefined) {
      for (const name of projectNames) {
        const file = path.join(options.project, name)
        if (yield* Effect.orElseSucceed(fs.exists(file), () => false)) files.push(file)
      }
      if (files.length > 1) {
        complain(files[1]!, "configuration_ambiguous", `stands beside ${files[0]!}: expected one file of the project`)
      }
    }
    const layers: Array<A> = []
    for (const file of [...files, ...options.files ?? []]) {
      const text = yield* Effect.result(Effect.gen(function*() {
        const { size } = yield* fs.stat(file)
        return size > maxBytes ? undefined : yield* fs.readFileString(file)
      }))
      if (Result.isFailure(text)) {
        const isMissing = text.failure.reason._tag === "NotFound"
        complain(
          file,
          isMissing ? "configuration_file_missing" : "configuration_unreadable",
          isMissing ? "there is no such file" : `cannot be read: ${text.failure.reason._tag}`
        )
      } else if (text.success === undefined) {
        complain(file, "configuration_limit", `is longer than ${maxBytes} bytes`)
      } else {
        const layer = reading.read(text.success, { name: file })
        if (Result.isFailure(layer)) diagnostics.push(...layer.failure.diagnostics)
        else layers.push(layer.success)
      }
    }
    if (diagnostics.length > 0) return yield* Effect.fail(reading.fail(diagnostics))
    const [first, ...others] = layers
    return first === undefined ? reading.none : reading.join(first, ...others)
  }
)
