/**
 * The plugin `pricing`: catalogues of prices from a document, for the exporters of the same document.
 *
 * ```yaml
 * - kind: pricing
 *   config:
 *     files: [prices.json] # catalogues in the format of codec Pricing, in JSON
 *     catalogs: [] # or written here; they come before those of files
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Pricing from "../codec/Pricing.ts"
import { formatOf, parse } from "./internal/parse.ts"
import * as Plugin from "./Plugin.ts"
import * as PluginConfig from "./PluginConfig.ts"

/**
 * The configuration of the plugin.
 *
 * @stability experimental
 * @category schemas
 * @since 0.1.0
 */
export const Options = Schema.Struct({
  catalogs: Schema.optionalKey(Schema.Array(Pricing.Catalog)),
  files: Schema.optionalKey(
    Schema.Array(PluginConfig.env(Schema.NonEmptyString)).annotate({
      description:
        "Catalogues in files, JSON, YAML or TOML, relative to the working directory. The first that has a model wins."
    })
  )
})

/**
 * The configuration of the plugin, decoded.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options extends Schema.Schema.Type<typeof Options> {}

/**
 * A file of prices that cannot be used.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class PricingFileError extends Data.TaggedError("PricingFileError")<{
  readonly file: string
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.file}: ${this.reason}`
  }
}

/**
 * The prices of a configuration, as the service that exporters ask.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Pricing.Pricing, PricingFileError, FileSystem.FileSystem> =>
  Layer.unwrap(Effect.gen(function*() {
    const fromFiles = yield* Effect.forEach(options.files ?? [], readCatalog)
    return Pricing.layer(...options.catalogs ?? [], ...fromFiles)
  }))

/**
 * The plugin. Other components see its prices, wherever they stand in the document.
 *
 * @stability experimental
 * @category plugins
 * @since 0.1.0
 */
export const plugin = Plugin.make({
  kind: "pricing",
  version: "1.0.0",
  description: "Prices of model calls, for exporters.",
  config: Options,
  provides: true,
  layer
})

// internal

const readCatalog = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(file),
    (cause) => new PricingFileError({ file, reason: `cannot be read: ${cause.reason._tag}`, cause })
  )
  const parsed = parse(text, formatOf(file) ?? "json")
  if (Result.isFailure(parsed)) {
    return yield* new PricingFileError({ file, reason: parsed.failure.map(({ message }) => message).join("; ") })
  }
  const catalog = Pricing.decode(parsed.success.value)
  return Result.isSuccess(catalog)
    ? catalog.success
    : yield* new PricingFileError({ file, reason: catalog.failure.message, cause: catalog.failure })
})
