/** The candidate that was probably meant: one typing mistake in three characters at most, and no other that is as near. */
export const nearest = (input: string, candidates: ReadonlyArray<string>): string | undefined => {
  if (input.length > 64) return undefined
  const text = simple(input)
  const limit = Math.max(1, Math.floor(text.length / 3))
  let best: { readonly candidate: string; readonly distance: number; readonly isAlone: boolean } | undefined
  for (const candidate of candidates.slice(0, 500)) {
    if (candidate.length > 64) continue
    const distance = distanceOf(text, simple(candidate))
    if (distance > limit || (best !== undefined && distance > best.distance)) continue
    best = { candidate, distance, isAlone: best === undefined || distance < best.distance }
  }
  return best?.isAlone === true ? best.candidate : undefined
}

/** Case and the way of joining words are no mistakes of their own. */
const simple = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, "")

/** Insertions, deletions, replacements, and swaps of neighbours (optimal string alignment). */
const distanceOf = (a: string, b: string): number => {
  let before: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
