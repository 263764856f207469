import type * as Effect from "effect/Effect"
import type { Mark, ScopeEnd, ScopeStart } from "../LifecycleEvent.ts"
import type { Kernel } from "./kernel.ts"
import type { Mailbox } from "./mailbox.ts"
import type { Installed } from "./registry.ts"
import type { Span } from "./span.ts"

export type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** An event while the dispatcher may still change it. */
export type Draft = Mutable<ScopeStart> | Mutable<ScopeEnd> | Mutable<Mark>

/**
 * What runs on an event before anybody sees it: sanitizers and injectors, as resolved where the event was born.
 */
export interface Observers {
  readonly epoch: number
  /** Whether there is nobody: then `observe` changes nothing. */
  readonly isEmpty: boolean
  /** Changes the draft. `undefined` when done; otherwise the effect that finishes the work. Never throws, never fails. */
  observe(draft: Draft, span: Span | undefined): Effect.Effect<void> | undefined
}

/** What was provided around an effect: middleware and subscribers, linked to what was provided outside of it. */
export class Level {
  readonly depth: number
  readonly audience: ReadonlyArray<Mailbox>
  /** The plan resolved for this level, kept until what is installed in its runtime changes. */
  plan: Observers | undefined = undefined
  planKernel: Kernel | undefined = undefined

  readonly parent: Level | undefined
  readonly installed: ReadonlyArray<Installed>

  constructor(parent: Level | undefined, installed: ReadonlyArray<Installed>, subscriber: Mailbox | undefined) {
    this.parent = parent
    this.installed = installed
    this.depth = parent === undefined ? 1 : parent.depth + 1
    const outer = parent === undefined ? noAudience : parent.audience
    this.audience = subscriber === undefined ? outer : [...outer, subscriber]
  }
}

export const noAudience: ReadonlyArray<Mailbox> = []

/** A callback of an observer that the fiber is inside of. `mailbox` is absent inside a sanitizer or an injector. */
export interface Inside {
  readonly mailbox: Mailbox | undefined
  readonly parent: Inside | undefined
}

/** What a fiber carries: the current scope, and what was provided around it. */
export interface Frame {
  readonly span: Span | undefined
  readonly level: Level | undefined
  readonly inside: Inside | undefined
}

export const rootFrame: Frame = { span: undefined, level: undefined, inside: undefined }

export const isInside = (inside: Inside | undefined, mailbox: Mailbox): boolean => {
  for (let node = inside; node !== undefined; node = node.parent) {
    if (node.mailbox === mailbox) return true
  }
  return false
}

export const isMuted = (inside: Inside | undefined): boolean => {
  for (let node = inside; node !== undefined; node = node.parent) {
    if (node.mailbox === undefined) return true
  }
  return false
}
