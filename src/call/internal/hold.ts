import { sizeOf } from "../../event/internal/size.ts"
import type { Hold } from "../../middleware/internal/entry.ts"

/** A chunk that has not been released, and what is known of its text. */
interface Held {
  readonly chunk: unknown
  readonly chars: number
  readonly hasBoundary: boolean
}

const boundary = /[.!?。！？…]["')\]]*(\s|$)|\n/

/**
 * Chunks on their way to the consumer. Each guardrail clears them up to a position of its own; a chunk goes on when all
 * have cleared it.
 */
export class Window {
  private readonly held: Array<Held> = []
  /** Position of `held[0]` in the stream. */
  private base = 0
  private readonly holds: ReadonlyArray<Hold>
  private readonly cleared: Array<number>
  /** Not every hold asks how long a chunk is, or whether it ends a sentence. */
  private readonly countsChars: boolean
  private readonly seesBoundaries: boolean
  /** A text is known from a codec, or as long as every chunk was a string. */
  text: string | undefined = ""

  /** `holds`: of each guardrail. */
  constructor(holds: ReadonlyArray<Hold>) {
    this.holds = holds
    this.cleared = holds.map(() => 0)
    this.countsChars = holds.some((hold) => typeof hold === "object")
    this.seesBoundaries = holds.includes("boundary")
  }

  /** Takes a chunk in. `text` is the whole text so far, if a codec reads the stream. */
  add(chunk: unknown, text: string | undefined): void {
    if (text !== undefined) {
      const piece = text.slice(this.text?.length ?? 0)
      this.text = text
      this.hold(chunk, piece)
    } else if (typeof chunk === "string") {
      if (this.text !== undefined) this.text += chunk
      this.hold(chunk, chunk)
    } else {
      this.text = undefined
      const chars = this.countsChars ? Math.ceil(sizeOf(chunk) / 2) : 0
      this.held.push({ chunk, chars, hasBoundary: false })
    }
  }

  private hold(chunk: unknown, piece: string): void {
    this.held.push({ chunk, chars: piece.length, hasBoundary: this.seesBoundaries && boundary.test(piece) })
  }

  /** Up to where this guardrail's hold lets chunks go now, or `undefined` if it keeps them all back. */
  target(guardrail: number): number | undefined {
    const hold = this.holds[guardrail]!
    const end = this.base + this.held.length
    const cleared = this.cleared[guardrail]!
    let target = cleared
    if (hold === "none") target = end
    else if (hold === "boundary") {
      for (let i = this.held.length - 1; i >= 0; i--) {
        if (this.held[i]!.hasBoundary) {
          target = this.base + i + 1
          break
        }
      }
    } else if (hold !== "full") {
      // A chunk may go when the characters to keep back all come after it.
      let after = 0
      let from = end
      while (from > this.base && after < hold.chars) after += this.held[--from - this.base]!.chars
      target = after < hold.chars ? this.base : from
    }
    return target > cleared ? target : undefined
  }

  /** Chunks that a judgement of this guardrail would clear. */
  between(guardrail: number, target: number): ReadonlyArray<unknown> {
    return this.held.slice(this.cleared[guardrail]! - this.base, target - this.base).map(({ chunk }) => chunk)
  }

  clear(guardrail: number, target: number): void {
    this.cleared[guardrail] = target
  }

  get end(): number {
    return this.base + this.held.length
  }

  /** Removes and returns what every guardrail has cleared. */
  release(): Array<unknown> {
    let upTo = this.end
    for (const cleared of this.cleared) upTo = Math.min(upTo, cleared)
    const released = this.held.splice(0, upTo - this.base)
    this.base = upTo
    return released.map(({ chunk }) => chunk)
  }
}
