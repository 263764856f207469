/**
 * Text of documents, in JSON, YAML 1.2 and TOML 1.0, and the line and column of what is in it.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Toml from "smol-toml"
import * as Yaml from "yaml"
import type { Path } from "./tree.ts"

/** Both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

export type Format = "json" | "yaml" | "toml"

export interface Parsed {
  readonly value: unknown
  /** Where the part at a path begins, or what is nearest above it. TOML does not tell. */
  readonly locate: (path: Path) => Position | undefined
}

export interface SyntaxProblem {
  readonly message: string
  readonly position: Position | undefined
}

const maxLength = 1_048_576

export const formatOf = (file: string): Format | undefined => {
  const ending = /\.(json|ya?ml|toml)$/i.exec(file)?.[1]?.toLowerCase()
  return ending === "yml" ? "yaml" : ending as Format | undefined
}

/** Everything that is wrong with the text, or what it says. */
export const parse = (text: string, format: Format): Result.Result<Parsed, ReadonlyArray<SyntaxProblem>> => {
  if (text.length > maxLength) {
    const message = `the document has ${text.length} characters; expected ${maxLength} at most`
    return Result.fail([{ message, position: undefined }])
  }
  return Result.flatMap(
    Result.try({ try: () => parsers[format](text), catch: (error) => [caught(error, text)] }),
    (parsed) => parsed
  )
}

const parsers: Record<Format, (text: string) => Result.Result<Parsed, ReadonlyArray<SyntaxProblem>>> = {
  json: (text) => {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""))
    let locate: Parsed["locate"] | undefined
    // JSON is YAML: only that reader knows positions, and it is asked only if one is wanted.
    return Result.succeed({ value, locate: (path) => (locate ??= locatorOf(text))(path) })
  },
  toml: (text) => Result.succeed({ value: Toml.parse(text), locate: () => undefined }),
  yaml: (text) => {
    const lines = new Yaml.LineCounter()
    const document = readYaml(text, lines)
    if (document.errors.length > 0) return Result.fail(yamlProblems(document.errors, lines))
    return Result.succeed({
      value: document.toJS({ maxAliasCount: 100 }) as unknown,
      locate: (path) => locateIn(document, lines, path)
    })
  }
}

/** The first of each line, since one mistake brings others after it. */
const yamlProblems = (errors: ReadonlyArray<Yaml.YAMLError>, lines: Yaml.LineCounter): ReadonlyArray<SyntaxProblem> => {
  const byLine = new Map<number, SyntaxProblem>()
  for (const { message, pos } of errors) {
    const position = positionAt(lines, pos[0])
    const isTooDeep = message.startsWith("Maximum call stack")
    const line = position?.line ?? 0
    if (!byLine.has(line)) byLine.set(line, { message: isTooDeep ? tooDeep : firstLine(message), position })
  }
  return Array.from(byLine.values()).slice(0, maxProblems)
}

const tooDeep = "the document is nested too deeply"

const maxProblems = 5

const readYaml = (text: string, lineCounter: Yaml.LineCounter) =>
  Yaml.parseDocument(text, { lineCounter, prettyErrors: false, logLevel: "silent" })

const locatorOf = (text: string): Parsed["locate"] => {
  // That reader takes its time with towers.
  if (text.length > maxLocated || nesting(text) > maxNesting) return () => undefined
  const lines = new Yaml.LineCounter()
  const read = Result.try(() => readYaml(text, lines))
  return (path) => Result.isSuccess(read) ? locateIn(read.success, lines, path) : undefined
}

const maxLocated = 262_144

const maxNesting = 128

/** Roughly: brackets in texts count too. */
const nesting = (text: string): number => {
  let depth = 0
  let most = 0
  for (const character of text) {
    if (character === "[" || character === "{") most = Math.max(most, ++depth)
    else if (character === "]" || character === "}") depth--
  }
  return most
}

const locateIn = (document: Yaml.Document, lines: Yaml.LineCounter, path: Path): Position | undefined => {
  let node: unknown = document.contents
  let offset = Yaml.isNode(node) ? node.range?.[0] : undefined
  for (const key of path) {
    if (Yaml.isAlias(node)) node = node.resolve(document)
    if (Yaml.isMap(node)) {
      const pair = node.items.find((item) => Yaml.isScalar(item.key) && String(item.key.value) === String(key))
      if (pair === undefined) break
      offset = Yaml.isNode(pair.key) ? pair.key.range?.[0] ?? offset : offset
      node = pair.value
    } else if (Yaml.isSeq(node)) {
      const item: unknown = node.items[Number(key)]
      if (!Yaml.isNode(item)) break
      offset = item.range?.[0] ?? offset
      node = item
    } else break
  }
  return offset === undefined ? undefined : positionAt(lines, offset)
}

const positionAt = (lines: Yaml.LineCounter, offset: number): Position | undefined => {
  const { col, line } = lines.linePos(offset)
  return line === 0 ? undefined : { line, column: col }
}

const caught = (error: unknown, text: string): SyntaxProblem => {
  if (error instanceof Toml.TomlError) {
    return { message: firstLine(error.message), position: { line: error.line, column: error.column } }
  }
  if (error instanceof RangeError) return { message: tooDeep, position: undefined }
  const message = error instanceof Error ? firstLine(error.message) : "the document cannot be read"
  const at = /at position (\d+)/.exec(message)?.[1]
  return {
    // What JSON.parse quotes of the text may be a secret.
    message: message.replace(/,? ?(?:\.\.\.)?"[^]*"(?:\.\.\.)? is not valid JSON/, "").replace(/ \(line .*$/, ""),
    position: at === undefined ? undefined : lineOf(text, Number(at))
  }
}

const lineOf = (text: string, offset: number): Position => {
  const before = text.slice(0, offset).split("\n")
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? text
