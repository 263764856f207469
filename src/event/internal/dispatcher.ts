import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type { EventRecord } from "./eventRecord.ts"
import { Batch, type Kernel, type Trouble } from "./kernel.ts"
import type { Mailbox } from "./mailbox.ts"

const batchSize = 1024
const logEveryMicros = 60_000_000

/**
 * Drains the ring of a runtime: lets observers change each event, and publishes it. Order is that of
 * emission, also when an observer takes its time.
 */
export class Dispatcher {
  private readonly kernel: Kernel
  private readonly trunk: PubSub.PubSub<Batch>
  private readonly records: Array<EventRecord> = []
  private published = 0
  private last = 0
  /** An observer is at work: nothing behind it may be built. */
  private busy = false
  private pending: Effect.Effect<void> | undefined = undefined
  private readonly touched = new Set<Mailbox>()
  /** Troubles so far: how many of each, how many since the last time one was logged, and when that was. */
  private readonly ledger = new Map<
    string,
    { readonly kind: string; readonly name: string; total: number; count: number; at: number }
  >()

  constructor(kernel: Kernel, trunk: PubSub.PubSub<Batch>) {
    this.kernel = kernel
    this.trunk = trunk
    kernel.drainNow = () => this.drainNow()
  }

  /** The dispatcher fiber: runs until it is interrupted. */
  readonly run: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => {
      this.kernel.anchor()
      const work = this.pending ?? this.step()
      this.pending = undefined
      if (work !== undefined) return work
      if (this.kernel.troubles.length > 0) return this.logTroubles(this.kernel.troubles.splice(0))
      return this.sleep
    }),
    { disableYield: true }
  )

  private readonly sleep: Effect.Effect<void> = Effect.withFiber((fiber) =>
    Effect.callback<void>((resume) => {
      // What was emitted since the ring was seen empty found nobody to wake.
      if (this.kernel.ring.size > 0 || this.kernel.troubles.length > 0 || this.pending !== undefined) {
        return resume(Effect.void)
      }
      const { currentDispatcher } = fiber
      this.kernel.wake = () => currentDispatcher.scheduleTask(() => resume(Effect.void), 0)
      return Effect.sync(() => {
        this.kernel.wake = undefined
      })
    })
  )

  /** Publishes until the ring is empty, or until an observer needs a fiber: then that work is returned. */
  private step(): Effect.Effect<void> | undefined {
    const { kernel } = this
    for (let record = kernel.take(); record !== undefined; record = kernel.take()) {
      if (!record.canWait) {
        const pending = record.observers?.observe(record.build(), record.span)
        if (pending !== undefined) return this.wait(pending, record)
      }
      this.deliver(record)
      if (this.records.length >= batchSize) this.publish()
    }
    this.last = kernel.sequence
    this.publish()
    return undefined
  }

  private wait(pending: Effect.Effect<void>, record: EventRecord): Effect.Effect<void> {
    this.publish()
    this.busy = true
    return Effect.flatMap(pending, () => {
      this.busy = false
      this.deliver(record)
      return this.step() ?? Effect.void
    })
  }

  private deliver(record: EventRecord): void {
    const { kernel } = this
    this.last = record.sequence
    for (const mailbox of record.audience) {
      mailbox.offer(kernel, record)
      this.touched.add(mailbox)
    }
    if (kernel.mailboxes.length > 0) this.records.push(record)
  }

  private publish(): void {
    const { kernel } = this
    const through = this.last
    if (through > this.published) {
      this.published = through
      if (kernel.mailboxes.length > 0) PubSub.publishUnsafe(this.trunk, new Batch(this.records.slice(), through))
      this.records.length = 0
    }
    kernel.dispatched = through
    if (this.touched.size > 0) {
      const touched = Array.from(this.touched)
      this.touched.clear()
      for (const mailbox of touched) mailbox.through(kernel, through)
    }
    kernel.waiters.notify()
  }

  /** Makes room at once, on the fiber that emits, as long as no observer needs a fiber and subscribers keep up. */
  private drainNow(): void {
    if (this.busy || this.pending !== undefined) return
    for (const mailbox of this.kernel.mailboxes) {
      if (mailbox.behind(this.kernel) >= this.kernel.options.capacityEvents) return
    }
    this.pending = this.step()
  }

  /** How often what went wrong. */
  get troubles(): ReadonlyArray<{ readonly kind: string; readonly name: string; readonly count: number }> {
    return Array.from(this.ledger.values(), ({ kind, name, total }) => ({ kind, name, count: total }))
  }

  private logTroubles(troubles: ReadonlyArray<Trouble>): Effect.Effect<void> {
    const now = this.kernel.now(this.kernel.clock)
    const due: Array<Effect.Effect<void>> = []
    for (const { detail, kind, name } of troubles) {
      const key = `${kind}\u0000${name}`
      const entry = this.ledger.get(key) ?? { kind, name, total: 0, count: 0, at: Number.NEGATIVE_INFINITY }
      this.ledger.set(key, entry)
      entry.total++
      if (now - entry.at < logEveryMicros) {
        entry.count++
        continue
      }
      const more = entry.count === 0 ? "" : ` (and ${entry.count} more like it)`
      entry.count = 0
      entry.at = now
      due.push(Effect.logWarning(`heddle: ${kind}: ${name}${more}`, detail))
    }
    return Effect.all(due, { discard: true })
  }
}
