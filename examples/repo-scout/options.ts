/** What the command line asks for. A wrong option is a `UsageError`: one line on standard error and exit code 2. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import { parseArgs } from "node:util"

export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = 2
}

export interface OpenAiServer {
  readonly baseUrl: URL
  readonly apiKey: Redacted.Redacted<string> | undefined
  readonly model: string
}

export interface Options {
  /** Real path of the directory. */
  readonly directory: string
  readonly question: string
  readonly server: OpenAiServer | undefined
  /** Address of an OTLP collector. */
  readonly collector: string | undefined
  /** A document that says what is observed and redacted. */
  readonly document: string | undefined
  readonly quiet: boolean
}

export const help =
  `repo-scout answers a question about a directory of files: an agent with three tools (list files, read
a file, search text) and two sub-agents that work in parallel, governed and observed by heddle.

Usage: npm start -- [options]

  --dir PATH      the directory to look at (default: this repository)
  --ask TEXT      the question
  --model NAME    planner          built in: rules over the same tools, no language model (default)
                  openai           any server that speaks the OpenAI chat API, see below
                  openai:MODEL     the same with another model than OPENAI_MODEL
  --otlp URL      export spans to a collector that speaks OTLP over HTTP, such as http://127.0.0.1:4318
  --config FILE   a document (YAML, JSON or TOML) says what is observed and redacted, instead of what is said below;
                  see examples/repo-scout/observed.yaml
  --quiet, -q     only the answer and the folder of the run
  --help, -h      this text

Environment of --model openai:
  OPENAI_BASE_URL  such as http://127.0.0.1:11434/v1 (default: https://api.openai.com/v1)
  OPENAI_API_KEY   not needed by most local servers
  OPENAI_MODEL     default: gpt-4.1-mini

A run is written to runs/<time>/: events.jsonl (ATOF, JSON lines) and trajectory.json (ATIF 1.7), without secrets and
e-mail addresses.
Exit codes: 0 answered, 1 not answered, 2 wrong usage, 130 interrupted by Ctrl-C.`

/** `undefined` means that help was asked for. `home` is the directory that is looked at when none is given. */
export const parse = Effect.fnUntraced(function*(
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string | undefined>>,
  home: string
): Effect.fn.Return<Options | undefined, UsageError, FileSystem.FileSystem> {
  const values = yield* Effect.try({
    try: () => parseArgs({ args: [...args], options: flags, allowPositionals: false }).values,
    catch: (error) => new UsageError({ message: `${firstSentence(String(Object(error).message))}; see --help` })
  })
  if (values.help === true) return undefined
  if (values.dir === "") return yield* new UsageError({ message: "--dir needs a path, not an empty text" })
  const directory = yield* openDirectory(values.dir ?? home)
  const question = values.ask?.trim() ?? (values.dir === undefined ? homeQuestion : defaultQuestion)
  if (question === "") return yield* new UsageError({ message: "--ask needs a question, not an empty text" })
  const server = yield* serverOf(values.model ?? "planner", environment)
  const collector = values.otlp === undefined ? undefined : yield* collectorOf(values.otlp)
  if (values.config === "") return yield* new UsageError({ message: "--config needs a path, not an empty text" })
  return { directory, question, server, collector, document: values.config, quiet: values.quiet === true }
})

const flags = {
  dir: { type: "string" },
  ask: { type: "string" },
  model: { type: "string" },
  otlp: { type: "string" },
  config: { type: "string" },
  quiet: { type: "boolean", short: "q" },
  help: { type: "boolean", short: "h" }
} as const

const homeQuestion = "How does a guardrail block a tool call?"
const defaultQuestion = "What is this, and where does it start?"

const firstSentence = (text: string): string => text.split(/[.\n]\s/)[0]?.replace(/\.$/, "") ?? text

const openDirectory = (path: string): Effect.Effect<string, UsageError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const refuse = (what: string) => Effect.fail(new UsageError({ message: `--dir ${JSON.stringify(path)} ${what}` }))
    return yield* fs.realPath(path).pipe(
      Effect.tap((real) => fs.readDirectoryEntries(real)),
      Effect.catch((error) => {
        if (error.reason._tag === "NotFound") return refuse("does not exist")
        if (error.reason._tag === "PermissionDenied") return refuse("may not be read")
        return fs.stat(path).pipe(
          Effect.orElseSucceed(() => undefined),
          Effect.flatMap((info) => refuse(info?.type === "Directory" ? "cannot be read" : "is not a directory"))
        )
      })
    )
  })

const collectorOf = (address: string): Effect.Effect<string, UsageError> => {
  const url = URL.parse(address)
  return url !== null && /^https?:$/.test(url.protocol)
    ? Effect.succeed(address.replace(/\/+$/, ""))
    : Effect.fail(new UsageError({ message: `--otlp ${JSON.stringify(address)} must be an http or https address` }))
}

const serverOf = Effect.fnUntraced(function*(
  model: string,
  environment: Readonly<Record<string, string | undefined>>
): Effect.fn.Return<OpenAiServer | undefined, UsageError> {
  if (model === "planner") return undefined
  const [kind, ...rest] = model.split(":")
  const name = rest.join(":")
  if (kind !== "openai" || (rest.length > 0 && name === "")) {
    return yield* new UsageError({
      message: `--model ${JSON.stringify(model)} is unknown; use planner, openai or openai:MODEL`
    })
  }
  const given = environment["OPENAI_BASE_URL"]?.trim() || undefined
  const key = environment["OPENAI_API_KEY"]?.trim() || undefined
  if (given === undefined && key === undefined) {
    return yield* new UsageError({
      message: "--model openai needs OPENAI_API_KEY, or OPENAI_BASE_URL for a local server"
    })
  }
  const baseUrl = URL.parse(given ?? "https://api.openai.com/v1")
  if (baseUrl === null || !/^https?:$/.test(baseUrl.protocol) || baseUrl.username !== "" || baseUrl.password !== "") {
    return yield* new UsageError({
      message: "OPENAI_BASE_URL must be an http or https address without user name and password"
    })
  }
  return {
    baseUrl,
    apiKey: key === undefined ? undefined : Redacted.make(key),
    model: name || environment["OPENAI_MODEL"]?.trim() || "gpt-4.1-mini"
  }
})
