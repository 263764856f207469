import type * as Exit from "effect/Exit"
import type { Category, DataSchema, DecisionRecord, LifecycleEvent, Profile, Severity } from "../LifecycleEvent.ts"
import type { Inside, Observers } from "./frame.ts"
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

/** What a mark says besides its parent. */
export interface MarkDetail {
  readonly ordinal: number
  readonly name: string
  readonly category: Category | undefined
  readonly severity: Severity | undefined
  readonly dataSchema: DataSchema | undefined
}

/** An event before it is built: what was known where it happened, by reference. */
export class EventRecord {
  readonly tag: LifecycleEvent["_tag"]
  readonly span: Span | undefined
  readonly timestamp: number
  readonly data: unknown
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly exit: Exit.Exit<unknown, unknown> | undefined
  readonly end: EndDetail | undefined
  readonly mark: MarkDetail | undefined
  readonly observers: Observers | undefined
  readonly audience: ReadonlyArray<Mailbox>
  readonly inside: Inside | undefined
  sequence = 0
  bytes = 0
  event: LifecycleEvent | undefined = undefined

  constructor(
    tag: LifecycleEvent["_tag"],
    span: Span | undefined,
    timestamp: number,
    data: unknown,
    metadata: Readonly<Record<string, unknown>> | undefined,
    exit: Exit.Exit<unknown, unknown> | undefined,
    end: EndDetail | undefined,
    mark: MarkDetail | undefined,
    observers: Observers | undefined,
    audience: ReadonlyArray<Mailbox>,
    inside: Inside | undefined
  ) {
    this.tag = tag
    this.span = span
    this.timestamp = timestamp
    this.data = data
    this.metadata = metadata
    this.exit = exit
    this.end = end
    this.mark = mark
    this.observers = observers
    this.audience = audience
    this.inside = inside
  }
}
