/** The three tools. Each is a managed call, so every policy holds for it whoever asks for it. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { type AgentRuntime, type CallError, type LifecycleEvent, ToolCall } from "../../src/index.ts"
import type { ToolRequest } from "./chat.ts"
import { Fence, ToolError } from "./fence.ts"
import { walk } from "./walk.ts"

type Services = Fence | FileSystem.FileSystem | Path.Path

interface Tool {
  /** What the model is told. */
  readonly definition: LifecycleEvent.Json
  /** Runs it as a managed call; a block is a result that says why, for the model to go on with. */
  readonly run: (
    id: string,
    input: unknown
  ) => Effect.Effect<LifecycleEvent.Json, ToolError | CallError.CallError, Services | AgentRuntime.AgentRuntime>
}

const tool = <S extends Schema.Codec<unknown, unknown>>(options: {
  readonly name: string
  readonly description: string
  /** Parameters that the model is told; the schema may take more, which policies fill in. */
  readonly parameters: Readonly<Record<string, string>>
  readonly required: ReadonlyArray<string>
  readonly schema: S
  readonly work: (input: S["Type"]) => Effect.Effect<LifecycleEvent.Json, ToolError, Services>
}): Tool => ({
  definition: {
    type: "function",
    function: {
      name: options.name,
      description: options.description,
      parameters: {
        type: "object",
        properties: Object.fromEntries(
          Object.entries(options.parameters).map(([name, description]) => [name, { type: "string", description }])
        ),
        required: options.required
      }
    }
  },
  run: (toolCallId, input) =>
    ToolCall.run({
      name: options.name,
      input,
      toolCallId,
      schema: options.schema,
      onBlocked: (rejection): LifecycleEvent.Json => ({ refused: rejection.reason })
    }, options.work)
})

/** Where the path really leads is put in by the policy `resolve-path`, and judged by guardrails before a tool runs. */
const place = { path: Schema.String, resolved: Schema.String }

const maxListed = 300
const maxSearchedFiles = 4000
const maxSearchedBytes = 512 * 1024
const maxHits = 100
const maxHitsPerFile = 3

type Hit = {
  readonly path: string
  readonly line: number
  readonly text: string
}

const all = {
  list_files: tool({
    name: "list_files",
    description: `Lists the files below a folder, at most ${maxListed}, nearest first.`,
    parameters: { path: "folder, relative to the directory; the directory itself if left out" },
    required: [],
    schema: Schema.Struct(place),
    work: Effect.fnUntraced(function*({ resolved }) {
      const { files, isCut } = yield* walk(resolved)
      return {
        files: files.slice(0, maxListed),
        total: files.length,
        ...(isCut ? { note: "there are more files than were looked at" } : {})
      }
    })
  }),

  read_file: tool({
    name: "read_file",
    description: "Reads the beginning of a text file.",
    parameters: { path: "file, relative to the directory" },
    required: ["path"],
    schema: Schema.Struct({ ...place, maxBytes: Schema.Int }),
    work: Effect.fnUntraced(function*({ maxBytes, resolved }) {
      const { bytes, size } = yield* read(resolved, maxBytes)
      if (isBinary(bytes)) return { size, binary: true }
      return { size, text: decode(bytes), ...(bytes.length < size ? { note: `the first ${bytes.length} bytes` } : {}) }
    })
  }),

  search_text: tool({
    name: "search_text",
    description: "Finds the lines that hold a text, whatever its case, in the files below a folder.",
    parameters: { query: "text to find, no pattern", path: "folder; the whole directory if left out" },
    required: ["query"],
    schema: Schema.Struct({ ...place, query: Schema.NonEmptyString, timeLimitMs: Schema.optional(Schema.Int) }),
    work: Effect.fnUntraced(function*({ query, resolved }) {
      const { files, isCut } = yield* walk(resolved)
      const wanted = query.toLowerCase()
      let searched = 0
      let count = 0
      const hits = yield* Effect.forEach(
        files.slice(0, maxSearchedFiles),
        Effect.fnUntraced(function*(path) {
          if (count >= maxHits) return []
          const { bytes } = yield* read(path, maxSearchedBytes)
          searched++
          const found = isBinary(bytes) ? [] : linesWith(decode(bytes), wanted, path)
          count += found.length
          return found
        }, Effect.orElseSucceed((): ReadonlyArray<Hit> => [])),
        { concurrency: 8 }
      )
      const found = { hits: hits.flat().slice(0, maxHits), searched }
      return isCut || searched < files.length ? { ...found, note: "not all files were searched" } : found
    })
  })
}

const byName: ReadonlyMap<string, Tool> = new Map(Object.entries(all))

export const definitions: ReadonlyArray<LifecycleEvent.Json> = Object.values(all).map(({ definition }) => definition)

/** Runs what the model asks for. Whatever becomes of it is a text for the model. */
export const run = (request: ToolRequest): Effect.Effect<string, never, Services | AgentRuntime.AgentRuntime> => {
  const tool = byName.get(request.function.name)
  if (tool === undefined) return Effect.succeed(JSON.stringify({ error: `no tool ${request.function.name}` }))
  return tool.run(request.id, inputOf(request.function.arguments)).pipe(
    Effect.catch((error) => Effect.succeed({ error: error.message })),
    Effect.map((result) => JSON.stringify(result))
  )
}

const inputOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // No tool takes a text, so the schema will say what was expected.
    return text
  }
}

/** Reads at most `maxBytes` of a file, all of one version of it. */
const read = (place: string, maxBytes: number) =>
  Effect.gen(function*() {
    const file = yield* (yield* Fence).open(place)
    const before = yield* file.stat
    const buffer = new Uint8Array(Math.min(maxBytes, ByteSize.toNumberUnsafe(before.size)))
    let length = 0
    while (length < buffer.length) {
      const count = yield* file.read(buffer.subarray(length))
      if (Number(count) === 0) break
      length += Number(count)
    }
    const after = yield* file.stat
    if (after.size !== before.size || timeOf(after) !== timeOf(before)) {
      return yield* new ToolError({ message: "it changed while it was read", isTransient: true })
    }
    return { bytes: buffer.subarray(0, length), size: ByteSize.toNumberUnsafe(before.size) }
  }).pipe(
    Effect.catchTag("PlatformError", () => new ToolError({ message: "it could not be read", isTransient: false })),
    Effect.scoped
  )

const timeOf = ({ mtime }: FileSystem.File.Info): number => Option.isSome(mtime) ? mtime.value.getTime() : 0

const isBinary = (bytes: Uint8Array): boolean => bytes.subarray(0, 8192).includes(0)

/** Leaves out a character that the cut went through. */
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes, { stream: true })

const linesWith = (text: string, wanted: string, path: string): ReadonlyArray<Hit> => {
  const found: Array<Hit> = []
  // Most files hold nothing that is looked for, and splitting costs more than looking.
  if (!text.toLowerCase().includes(wanted)) return found
  for (const [index, line] of text.split("\n").entries()) {
    if (found.length === maxHitsPerFile) break
    if (line.toLowerCase().includes(wanted)) found.push({ path, line: index + 1, text: line.trim().slice(0, 200) })
  }
  return found
}
