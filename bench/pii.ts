/**
 * Redaction, measured: what it finds in the labelled set, and how many characters it reads in a second.
 *
 *     node bench/pii.ts
 *
 * The texts are prose with findings, a conversation as JSON, source code, Base64, and three that are made to be slow: rows of
 * numbers, of addresses and of prefixes. Rates are by time of the processor, which other work on the machine changes least:
 * medians of seven runs after a warm-up.
 */
import * as Result from "effect/Result"
import * as PiiRedaction from "../src/plugin/PiiRedaction.ts"
import { cases } from "../test/plugin/pii/cases.ts"
import { measure } from "../test/plugin/pii/measure.ts"

const redactor = Result.getOrThrow(PiiRedaction.make())

const percent = (part: number, whole: number): string => whole === 0 ? "" : `${((100 * part) / whole).toFixed(1)} %`

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): void => {
  const lines = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`)
  console.log(`${lines.join("\n")}\n`)
}

const { byDetector, mistakes, total, trueNegatives } = measure(redactor, cases)
const unlabelled = cases.filter(({ spans }) => spans.length === 0).length

console.log(`${cases.length} texts; ${unlabelled} without a label, of which ${trueNegatives} were left as they are\n`)
table(
  ["detector", "true positives", "false positives", "false negatives", "precision", "recall"],
  [...byDetector.values(), total].map((one) => [
    one.detector,
    one.truePositives,
    one.falsePositives,
    one.falseNegatives,
    percent(one.truePositives, one.truePositives + one.falsePositives),
    percent(one.truePositives, one.truePositives + one.falseNegatives)
  ])
)
if (process.argv.includes("--mistakes")) console.log(`${mistakes.join("\n")}\n`)

const size = 200_000
const repeated = (text: string): string => text.repeat(Math.ceil(size / text.length)).slice(0, size)

const prose =
  "The committee met on 24 November 2026 and agreed on 1,250 units at $19.99 each; see section 3.4.1.2 for the terms. "
const inputs: ReadonlyArray<readonly [name: string, value: unknown, chars: number]> = [
  ["prose without findings", repeated(prose), size],
  [
    "prose, a finding in every 500 characters",
    repeated(prose.repeat(4) + "Write to ada@example.com or +49 30 901820. "),
    size
  ],
  ["all texts of the labelled set", repeated(cases.map(({ text }) => text).join("\n")), size],
  [
    "a conversation as JSON",
    Array.from(
      { length: 400 },
      (_, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content: repeated(prose).slice(0, 480) })
    ),
    400 * 500
  ],
  ["source code", repeated(measure.toString()), size],
  ["Base64", repeated("iVBORw0KGgoAAAANSUhEUgAA+/9Z"), size],
  ["made slow: rows of numbers", repeated("0049 12 0 30 4111 "), size],
  ["made slow: rows of addresses", repeated("a@b.1.2.3.4 2001:db8: "), size],
  ["made slow: rows of prefixes", repeated("sk-eyJa.-----BEGIN password=://a:b"), size]
]

const rate = (value: unknown, chars: number): number => {
  const times = Array.from({ length: 8 }, () => {
    const before = process.cpuUsage()
    redactor.value(value)
    return process.cpuUsage(before).user / 1000
  }).slice(1).toSorted((a, b) => a - b)
  return chars / (times[3] ?? 1) / 1000
}

table(
  ["text of 200,000 characters", "million characters a CPU second"],
  inputs.map(([name, value, chars]) => [name, rate(value, chars).toFixed(1)])
)
