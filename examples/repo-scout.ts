/**
 * repo-scout answers a question about a directory of files: `npm start -- --dir PATH --ask "…"`.
 *
 * Read it from here: this file puts the parts together; `repo-scout/agent.ts` is the loop, `tools.ts` what it can do,
 * `policies.ts` what governs it, `planner.ts` and `provider.ts` the models, `report.ts` what is seen of it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fileURLToPath } from "node:url"
import { AgentRuntime } from "../src/index.ts"
import * as Agent from "./repo-scout/agent.ts"
import * as Fence from "./repo-scout/fence.ts"
import * as Options from "./repo-scout/options.ts"
import * as Planner from "./repo-scout/planner.ts"
import * as Policies from "./repo-scout/policies.ts"
import * as Provider from "./repo-scout/provider.ts"
import * as Report from "./repo-scout/report.ts"

const print = (line: string): void => void process.stdout.write(`${line}\n`)
/** Files and models may say what a terminal takes for a command. */
const printable = (text: string): string => text.replace(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, "")
const complain = (line: string): void => void process.stderr.write(`repo-scout: ${printable(line)}\n`)

const scout = Effect.fnUntraced(function*(options: Options.Options) {
  const { collector, directory, document, question, quiet, server } = options
  const run = yield* Report.newRun
  const tally = Report.tally()
  const look = {
    color: process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "",
    width: Math.max(process.stdout.columns ?? 120, 80)
  }

  const Model = server === undefined ? Planner.layer : Provider.layer(server)
  const Runtime = AgentRuntime.layerWith({
    policies: Layer.mergeAll(
      Policies.layer,
      document === undefined
        ? Layer.mergeAll(Policies.concealing, Report.files(run))
        : Report.documented(document, run),
      collector === undefined ? Layer.empty : Report.spans(collector),
      tally.layer,
      quiet ? Layer.empty : Report.tree(print, look)
    ),
    require: Policies.required
  })
  const Services = Layer.provideMerge(Layer.mergeAll(Runtime, Model), Fence.layer(directory))

  if (server !== undefined) {
    const notice = `the question and what the tools read are sent to ${Provider.endpoint(server)} (${server.model})`
    if (quiet) complain(notice)
    else print(`model      ${notice}`)
  } else if (!quiet) print("model      built-in planner: rules, not a language model; nothing leaves this machine")
  if (collector !== undefined && !quiet) print(`spans      to ${collector}`)
  if (!quiet) print(printable(`directory  ${directory}\nquestion   ${question}\n`))

  const answer = yield* Agent.answer(question).pipe(
    Effect.provide(Services),
    // The runtime has closed by now, so every event has been seen, also when Ctrl-C ended the run.
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (exit._tag === "Success") print(`${quiet ? "" : "\n"}${printable(exit.value)}`)
        if (!quiet) print(`\n${tally.summary().join("\n")}`)
        const written = document === undefined ? `${run}: events.jsonl, trajectory.json` : `as ${document} says`
        print(quiet ? run : `written  ${written}`)
      })
    )
  )
  return answer
})

const main = Effect.gen(function*() {
  const home = fileURLToPath(new URL("..", import.meta.url))
  const options = yield* Options.parse(process.argv.slice(2), process.env, home)
  if (options === undefined) print(Options.help)
  else yield* scout(options)
}).pipe(
  Effect.tapCause((cause) =>
    Effect.sync(() => {
      const error = Cause.squash(cause)
      if (Cause.hasDies(cause)) complain(Cause.pretty(cause))
      else if (!Cause.hasInterruptsOnly(cause)) complain(error instanceof Error ? error.message : String(error))
    })
  ),
  Effect.provide(NodeServices.layer)
)

// Whoever reads the output may stop, as `head` does; the run goes on to its end.
process.stdout.on("error", () => {})

NodeRuntime.runMain(main, { disableErrorReporting: true })
