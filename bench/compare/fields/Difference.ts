/** Two runs side by side, and the written explanations of what differs between them. */
import type { Entry } from "./Entry.ts"

export type Verdict = "same" | "differs" | "reference only" | "heddle only"

export interface Row {
  readonly format: string
  readonly key: string
  readonly field: string
  readonly reference: string | undefined
  readonly heddle: string | undefined
  readonly verdict: Verdict
}

/**
 * Why fields differ. In `at`, which stands for `format/entry/field`, `*` is any text; `verdict` is what it explains. The
 * first explanation that fits is the one. `sometimes`: the difference is not in every run.
 */
export interface Explanation {
  readonly at: ReadonlyArray<string>
  readonly verdict: Exclude<Verdict, "same">
  readonly why: string
  readonly sometimes?: boolean
}

/** The field of an entry that only one run has: it stands for all of them. */
const whole = "(all of it)"

export const compare = (reference: ReadonlyArray<Entry>, heddle: ReadonlyArray<Entry>): ReadonlyArray<Row> => {
  const there = new Map(reference.map((entry) => [`${entry.format}/${entry.key}`, entry]))
  const here = new Map(heddle.map((entry) => [`${entry.format}/${entry.key}`, entry]))
  return [...new Set([...there.keys(), ...here.keys()])].flatMap((id) => {
    const [one, other] = [there.get(id), here.get(id)]
    const { format, key } = (one ?? other)!
    const row = (field: string, reference: string | undefined, heddle: string | undefined): Row => ({
      format,
      key,
      field,
      reference,
      heddle,
      verdict: reference === heddle
        ? "same"
        : reference === undefined
        ? "heddle only"
        : heddle === undefined
        ? "reference only"
        : "differs"
    })
    if (one === undefined || other === undefined) {
      return [row(whole, one && `${one.fields.size} fields`, other && `${other.fields.size} fields`)]
    }
    return [...new Set([...one.fields.keys(), ...other.fields.keys()])].map((field) =>
      row(field, one.fields.get(field), other.fields.get(field))
    )
  })
}

export interface Explained extends Row {
  readonly why: string | undefined
}

/** Each row with its explanation, and the explanations that explain nothing. */
export const explain = (
  rows: ReadonlyArray<Row>,
  explanations: ReadonlyArray<Explanation>
): { readonly rows: ReadonlyArray<Explained>; readonly idle: ReadonlyArray<string> } => {
  const patterns = explanations.flatMap(({ at, sometimes, verdict, why }) =>
    at.map((text) => ({ text, pattern: patternOf(text), verdict, why, sometimes }))
  )
  const used = new Set<string>()
  const explained = rows.map((row) => {
    if (row.verdict === "same") return { ...row, why: undefined }
    const path = `${row.format}/${row.key}/${row.field}`
    const found = patterns.find(({ pattern, verdict }) => verdict === row.verdict && pattern.test(path))
    if (found !== undefined) used.add(`${found.verdict}: ${found.text}`)
    return { ...row, why: found?.why }
  })
  return {
    rows: explained,
    idle: patterns.filter(({ sometimes }) => sometimes !== true).map(({ text, verdict }) => `${verdict}: ${text}`)
      .filter((pattern) => !used.has(pattern))
  }
}

const patternOf = (glob: string): RegExp =>
  new RegExp(
    `^${glob.split("*").map((text) => text.replaceAll(/[$()+.?[\\\]^{|}]/g, String.raw`\$&`)).join(".*")}$`,
    "s"
  )
