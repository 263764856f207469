import type * as JsonSchema from "effect/JsonSchema"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isRecord } from "../../event/internal/openRecord.ts"
import type { Plugin } from "../Plugin.ts"
import type { Setting } from "../PluginConfig.ts"
import type { Position } from "./parse.ts"
import { find, formatPath, leaves, type Node, type Path, toValue } from "./tree.ts"
import { isSecret } from "./variables.ts"

/** Documents laid over one another. */
export interface Layers {
  readonly node: Node
  readonly documents: ReadonlyArray<{
    readonly name: string
    readonly locate: (path: Path) => Position | undefined
  }>
}

export const levels = ["error", "warn", "ignore"] as const

const Level = Schema.Literals(levels)

/** The document around the configurations of its components. */
export const Envelope = Schema.Struct({
  version: Schema.Literal(1),
  components: Schema.optionalKey(Schema.Array(Schema.Struct({
    kind: Schema.String,
    enabled: Schema.optionalKey(Schema.Boolean),
    config: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
  }))),
  policy: Schema.optionalKey(Schema.Struct({
    unknown_component: Schema.optionalKey(Level),
    unknown_field: Schema.optionalKey(Level),
    unsupported_value: Schema.optionalKey(Level)
  }))
})

/** Where the part at a path is written. */
export const placeOf = (layers: Layers, path: Path): { readonly file?: string } & Partial<Position> => {
  const { source } = find(layers.node, path)
  const document = layers.documents[source.document]
  // What is missing is missing from what is above it.
  return document === undefined ? {} : { file: document.name, ...document.locate(source.path) }
}

export const explain = (layers: Layers, plugins: ReadonlyArray<Plugin<unknown>>): ReadonlyArray<Setting> =>
  Array.from(leaves(layers.node), ([path, leaf, under]) => ({
    path: formatPath(path),
    value: isHidden(layers.node, path, plugins) ? hidden(leaf) : textOf(toValue(leaf)),
    ...withFile(placeOf(layers, path)),
    overrides: Array.from(
      new Set(under.map(({ document }) => layers.documents[document]?.name ?? ""))
    )
  }))

const withFile = ({ file, ...position }: ReturnType<typeof placeOf>) => ({ file: file ?? "", ...position })

/** References to variables are no secrets themselves. */
const hidden = (leaf: Node): string => {
  const value = toValue(leaf)
  return typeof value === "string" && /^\$\{[A-Za-z_]\w*\}$/.test(value) ? textOf(value) : "<redacted>"
}

const isHidden = (root: Node, path: Path, plugins: ReadonlyArray<Plugin<unknown>>): boolean => {
  const [top, index, place, ...rest] = path
  if (top !== "components" || typeof index !== "number" || place !== "config") return false
  const kind = toValue(find(root, ["components", index, "kind"]))
  const plugin = plugins.find((each) => each.kind === kind)
  // Whose fields nobody knows may hold anything.
  if (plugin === undefined) return true
  const isReference = rest.at(-1) === "env"
  return !isReference && isSecret(plugin.config.ast, rest)
}

/** Data in code may hold what JSON cannot. */
const textOf = (value: unknown): string =>
  Result.getOrElse(Result.try(() => JSON.stringify(value)), () => undefined) ?? `<${typeof value}>`

export const jsonSchema = (plugins: ReadonlyArray<Plugin<unknown>>): JsonSchema.JsonSchema => {
  const definitions: Record<string, unknown> = {}
  const components = plugins.map((plugin) => {
    const document = Schema.toJsonSchemaDocument(Schema.make(plugin.config.ast))
    Object.assign(definitions, document.definitions)
    return {
      type: "object",
      ...(plugin.description === undefined ? undefined : { description: plugin.description }),
      properties: {
        kind: { const: plugin.kind },
        enabled: { type: "boolean", default: true, description: "Whether the component is activated." },
        config: closed(document.schema)
      },
      required: requiresConfig(document.schema) ? ["kind", "config"] : ["kind"],
      additionalProperties: false
    }
  })
  const level = { type: "string", enum: levels, default: "error" }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "heddle configuration",
    type: "object",
    properties: {
      version: { const: 1, description: "Version of the document's format." },
      components: { type: "array", items: components.length === 0 ? false : { oneOf: components } },
      policy: {
        type: "object",
        description: "How strict to be with what is not known.",
        properties: { unknown_component: level, unknown_field: level, unsupported_value: level },
        additionalProperties: false
      }
    },
    required: ["version"],
    additionalProperties: false,
    ...(Object.keys(definitions).length === 0 ? undefined : { $defs: closed(definitions) })
  }
}

const requiresConfig = (schema: JsonSchema.JsonSchema): boolean =>
  Array.isArray(schema["required"]) && schema["required"].length > 0

/** Editors shall mark what is not known too. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed)
  if (!isRecord(schema)) return schema
  const out = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return isRecord(schema["properties"]) && schema["additionalProperties"] === true
    ? { ...out, additionalProperties: false }
    : out
}
