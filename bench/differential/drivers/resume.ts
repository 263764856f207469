import type { Operation, Script } from "../Script.ts"

/** Runs a script by promises: each operation is done, and the script is resumed with its result or its failure. */
export const resume = async <A>(script: Script<A>, perform: (operation: Operation) => unknown): Promise<A> => {
  let step = script.next()
  while (step.done !== true) {
    let result: unknown
    try {
      result = await perform(step.value)
    } catch (error) {
      step = script.throw(error)
      continue
    }
    step = script.next(result)
  }
  return step.value
}
