/**
 * The built-in planner: rules, no language model. It answers in the same form as a model and drives the same tools on
 * the same files, and it says what it is.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Completion, type Message, Model, type ToolRequest } from "./chat.ts"
import { isSecretPath } from "./secrets.ts"

export const layer: Layer.Layer<Model> = Layer.succeed(Model, {
  name: "built-in planner",
  headers: {},
  complete: (step, messages) => Effect.sync(() => rules[step](messages))
})

type Rule = (messages: ReadonlyArray<Message>) => Completion

/** Looks at what is there. */
const map: Rule = (messages) => {
  const [listing, ...reads] = resultsOf(messages)
  if (listing === undefined) return ask("I list the files.", [["list_files", { path: "." }]])
  const files = strings(listing["files"])
  const readable = [files.find(isReadme), files.find(isManifest)].filter((file) => file !== undefined)
  if (reads.length === 0) {
    // The listing leaves secret files out, so the planner has to guess a name.
    const forbidden = [".env", "../"].map((path): Request => ["read_file", { path }])
    return ask(
      `I read ${
        readable.join(" and ") || "nothing, there is no overview"
      }. To check that policy holds, I also ask for .env ` +
        "and for what is outside; both must be refused.",
      [...readable.map((path): Request => ["read_file", { path }]), ...forbidden]
    )
  }
  const total = Number(listing["total"])
  const isCut = "note" in listing
  const refused = reads.filter((result) => typeof result["refused"] === "string").length
  const overview = reads.map((result) => prose(String(result["text"] ?? ""))).find((text) => text !== "")
  return say([
    `${isCut ? "More than " : ""}${total} ${total === 1 ? "file" : "files"}${kindsOf(files)}.`,
    ...(overview === undefined ? [] : [overview]),
    `Policy holds: ${refused} of 2 forbidden reads were refused.`
  ])
}

/** Looks for what is asked. */
const dig: Rule = (messages) => {
  const question = questionOf(messages)
  const words = keywordsOf(question)
  const results = resultsOf(messages)
  if (results.length === 0) {
    const searches = words.map((query, index): Request => [
      "search_text",
      index === 0 ? { query, timeLimitMs: 0 } : { query }
    ])
    return ask(
      `I search for ${
        words.join(", ")
      }. The first search gets no time at all on its first attempt, to check that the ` +
        "time limit and the retry work.",
      searches
    )
  }
  // A line with the very question says nothing about it; it may stand in a log or in the documentation of this program.
  const hits = results.flatMap((result) => hitsOf(result["hits"])).filter(({ text }) => !text.includes(question))
  const best = rank(hits, words)
  if (results.length === words.length && best.length > 0) {
    const files = [...new Set(best.map(({ path }) => path))].slice(0, 2)
    return ask(`I read ${files.join(" and ")}.`, files.map((path): Request => ["read_file", { path }]))
  }
  if (best.length === 0) {
    const looked = results.some((result) => "note" in result) ? "None of the files that were searched" : "No file"
    return say([`${looked} says anything about ${words.join(", ")}.`])
  }
  return say([
    `About ${words.join(", ")}:`,
    ...best.slice(0, 6).map(({ line, path, text }) => `  ${path}:${line}: ${text}`),
    `Start reading at ${best[0]!.path}.`
  ])
}

/** Puts the notes together; without what they quote, if the first answer was refused. */
const answer: Rule = (messages) => {
  const notes = messages.findLast(({ content, role }) => role === "user" && content.includes("\nNotes:\n"))?.content ??
    ""
  const lines = notes.slice(notes.indexOf("\nNotes:\n") + 8).split("\n")
  const isRefused = messages.at(-1)?.content.startsWith("Refused:") === true
  return say([
    ...(isRefused ? lines.map((line) => line.replace(/^( {2}.*?:\d+): .*$/, "$1")) : lines),
    "(Put together by the built-in planner: rules, not a language model.)"
  ])
}

const rules = { map, dig, answer }

// what a planner says

type Request = readonly [name: string, input: Readonly<Record<string, unknown>>]

const say = (lines: ReadonlyArray<string>): Completion => ({ choices: [{ message: { content: lines.join("\n") } }] })

const ask = (content: string, requests: ReadonlyArray<Request>): Completion => {
  const tool_calls = requests.map(([name, input], index): ToolRequest => ({
    id: `${name}-${index + 1}`,
    function: { name, arguments: JSON.stringify(input) }
  }))
  return { choices: [{ message: { content, tool_calls } }] }
}

// what a planner reads

type Fields = Readonly<Record<string, unknown>>

const resultsOf = (messages: ReadonlyArray<Message>): ReadonlyArray<Fields> =>
  messages.flatMap((message) => (message.role === "tool" ? [Object(JSON.parse(message.content))] : []))

const questionOf = (messages: ReadonlyArray<Message>): string =>
  messages.find(({ role }) => role === "user")?.content ?? ""

const strings = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : []

const isReadme = (file: string): boolean => /(?:^|[\\/])readme(?:\.\w+)?$/i.test(file)

const isManifest = (file: string): boolean =>
  /^(?:package\.json|Cargo\.toml|pyproject\.toml|go\.mod|pom\.xml|composer\.json|Gemfile|CMakeLists\.txt|Makefile)$/
    .test(file)

const kindsOf = (files: ReadonlyArray<string>): string => {
  const counts = new Map<string, number>()
  for (const file of files) {
    const kind = /[^\\/.]\.(\w{1,8})$/.exec(file)?.[1]
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  const top = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, 3)
  return top.length === 0 ? "" : `, mostly ${top.map(([kind]) => kind).join(", ")}`
}

/** The first sentences of a README, or the description in a manifest. */
const prose = (text: string): string => {
  const description = /^\s*"?description"?\s*[:=]\s*"([^"\n]+)"/m.exec(text)?.[1]
  const paragraph = text.split(/\n\s*\n/).find((part) => /^\s*[\p{L}*_`]/u.test(part))
  return cut((description ?? paragraph ?? "").replace(/\s+/g, " ").trim(), 240)
}

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`)

const stopWords = new Set(
  ("a an and any are at be been but by can come could do does done each for from get give go had has have how if in into is it its " +
    "kind know like main make me most much of on or our should show some tell than that the their them then there these they " +
    "thing this those to use used was what when where which who why will with work would you your start find file files code " +
    "project directory folder repository repo").split(" ")
)

/** The words of a question that are worth a search, as stems; at most three. */
const keywordsOf = (question: string): ReadonlyArray<string> => {
  const words = question.match(/[\p{L}\p{N}_$.-]*[\p{L}\p{N}_$]/gu) ?? []
  const stems = words.filter((word) => word.length > 2 && !stopWords.has(word.toLowerCase()))
    .map((word) => word.replace(/(?<=[a-z]{2})ies$/i, "y").replace(/(?<=ss|x|ch|sh)es$|(?<=[a-z]{2}[^s\W])s$/i, ""))
  const unique = [...new Set(stems.map((word) => word.toLowerCase()))]
  return unique.length === 0 ? ["main", "start", "usage"] : unique.slice(0, 3)
}

interface Hit {
  readonly path: string
  readonly line: number
  readonly text: string
}

const hitsOf = (value: unknown): ReadonlyArray<Hit> => (Array.isArray(value) ? value : [])

/** Lines with most of the words first, from files with most of the words, no more than two of one file. */
const rank = (hits: ReadonlyArray<Hit>, words: ReadonlyArray<string>): ReadonlyArray<Hit> => {
  const count = (text: string) => words.filter((word) => text.toLowerCase().includes(word)).length
  const ofFile = new Map<string, string>()
  for (const { path, text } of hits) ofFile.set(path, `${ofFile.get(path) ?? path}\n${text}`)
  const isAside = (path: string) =>
    /(?:^|[\\/])(?:tests?|spec|examples?|bench)[\\/]|lock|\.(?:json|svg|map)$/i.test(path)
  const score = ({ path, text }: Hit) =>
    4 * count(text) + 2 * count(ofFile.get(path) ?? "") + 2 * count(path) - (isAside(path) ? 6 : 0) +
    (/\b(?:export|function|class|def|fn|func|interface)\b|^\s*(?:\*|#|\/\/)/.test(text) ? 1 : 0)
  const taken = new Map<string, number>()
  const lines = new Map(hits.map((hit) => [`${hit.path}:${hit.line}`, hit]))
  return [...lines.values()]
    .filter(({ path }) => !isSecretPath(path))
    .toSorted((a, b) => score(b) - score(a))
    .filter(({ path }) => {
      const before = taken.get(path) ?? 0
      taken.set(path, before + 1)
      return before < 2
    })
}
