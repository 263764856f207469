/** One scenario in the reference: the recording goes to the parent process. */
import { PeerMissing } from "../harness/peer.ts"
import { reference } from "./drivers/reference.ts"
import type { Report } from "./runReference.ts"
import { scenarios } from "./scenarios/index.ts"

// The reference leaves the error of a stream's producer to nobody; by default it would end the process.
process.on("unhandledRejection", () => undefined)

const [name] = process.argv.slice(2)
const scenario = scenarios.find((scenario) => scenario.name === name)
if (scenario === undefined) throw new Error(`there is no scenario ${name}`)

const send = (report: Report): void => {
  if (process.send === undefined) console.log(JSON.stringify(report, undefined, 2))
  else process.send(report, undefined, undefined, () => process.exit())
}

try {
  send({ recording: await reference(scenario) })
} catch (error) {
  if (!(error instanceof PeerMissing)) throw error
  send({ missing: error.specifier })
}
