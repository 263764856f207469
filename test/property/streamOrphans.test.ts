import { interruptedAtEveryStep } from "./support/everyStep.ts"
import { streams } from "./support/subjects.ts"

interruptedAtEveryStep(streams)
