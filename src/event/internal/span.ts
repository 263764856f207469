import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import type * as Tracer from "effect/Tracer"
import type { Category, Profile } from "../LifecycleEvent.ts"
import type { Frame, Inside, Level, Observers } from "./frame.ts"
import type { Kernel } from "./kernel.ts"

/** Public face of an open scope: plain data. */
export interface ScopeHandle {
  readonly uuid: string
  readonly parentUuid?: string | undefined
  readonly rootUuid: string
  readonly name: string
  readonly category: Category
}

const spanOf = Symbol("heddle/event/span")

/** What a span is about, as whoever opens it describes it. */
export interface SpanSpec {
  readonly name: string
  readonly category: Category
  /** A managed call, and not a scope. */
  readonly isCall: boolean
  readonly attributes: ReadonlyArray<string>
  readonly modelName: string | undefined
  readonly toolCallId: string | undefined
  readonly subtype: string | undefined
  /** Present for a model call with a codec. */
  readonly annotator?: Annotator | undefined
}

/** Makes the provider-neutral form of what the events of a call carry. It never throws. */
export interface Annotator {
  readonly request: (data: unknown, span: Span) => Profile
  readonly response: (data: unknown) => { readonly profile: Profile; readonly problem?: string }
}

/**
 * One scope or managed call, from before its start until after its end. It is the frame of the work inside of it, the
 * parent of what that work opens, and what both of its events are built from.
 */
export class Span implements Frame {
  readonly kernel: Kernel
  readonly parent: Span | undefined
  readonly root: Span
  readonly spec: SpanSpec
  readonly level: Level | undefined
  readonly inside: Inside | undefined
  readonly observers: Observers | undefined
  metadata: Readonly<Record<string, unknown>> | undefined
  /** What the work inside of it runs with, once it was entered. */
  context: Context.Context<never> | undefined = undefined
  clock: Clock.Clock
  startedAt = 0
  startSequence = 0
  /** Neighbours among the open spans of its runtime. */
  previous: { next: Span | undefined } | undefined = undefined
  next: Span | undefined = undefined
  /** Its position in the order of ids of its runtime, until somebody needed the id. */
  private id: string | number
  private more: More | undefined = undefined

  constructor(
    kernel: Kernel,
    parent: Span | undefined,
    frame: Frame,
    observers: Observers | undefined,
    spec: SpanSpec,
    metadata: Readonly<Record<string, unknown>> | undefined
  ) {
    this.kernel = kernel
    this.parent = parent
    this.root = parent === undefined ? this : parent.root
    this.level = frame.level
    this.inside = frame.inside
    this.observers = observers
    this.spec = spec
    this.metadata = metadata
    this.clock = kernel.clock
    const ordinal = kernel.nextOrdinal()
    this.id = kernel.customIds ? kernel.makeId(0, ordinal) : ordinal
  }

  get span(): Span {
    return this
  }

  get frame(): Span {
    return this
  }

  get uuid(): string {
    const { id } = this
    return typeof id === "string" ? id : this.id = this.kernel.makeId(this.startedAt, id)
  }

  /** Whether it is a scope of another process, which has no events here. */
  get isRemote(): boolean {
    return false
  }

  get isOpen(): boolean {
    return this.previous !== undefined
  }

  /** What annotates a body that its request has or had: an event that shows that body takes it. */
  get annotation(): { readonly body: unknown; readonly profile: Profile } | undefined {
    return this.more?.annotation
  }

  set annotation(annotation: { readonly body: unknown; readonly profile: Profile } | undefined) {
    this.rare.annotation = annotation
  }

  /** What a root is continued from. */
  get origin(): Origin | undefined {
    return this.more?.origin
  }

  set origin(origin: Origin | undefined) {
    this.rare.origin = origin
  }

  /** The Effect span that stands for it inside of it, once somebody needed it. */
  get effectSpan(): Tracer.AnySpan | undefined {
    return this.more?.effectSpan
  }

  set effectSpan(span: Tracer.AnySpan | undefined) {
    this.rare.effectSpan = span
  }

  /** Semantic output, once set. */
  get output(): unknown {
    return this.more?.output
  }

  set output(output: unknown) {
    this.rare.output = output
  }

  private get rare(): More {
    return this.more ??= new More()
  }

  get handle(): ScopeHandle {
    let face = this.more?.handle
    if (face === undefined) {
      face = {
        uuid: this.uuid,
        ...(this.parent === undefined ? undefined : { parentUuid: this.parent.uuid }),
        rootUuid: this.root.uuid,
        name: this.spec.name,
        category: this.spec.category
      }
      Object.defineProperty(face, spanOf, { value: this })
      this.rare.handle = Object.freeze(face)
    }
    return face
  }
}

/** What most spans never have: there are as many spans as calls in flight, so they are small. */
class More {
  annotation: { readonly body: unknown; readonly profile: Profile } | undefined = undefined
  origin: Origin | undefined = undefined
  effectSpan: Tracer.AnySpan | undefined = undefined
  output: unknown = undefined
  handle: ScopeHandle | undefined = undefined
}

/** Where a root comes from: a scope of another runtime, the enclosing Effect span, or both. */
export interface Origin {
  readonly link: Span | undefined
  readonly trace: Tracer.AnySpan | undefined
}

export const noAttributes: ReadonlyArray<string> = Object.freeze([])

/** The scope behind a handle, if this process opened it. */
export const fromHandle = (handle: ScopeHandle & { readonly [spanOf]?: Span }): Span | undefined => handle[spanOf]
