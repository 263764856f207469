import { gapMark, type LifecycleEvent, type Mark, type ScopeEnd, type ScopeStart } from "../../event/LifecycleEvent.ts"
import { readSpanId, readTraceId, spanIdOf, type TraceContext, traceIdOf } from "./otelId.ts"
import type { Calls, FinishedScope } from "./otelScope.ts"

/** A mark with the trace that it belongs to. `scope` is absent if its scope is not open, or if it has none. */
export interface PlacedMark {
  readonly mark: Mark
  readonly context: TraceContext
  readonly isOrphan: boolean
}

interface Open {
  readonly start: ScopeStart
  readonly context: TraceContext
  readonly parentSpanId: string | undefined
  readonly marks: Array<Mark>
  droppedMarks: number
  /** Its own if it is an agent, else those of the agent that it belongs to. */
  readonly agent: Calls | undefined
}

/** Scopes that have ended under a trace that cannot be told from their ids, kept for what comes late. */
const maxEnded = 4096

export interface AssemblerOptions {
  /** Scopes that are waited for. Beyond it the oldest one is given up: its end was lost on the way. Default 65,536. */
  readonly maxOpen?: number | undefined
  /** Marks that a scope keeps. Default 128. */
  readonly maxMarks?: number | undefined
  /** Which marks a scope keeps. Default: all. */
  readonly keeps?: ((mark: Mark) => boolean) | undefined
}

/**
 * Joins the start of each scope with its end. Memory is bounded by the scopes that are open, and by what they started
 * with.
 */
export class Assembler {
  /** Scopes whose end did not come. */
  abandoned = 0
  private readonly open = new Map<string, Open>()
  private readonly ended = new Map<string, TraceContext>()
  private readonly maxOpen: number
  private readonly maxMarks: number
  private readonly keeps: (mark: Mark) => boolean

  constructor(options?: AssemblerOptions) {
    this.maxOpen = options?.maxOpen ?? 65_536
    this.maxMarks = options?.maxMarks ?? 128
    this.keeps = options?.keeps ?? (() => true)
  }

  /** The scope that this event ends; or the mark, with its place. */
  add(event: LifecycleEvent): FinishedScope | PlacedMark | undefined {
    switch (event._tag) {
      case "ScopeStart":
        return this.start(event)
      case "ScopeEnd":
        return this.end(event)
      case "Mark":
        return this.mark(event)
    }
  }

  private start(start: ScopeStart): undefined {
    const { metadata, parentUuid, uuid } = start
    const parent = parentUuid === undefined ? undefined : this.contextOf(parentUuid)
    const callers = parentUuid === undefined ? undefined : this.open.get(parentUuid)?.agent
    count(callers, start, 1)
    const traceId = readTraceId(metadata?.["otel.trace_id"])
    const isSampled = metadata?.["otel.sampled"] !== false && parent?.sampled !== false
    const remoteParent = traceId === undefined ? undefined : readSpanId(metadata?.["otel.parent_span_id"])
    this.open.set(uuid, {
      start,
      context: {
        traceId: traceId ?? parent?.traceId ?? traceIdOf(start.rootUuid),
        spanId: spanIdOf(uuid),
        ...(isSampled ? undefined : { sampled: false })
      },
      parentSpanId: remoteParent ?? (parentUuid === undefined ? undefined : spanIdOf(parentUuid)),
      marks: [],
      droppedMarks: 0,
      agent: start.category === "agent" ? { inference: 0, tool: 0 } : callers
    })
    if (this.open.size > this.maxOpen) {
      this.abandoned++
      this.forgetOldest(this.open)
    }
    return undefined
  }

  private end(end: ScopeEnd): FinishedScope | undefined {
    const open = this.open.get(end.uuid)
    if (open === undefined) return undefined
    this.open.delete(end.uuid)
    if (open.context.traceId !== traceIdOf(end.rootUuid) || open.context.sampled === false) {
      this.ended.set(end.uuid, open.context)
      if (this.ended.size > maxEnded) this.forgetOldest(this.ended)
    }
    const { agent, ...scope } = open
    if (open.start.category === "agent") return { ...scope, end, calls: agent }
    if (end.outcome._tag === "Blocked") count(agent, open.start, -1)
    return { ...scope, end, calls: undefined }
  }

  private mark(mark: Mark): PlacedMark | undefined {
    // Told to this subscriber only; its exporter counts what it stands for.
    if (mark.name === gapMark) return undefined
    const { parentUuid } = mark
    const open = parentUuid === undefined ? undefined : this.open.get(parentUuid)
    if (open !== undefined) {
      if (this.keeps(mark)) {
        if (open.marks.length < this.maxMarks) open.marks.push(mark)
        else open.droppedMarks++
      }
      return { mark, context: open.context, isOrphan: false }
    }
    const context = parentUuid === undefined ? undefined : this.contextOf(parentUuid)
    return {
      mark,
      context: context ?? foreignContext(mark) ?? {
        traceId: traceIdOf(mark.rootUuid),
        spanId: spanIdOf(parentUuid ?? mark.uuid)
      },
      isOrphan: true
    }
  }

  private contextOf(uuid: string): TraceContext | undefined {
    return this.open.get(uuid)?.context ?? this.ended.get(uuid)
  }

  private forgetOldest(map: Map<string, unknown>): void {
    for (const key of map.keys()) {
      map.delete(key)
      return
    }
  }
}

/** The span from outside that a mark says it was made under: its scope is one of another process. */
const foreignContext = ({ metadata }: Mark): TraceContext | undefined => {
  const traceId = readTraceId(metadata?.["otel.trace_id"])
  const spanId = readSpanId(metadata?.["otel.parent_span_id"])
  if (traceId === undefined || spanId === undefined) return undefined
  return metadata?.["otel.sampled"] === false ? { traceId, spanId, sampled: false } : { traceId, spanId }
}

const count = (calls: Calls | undefined, { category }: ScopeStart, by: number): void => {
  if (calls === undefined) return
  if (category === "llm") calls.inference += by
  if (category === "tool") calls.tool += by
}
