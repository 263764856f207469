/**
 * What detectors of personal data have in common: the shape of a finding, and where a word may begin and end.
 *
 * @since 0.1.0
 */

/** A part of a text, from `start` to before `end`, in UTF-16 units. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Where a text was found. `key` is the property that holds it, also where it is an item of an array under that key. */
export interface Place {
  readonly key?: string | undefined
}

/** Finds parts of a text. It never throws, and takes time in proportion to the length of the text. */
export type Find = (text: string, place: Place) => ReadonlyArray<Span>

/** One kind of data. An earlier detector in a list names the finding where several overlap. */
export interface Detector {
  readonly name: string
  readonly find: Find
}

const wordPart = /[\p{L}\p{N}]/u

const isWordPart = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at)
  if (code < 128) {
    return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
  }
  return wordPart.test(text.charAt(at))
}

/** Whether `at` is the letter of an escape such as `\n`, in a text that holds JSON or code. */
export const isEscapeLetter = (text: string, at: number): boolean =>
  at > 0 && text.charCodeAt(at - 1) === 92 && "nrtbfv".includes(text.charAt(at))

/** Whether a word may begin at `at`: no letter or digit stands before it, or one that belongs to an escape. */
export const beginsWord = (text: string, at: number): boolean =>
  at === 0 || !isWordPart(text, at - 1) || isEscapeLetter(text, at - 1)

/** Whether a word may end before `at`. */
export const endsWord = (text: string, at: number): boolean => at >= text.length || !isWordPart(text, at)

/** Every match of a pattern, which must have the flag `g`; with `group`, of that group, which needs the flag `d`. */
export const spansOf = function*(
  pattern: RegExp,
  text: string,
  group = 0
): Generator<Span & { readonly text: string }> {
  for (const match of text.matchAll(pattern)) {
    const found = match[group]
    if (found === undefined || found === "") continue
    const start = group === 0 ? match.index : match.indices?.[group]?.[0] ?? match.index
    yield { start, end: start + found.length, text: found }
  }
}
