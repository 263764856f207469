/** `node bench/differential/run.ts`: the same scripted agents in the reference and in heddle. `--help` says how. */
import { PeerMissing } from "../harness/peer.ts"
import { parseOptions, usage } from "./options.ts"
import { tableOf, unused, writeReadme } from "./report.ts"
import { runScenario, type Verdict } from "./runScenario.ts"
import { scenarios } from "./scenarios/index.ts"

const options = parseOptions(process.argv.slice(2))

if ("message" in options) {
  console.log(options.message)
  process.exit(options.message === usage ? 0 : 2)
}

const names = scenarios.map(({ name }) => name)
const twice = names.find((name, index) => names.indexOf(name) !== index)
if (twice !== undefined) throw new Error(`two scenarios are called "${twice}"`)

const selected = scenarios.filter(({ name }) =>
  options.only.length === 0 || options.only.some((text) => name.includes(text))
)
if (selected.length === 0) {
  console.log(`nothing matches; there are\n  ${names.join("\n  ")}`)
  process.exit(2)
}

const verdicts: Array<Verdict> = []
let begun = 0
const lane = async (): Promise<void> => {
  for (let index = begun++; index < selected.length; index = begun++) {
    const scenario = selected[index]!
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${scenario.name}`)
    verdicts[index] = await runScenario(scenario)
  }
}
try {
  // Most of the time goes into starting the reference's processes.
  await Promise.all([lane(), lane()])
} catch (error) {
  if (!(error instanceof PeerMissing)) throw error
  console.log(error.message)
  process.exit(2)
}
if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")

console.log(tableOf(verdicts))
const faults = [
  ...verdicts.flatMap(({ faults, scenario }) => faults.map((fault) => `${scenario.name}: ${fault}`)),
  ...options.only.length === 0 ? unused(verdicts).map((name) => `no scenario names the difference "${name}"`) : []
]
for (const fault of faults) console.log(`\n${fault}`)
const plain = verdicts.filter(({ scenario }) => scenario.differences.length === 0).length
console.log(
  `\n${verdicts.length} scenarios, ${plain} without a difference, ${faults.length} ${
    faults.length === 1 ? "fault" : "faults"
  }`
)
if (faults.length > 0) process.exitCode = 1
else if (options.write) writeReadme(verdicts)
