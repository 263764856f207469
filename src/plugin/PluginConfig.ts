/**
 * Configuration documents: what a file says about observing, redacting and pricing, read from JSON, YAML and TOML, laid
 * over one another, and checked as a whole before anything runs.
 *
 * A document looks like this, in any of the three:
 *
 * ```yaml
 * version: 1
 * components:
 *   - kind: observability
 *     enabled: true # the default
 *     config:
 *       atof:
 *         - type: file
 *           path: events.jsonl
 * policy: # how strict to be; each is error (the default), warn or ignore
 *   unknown_component: error
 *   unknown_field: error
 *   unsupported_value: error
 * ```
 *
 * The shape is that of the plugin documents of NeMo Relay 0.9, except that everything unknown is an error unless the
 * policy says otherwise: a misspelt name must not leave a guardrail out.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as JsonSchema from "effect/JsonSchema"
import type * as PathService from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as checking from "./internal/check.ts"
import * as describing from "./internal/describe.ts"
import { readFiles } from "./internal/files.ts"
import { formatOf, parse as parseText } from "./internal/parse.ts"
import { formatPath, fromValue, merge, type Node, type Path } from "./internal/tree.ts"
import { passed, resolve, secretKey, Written } from "./internal/variables.ts"
import type { Plugin } from "./Plugin.ts"

// fields

/**
 * A field that may come from the environment.
 *
 * **Details**
 *
 * `"${NAME}"`, also within other text and with a default as `"${NAME:-text}"`, or `{ env: "NAME", default?: "text" }`. A
 * `$${` stands for `${`. Values come from the `ConfigProvider` in place, which is the environment of the process unless
 * the application says otherwise. In all other fields these forms have no meaning.
 *
 * @stability experimental
 * @category schemas
 * @since 0.1.0
 */
export const env = <S extends Schema.ConstraintCodec<unknown, string>>(schema: S): Schema.decodeTo<S, typeof Written> =>
  Written.pipe(Schema.decodeTo(schema, { decode: SchemaGetter.transformEffect(resolve), encode: passed }))

/**
 * A secret: text, or a variable of the environment as in `env`. Decoded it is `Redacted`, and `config explain` hides it.
 *
 * @stability experimental
 * @category schemas
 * @since 0.1.0
 */
export const secret = env(Schema.RedactedFromValue(Schema.NonEmptyString)).annotate({ [secretKey]: true })

// models

/**
 * One thing that is wrong with a document, or strange about it.
 *
 * **Details**
 *
 * - `code`: `plugin.configuration_syntax`, `plugin.configuration_file_missing`, `plugin.configuration_unreadable`,
 *   `plugin.configuration_ambiguous`, `plugin.configuration_limit`, `plugin.unsupported_config_version`, `plugin.unknown_component`, `plugin.duplicate_component`,
 *   `plugin.missing_field`, `plugin.unknown_field`, `plugin.unsupported_value` (not among the choices),
 *   `plugin.invalid_value` (of another type, or out of range), `plugin.missing_variable`, `plugin.defect` (the plugin
 *   itself failed).
 * - `component`: kind of the component.
 * - `path`: from the top of the document, such as `components[0].config.atof[1].url`. Empty for the whole.
 * - `message`: what was expected; goes on from the path.
 * - `suggestion`: the name or value that was probably meant.
 * - `file`, `line`, `column`: where it is written, as far as its format tells. Both numbers count from 1.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Diagnostic {
  readonly level: "error" | "warning"
  readonly code: string
  readonly component?: string | undefined
  readonly path: string
  readonly message: string
  readonly suggestion?: string | undefined
  readonly file?: string | undefined
  readonly line?: number | undefined
  readonly column?: number | undefined
}

/**
 * Documents that were read and laid over one another. Not checked yet.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Layers extends describing.Layers {}

/**
 * One value of a document, and which file says so.
 *
 * **Details**
 *
 * `value` is JSON text; that of a secret is `<redacted>`. `overrides` names the files of less precedence that said
 * something else for the same path.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Setting {
  readonly path: string
  readonly value: string
  readonly file: string
  readonly line?: number | undefined
  readonly column?: number | undefined
  readonly overrides: ReadonlyArray<string>
}

// errors

/**
 * A document was refused. `diagnostics` has everything that is wrong with it, warnings too.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class PluginConfigError extends Data.TaggedError("PluginConfigError")<{
  readonly diagnostics: ReadonlyArray<Diagnostic>
}> {
  override get message(): string {
    const errors = this.diagnostics.filter(({ level }) => level === "error")
    return [`the configuration was refused:`, ...errors.map((each) => `  ${format(each)}`)].join("\n")
  }
}

// reading

/**
 * A document that is data already.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromDocument = (document: unknown, name = "the document"): Result.Result<Layers, PluginConfigError> =>
  Result.mapBoth(fromValue(document, 0), {
    onSuccess: (node) => ({ node, documents: [{ name, locate: () => undefined }] }),
    onFailure: (refusal) => refused("plugin.configuration_limit", name, refusal.message, { path: refusal.path })
  })

/**
 * Reads one document. The format is that of the name's ending (`.json`, `.yaml`, `.yml`, `.toml`) unless it is given.
 *
 * **Details**
 *
 * At most 1,048,576 characters, 64 levels and 100,000 values; YAML 1.2 with at most 100 aliases of one anchor.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromText = (
  text: string,
  options: { readonly name: string; readonly format?: "json" | "yaml" | "toml" | undefined }
): Result.Result<Layers, PluginConfigError> => {
  const { name } = options
  const format = options.format ?? formatOf(name)
  if (format === undefined) {
    const expected = "has an unknown format: expected a name that ends with .json, .yaml, .yml or .toml"
    return Result.fail(refused("plugin.configuration_syntax", name, expected, {}))
  }
  const parsed = parseText(text, format)
  if (Result.isFailure(parsed)) {
    return Result.fail(
      new PluginConfigError({
        diagnostics: parsed.failure.map(({ message, position }) => ({
          level: "error",
          code: "plugin.configuration_syntax",
          path: "",
          message,
          file: name,
          ...position
        }))
      })
    )
  }
  const { locate, value } = parsed.success
  return Result.mapBoth(fromValue(value, 0), {
    onSuccess: (node) => ({ node, documents: [{ name, locate }] }),
    onFailure: ({ message, path }) => refused("plugin.configuration_limit", name, message, { path, ...locate(path) })
  })
}

/**
 * Lays documents over one another; later ones have precedence.
 *
 * **Details**
 *
 * Objects are merged by their keys, `components` by kind (the n-th component of a kind with the n-th of it below). Lists
 * within a configuration, and all other values, are replaced. `enabled: false` in a later document turns a component
 * off. Components keep the order in which they were first named.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const layered = (first: Layers, ...others: ReadonlyArray<Layers>): Layers =>
  others.reduce((low, high) => ({
    node: merge(low.node, moved(high.node, low.documents.length)),
    documents: [...low.documents, ...high.documents]
  }), first)

/**
 * Reads files and lays them over one another: the project's first, then those named here, in their order.
 *
 * **Details**
 *
 * - `files`: each must be there.
 * - `project`: a directory with a file `heddle.config.yaml`, `.yml`, `.json` or `.toml`, or none; two are an error.
 *
 * Everything that is wrong in any of them is told at once.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromFiles = (options: {
  readonly files?: ReadonlyArray<string> | undefined
  readonly project?: string | undefined
}): Effect.Effect<Layers, PluginConfigError, FileSystem.FileSystem | PathService.Path> =>
  readFiles(options, {
    read: fromText,
    none: { node: emptyNode, documents: [] },
    join: layered,
    fail: (diagnostics) => new PluginConfigError({ diagnostics })
  })

// checking

/**
 * Checks a document against the plugins that it may name, and tells everything that is wrong or strange.
 *
 * **Details**
 *
 * Nothing is activated. Components that are turned off are checked too. It reads the variables that the document names.
 *
 * @stability experimental
 * @category validation
 * @since 0.1.0
 */
export const validate = (
  layers: Layers,
  plugins: ReadonlyArray<Plugin<unknown>>
): Effect.Effect<ReadonlyArray<Diagnostic>> => checking.validate(layers, plugins)

/**
 * Every value of a document, and which file says so.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const explain = (layers: Layers, plugins: ReadonlyArray<Plugin<unknown>>): ReadonlyArray<Setting> =>
  describing.explain(layers, plugins)

/**
 * The JSON Schema (draft 2020-12) of documents that name these plugins, for editors.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const jsonSchema = (plugins: ReadonlyArray<Plugin<unknown>>): JsonSchema.JsonSchema =>
  describing.jsonSchema(plugins)

/**
 * A diagnostic on one line: `heddle.yaml:3:5: error: components[0].kind is …`.
 *
 * @stability experimental
 * @category formatting
 * @since 0.1.0
 */
export const format = (diagnostic: Diagnostic): string => {
  const { code, column, file, level, line, message, path, suggestion } = diagnostic
  const place = file === undefined ? "" : line === undefined ? `${file}: ` : `${file}:${line}:${column ?? 1}: `
  const subject = path === "" ? "" : `${path}: `
  const hint = suggestion === undefined ? "" : `; did you mean ${JSON.stringify(suggestion)}?`
  return `${place}${level}: ${subject}${message}${hint} (${code})`
}

// internal

const emptyNode: Node = { _tag: "Table", fields: new Map(), source: { document: 0, path: [] }, hidden: [] }

const refused = (
  code: string,
  file: string,
  message: string,
  at: { readonly path?: Path; readonly line?: number; readonly column?: number }
) =>
  new PluginConfigError({
    diagnostics: [{ level: "error", code, message, file, ...at, path: formatPath(at.path ?? []) }]
  })

/** The same with documents numbered from another first one. */
const moved = (node: Node, by: number): Node => {
  const move = ({ document, path }: Node["source"]) => ({ document: document + by, path })
  const at = { source: move(node.source), hidden: node.hidden.map(move) }
  if (node._tag === "Leaf") return { ...node, ...at }
  if (node._tag === "List") return { ...node, ...at, items: node.items.map((item) => moved(item, by)) }
  return { ...node, ...at, fields: new Map(Array.from(node.fields, ([key, field]) => [key, moved(field, by)])) }
}
