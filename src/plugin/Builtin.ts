/**
 * The plugins that come with heddle.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Observability from "./Observability.ts"
import * as PiiRedaction from "./PiiRedaction.ts"
import * as Pricing from "./Pricing.ts"

/**
 * All of them, to be given to a host, together with those of the application.
 *
 * @stability experimental
 * @category plugins
 * @since 0.1.0
 */
export const plugins = [Observability.plugin, PiiRedaction.plugin, Pricing.plugin] as const
