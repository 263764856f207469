import type * as Path from "effect/Path"
import * as Result from "effect/Result"
import { ExportError } from "../ExportError.ts"

/**
 * What a path means when the exporter is built, and from then on. Node's recursive `mkdir` of a relative path never
 * returns when the working directory has been removed meanwhile, and nothing can interrupt it.
 */
export const absolutePath = (path: Path.Path, given: string): Result.Result<string, ExportError> =>
  Result.try({
    try: () => path.resolve(given),
    catch: (cause) =>
      new ExportError({
        target: given,
        reason: "expected an absolute path, since the working directory does not exist",
        isRetryable: false,
        cause
      })
  })
