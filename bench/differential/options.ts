/** The command line. */
export interface Options {
  readonly only: ReadonlyArray<string>
  readonly write: boolean
}

export const usage = `node bench/differential/run.ts [--only <text>]… [--write]

  --only <text>  scenarios whose name contains the text; may be repeated
  --write        put the counts and the list of differences into bench/differential/README.md`

/** What was asked for, or what to say instead. */
export const parseOptions = (args: ReadonlyArray<string>): Options | { readonly message: string } => {
  const only: Array<string> = []
  let write = false
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]
    const value = args[index + 1]
    if (arg === "--write") write = true
    else if (arg === "--only" && value !== undefined) {
      only.push(value)
      index++
    } else return { message: arg === "--help" ? usage : `unexpected ${String(arg)}\n\n${usage}` }
  }
  return write && only.length > 0
    ? { message: "--write is for a run of all scenarios, without --only" }
    : { only, write }
}
