/** What is measured, and how. Every case runs in a process of its own. */

/**
 * One kind of figure.
 *
 * - `nanos`: wall time of one operation, nanoseconds.
 * - `cpu`: CPU time of all threads for one operation, nanoseconds.
 * - `bytes`: JavaScript heap, bytes: allocated by one operation, or held by one open agent.
 * - `rss`: growth of the resident set, bytes: of the process, or for one open agent.
 * - `millis`: wall time of one start, milliseconds.
 * - `lost`: share of events that never arrived, from 0 to 1.
 */
export type Metric = "nanos" | "cpu" | "bytes" | "rss" | "millis" | "lost"

export type Measures = Partial<Record<Metric, number>>

/** Work that is ready to be repeated. */
export interface Batch {
  /** Does this many operations, and returns when all that they caused has happened: with subscribers, all deliveries. */
  readonly run: (operations: number) => Promise<void>
  /** After the last batch: says in words what makes the figures worthless, if anything does. */
  readonly check?: () => string | undefined
}

interface Common {
  readonly id: string
  readonly title: string
  /** The file that defines the case; its process loads no other. */
  readonly module: string
}

/** Warmed once, then timed in batches, one for each round. */
export interface TimedCase extends Common {
  readonly kind: "timed"
  /** How many operations of the table one operation of the batch is, for example the chunks of a stream. */
  readonly per: number
  readonly setup: () => Promise<Batch>
}

/** Measures itself, once in each process: one process for each round. */
export interface ProbeCase extends Common {
  readonly kind: "probe"
  /** Takes so long that more rounds than these are not worth it. */
  readonly atMostRounds: number
  readonly measure: () => Promise<Measures>
}

export type Case = TimedCase | ProbeCase

/** Makes the cases of one file: pass `import.meta.url`. */
export const casesOf = (module: string) => ({
  timed: (id: string, title: string, setup: () => Promise<Batch>, per = 1): TimedCase => ({
    kind: "timed",
    id,
    title,
    module,
    per,
    setup
  }),
  probe: (
    id: string,
    title: string,
    measure: () => Promise<Measures>,
    atMostRounds = Number.POSITIVE_INFINITY
  ): ProbeCase => ({
    kind: "probe",
    id,
    title,
    module,
    atMostRounds,
    measure
  })
})

/** Cases that are measured in the same rounds, and so can be compared. */
export interface Group {
  readonly id: string
  readonly title: string
  /** The case whose figures of the same round the others are divided by. */
  readonly base: string | undefined
  /** The figure that is divided. */
  readonly metric: Metric
  /** `allocation` measures bytes instead of time. */
  readonly mode: "time" | "allocation"
  readonly rounds: number
  readonly cases: ReadonlyArray<Case>
}
