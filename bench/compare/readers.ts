/**
 * Our exports, read by programs that we did not write.
 *
 *   node bench/compare/readers.ts
 *
 * Prints a verdict for each, and ends with 1 if one of them reads something else than we meant.
 */
import { conversion } from "./readers/conversion.ts"
import { genkit } from "./readers/genkit.ts"
import { names } from "./readers/names.ts"
import { wire } from "./readers/wire.ts"

let failed = false
for (const check of [genkit, wire, names, conversion]) {
  for (const { name, problems, seen } of await check()) {
    console.log(`${problems.length === 0 ? "ok" : "MISMATCH"}  ${name}: ${seen}`)
    for (const problem of problems) console.log(`    ${problem}`)
    failed ||= problems.length > 0
  }
}
if (failed) process.exitCode = 1
