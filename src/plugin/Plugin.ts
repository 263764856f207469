/**
 * Behaviour that a configuration document installs: a name for it, the shape of its configuration, and the Layer that a
 * decoded configuration gives.
 *
 * A plugin is a value. It is nowhere registered: an application gives `PluginHost` the plugins that its documents may
 * name.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { AgentRuntime } from "../event/internal/runtime.ts"

// models

/**
 * A plugin whose Layer needs the services `R` besides the runtime.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Plugin<out R = never> {
  /** What documents call it: `kind` of a component. */
  readonly kind: string
  /** Version of the plugin, as diagnostics and `config explain` tell it. */
  readonly version: string
  /** One sentence on what it does, for editors. */
  readonly description: string | undefined
  /** Whether a document may have several components of this kind. */
  readonly cardinality: "singleton" | "many"
  /** Whether its components are built before those of other plugins, which then see the services that it provides. */
  readonly provides: boolean
  /** Shape of the configuration. */
  readonly config: Schema.Constraint
  /** Decodes a configuration, and gives the Layer to build. */
  readonly prepare: (
    config: unknown,
    options?: SchemaAST.ParseOptions
  ) => Effect.Effect<Layer.Layer<never, unknown, R | AgentRuntime>, SchemaIssue.Issue>
}

/**
 * What a plugin is made of.
 *
 * **Details**
 *
 * - `kind`: unique among the plugins of a host; lower case with underscores by convention.
 * - `version`: of the plugin. Documents do not name it.
 * - `config`: an Effect Schema without services. Descriptions and limits in it are what editors show. Only fields made by
 *   `PluginConfig.env` or `PluginConfig.secret` may come from the environment.
 * - `cardinality`: `"singleton"` (the default) or `"many"`.
 * - `provides`: whether the services that the layer gives are there for the other components. Default: no.
 * - `layer`: what a decoded configuration installs: `Middleware.layer`, `Subscriber.layer`, exporters, and any resources
 *   that live as long. It must have no effect before it is built.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options<C, E, R, ROut = never> {
  readonly kind: string
  readonly version: string
  readonly description?: string | undefined
  readonly config: Schema.ConstraintDecoder<C>
  readonly cardinality?: "singleton" | "many" | undefined
  readonly provides?: boolean | undefined
  readonly layer: (config: C) => Layer.Layer<ROut, E, R>
}

// constructors

/**
 * Makes a plugin.
 *
 * **Details**
 *
 * Entries of the layer take their places when the whole document does, never one by one. Order among entries is their
 * priority, not that of components.
 *
 * **Example** (A limit on what tools may be asked)
 *
 * ```ts
 * export const plugin = Plugin.make({
 *   kind: "input_limit",
 *   version: "1.0.0",
 *   config: Schema.Struct({ max_characters: Schema.Int.check(Schema.isGreaterThan(0)) }),
 *   layer: ({ max_characters }) => Middleware.layer(Guardrail.make({
 *     name: "input-limit",
 *     applies: "tool",
 *     check: (call) =>
 *       JSON.stringify(call).length > max_characters ? Guardrail.reject("too long") : Guardrail.allow
 *   }))
 * })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = <C, E = never, R = never, ROut = never>(
  options: Options<C, E, R, ROut>
): Plugin<Exclude<R, AgentRuntime>> => {
  const decode = SchemaParser.decodeUnknownEffect(options.config)
  return {
    kind: options.kind,
    version: options.version,
    description: options.description,
    cardinality: options.cardinality ?? "singleton",
    provides: options.provides ?? false,
    config: options.config,
    prepare: (config, parseOptions) =>
      // A layer that provides more than asked for is one that provides nothing.
      Effect.map(
        decode(config, parseOptions),
        (decoded): Layer.Layer<ROut, E, R> => options.layer(decoded)
      ) as Effect.Effect<Layer.Layer<never, unknown, Exclude<R, AgentRuntime> | AgentRuntime>, SchemaIssue.Issue>
  }
}
