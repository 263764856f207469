/**
 * Regular expressions of users, kept from running wild.
 *
 * JavaScript's expressions go back and try again, and some take exponential time on a text of thirty letters. So an
 * expression is read before it is used: what may be repeated without end must not hold another choice, and two repetitions
 * that can read the same letters must not follow each other. What remains takes at most quadratic time, and is given
 * windows of a text, which bounds that too.
 *
 * @since 0.1.0
 */
import type { Find, Span } from "./piiText.ts"

/** Longest match that is found wherever it lies. A window is four times as long; neighbours overlap by this. */
const maxMatch = 256
const window = 4 * maxMatch

/** Finds what a checked pattern matches. */
export const findPattern = (pattern: string, ignoreCase: boolean): Find => {
  const flags = ignoreCase ? "giu" : "gu"
  return (text) => {
    const expression = new RegExp(pattern, flags)
    const out: Array<Span> = []
    for (let from = 0; from < text.length; from += window - maxMatch) {
      for (const match of text.slice(from, from + window).matchAll(expression)) {
        if (match[0] !== "") out.push({ start: from + match.index, end: from + match.index + match[0].length })
      }
      if (from + window >= text.length) break
    }
    return out
  }
}

/** What is wrong with a pattern, or `undefined`. */
export const problemOf = (pattern: string): string | undefined => {
  if (pattern.length > 1000) return "expected at most 1000 characters"
  let expression: RegExp
  try {
    expression = new RegExp(pattern, "u")
  } catch (error) {
    return error instanceof Error ? error.message : "expected a regular expression"
  }
  if (expression.test("")) return "it matches the empty text; expected at least one character in every match"
  return new Reader(pattern).problem()
}

/** How often: `least` to `most` times. */
interface Quantifier {
  readonly least: number
  readonly most: number
}

const once: Quantifier = { least: 1, most: 1 }

/** Up to so many times counts as a number of choices, more often as without end. */
const few = 16

/** Ways in which the parts with few choices may be read together. */
const maxWays = 10_000

interface Group {
  /** Whether it holds alternatives, or a part that may be repeated more or less often. */
  hasChoice: boolean
  alternatives: number
  /** Repetitions that are open where it begins, and at the ends of its alternatives. */
  readonly before: ReadonlyArray<string>
  readonly ends: Array<string>
}

/** Reads a pattern that `RegExp` has accepted, from left to right. */
class Reader {
  private readonly pattern: string
  private at = 0
  private ways = 1
  /** Letters of endless repetitions that no fixed letter of another kind has ended yet. */
  private open: ReadonlyArray<string> = []
  private readonly root = this.begin()
  private readonly groups: Array<Group> = [this.root]

  constructor(pattern: string) {
    this.pattern = pattern
  }

  problem(): string | undefined {
    while (this.at < this.pattern.length) {
      const problem = this.step()
      if (problem !== undefined) return problem
    }
    return this.ways * this.root.alternatives > maxWays
      ? `it may read one text in more than ${maxWays} ways; expected fewer optional parts and alternatives`
      : undefined
  }

  private step(): string | undefined {
    const rest = this.pattern.slice(this.at)
    switch (rest[0]) {
      case "|":
        this.at++
        return this.alternative()
      case "(":
        return this.openGroup(/^\((?:\?(?:[:=!]|<[=!]|<[^>]+>))?/.exec(rest)?.[0] ?? "(", rest)
      case ")":
        this.at++
        return this.closeGroup()
      case "^":
      case "$":
        this.at++
        return undefined
      default:
        return this.atom(rest)
    }
  }

  private begin(): Group {
    return { hasChoice: false, alternatives: 1, before: this.open, ends: [] }
  }

  private alternative(): undefined {
    const group = this.group()
    group.hasChoice = true
    group.alternatives++
    group.ends.push(...this.open)
    this.open = group.before
  }

  private openGroup(head: string, rest: string): string | undefined {
    if (/^\(\?<?[=!]/.test(head)) return "it looks ahead or behind; expected only what is to be found"
    if (head === "(" && rest[1] === "?") return "it switches flags; use ignore_case"
    this.groups.push(this.begin())
    this.at += head.length
    return undefined
  }

  private closeGroup(): string | undefined {
    const group = this.groups.pop() ?? this.root
    const { least, most } = this.quantifier()
    if (group.hasChoice && most > 1) {
      return "a group that is repeated holds a choice or a repetition itself; expected fixed parts in it"
    }
    this.open = [...this.open, ...group.ends, ...(least === 0 ? group.before : [])]
    if (group.hasChoice || most !== least) this.group().hasChoice = true
    this.ways *= group.alternatives
    if (most - least >= few) {
      if (this.open.length > 0) return overlapping
      // What is repeated may stand beside itself, so no letter is known to end it.
      this.open = ["."]
    } else this.ways *= most - least + 1
    return undefined
  }

  private atom(rest: string): string | undefined {
    const source = atomPattern.exec(rest)?.[0] ?? rest.slice(0, 1)
    this.at += source.length
    if (/^\\(?:[1-9]|k)/.test(source)) return "it refers back to a group; expected none"
    if (/^\\[bB]$/.test(source)) return undefined
    const { least, most } = this.quantifier()
    if (most !== least) this.group().hasChoice = true
    if (most - least >= few) {
      if (this.open.some((other) => overlap(other, source))) return overlapping
      this.open = least === 0 ? [...this.open, source] : [source]
      return undefined
    }
    this.ways *= most - least + 1
    if (least > 0) this.open = this.open.filter((other) => overlap(other, source))
    return undefined
  }

  private quantifier(): Quantifier {
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.pattern.slice(this.at))
    if (found === null) return once
    this.at += found[0].length
    const [text, from, comma, to] = found
    if (from === undefined) return { least: text[0] === "+" ? 1 : 0, most: text[0] === "?" ? 1 : Infinity }
    const least = Number(from)
    return { least, most: comma === "" ? least : to === "" ? Infinity : Number(to) }
  }

  private group(): Group {
    return this.groups.at(-1) ?? this.root
  }
}

/** A class, an escape or a letter. */
const atomPattern =
  /^(?:\[(?:\\.|[^\]\\])*\]|\\[pPu]\{[^}]*\}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\c.|\\k<[^>]*>|\\.|.)/su

const overlapping =
  "two repetitions that can read the same letters follow each other; expected a letter between them that ends the first"

const samples: ReadonlyArray<string> = [
  ...Array.from({ length: 127 }, (_, code) => String.fromCharCode(code)),
  ..."\u00a0éßñЖя中あ한א٣²€😀"
]

/** Whether two classes of letters have one in common, among those that classes tell apart. */
const overlap = (one: string, other: string): boolean => {
  const a = new RegExp(`^(?:${one})$`, "isu")
  const b = new RegExp(`^(?:${other})$`, "isu")
  return samples.some((sample) => a.test(sample) && b.test(sample))
}
