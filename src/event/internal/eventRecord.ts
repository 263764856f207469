import type * as Exit from "effect/Exit"
import type { Category, DataSchema, DecisionRecord, LifecycleEvent, Profile, Severity } from "../LifecycleEvent.ts"
import type { Frame, Inside, Observers } from "./frame.ts"
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

/** A mark at its place. A scope's place is its span. */
export class MarkPlace implements MarkDetail {
  readonly name: string
  readonly category: Category | undefined
  readonly severity: Severity | undefined
  readonly dataSchema: DataSchema | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly kernel: Kernel
  readonly ordinal: number
  readonly frame: Frame
  readonly observers: Observers

  constructor(detail: MarkDetail, kernel: Kernel, frame: Frame, observers: Observers) {
    this.name = detail.name
    this.category = detail.category
    this.severity = detail.severity
    this.dataSchema = detail.dataSchema
    this.metadata = detail.metadata
    this.kernel = kernel
    this.ordinal = kernel.nextOrdinal()
    this.frame = frame
    this.observers = observers
  }
}

/** An event before it is built: what was known where it happened, by reference. */
export class EventRecord {
  readonly tag: LifecycleEvent["_tag"]
  readonly span: Span | undefined
  readonly timestamp: number
  readonly data: unknown
  readonly exit: Exit.Exit<unknown, unknown> | undefined
  readonly end: EndDetail | undefined
  readonly mark: MarkPlace | undefined
  sequence = 0
  bytes = 0
  event: LifecycleEvent | undefined = undefined

  constructor(
    tag: LifecycleEvent["_tag"],
    span: Span | undefined,
    timestamp: number,
    data: unknown,
    exit: Exit.Exit<unknown, unknown> | undefined,
    end: EndDetail | undefined,
    mark: MarkPlace | undefined
  ) {
    this.tag = tag
    this.span = span
    this.timestamp = timestamp
    this.data = data
    this.exit = exit
    this.end = end
    this.mark = mark
  }

  get frame(): Frame | undefined {
    return this.mark === undefined ? this.span : this.mark.frame
  }

  get observers(): Observers | undefined {
    return this.mark === undefined ? this.span?.observers : this.mark.observers
  }

  get audience(): ReadonlyArray<Mailbox> {
    const level = this.frame?.level
    return level === undefined ? noAudience : level.audience
  }

  get inside(): Inside | undefined {
    return this.frame?.inside
  }
}
