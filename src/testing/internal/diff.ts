/** A line diff for messages of assertions. */

/** Lines as they are, led by two spaces where both have them, `- ` where only `expected` has, `+ ` only `actual`. */
export const lines = (expected: ReadonlyArray<string>, actual: ReadonlyArray<string>): ReadonlyArray<string> => {
  const shorter = Math.min(expected.length, actual.length)
  let head = 0
  while (head < shorter && expected[head] === actual[head]) head++
  let tail = 0
  while (tail < shorter - head && expected.at(-1 - tail) === actual.at(-1 - tail)) tail++
  const middle = changed(
    expected.slice(head, expected.length - tail),
    actual.slice(head, actual.length - tail)
  )
  const same = (line: string) => `  ${line}`
  return [...expected.slice(0, head).map(same), ...middle, ...expected.slice(expected.length - tail).map(same)]
}

const maxCells = 4_000_000

const changed = (expected: ReadonlyArray<string>, actual: ReadonlyArray<string>): ReadonlyArray<string> => {
  const columns = actual.length + 1
  if ((expected.length + 1) * columns > maxCells) {
    return [...expected.map((line) => `- ${line}`), ...actual.map((line) => `+ ${line}`)]
  }
  // common[i * columns + j]: length of the longest common subsequence of expected from i on and actual from j on.
  const common = new Uint32Array((expected.length + 1) * columns)
  for (let i = expected.length - 1; i >= 0; i--) {
    for (let j = actual.length - 1; j >= 0; j--) {
      common[i * columns + j] = expected[i] === actual[j]
        ? common[(i + 1) * columns + j + 1]! + 1
        : Math.max(common[(i + 1) * columns + j]!, common[i * columns + j + 1]!)
    }
  }
  const out: Array<string> = []
  let i = 0
  let j = 0
  while (i < expected.length || j < actual.length) {
    if (i < expected.length && j < actual.length && expected[i] === actual[j]) {
      out.push(`  ${expected[i]}`)
      i++
      j++
    } else if (
      j === actual.length || (i < expected.length && common[(i + 1) * columns + j]! >= common[i * columns + j + 1]!)
    ) {
      out.push(`- ${expected[i++]}`)
    } else {
      out.push(`+ ${actual[j++]}`)
    }
  }
  return out
}
