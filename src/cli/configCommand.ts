/**
 * `heddle config`: documents are checked, described and explained, and nothing is activated.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PathService from "effect/Path"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"
import * as Builtin from "../plugin/Builtin.ts"
import type { Plugin } from "../plugin/Plugin.ts"
import * as PluginConfig from "../plugin/PluginConfig.ts"

/**
 * The document has problems; they were written. Exit code 1.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class ProblemsFound extends Data.TaggedError("ProblemsFound")<{ readonly errors: number }> {
  override readonly [Runtime.errorExitCode] = 1
}

/**
 * The module of `--plugins` cannot be used. Exit code 2.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class PluginsUnreadable extends Data.TaggedError("PluginsUnreadable")<{
  readonly module: string
  readonly reason: string
}> {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return `--plugins ${this.module}: ${this.reason}`
  }
}

// flags

const files = Argument.String("FILE").pipe(
  Argument.withDescription("Documents, JSON, YAML or TOML; later ones are laid over earlier ones"),
  Argument.variadic({ min: 1 })
)

const project = Flag.String("project").pipe(
  Flag.withDescription("Directory whose heddle.config.{yaml,yml,json,toml} comes before all FILEs"),
  Flag.optional
)

const format = Flag.Literals("format", ["text", "json"]).pipe(
  Flag.withDescription("How results are written"),
  Flag.withDefault("text")
)

const modules = Flag.String("plugins").pipe(
  Flag.withDescription("Module that exports `plugins`, a list of further plugins; may be repeated"),
  Flag.atLeast(0)
)

// commands

const check = Command.make(
  "check",
  { files, project, format, modules },
  Effect.fnUntraced(function*({ files, format, modules, project }) {
    const plugins = yield* allPlugins(modules)
    const layers = yield* Effect.result(read(files, project))
    const diagnostics = Result.isFailure(layers)
      ? layers.failure.diagnostics
      : yield* PluginConfig.validate(layers.success, plugins)
    const errors = diagnostics.filter(({ level }) => level === "error").length
    if (format === "json") yield* Console.log(json({ ok: errors === 0, diagnostics }))
    else {
      const paint = yield* painter
      for (const diagnostic of diagnostics) {
        yield* Console.log(paint(diagnostic.level === "error" ? red : yellow, PluginConfig.format(diagnostic)))
      }
      yield* Console.log(paint(errors === 0 ? green : red, summary(diagnostics, files)))
    }
    if (errors > 0) return yield* new ProblemsFound({ errors })
  })
).pipe(
  Command.withDescription("Find everything that is wrong with a document. Exit codes: 0 right, 1 wrong, 2 wrong usage"),
  Command.withExamples([{
    command: "heddle config check heddle.yaml production.yaml",
    description: "Check two layers"
  }])
)

const schema = Command.make(
  "schema",
  { modules },
  Effect.fnUntraced(function*({ modules }) {
    yield* Console.log(json(PluginConfig.jsonSchema(yield* allPlugins(modules))))
  })
).pipe(Command.withDescription("Write the JSON Schema of documents, for editors"))

const explain = Command.make(
  "explain",
  { files, project, format, modules },
  Effect.fnUntraced(function*({ files, format, modules, project }) {
    const plugins = yield* allPlugins(modules)
    const layers = yield* Effect.result(read(files, project))
    if (Result.isFailure(layers)) {
      for (const diagnostic of layers.failure.diagnostics) yield* Console.error(PluginConfig.format(diagnostic))
      return yield* new ProblemsFound({ errors: layers.failure.diagnostics.length })
    }
    const settings = PluginConfig.explain(layers.success, plugins)
    if (format === "json") return yield* Console.log(json(settings))
    const paint = yield* painter
    for (const { column, file, line, overrides, path, value } of settings) {
      const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`
      const over = overrides.length === 0 ? "" : `, over ${overrides.join(", ")}`
      yield* Console.log(`${path} = ${value}${paint(dim, `  # ${place}${over}`)}`)
    }
  })
).pipe(Command.withDescription("Tell which file says what. Secrets are hidden"))

/**
 * The command `heddle`.
 *
 * @stability experimental
 * @category commands
 * @since 0.1.0
 */
export const command = Command.make("heddle").pipe(
  Command.withDescription("The command line of heddle"),
  Command.withSubcommands([
    Command.make("config").pipe(
      Command.withDescription("Documents that say what is observed, redacted and priced"),
      Command.withSubcommands([check, schema, explain])
    )
  ])
)

// internal

const read = (files: ReadonlyArray<string>, project: Option.Option<string>) =>
  PluginConfig.fromFiles({ files, project: Option.getOrUndefined(project) })

const allPlugins = Effect.fnUntraced(function*(modules: ReadonlyArray<string>) {
  const path = yield* PathService.Path
  const found = yield* Effect.forEach(modules, (module) =>
    Effect.gen(function*() {
      const refuse = (reason: string) => new PluginsUnreadable({ module, reason })
      const url = yield* Effect.mapError(path.toFileUrl(path.resolve(module)), () => refuse("is no path"))
      const loaded: { readonly plugins?: unknown } = yield* Effect.tryPromise({
        try: () => import(url.href) as Promise<{ readonly plugins?: unknown }>,
        catch: (error) => refuse(`cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
      })
      const { plugins } = loaded
      if (!Array.isArray(plugins) || !plugins.every(isPlugin)) {
        return yield* refuse("expected it to export `plugins`, a list of what Plugin.make returns")
      }
      return plugins
    }))
  return [...Builtin.plugins, ...found.flat()]
})

const isPlugin = (value: unknown): value is Plugin<unknown> =>
  typeof value === "object" && value !== null && "kind" in value && typeof value.kind === "string" &&
  "config" in value && "prepare" in value && typeof value.prepare === "function"

const json = (value: unknown): string => JSON.stringify(value, undefined, 2)

const summary = (diagnostics: ReadonlyArray<PluginConfig.Diagnostic>, files: ReadonlyArray<string>): string => {
  const count = (level: string, noun: string) => {
    const n = diagnostics.filter((each) => each.level === level).length
    return n === 0 ? [] : [`${n} ${noun}${n === 1 ? "" : "s"}`]
  }
  const counts = [...count("error", "error"), ...count("warning", "warning")]
  return `${files.join(", ")}: ${counts.length === 0 ? "no problems" : counts.join(", ")}`
}

const red = 31
const green = 32
const yellow = 33
const dim = 2

/** Colours only where a terminal shows them and `NO_COLOR` does not forbid it. */
const painter = Effect.map(
  TerminalCapabilities.TerminalCapabilities,
  ({ canColor }) => (color: number, text: string): string => canColor ? `\u001b[${color}m${text}\u001b[0m` : text
)
