import { degrade } from "../../event/internal/degrade.ts"
import { put } from "../../event/internal/openRecord.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import type { Render } from "./piiAction.ts"
import { findAll, type Finding } from "./piiDetect.ts"
import { advance, begin, isThere, type Path, type Progress } from "./piiPath.ts"
import type { Detector, Place } from "./piiText.ts"

/** What a redactor is made of. */
export interface Rules {
  readonly detectors: ReadonlyArray<Detector>
  /** What stands for the findings of a detector. */
  readonly render: (detector: string) => Render
  readonly include: ReadonlyArray<Path>
  readonly exclude: ReadonlyArray<Path>
  readonly maxChars: number
}

/** Redacts values by fixed rules. It has no state, and never throws. */
export class Redaction {
  private readonly rules: Rules

  constructor(rules: Rules) {
    this.rules = rules
  }

  /** What is found in a text that stands alone. */
  find(text: string, place: Place = {}): ReadonlyArray<Finding> {
    return findAll(this.rules.detectors, text, place)
  }

  /** A text without what was found in it. */
  text(text: string, place: Place = {}): string {
    return this.cut(text, this.find(text, place))
  }

  /**
   * The value as JSON, redacted. `root` is the pointer of the value itself, for the paths.
   */
  value(value: unknown, root: Path = []): Json {
    const json = degrade(value, { maxChars: this.rules.maxChars, maxStringLength: this.rules.maxChars })
    let where = this.start()
    for (const part of root) where = this.below(where, part)
    return this.walk(json, where, undefined) ?? null
  }

  private cut(text: string, found: ReadonlyArray<Finding>): string {
    if (found.length === 0) return text
    let out = ""
    let from = 0
    for (const { detector, end, start } of found) {
      out += text.slice(from, start) + (this.rules.render(detector)(text.slice(start, end), detector) ?? "")
      from = end
    }
    return out + text.slice(from)
  }

  /** `undefined` where the value is to be left out. */
  private walk(value: Json, where: Where, key: string | undefined): Json | undefined {
    if (where.isOut) return value
    if (typeof value === "string") return where.isIn ? this.leaf(value, key) : value
    if (typeof value === "number") return where.isIn ? this.number(value, key) : value
    if (typeof value !== "object" || value === null) return value
    if (isArray(value)) {
      return value.map((item, i) => this.walk(item, this.below(where, String(i)), key) ?? null)
    }
    const out: Record<string, Json> = {}
    for (const [name, child] of Object.entries(value)) {
      const inside = this.below(where, name)
      const shown = this.walk(child, inside, name)
      if (shown !== undefined) put(out, freeKey(out, inside.isIn && !inside.isOut ? this.key(name) : name), shown)
    }
    return out
  }

  private leaf(whole: string, key: string | undefined): string | undefined {
    if (whole.length < 3 || isBinary(whole)) return whole
    const text = wholeWords(whole)
    const found = this.find(text, { key })
    const [first] = found
    if (first === undefined) return text
    const isWhole = found.length === 1 && first.start === 0 && first.end === text.length
    return isWhole ? this.rules.render(first.detector)(text, first.detector) : this.cut(text, found)
  }

  /** A number that is one of a card, or a telephone's under such a key, becomes `0`: its type stays. */
  private number(value: number, key: string | undefined): number | undefined {
    if (!Number.isSafeInteger(value) || value < 1_000_000) return value
    const text = String(value)
    const [first] = this.find(text, { key })
    if (first === undefined) return value
    return this.rules.render(first.detector)(text, first.detector) === undefined ? undefined : 0
  }

  /** A key is a text like any other, except that it is never left out. */
  private key(name: string): string {
    if (name.length < 6 || !mayHold.test(name)) return name
    const found = this.find(name)
    if (found.length === 0) return name
    const shown = this.cut(name, found)
    return shown === "" ? `[REDACTED:${found[0]!.detector}]` : shown
  }

  private start(): Where {
    const { exclude, include } = this.rules
    return this.seen(include.map(begin), exclude.map(begin))
  }

  private below(where: Where, part: string): Where {
    const { exclude, include } = this.rules
    if (include.length === 0 && exclude.length === 0) return where
    return this.seen(
      include.map((path, i) => advance(path, where.include[i]!, part)),
      exclude.map((path, i) => advance(path, where.exclude[i]!, part))
    )
  }

  private seen(include: ReadonlyArray<Progress>, exclude: ReadonlyArray<Progress>): Where {
    const { rules } = this
    return {
      include,
      exclude,
      isIn: include.length === 0 || include.some((progress, i) => isThere(rules.include[i]!, progress)),
      isOut: exclude.some((progress, i) => isThere(rules.exclude[i]!, progress))
    }
  }
}

/** A place in a value: how far the paths have come, and what they say of it. */
interface Where {
  readonly include: ReadonlyArray<Progress>
  readonly exclude: ReadonlyArray<Progress>
  readonly isIn: boolean
  readonly isOut: boolean
}

const isArray = (value: Json): value is ReadonlyArray<Json> => Array.isArray(value)

/** What a key must have for any detector to find something in it. */
const mayHold = /[@\d]|.{20}/

/** Two keys may look the same once they are redacted. */
const freeKey = (out: Readonly<Record<string, Json>>, key: string): string => {
  if (!Object.hasOwn(out, key)) return key
  let n = 2
  while (Object.hasOwn(out, `${key}#${n}`)) n++
  return `${key}#${n}`
}

/** Pictures, sound and documents in Base64 are no text. */
const isBinary = (text: string): boolean =>
  text.length >= 1024 &&
  /^data:(?:image|audio|video|font|application\/(?:pdf|octet-stream|zip))[\w+./-]*;base64,[A-Za-z0-9+/=\s]+$/.test(text)

/** Where a text was cut because of its length, the last word may have been one that is known by its end. */
const wholeWords = (text: string): string =>
  text.endsWith(" chars]") ? text.replace(/[^\s…]{0,512}(…\[\+\d+ chars\])$/, "$1") : text
