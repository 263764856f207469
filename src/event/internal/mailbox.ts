import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as LifecycleEvent from "../LifecycleEvent.ts"
import type { EventRecord } from "./eventRecord.ts"
import { isInside } from "./frame.ts"
import type { Batch, Kernel } from "./kernel.ts"
import { Ring } from "./ring.ts"
import { Waiters } from "./waiters.ts"

/** What a mailbox does when it is full. */
export type Strategy = "suspend" | "dropping" | "sliding"

export interface MailboxOptions {
  readonly name: string
  readonly capacity: number
  readonly strategy: Strategy
  readonly filter: ((event: LifecycleEvent.LifecycleEvent) => boolean) | undefined
  /** Whether it wants ends whose start it was too late for. */
  readonly lateEnds: boolean
}

interface MutableGap {
  readonly source: Source
  dropped: number
  readonly first: number
  last: number
}

interface Source {
  readonly kernel: Kernel
  /** Events up to this sequence number existed before the mailbox did. */
  readonly since: number
  /** Last event of this runtime that is meant for the mailbox. Kept for scope-local ones only. */
  expected: number
  /** Everything up to this one has been offered, or will never come. */
  offered: number
  /** Everything up to this one is done with. */
  handled: number
  /** Somebody waits until everything up to this one is done with. */
  awaited: number
  /** What the ring of the runtime lost, until what came before it has been offered. */
  readonly lost: Array<MutableGap>
}

/**
 * The buffer of one subscriber: bounded, in emission order. What it cannot take is counted and announced as a gap.
 */
export class Mailbox {
  readonly options: MailboxOptions
  readonly waiters = new Waiters()
  readonly isLocal: boolean
  /** Whether its name must be unique in its runtime. */
  readonly isNamed: boolean
  closed = false
  private readonly queue = new Ring<EventRecord>()
  private readonly sources: Array<Source> = []
  /** Gaps that were not announced yet, in order. */
  private readonly gaps: Array<MutableGap> = []
  /** The gap at the end: it grows as long as nothing is taken in. */
  private growing: MutableGap | undefined = undefined
  /** The gap before everything else, of what a sliding buffer dropped from its front. */
  private front: MutableGap | undefined = undefined
  private current: EventRecord | undefined = undefined
  /** What was taken together with `current`, before it. */
  private earlier: Array<EventRecord> = []
  /** A gap has been handed out and is being handled. */
  private isAnnouncing = false
  /** Events emitted for a scope-local mailbox and not done with yet. */
  private outstanding = 0
  /** Set while its handler waits for a flush: others must not wait for it then. */
  flushing = 0
  /** Events that it could not take in, and those that were here when it was given up. */
  dropped = 0

  constructor(options: MailboxOptions, isLocal: boolean, isNamed = false) {
    this.options = options.capacity >= 1 ? options : { ...options, capacity: 1 }
    this.isLocal = isLocal
    this.isNamed = isNamed
  }

  /** Registers a runtime as a source of events, from now on. */
  attach(kernel: Kernel, since: number): Source {
    const source: Source = { kernel, since, expected: since, offered: since, handled: since, awaited: since, lost: [] }
    this.sources.push(source)
    return source
  }

  sourceOf(kernel: Kernel): Source | undefined {
    for (const source of this.sources) if (source.kernel === kernel) return source
    return undefined
  }

  /** A scope-local mailbox learns of an event when it is emitted, so that it can be drained. */
  expect(kernel: Kernel, sequence: number): void {
    if (this.closed) return
    let source = this.sourceOf(kernel)
    if (source === undefined) {
      source = this.attach(kernel, sequence - 1)
      kernel.locals.add(this)
    }
    source.expected = sequence
    this.outstanding++
  }

  /** How many events wait here or on their way here. */
  pending(kernel: Kernel): number {
    if (this.isLocal) return this.outstanding
    const source = this.sourceOf(kernel)
    return source === undefined ? 0 : kernel.sequence - source.handled
  }

  /** How many events are here. */
  get size(): number {
    return this.queue.size
  }

  /** How many published events it has not taken in yet. */
  behind(kernel: Kernel): number {
    const source = this.sourceOf(kernel)
    return source === undefined ? 0 : kernel.dispatched - source.offered
  }

  isFull(kernel: Kernel): boolean {
    return !this.closed && this.pending(kernel) >= this.options.capacity
  }

  /** Whether everything up to `target` that was meant for this mailbox is done with. Who asks waits for it. */
  isDone(kernel: Kernel, target: number): boolean {
    if (this.closed) return true
    const source = this.sourceOf(kernel)
    if (source !== undefined && target > source.awaited) {
      source.awaited = target
      this.waiters.notify()
    }
    if (this.isAnnouncing || this.gaps.some((gap) => gap.source.kernel === kernel && gap.first <= target)) return false
    if (source === undefined) return true
    return source.handled >= (this.isLocal ? Math.min(target, source.expected) : target)
  }

  /** Whether somebody waits for what is here or on its way here, so that lingering would delay them. */
  get isAwaited(): boolean {
    return this.closed || this.sources.some(({ awaited, handled, kernel }) => awaited > handled || kernel.closed)
  }

  /** Takes an event in, or counts it as dropped. */
  offer(kernel: Kernel, record: EventRecord): void {
    const source = this.sourceOf(kernel)
    if (source !== undefined) this.offerFrom(source, record)
  }

  /** Takes in what was published. */
  offerAll(kernel: Kernel, batches: ReadonlyArray<Batch>): void {
    const source = this.sourceOf(kernel)
    if (source === undefined) return
    for (const { records, through } of batches) {
      for (const record of records) this.offerFrom(source, record)
      this.through(kernel, through)
    }
  }

  private offerFrom(source: Source, record: EventRecord): void {
    if (this.closed) return
    if (source.lost.length > 0) this.countLostUpTo(source, record.sequence)
    if (!this.wants(source, record)) return this.skip(source, record.sequence)
    if (this.queue.size >= this.options.capacity && this.options.strategy !== "suspend") {
      if (this.options.strategy === "dropping") return this.lose(source, record.sequence)
      const oldest = this.queue.shift()
      if (oldest !== undefined) this.loseOldest(this.originOf(oldest), oldest.sequence)
    }
    this.queue.push(record)
    // What is lost from here on comes after this event.
    this.growing = undefined
    if (record.sequence > source.offered) source.offered = record.sequence
  }

  /** Every event of the runtime up to `through` has been offered. */
  through(kernel: Kernel, through: number): void {
    const source = this.sourceOf(kernel)
    if (source === undefined) return
    if (source.lost.length > 0) this.countLostUpTo(source, through)
    this.advance(source, through)
    this.waiters.notify()
    kernel.waiters.notify()
  }

  /** The ring had no room for an event that was meant for this mailbox. */
  loseFrom(kernel: Kernel, record: EventRecord): void {
    const source = this.sourceOf(kernel)
    const { sequence } = record
    if (source === undefined || this.closed || sequence <= source.since) return
    if (this.isLocal) this.outstanding--
    if (isInside(record.inside, this)) return
    const last = source.lost.at(-1)
    if (last?.last === sequence - 1) {
      last.dropped++
      last.last = sequence
    } else source.lost.push({ source, dropped: 1, first: sequence, last: sequence })
  }

  /** Next event to handle, a gap first if there is one; waits for it. `undefined` when the mailbox is closed and empty. */
  readonly take: Effect.Effect<LifecycleEvent.LifecycleEvent | undefined> = Effect.suspend(() => {
    const event = this.takeNow()
    if (event !== undefined) return Effect.succeed(event)
    if (this.closed) return Effect.succeed(undefined)
    return Effect.flatMap(this.waiters.until(() => this.isReady), () => this.take)
  })

  /** `take` as the pull of a stream. */
  readonly pull: Pull.Pull<NonEmptyReadonlyArray<LifecycleEvent.LifecycleEvent>> = Effect.flatMap(
    this.take,
    (event) => event === undefined ? Cause.done() : Effect.succeed([event] as const)
  )

  /** `take` without waiting: `undefined` when there is nothing now. */
  takeNow(): LifecycleEvent.LifecycleEvent | undefined {
    this.done()
    const gap = this.dueGap
    if (gap !== undefined) return this.announceGap(gap)
    this.current = this.queue.shift()
    return this.current?.event
  }

  /** `takeNow` for up to `max` events at once, which are handled when the next ones are taken. A gap comes alone. */
  takeUpTo(max: number): Array<LifecycleEvent.LifecycleEvent> {
    const first = this.takeNow()
    if (first === undefined) return []
    const events = [first]
    while (this.current !== undefined && events.length < max && this.dueGap === undefined) {
      const record = this.queue.shift()
      if (record === undefined) break
      this.earlier.push(this.current)
      this.current = record
      events.push(record.event)
    }
    return events
  }

  /** What was taken last has been handled. */
  done(): void {
    if (this.isAnnouncing) {
      this.isAnnouncing = false
      this.waiters.notify()
      for (const source of this.sources) source.kernel.waiters.notify()
    }
    const record = this.current
    if (record === undefined) return
    if (this.earlier.length > 0) {
      for (const each of this.earlier) this.complete(this.originOf(each), each.sequence)
      this.earlier = []
    }
    const source = this.originOf(record)
    this.current = undefined
    this.complete(source, record.sequence)
    this.waiters.notify()
    source.kernel.waiters.notify()
  }

  /** Whether everything emitted before this moment will have been handled when the answer is asked. */
  drainedAsOfNow(): () => boolean {
    const targets = this.sources.map((source) => ({ kernel: source.kernel, target: source.expected }))
    return () => targets.every(({ kernel, target }) => this.isDone(kernel, target))
  }

  /** Events that are here or on their way here. */
  get unhandled(): number {
    if (this.isLocal) return this.outstanding
    return this.sources.reduce((total, source) => total + this.pending(source.kernel), 0)
  }

  /** Takes no more events. What is in it can still be taken. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.outstanding = 0
    for (const source of this.sources) source.kernel.locals.delete(this)
    this.waiters.notify()
    for (const source of this.sources) source.kernel.waiters.notify()
  }

  /** Forgets what was not handled and says how much that was. */
  abandon(): number {
    const left = this.unhandled
    this.dropped += this.queue.size + this.earlier.length + (this.current === undefined ? 0 : 1)
    while (this.queue.shift() !== undefined);
    this.current = undefined
    this.earlier = []
    this.gaps.length = 0
    this.close()
    return left
  }

  get isReady(): boolean {
    return this.closed || this.queue.size > 0 || this.gaps.length > 0
  }

  /** The gap that comes before the next event. */
  private get dueGap(): MutableGap | undefined {
    const gap = this.gaps[0]
    if (gap === undefined) return undefined
    const next = this.queue.peek()
    return next === undefined || this.originOf(next) !== gap.source || next.sequence > gap.first ? gap : undefined
  }

  private originOf(record: EventRecord): Source {
    const first = this.sources[0]!
    if (this.sources.length === 1) return first
    return this.sources.find((source) => source.kernel === record.kernel) ?? first
  }

  private wants(source: Source, record: EventRecord): boolean {
    if (record.sequence <= source.since || isInside(record.inside, this)) return false
    if (record.tag === "ScopeEnd" && !this.options.lateEnds) {
      const started = record.span?.startSequence ?? 0
      if (started <= source.since || started === 0) return false
    }
    return this.options.filter === undefined || this.options.filter(record.event)
  }

  private lose(source: Source, sequence: number): void {
    this.growing = this.countLost({ source, dropped: 1, first: sequence, last: sequence }, this.growing)
    this.skip(source, sequence)
  }

  private countLostUpTo(source: Source, sequence: number): void {
    for (let gap = source.lost[0]; gap !== undefined && gap.first <= sequence; gap = source.lost[0]) {
      source.lost.shift()
      this.growing = this.countLost(gap, this.growing)
    }
  }

  private loseOldest(source: Source, sequence: number): void {
    this.front = this.countLost({ source, dropped: 1, first: sequence, last: sequence }, this.front)
    this.skip(source, sequence)
  }

  /** Adds what was lost to a gap that it continues, or as a gap of its own, in order; and says which. */
  private countLost(lost: MutableGap, gap: MutableGap | undefined): MutableGap {
    this.dropped += lost.dropped
    if (gap !== undefined && gap.source === lost.source && lost.first > gap.last) {
      gap.dropped += lost.dropped
      gap.last = lost.last
      return gap
    }
    const after = this.gaps.findIndex((other) => other.source === lost.source && other.first > lost.first)
    if (after < 0) this.gaps.push(lost)
    else this.gaps.splice(after, 0, lost)
    return lost
  }

  private skip(source: Source, sequence: number): void {
    if (this.isLocal) this.outstanding--
    this.advance(source, sequence)
  }

  private advance(source: Source, sequence: number): void {
    if (sequence > source.offered) source.offered = sequence
    if (this.queue.size > 0 || this.current !== undefined) return
    if (source.offered > source.handled) source.handled = source.offered
  }

  private complete(source: Source, sequence: number): void {
    if (this.isLocal) this.outstanding--
    if (sequence > source.handled) source.handled = sequence
    if (this.queue.size > 0) return
    for (const each of this.sources) if (each.offered > each.handled) each.handled = each.offered
  }

  private announceGap(gap: MutableGap): LifecycleEvent.Mark {
    this.gaps.shift()
    if (this.growing === gap) this.growing = undefined
    if (this.front === gap) this.front = undefined
    this.isAnnouncing = true
    const { kernel } = gap.source
    const data: LifecycleEvent.Gap = { dropped: gap.dropped, firstSequence: gap.first, lastSequence: gap.last }
    const uuid = kernel.makeId(kernel.lastTimestamp, kernel.nextOrdinal())
    return {
      _tag: "Mark",
      uuid,
      parentUuid: undefined,
      rootUuid: uuid,
      sequence: gap.last,
      timestamp: kernel.lastTimestamp,
      name: LifecycleEvent.gapMark,
      category: "custom",
      profile: { subtype: LifecycleEvent.gapMark },
      data,
      dataSchema: undefined,
      metadata: { "heddle.subscriber": this.options.name },
      severity: "warn"
    }
  }
}
