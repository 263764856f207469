import { parseArgs } from "node:util"

export interface Options {
  readonly quick: boolean
  readonly peers: boolean
  readonly profile: boolean
  readonly only: ReadonlyArray<string>
  readonly rounds: number | undefined
  readonly json: string | undefined
  readonly markdown: string | undefined
  readonly land: boolean
}

export const usage = `Measures heddle beside its peers, one process for each case, in interleaved rounds.

  npm run bench -- [options]

  --quick          the gated cases, their allocations and the baselines only; fails beyond a gate in three runs
  --only PATTERN   only cases whose id (tool/none, stream/mark+sub …) contains it; may be repeated.
                   What they are compared with comes along. --only list shows all ids.
  --no-peers       without the packages of bench/package.json
  --profile        shows where the time of the cases goes, by V8's sampling profiler, instead of measuring them
  --rounds N       instead of 9 (5 for cases that need a process for each round)
  --json FILE      all figures of all rounds
  --markdown FILE  the tables as Markdown; between <!-- bench --> and <!-- /bench --> if the file has these lines
  --land           writes the bytes allocated for each call to bench/landed.json, as the new measure for --quick
  --help

Peers: npm ci --prefix bench`

/** Reads the command line, or says what is wrong with it. */
export const parseOptions = (args: ReadonlyArray<string>): Options | { readonly message: string } => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        "no-peers": { type: "boolean", default: false },
        profile: { type: "boolean", default: false },
        rounds: { type: "string" },
        json: { type: "string" },
        markdown: { type: "string" },
        land: { type: "boolean", default: false },
        help: { type: "boolean", default: false }
      }
    })
    if (values.help) return { message: usage }
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
    if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
      return { message: `--rounds must be a whole number above 0, not ${values.rounds}\n\n${usage}` }
    }
    return {
      quick: values.quick,
      peers: !values["no-peers"],
      profile: values.profile,
      only: values.only,
      rounds,
      json: values.json,
      markdown: values.markdown,
      land: values.land
    }
  } catch (error) {
    return { message: `${error instanceof Error ? error.message : String(error)}\n\n${usage}` }
  }
}
