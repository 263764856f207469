import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { type EndDetail, type EventRecord, type MarkDetail, MarkRecord, ScopeRecord } from "./eventRecord.ts"
import { type Frame, isMuted, type Level, noAudience, type Observers } from "./frame.ts"
import { makeUuidV7 } from "./ids.ts"
import type { Mailbox } from "./mailbox.ts"
import type { ErrorCapture } from "./outcome.ts"
import type { Registry } from "./registry.ts"
import { Ring } from "./ring.ts"
import { sizeOf } from "./size.ts"
import type { Span } from "./span.ts"
import { Waiters } from "./waiters.ts"

/** What a runtime was built with. Every field has been given its default. */
export interface KernelOptions {
  readonly capacityEvents: number
  readonly capacityBytes: number
  /** What happens when the ring is full: observers run at once on the emitting fiber, or the event is dropped. */
  readonly onFull: "drain" | "drop"
  readonly capture: ErrorCapture
  readonly headerAllowList: ReadonlySet<string>
  readonly require: ReadonlyArray<string>
  readonly closeTimeout: Duration.Duration
  readonly flushTimeout: Duration.Duration
  readonly audit: ((payload: unknown) => string) | undefined
}

/** Something that went wrong where it may not be seen by the work: counted, and logged at a limited rate. */
export interface Trouble {
  readonly kind: string
  readonly name: string
  readonly detail: unknown
}

/** What holds for everything that is opened or emitted from one context. */
export interface Site {
  readonly context: Context.Context<never>
  readonly kernel: Kernel
  readonly frame: Frame
  readonly clock: Clock.Clock
  readonly observers: Observers
}

/** Built events on their way to subscribers. */
export class Batch {
  readonly records: ReadonlyArray<EventRecord>
  readonly through: number

  constructor(records: ReadonlyArray<EventRecord>, through: number) {
    this.records = records
    this.through = through
  }
}

const liveClock: Clock.Clock = Context.get(Context.empty(), Clock.Clock)

/**
 * The synchronous heart of one runtime: numbers events and puts them into a bounded ring. It never waits, never fails
 * and never calls user code; the dispatcher does the rest.
 */
export class Kernel {
  readonly options: KernelOptions
  readonly registry: Registry
  readonly clock: Clock.Clock
  readonly plan: (level: Level | undefined) => Observers
  readonly customIds: boolean
  readonly makeId: (timestampMicros: number, ordinal: number) => string
  readonly ring = new Ring<EventRecord>()
  /** Application-wide subscribers. */
  readonly mailboxes: Array<Mailbox> = []
  /** Those of them that slow callers down when they are full. */
  gates: ReadonlyArray<Mailbox> = noAudience
  /** Scope-local subscribers with events of this runtime. */
  readonly locals = new Set<Mailbox>()
  readonly waiters = new Waiters()
  /** Number of the last event. */
  sequence = 0
  /** Everything up to this event has been built and published, or lost. */
  dispatched = 0
  /** Events lost because the ring was full. */
  lost = 0
  lastTimestamp = 0
  closed = false
  lateEndListeners = 0
  /** Wakes the dispatcher; set while it sleeps. */
  wake: (() => void) | undefined = undefined
  /** The Effect span under which work inside of a span runs; set while an exporter makes spans of scopes. */
  spanParent: ((span: Span) => Tracer.AnySpan) | undefined = undefined
  /** How many exporters want it. */
  spanAdopters = 0
  /** What ends with the scope around it, while there is any: asked before a span ends. */
  guests: { readonly close: (host: Span) => void } | undefined = undefined
  /** Builds what can be built without waiting; set by the dispatcher. */
  drainNow: () => void = () => undefined
  readonly troubles: Array<Trouble> = []
  /** Entries about which a warning has been given. */
  readonly warned = new WeakSet<object>()
  /** Plan of what is visible outside of every aspect, kept until the registry changes. */
  basePlan: Observers | undefined = undefined
  /** Where something was opened or emitted last: the next thing is often from there too. */
  lastSite: Site | undefined = undefined
  private ordinal = 0
  private bytes = 0
  private origin = 0
  /** Kept, since the global is a getter. */
  private readonly timer: typeof globalThis.performance
  /** Below so many records the ring does not ask for their weight: it takes 64 KiB for each of them as given. */
  private readonly weighFrom: number
  private readonly open: { next: Span | undefined } = { next: undefined }

  constructor(
    options: KernelOptions,
    registry: Registry,
    clock: Clock.Clock,
    idGenerator: (() => string) | undefined,
    planner: (kernel: Kernel, level: Level | undefined) => Observers
  ) {
    this.options = options
    this.weighFrom = Math.min(1024, Math.max(64, options.capacityBytes / 65_536))
    this.registry = registry
    this.timer = globalThis.performance
    this.clock = clock
    this.plan = (level) => planner(this, level)
    this.customIds = idGenerator !== undefined
    this.makeId = idGenerator ?? this.lateIds(makeUuidV7())
    this.anchor()
  }

  nextOrdinal(): number {
    this.ordinal = (this.ordinal + 1) >>> 0
    return this.ordinal
  }

  /** Whether an event born in this frame has a listener. */
  isListening(frame: Frame): boolean {
    return (this.mailboxes.length > 0 || (frame.level !== undefined && frame.level.audience.length > 0)) &&
      (frame.inside === undefined || !isMuted(frame.inside))
  }

  /** Microseconds since the epoch, by this clock; never earlier than before. */
  now(clock: Clock.Clock): number {
    const time = clock === liveClock
      ? Math.floor((this.origin + this.timer.now()) * 1000)
      : clock.currentTimeMillisUnsafe() * 1000
    return time > this.lastTimestamp ? this.lastTimestamp = time : this.lastTimestamp
  }

  /** Follows the wall clock when it was set or the machine slept. */
  anchor(): void {
    const wall = liveClock.currentTimeMillisUnsafe()
    if (Math.abs(wall - (this.origin + this.timer.now())) > 500) this.origin = wall - this.timer.now()
  }

  /** Whether a scope or a call is open. */
  get isAtWork(): boolean {
    return this.open.next !== undefined
  }

  /** Opens a span; emits its start if somebody listens. */
  startSpan(span: Span, clock: Clock.Clock, data: unknown): void {
    span.clock = clock
    if (this.closed) return
    this.link(span)
    if (!this.isListening(span)) return
    span.startedAt = this.now(span.clock)
    const record = new ScopeRecord("ScopeStart", span, span.startedAt, data, undefined, undefined)
    span.startSequence = this.emit(record, span.level, true) ? record.sequence : -1
  }

  /** Emits the end of a span, once: later calls do nothing. */
  endSpan(
    span: Span,
    exit: Exit.Exit<unknown, unknown> | undefined,
    data: unknown,
    end: EndDetail | undefined
  ): void {
    if (!span.isOpen) return
    if (this.guests !== undefined) this.guests.close(span)
    this.unlink(span)
    if (span.startSequence < 0 || (span.startSequence === 0 && this.lateEndListeners === 0)) return
    if (!this.isListening(span)) return
    const now = this.now(span.clock)
    const timestamp = now > span.startedAt ? now : span.startedAt + 1
    this.lastTimestamp = timestamp
    // A success says nothing besides its value, which is in `data`: nothing else of it is kept.
    const cause = exit?._tag === "Success" ? Exit.void : exit
    this.emit(new ScopeRecord("ScopeEnd", span, timestamp, data, cause, end), span.level, false)
  }

  /** Emits a mark, if somebody listens. */
  mark(
    frame: Frame,
    parent: Span | undefined,
    clock: Clock.Clock,
    data: unknown,
    detail: MarkDetail
  ): void {
    if (this.closed || !this.isListening(frame)) return
    const observers = this.plan(frame.level)
    this.emit(new MarkRecord(parent, this.now(clock), data, this, frame, observers, detail), frame.level, true)
  }

  /** Ends every span that is still open, inner ones first. */
  interruptOpen(origin: string): number {
    let count = 0
    for (let span = this.open.next; span !== undefined; span = this.open.next) {
      this.endSpan(span, undefined, undefined, { origin })
      count++
    }
    return count
  }

  /** The record leaves the ring. */
  take(): EventRecord | undefined {
    const record = this.ring.shift()
    if (record !== undefined) this.bytes -= record.bytes
    return record
  }

  addMailbox(mailbox: Mailbox): void {
    mailbox.attach(this, this.sequence)
    this.mailboxes.push(mailbox)
    if (mailbox.options.lateEnds) this.lateEndListeners++
    this.updateGates()
  }

  removeMailbox(mailbox: Mailbox): void {
    const index = this.mailboxes.indexOf(mailbox)
    if (index < 0) return
    this.mailboxes.splice(index, 1)
    if (mailbox.options.lateEnds) this.lateEndListeners--
    this.updateGates()
  }

  trouble(kind: string, name: string, detail: unknown): void {
    this.troubles.push({ kind, name, detail })
    this.wakeDispatcher()
  }

  private emit(record: EventRecord, level: Level | undefined, mayDrop: boolean): boolean {
    if (this.ring.size >= this.weighFrom) this.weigh(record)
    // Room is made before the event has a number: whatever has one is in the ring, or is known to be lost.
    if (mayDrop && this.isFull() && this.options.onFull === "drain") this.drainNow()
    record.sequence = ++this.sequence
    if (level !== undefined) { for (const mailbox of level.audience) mailbox.expect(this, record.sequence) }
    if (mayDrop && this.isFull()) {
      this.lose(record)
      return false
    }
    this.ring.push(record)
    if (this.wake !== undefined) this.wakeDispatcher()
    return true
  }

  private isFull(): boolean {
    return this.ring.size >= this.options.capacityEvents ||
      (this.ring.size > 0 && this.bytes > this.options.capacityBytes)
  }

  /** Payloads are weighed only once records pile up, since that is not free. */
  private weigh(record: EventRecord): void {
    record.bytes = sizeOf(record.data)
    this.bytes += record.bytes
  }

  private lose(record: EventRecord): void {
    this.lost++
    this.bytes -= record.bytes
    for (const mailbox of this.mailboxes) mailbox.loseFrom(this, record)
    for (const mailbox of record.audience) mailbox.loseFrom(this, record)
    if (this.lost === 1 || this.lost % 10_000 === 0) {
      this.trouble("ring full", "events dropped", { dropped: this.lost, capacity: this.options.capacityEvents })
    }
  }

  private wakeDispatcher(): void {
    const wake = this.wake
    if (wake === undefined) return
    this.wake = undefined
    wake()
  }

  private updateGates(): void {
    this.gates = this.mailboxes.filter((mailbox) => mailbox.options.strategy === "suspend")
  }

  private link(span: Span): void {
    const { open } = this
    span.previous = open
    span.next = open.next
    if (span.next !== undefined) span.next.previous = span
    open.next = span
  }

  private unlink(span: Span): void {
    if (span.previous !== undefined) span.previous.next = span.next
    if (span.next !== undefined) span.next.previous = span.previous
    span.previous = undefined
    span.next = undefined
  }

  /** Ids of scopes that nobody listens to are made when somebody asks, so they have no time of their own. */
  private lateIds(make: (timestampMicros: number, ordinal: number) => string) {
    return (timestampMicros: number, ordinal: number) => make(timestampMicros || this.now(this.clock), ordinal)
  }
}
