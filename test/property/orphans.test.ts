import { interruptedAtEveryStep } from "./support/everyStep.ts"
import { effects } from "./support/subjects.ts"

interruptedAtEveryStep(effects)
