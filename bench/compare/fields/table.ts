/** The comparison as text: a line for each field, and tables in Markdown in which equal rows are one. */
import type { Explained } from "./Difference.ts"

export const line = ({ field, format, heddle, key, reference, verdict, why }: Explained): string =>
  `${format} | ${key} | ${field} | ${shortened(reference, 60)} | ${shortened(heddle, 60)} | ${verdict} | ${why ?? ""}`

const shortened = (text: string | undefined, length: number): string =>
  text === undefined ? "–" : text.length > length ? `${text.slice(0, length)}…` : text

const titles: Readonly<Record<string, string>> = {
  atof: "ATOF (file)",
  atif: "ATIF (file)",
  gen_ai: "OpenTelemetry, `gen_ai` (OTLP/HTTP)",
  openinference: "OpenTelemetry, OpenInference (OTLP/HTTP)",
  logs: "OpenTelemetry, log records (OTLP/HTTP)"
}

/**
 * A table for each format. Rows that differ only in the entry, the item of a list or the place in a payload that they
 * stand for are one row with a count; their values are those of the first.
 */
export const markdown = (rows: ReadonlyArray<Explained>): string =>
  Object.entries(titles).map(([format, title]) => {
    const groups = new Map<string, Array<Explained>>()
    for (const row of rows.filter((row) => row.format === format).toSorted(byPlace)) {
      const id = [row.verdict === "same" ? 1 : 0, kindOf(row), row.verdict, row.why].join("\n")
      const group = groups.get(id)
      if (group === undefined) groups.set(id, [row])
      else group.push(row)
    }
    return [
      `\n### ${title}\n`,
      "| field | reference | heddle | | why |",
      "|---|---|---|---|---|",
      ...[...groups].toSorted(([a], [b]) => a < b ? -1 : 1).map(([, group]) => {
        const { heddle, reference, verdict, why } = group[0]!
        const count = group.length === 1 ? "" : ` ×${group.length}`
        return `| \`${kindOf(group[0]!)}\`${count} | ${code(reference)} | ${code(heddle)} | ${verdict} | ${why ?? ""} |`
      })
    ].join("\n")
  }).join("\n") + "\n\n"

const byPlace = (a: Explained, b: Explained): number =>
  a.key === b.key ? (a.field < b.field ? -1 : 1) : a.key < b.key ? -1 : 1

/** The field without what tells entries, items of lists and places in payloads apart. */
const kindOf = ({ field, key }: Explained): string =>
  field.startsWith("(") ?
    key.replaceAll(/ #\d+/g, "") :
    field.replaceAll(/\[[^\]]*\]/g, "[]").replaceAll(/\.\d+\./g, ".N.")
      .replace(
        /((?:annotated|llm)_(?:request|response)(?:\.body|\.headers)?|#json|(?:^|\.)(?:data|start\.input|end\.output)(?:\.content)?|tool_definitions\[\])[.[].+/,
        "$1.…"
      )

const code = (text: string | undefined): string =>
  text === undefined ? "–" : `\`${shortened(text.replaceAll(/[|`]/g, "'"), 40)}\``
