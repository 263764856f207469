/** What exporters wrote, as flat fields that can be laid side by side. */

/** One record of a format: an event, a span, a step. `key` is the same in both runs: `tool get_weather/start`. */
export interface Entry {
  readonly format: Format
  readonly key: string
  readonly fields: ReadonlyMap<string, string>
}

export type Format = "atof" | "atif" | "gen_ai" | "openinference" | "logs"

/** Keys of entries are unique: the second `tool search/start` is `tool search/start #2`. */
export const numbered = () => {
  const seen = new Map<string, number>()
  return (key: string): string => {
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    return count === 1 ? key : `${key} #${count}`
  }
}
