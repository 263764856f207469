/**
 * Where redaction looks: JSON pointers (RFC 6901) in which a part may be `*` (any one) or `**` (any number of them), and
 * `*` within a part stands for any letters. A path means the value there and all below it.
 *
 * @since 0.1.0
 */

/** A path, in parts. */
export type Path = ReadonlyArray<string>

/** `undefined` if the text is no pointer. */
export const parsePath = (text: string): Path | undefined => {
  if (text === "") return []
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined
  return text.slice(1).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
}

/**
 * How much of a path a pointer has gone: the parts that may come next, by their index. One that has reached the length of
 * the path is there, and stays there whatever follows.
 */
export type Progress = ReadonlyArray<number>

/** At the root. */
export const begin = (path: Path): Progress => closed(path, new Set([0]))

/** One part of the pointer further. */
export const advance = (path: Path, progress: Progress, part: string): Progress => {
  const next = new Set<number>()
  for (const i of progress) {
    if (i === path.length || path[i] === "**") next.add(i)
    else if (matchesPart(path[i]!, part)) next.add(i + 1)
  }
  return closed(path, next)
}

/** Whether the value here, with all below it, is meant. */
export const isThere = (path: Path, progress: Progress): boolean => progress.includes(path.length)

/** `**` may also stand for no part at all. */
const closed = (path: Path, states: Set<number>): Progress => {
  for (const i of states) {
    if (path[i] === "**") states.add(i + 1)
  }
  return [...states]
}

/** Greedy matching with one way back: no more steps than the product of the lengths. */
const matchesPart = (pattern: string, text: string): boolean => {
  if (!pattern.includes("*")) return pattern === text
  let p = 0
  let t = 0
  let star = -1
  let retry = 0
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === "*") {
      star = p++
      retry = t
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++retry
    } else return false
  }
  while (pattern[p] === "*") p++
  return p === pattern.length
}
