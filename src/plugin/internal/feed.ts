import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import type { EventRecord } from "../../event/internal/eventRecord.ts"
import { Batch } from "../../event/internal/kernel.ts"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import type { Span } from "../../event/internal/span.ts"
import { Waiters } from "../../event/internal/waiters.ts"

/** Where the subscribers of one document get their events from. */
export type Trunk = AgentRuntime["Service"]["trunk"]

/** So many events may wait for subscribers whose predecessors are not done. */
const maxHeld = 65_536

interface Change {
  /** The last event before it. */
  readonly at: number
  readonly next: Trunk
}

/**
 * Gives every event of a runtime to the subscribers of one document and of no other. When documents change places, what
 * is at work goes on to the old ones until it has ended, or for as long as it may take; the new ones get what comes then
 * in the order in which it happened, once the old ones are done.
 */
export class Feed {
  private current: Trunk
  private change: Change | undefined = undefined
  /** Batches for the subscribers that come next, while the old ones are not done. */
  private held: Array<Batch> = []
  private heldCount = 0
  /** Subscribers that are being made, for the next change. */
  private ready: Trunk | undefined = undefined
  /** The last event that has gone by. */
  private passed = 0
  /** Whether the last event before the change has gone by. */
  private isPast = false
  /** Nothing goes to the old ones any more. */
  private isCut = false
  /** How many scopes are open under each root, as far as events have gone by. */
  private readonly open = new Map<Span, number>()
  /** The roots that belong to the old ones. */
  private readonly old = new Set<Span>()
  private readonly waiters = new Waiters()

  constructor(current: Trunk) {
    this.current = current
  }

  /** From the next event on, what is new is for `next`. `at` is the number of the last event. */
  begin(next: Trunk, at: number): void {
    this.ready = undefined
    this.change = { at, next }
    this.isPast = false
    this.isCut = false
    if (this.passed >= at) this.pastChange()
  }

  /** Until nothing that was at work when the change began is, or too much waits. */
  readonly finished: Effect.Effect<void> = Effect.suspend(() =>
    this.waiters.until(() =>
      this.change === undefined || (this.isPast && this.old.size === 0) || this.heldCount > maxHeld
    )
  )

  /** Subscribers that are made ready need not be waited for yet. */
  prepare(next: Trunk | undefined): void {
    this.ready = next
  }

  /** The old ones get nothing more. */
  cut(): void {
    this.isCut = true
    this.old.clear()
  }

  /** The next ones get what was held for them, and all that follows. */
  end(): void {
    const { change } = this
    if (change === undefined) return
    this.change = undefined
    this.current = change.next
    this.old.clear()
    this.heldCount = 0
    for (const batch of this.held.splice(0)) PubSub.publishUnsafe(this.current, batch)
  }

  /** Nobody listens any more, so that the ends of what is open will not come by. */
  forget(): void {
    this.open.clear()
  }

  /** Passes events on for as long as the Effect Scope is open. */
  readonly run = (runtime: AgentRuntime["Service"]): Effect.Effect<void, never, Scope.Scope> =>
    Effect.gen({ self: this }, function*() {
      const subscription = yield* PubSub.subscribe(runtime.trunk)
      yield* PubSub.takeAll(subscription).pipe(
        Effect.map((batches) => batches.forEach((batch) => this.pass(batch))),
        Effect.forever({ disableYield: true }),
        Effect.forkScoped
      )
    })

  private pass(batch: Batch): void {
    const { change } = this
    this.passed = batch.through
    if (change === undefined) {
      for (const record of batch.records) this.count(record)
      PubSub.publishUnsafe(this.current, batch)
      if (this.ready !== undefined) PubSub.publishUnsafe(this.ready, new Batch([], batch.through))
      return
    }
    const old: Array<EventRecord> = []
    const next: Array<EventRecord> = []
    for (const record of batch.records) {
      if (!this.isPast && record.sequence > change.at) this.pastChange()
      const goesToOld = record.sequence <= change.at || (!this.isCut && this.isOld(record))
      if (goesToOld) old.push(record)
      else next.push(record)
      this.count(record)
    }
    if (!this.isPast && batch.through >= change.at) this.pastChange()
    PubSub.publishUnsafe(this.current, new Batch(old, batch.through))
    this.held.push(new Batch(next, batch.through))
    this.heldCount += next.length
    this.waiters.notify()
  }

  private pastChange(): void {
    this.isPast = true
    if (!this.isCut) { for (const root of this.open.keys()) this.old.add(root) }
    this.waiters.notify()
  }

  private isOld({ span }: EventRecord): boolean {
    return span !== undefined && this.old.has(span.root)
  }

  private count({ span, tag }: EventRecord): void {
    if (span === undefined || tag === "Mark") return
    const { root } = span
    const count = (this.open.get(root) ?? 0) + (tag === "ScopeStart" ? 1 : -1)
    if (count > 0) this.open.set(root, count)
    else {
      this.open.delete(root)
      this.old.delete(root)
    }
  }
}
