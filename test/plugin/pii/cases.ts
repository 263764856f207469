import { type Case, parse } from "./marked.ts"
import { negatives } from "./negatives.ts"
import { positives } from "./positives.ts"

/** The labelled set: every text with the parts that ought to be found in it. */
export const cases: ReadonlyArray<Case & { readonly group: string }> = [
  ...Object.entries(positives),
  ...Object.entries(negatives)
].flatMap(([group, texts]) => texts.map((text) => ({ group, ...parse(text) })))
