import type { Case, Group, Measures } from "./Case.ts"
import { CaseMissing, Worker } from "./Worker.ts"

/** What the rounds of one case gave. A round that gave nothing is `undefined`, so that rounds stay comparable. */
export interface CaseResult {
  readonly id: string
  readonly title: string
  readonly rounds: ReadonlyArray<Measures | undefined>
  /** Why there are no figures, or why they are worth nothing. */
  readonly problem: string | undefined
  readonly isMissing: boolean
}

export interface GroupResult {
  readonly group: Group
  readonly cases: ReadonlyArray<CaseResult>
}

export interface Pace {
  readonly rounds: (group: Group) => number
  readonly warmMillis: number
  readonly batchMillis: number
  readonly progress: (text: string) => void
}

/** Runs every case once in each round, in an order that rotates. */
export const runGroup = async (group: Group, pace: Pace): Promise<GroupResult> => {
  const runners: Array<Runner> = []
  try {
    for (const measured of group.cases) {
      pace.progress(`${group.id}: warming ${measured.id}`)
      runners.push(await prepare(measured, group, pace))
    }
    const rounds = pace.rounds(group)
    for (let round = 0; round < rounds; round++) {
      pace.progress(`${group.id}: round ${round + 1} of ${rounds}`)
      for (let i = 0; i < runners.length; i++) await runners[(i + round) % runners.length]!.round()
    }
    return { group, cases: await Promise.all(runners.map((runner) => runner.finish())) }
  } finally {
    for (const runner of runners) runner.stop()
  }
}

// internal

interface Runner {
  readonly round: () => Promise<void>
  readonly finish: () => Promise<CaseResult>
  readonly stop: () => void
}

const prepare = async (measured: Case, group: Group, pace: Pace): Promise<Runner> => {
  const rounds: Array<Measures | undefined> = []
  let problem: string | undefined = undefined
  let isMissing = false
  let worker: Worker | undefined = undefined
  const failed = (error: unknown): void => {
    isMissing = error instanceof CaseMissing
    problem = error instanceof Error ? error.message : String(error)
    worker?.stop()
    worker = undefined
  }
  let measure: () => Promise<Measures>
  if (measured.kind === "timed" && group.mode === "time") {
    let operations = 1
    try {
      worker = await Worker.start(measured, "time")
      operations = await worker.warm(pace.warmMillis, pace.batchMillis)
    } catch (error) {
      failed(error)
    }
    measure = () => worker!.measure(operations)
  } else {
    measure = async () => {
      worker = await Worker.start(measured, measured.kind === "probe" ? "probe" : "allocation")
      const measures = await worker.measure(0)
      worker.stop()
      return measures
    }
  }
  return {
    round: async () => {
      if (problem !== undefined || (measured.kind === "probe" && rounds.length >= measured.atMostRounds)) return
      try {
        rounds.push(await measure())
      } catch (error) {
        failed(error)
      }
    },
    finish: async () => {
      if (problem === undefined && measured.kind === "timed" && group.mode === "time") {
        try {
          problem = await worker?.check()
        } catch (error) {
          failed(error)
        }
      }
      return { id: measured.id, title: measured.title, rounds, problem, isMissing }
    },
    stop: () => worker?.stop()
  }
}
