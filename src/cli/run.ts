import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import type * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import { command, type PluginsUnreadable, type ProblemsFound } from "./configCommand.ts"
import { version } from "./version.ts"

/** The command line was not understood; what was wrong with it has been written. */
class WrongUsage extends Data.TaggedError("WrongUsage") {
  override readonly [Runtime.errorExitCode] = 2
}

type Failure = CliError.CliError | ProblemsFound | PluginsUnreadable

const explained = (error: Failure): Effect.Effect<void, WrongUsage | ProblemsFound | PluginsUnreadable> => {
  if (error._tag === "ProblemsFound") return Effect.fail(error)
  if (error._tag === "PluginsUnreadable") {
    return Effect.andThen(Console.error(`heddle: ${error.message}`), Effect.fail(error))
  }
  // Help that was asked for is no failure.
  return error._tag === "ShowHelp" && error.errors.length === 0 ? Effect.void : Effect.fail(new WrongUsage())
}

const main = Effect.suspend(() => Command.runWith(command, { version })(process.argv.slice(2))).pipe(
  Effect.catch(explained),
  // @effect-diagnostics-next-line strictEffectProvide:off
  Effect.provide(TerminalCapabilities.layer.pipe(Layer.provideMerge(NodeServices.layer)))
)

// Whoever reads the output may stop, as `head` does.
process.stdout.on("error", () => {})

NodeRuntime.runMain(main, { disableErrorReporting: true })
