import type * as Exit from "effect/Exit"
import type { Category, DataSchema, DecisionRecord, LifecycleEvent, Profile, Severity } from "../LifecycleEvent.ts"
import { buildMark, buildScope } from "./build.ts"
import type { Draft, Frame, Inside, Observers } from "./frame.ts"
import { noAudience } from "./frame.ts"
import type { Kernel } from "./kernel.ts"
import type { Mailbox } from "./mailbox.ts"
import type { Span } from "./span.ts"

/** What an end event says besides its span and its exit. */
export interface EndDetail {
  readonly blocked?: { readonly by: string; readonly reason: string } | undefined
  readonly origin?: string | undefined
  readonly decisions?: ReadonlyArray<DecisionRecord> | undefined
  readonly profile?: Profile | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** What a mark says besides its data and its parent. */
export interface MarkDetail {
  readonly name: string
  readonly category: Category | undefined
  readonly severity: Severity | undefined
  readonly dataSchema: DataSchema | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
}

/** An event before it is built: what was known where it happened, by reference. */
export abstract class EventRecord {
  /** The scope whose event it is, or the parent of a mark. */
  readonly span: Span | undefined
  readonly timestamp: number
  readonly data: unknown
  sequence = 0
  bytes = 0
  private built: Draft | undefined = undefined

  constructor(span: Span | undefined, timestamp: number, data: unknown) {
    this.span = span
    this.timestamp = timestamp
    this.data = data
  }

  abstract readonly tag: LifecycleEvent["_tag"]
  abstract readonly kernel: Kernel
  abstract readonly frame: Frame
  abstract readonly observers: Observers | undefined
  /** Whether it may be built later, since it depends on nothing that can change meanwhile. */
  abstract readonly canWait: boolean
  protected abstract make(): Draft

  /**
   * The event. Unless it was built before, it is built for the first who asks: thousands of them may wait for their
   * subscribers, and are smaller as records.
   */
  get event(): LifecycleEvent {
    return this.build()
  }

  /** The event, as a draft that observers may change before anybody asks for it. */
  build(): Draft {
    return this.built ??= this.make()
  }

  get audience(): ReadonlyArray<Mailbox> {
    const { level } = this.frame
    return level === undefined ? noAudience : level.audience
  }

  get inside(): Inside | undefined {
    return this.frame.inside
  }
}

/** The start or the end of a scope, whose place is its span. */
export class ScopeRecord extends EventRecord {
  readonly tag: "ScopeStart" | "ScopeEnd"
  declare readonly span: Span
  readonly exit: Exit.Exit<unknown, unknown> | undefined
  readonly end: EndDetail | undefined

  constructor(
    tag: "ScopeStart" | "ScopeEnd",
    span: Span,
    timestamp: number,
    data: unknown,
    exit: Exit.Exit<unknown, unknown> | undefined,
    end: EndDetail | undefined
  ) {
    super(span, timestamp, data)
    this.tag = tag
    this.exit = exit
    this.end = end
  }

  get kernel(): Kernel {
    return this.span.kernel
  }

  get frame(): Frame {
    return this.span
  }

  get observers(): Observers | undefined {
    return this.span.observers
  }

  get canWait(): boolean {
    return !this.kernel.customIds && this.span.spec.annotator === undefined && this.observers?.isEmpty !== false
  }

  protected make(): Draft {
    return buildScope(this, this.kernel.options.capture)
  }
}

/** A mark, which knows its place. */
export class MarkRecord extends EventRecord {
  readonly kernel: Kernel
  readonly frame: Frame
  readonly observers: Observers
  readonly detail: MarkDetail
  readonly ordinal: number

  constructor(
    parent: Span | undefined,
    timestamp: number,
    data: unknown,
    kernel: Kernel,
    frame: Frame,
    observers: Observers,
    detail: MarkDetail
  ) {
    super(parent, timestamp, data)
    this.kernel = kernel
    this.frame = frame
    this.observers = observers
    this.detail = detail
    this.ordinal = kernel.nextOrdinal()
  }

  get tag(): "Mark" {
    return "Mark"
  }

  get canWait(): boolean {
    return !this.kernel.customIds && this.observers.isEmpty
  }

  protected make(): Draft {
    return buildMark(this)
  }
}
