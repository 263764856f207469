import type { Case, Group } from "./Case.ts"
import type { Profile } from "./profile.ts"
import { plain, type Table } from "./tables.ts"
import { formatFigure } from "./units.ts"
import { CaseMissing, Worker } from "./Worker.ts"

const warmMillis = 2000
const profiledMillis = 2000

/** Profiles each case in a process of its own, and prints which part of the program has how much of its time. */
export const profileCases = async (
  groups: ReadonlyArray<Group>,
  progress: (text: string) => void
): Promise<void> => {
  // What starts processes of its own, or only looks at the heap, has nothing to profile.
  const profiled = groups.filter(({ metric, mode }) => mode === "time" && metric === "nanos")
  for (const one of new Map(profiled.flatMap(({ cases }) => cases).map((one) => [one.id, one])).values()) {
    progress(`profiling ${one.id}`)
    try {
      const profile = await profileCase(one)
      progress("")
      console.log(plain(tableOf(one, profile)))
    } catch (error) {
      if (!(error instanceof CaseMissing)) throw error
      console.log(`\n${one.id}: not installed`)
    }
  }
}

const profileCase = async (one: Case): Promise<Profile> => {
  const worker = await Worker.start(one, "profile")
  try {
    return await worker.profile(one.kind === "timed" ? await worker.warm(warmMillis, profiledMillis) : 0)
  } finally {
    worker.stop()
  }
}

const tableOf = ({ id, title }: Case, { functions, nanos, parts }: Profile): Table => ({
  title: `${id}: ${title}${nanos === undefined ? "" : `, ${formatFigure(nanos, "cpu")} of CPU with the profiler`}`,
  head: ["part", "share", ...(nanos === undefined ? [] : ["time"])],
  rows: Object.entries(parts).filter(([, share]) => share >= 0.005).map(([name, share]) =>
    nanos === undefined ? [name, percent(share)] : [name, percent(share), formatFigure(share * nanos, "cpu")]
  ),
  notes: [`most in ${functions.slice(0, 8).map(([name, share]) => `${name} ${percent(share)}`).join(", ")}`]
})

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
