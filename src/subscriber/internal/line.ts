/** One line of terminal text: untrusted parts made printable, cut to a width, painted. */

/** Looks a line can use; one each. */
export type Look = "bold" | "dim" | "red" | "green" | "yellow" | "magenta" | "cyan"

/** A piece of a line. */
export type Segment = readonly [text: string, look?: Look | undefined]

const codes: Record<Look, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36 }

// Controls (C0, DEL, C1), format characters such as bidirectional overrides, line separators and lone surrogates. The
// two joiners are left, since scripts and emoji need them and they do nothing to a terminal.
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

const escape = (character: string): string => {
  const code = character.codePointAt(0)!
  return short[character] ?? (code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`)
}

/** Replaces every character that could move a cursor, change a colour or reorder text by a visible escape. */
export const printable = (text: string): string => text.replace(unprintable, escape)

const columns = (character: string): number => (wide.test(character) ? 2 : 1)

// Combining marks count as a column each, so a line is never wider than thought.
const widthOf = (text: string): number => {
  let used = 0
  for (const character of text) used += columns(character)
  return used
}

const take = (text: string, width: number): string => {
  let used = 0
  let end = 0
  for (const character of text) {
    used += columns(character)
    if (used > width) return text.slice(0, end)
    end += character.length
  }
  return text
}

/** Cuts to a number of columns, the last of which is then `…`. */
const cut = (text: string, width: number): string =>
  text.length * 2 <= width || widthOf(text) <= width ? text : `${take(text, width - 1)}…`

/** Makes an untrusted text printable and cuts it; looks at no more of it than can be shown. */
export const clean = (text: string, width: number): string =>
  cut(printable(text.length > width * 2 + 2 ? text.slice(0, width * 2 + 2) : text), width)

/** Joins segments, which must be printable, into one line of at most `width` columns. */
export const line = (segments: ReadonlyArray<Segment>, width: number, color: boolean): string => {
  const paint = (text: string, look: Look | undefined): string =>
    color && look !== undefined && text.trim() !== "" ? `\u001b[${codes[look]}m${text}\u001b[0m` : text
  if (segments.reduce((sum, [text]) => sum + widthOf(text), 0) <= width) {
    return segments.map(([text, look]) => paint(text, look)).join("")
  }
  let left = width - 1
  let out = ""
  for (const [text, look] of segments) {
    const shown = take(text, left)
    out += paint(shown, look)
    if (shown !== text) break
    left -= widthOf(text)
  }
  return `${out}…`
}

/** A length of time given in microseconds, to three digits. */
export const duration = (micros: number): string => {
  if (!Number.isFinite(micros) || micros < 0) return "?"
  if (micros < 1000) return `${Math.round(micros)} µs`
  const milliseconds = micros / 1000
  if (milliseconds < 999.5) return `${digits(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 59.95) return `${digits(seconds)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

const digits = (value: number): string => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
