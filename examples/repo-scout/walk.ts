/** The files below a folder, nearest first, within limits. Links are not followed; secret files are left out. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { explain, Fence, type ToolError } from "./fence.ts"
import { isSecretPath } from "./secrets.ts"

const maxEntries = 20_000
const skipped = new Set([
  "node_modules",
  ".git",
  "dist",
  "runs",
  "coverage",
  "target",
  ".venv",
  "__pycache__",
  ".next",
  ".cache"
])

export interface Walk {
  /** Places relative to the directory. */
  readonly files: ReadonlyArray<string>
  /** Whether there are more files than were looked at. */
  readonly isCut: boolean
}

export const walk = Effect.fnUntraced(function*(
  place: string
): Effect.fn.Return<Walk, ToolError, Fence | FileSystem.FileSystem | Path.Path> {
  const fence = yield* Fence
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const start = yield* fence.folder(place)
  const files: Array<string> = []
  const folders = [start]
  let seen = 0
  for (const folder of folders) {
    const entries = yield* folder === start
      ? Effect.catch(fs.readDirectoryEntries(folder), explain)
      // A folder that may not be read hides its files, not the others.
      : Effect.orElseSucceed(fs.readDirectoryEntries(folder), () => [])
    for (const { name, type } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (++seen > maxEntries) return { files, isCut: true }
      const target = path.join(folder, name)
      const relative = path.relative(fence.root, target)
      if (isSecretPath(relative)) continue
      if (type === "File") files.push(relative)
      if (type === "Directory" && !skipped.has(name)) folders.push(target)
    }
  }
  return { files, isCut: false }
})
