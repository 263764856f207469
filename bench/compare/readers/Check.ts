/** What a foreign reader made of our exports. */
export interface Check {
  readonly name: string
  /** What was looked at, in a few words. */
  readonly seen: string
  readonly problems: ReadonlyArray<string>
}

/** The paths at which two values differ, at most ten. */
export const differences = (expected: unknown, actual: unknown, path = ""): ReadonlyArray<string> => {
  if (Object.is(expected, actual)) return []
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    return expected.flatMap((item, i) => differences(item, actual[i], `${path}[${i}]`)).slice(0, 10)
  }
  if (isObject(expected) && isObject(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)])
    return [...keys].flatMap((key) => differences(expected[key], actual[key], `${path}.${key}`)).slice(0, 10)
  }
  return [`${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`]
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
