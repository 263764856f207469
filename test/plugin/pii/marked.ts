/**
 * Texts with their expected findings marked in them: `Mail {{email:ada@example.com}} today`.
 *
 * Random parts are drawn by letter and length, the same ones on every run: `<a36>` letters and digits, `<h40>` hexadecimal,
 * `<H40>` the same in capitals, `<u16>` Base32, `<w43>` Base64 for URLs, `<b86>` Base64, `<d10>` digits, `<l34>` letters, `<z6>` lower case
 * and digits. So no text of a token stands in this repository, and no scanner mistakes it for one. `~` is nothing: it breaks
 * what scanners would know.
 */

export interface Case {
  readonly text: string
  readonly spans: ReadonlyArray<{ readonly start: number; readonly end: number; readonly detector: string }>
}

const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
const lower = upper.toLowerCase()
const digits = "0123456789"

const alphabets: Readonly<Record<string, string>> = {
  a: upper + lower + digits,
  h: `${digits}abcdef`,
  H: `${digits}ABCDEF`,
  u: `${upper}234567`,
  w: `${upper + lower + digits}_-`,
  b: `${upper + lower + digits}+/`,
  d: digits,
  l: upper + lower,
  z: lower + digits
}

/** Letters drawn from a seed (a linear congruence, Numerical Recipes); a digit comes first, then a small and a capital one. */
const draw = (alphabet: string, length: number, seed: number): string => {
  let state = seed >>> 0
  let out = ""
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    out += alphabet[Math.floor((state / 2 ** 32) * alphabet.length)]!
  }
  return out
}

/** Reads a marked text. */
export const parse = (marked: string): Case => {
  let count = 0
  const source = marked.replaceAll("~", "").replaceAll(
    /<([ahHuwbdlz])(\d+)>/g,
    (_all, kind: string, length: string) => draw(alphabets[kind]!, Number(length), marked.length * 7919 + ++count)
  )
  const spans: Array<Case["spans"][number]> = []
  let text = ""
  let from = 0
  for (const match of source.matchAll(/\{\{([a-z]+):(.*?)\}\}(?!\})/gs)) {
    text += source.slice(from, match.index)
    spans.push({ detector: match[1]!, start: text.length, end: text.length + match[2]!.length })
    text += match[2]!
    from = match.index + match[0].length
  }
  return { text: text + source.slice(from), spans }
}
