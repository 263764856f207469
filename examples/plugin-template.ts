/**
 * A plugin to begin with: copy it, give it a kind, a configuration and a Layer. `test/plugin/template.test.ts` runs the
 * conformance suite on it, as you would on yours.
 *
 * `heddle config check FILE --plugins examples/plugin-template.ts` knows it too.
 */
import * as Schema from "effect/Schema"
import { Guardrail, Middleware } from "../src/index.ts"
import * as Plugin from "../src/plugin/Plugin.ts"

/** What a document may say. Descriptions are shown by editors, limits are checked before anything runs. */
export const Config = Schema.Struct({
  max_characters: Schema.Int.check(Schema.isGreaterThan(0)).annotate({
    description: "Longest input of a tool, in characters of its JSON."
  }),
  tools: Schema.optionalKey(Schema.Array(Schema.String).annotate({ description: "Those it is for. Default: all." }))
})

/** What the configuration installs, for as long as it is active. Resources are acquired here too. */
export const layer = ({ max_characters, tools }: typeof Config.Type) =>
  Middleware.layer(Guardrail.make({
    name: "input-limit",
    applies: "tool",
    check: (call) => {
      if (call.kind !== "tool" || (tools !== undefined && !tools.includes(call.name))) return Guardrail.allow
      const { length } = JSON.stringify(call.input) ?? ""
      return length <= max_characters
        ? Guardrail.allow
        : Guardrail.reject(`the input has ${length} characters; ${max_characters} are allowed`)
    }
  }))

export const plugin = Plugin.make({
  kind: "input_limit",
  version: "1.0.0",
  description: "Limits what tools may be asked.",
  config: Config,
  layer
})

/** For the command line. */
export const plugins = [plugin]
