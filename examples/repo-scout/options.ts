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

/** A language model. `baseUrl`: everything before `/chat/completions` or `/messages`. */
export interface ModelServer {
  readonly provider: "openai" | "anthropic"
  readonly baseUrl: URL
  readonly apiKey: Redacted.Redacted<string> | undefined
  readonly model: string
}

export interface Options {
  /** Real path of the directory. */
  readonly directory: string
  readonly question: string
  readonly server: ModelServer | undefined
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
                  anthropic        Anthropic's API, see below
                  anthropic:MODEL  the same with another model than ANTHROPIC_MODEL
  --base-url URL  where the API of the model is, such as http://127.0.0.1:11434/v1
  --otlp URL      export spans to a collector that speaks OTLP over HTTP, such as http://127.0.0.1:4318
  --config FILE   a document (YAML, JSON or TOML) says what is observed and redacted, instead of what is said below;
                  see examples/repo-scout/observed.yaml
  --quiet, -q     only the answer and the folder of the run
  --help, -h      this text

Environment of --model openai:
  OPENAI_BASE_URL  such as http://127.0.0.1:11434/v1 (default: https://api.openai.com/v1)
  OPENAI_API_KEY   not needed by most local servers
  OPENAI_MODEL     default: gpt-4.1-mini

Environment of --model anthropic:
  ANTHROPIC_API_KEY  needed, unless --base-url is given
  ANTHROPIC_MODEL    default: claude-sonnet-4-5

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
  const server = yield* serverOf(values.model ?? "planner", values["base-url"], environment)
  const collector = values.otlp === undefined ? undefined : yield* collectorOf(values.otlp)
  if (values.config === "") return yield* new UsageError({ message: "--config needs a path, not an empty text" })
  return { directory, question, server, collector, document: values.config, quiet: values.quiet === true }
})

const flags = {
  dir: { type: "string" },
  ask: { type: "string" },
  model: { type: "string" },
  "base-url": { type: "string" },
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

const providers = {
  openai: { prefix: "OPENAI", baseUrl: "https://api.openai.com/v1", model: "gpt-4.1-mini" },
  anthropic: { prefix: "ANTHROPIC", baseUrl: "https://api.anthropic.com/v1", model: "claude-sonnet-4-5" }
} as const

const serverOf = Effect.fnUntraced(function*(
  model: string,
  address: string | undefined,
  environment: Readonly<Record<string, string | undefined>>
): Effect.fn.Return<ModelServer | undefined, UsageError> {
  const [provider, ...rest] = model.split(":")
  const name = rest.join(":")
  if (model === "planner") {
    if (address === undefined) return undefined
    return yield* new UsageError({ message: "--base-url needs --model openai or --model anthropic" })
  }
  if ((provider !== "openai" && provider !== "anthropic") || (rest.length > 0 && name === "")) {
    return yield* new UsageError({
      message: `--model ${JSON.stringify(model)} is unknown; use planner, openai, openai:MODEL, anthropic or ` +
        "anthropic:MODEL"
    })
  }
  const { prefix, ...usual } = providers[provider]
  const variable = (part: string) => environment[`${prefix}_${part}`]?.trim() || undefined
  // Anthropic's own packages leave out the version of the API in theirs.
  const given = address ?? (provider === "openai" ? variable("BASE_URL") : undefined)
  const key = variable("API_KEY")
  if (given === undefined && key === undefined) {
    return yield* new UsageError({
      message: `--model ${provider} needs ${prefix}_API_KEY, or --base-url for a local server`
    })
  }
  const baseUrl = URL.parse(given ?? usual.baseUrl)
  if (baseUrl === null || !/^https?:$/.test(baseUrl.protocol) || baseUrl.username !== "" || baseUrl.password !== "") {
    return yield* new UsageError({
      message: `${address === undefined ? `${prefix}_BASE_URL` : "--base-url"} must be an http or https address ` +
        "without user name and password"
    })
  }
  return {
    provider,
    baseUrl,
    apiKey: key === undefined ? undefined : Redacted.make(key),
    model: name || variable("MODEL") || usual.model
  }
})
