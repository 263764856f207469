/** One scenario in the reference, in a process of its own: prints the recording as JSON. */
import { reference } from "./drivers/reference.ts"
import { scenarios } from "./scenarios/index.ts"

// The reference leaves the error of a stream's producer to nobody; by default it would end the process.
process.on("unhandledRejection", () => undefined)

const [name] = process.argv.slice(2)
const scenario = scenarios.find((scenario) => scenario.name === name)
if (scenario === undefined) throw new Error(`there is no scenario ${name}`)

const recording = await reference(scenario)
process.stdout.write(JSON.stringify(recording), () => process.exit())
