import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Usage } from "../../codec/Annotated.ts"
import type { Codec } from "../../codec/Codec.ts"
import { addUserMetadata } from "../../event/internal/build.ts"
import type { Draft, Observers } from "../../event/internal/frame.ts"
import { isRecord } from "../../event/internal/openRecord.ts"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import { fromHandle, noAttributes, type ScopeHandle, type Span, type SpanSpec } from "../../event/internal/span.ts"
import type { DecisionRecord } from "../../event/LifecycleEvent.ts"
import { awaitGates, isGated, makeSpan, siteOf } from "../../scope/internal/current.ts"
import { AlreadyEnded, CallError, InvalidManualCall, type Reason, RuntimeClosed } from "../CallError.ts"
import type { Carrier } from "./carrier.ts"
import { type Checked, checkOf, type Judged } from "./check.ts"
import { copyContainer, copyWithArrays } from "./containers.ts"
import { streamingAttributes } from "./managedCall.ts"
import { ManualAnnotator, usageProfile } from "./manualAnnotation.ts"
import { keep } from "./manualKeeping.ts"
import { checkTime, clockAt } from "./manualTime.ts"

/** Identity of a call that is ended by hand. */
export interface CallHandle<Kind extends "tool" | "llm" = "tool" | "llm"> extends ScopeHandle {
  readonly category: Kind
}

/** What a host may say of a call that it announces. */
export interface StartOptions {
  readonly name: string
  readonly model?: string | undefined
  readonly codec?: Codec | undefined
  readonly toolCallId?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly parent?: ScopeHandle | undefined
  readonly timestamp?: number | undefined
  readonly checked?: Checked | undefined
  /** Told once it has ended, unless its runtime has. */
  readonly onEnd?: (() => void) | undefined
}

/** What every end may say besides. */
export interface EndOptions {
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly timestamp?: number | undefined
}

/** An end that gives no result, and one as an `Exit`. */
export type Failed =
  | { readonly error: unknown; readonly isDefect?: boolean | undefined }
  | { readonly interrupted: true | string }
  | { readonly exit: Exit.Exit<unknown, unknown> }

/** How a call ended, as its host says. Of several fields the first counts: `exit`, `interrupted`, `error`. */
export interface Ending extends EndOptions {
  readonly exit?: Exit.Exit<unknown, unknown> | undefined
  readonly interrupted?: boolean | string | undefined
  readonly error?: unknown
  readonly isDefect?: boolean | undefined
  readonly output?: unknown
  readonly usage?: Usage | undefined
}

/** Step 3 alone: the start of a call that runs elsewhere. */
export const startManual = <Kind extends "tool" | "llm">(
  kind: Kind,
  carrier: Carrier,
  payload: unknown,
  options: StartOptions
): Effect.Effect<CallHandle<Kind>, CallError, AgentRuntime> =>
  Effect.withFiber<CallHandle<Kind>, CallError, AgentRuntime>((fiber) => {
    const { clock, frame, kernel, observers } = siteOf(fiber)
    if (isGated(kernel, frame)) {
      return Effect.andThen(awaitGates(kernel, frame), startManual(kind, carrier, payload, options))
    }
    const { checked, codec, name, parent: given, timestamp } = options
    const parent = given === undefined ? frame.span : spanBehind(given)
    const judged = checkOf(checked)
    const annotator = codec === undefined ? undefined : new ManualAnnotator(codec)
    const call = new ManualCall(observers, kind, options, annotator, judged?.decisions)
    const metadata = ownMetadata(options.metadata ?? judged?.metadata)
    const span = makeSpan(kernel, call, fiber, frame, parent, specOf(kind, carrier, options, annotator), metadata)
    const problem = kernel.closed
      ? new RuntimeClosed()
      : checkTime(timestamp) ??
        (given !== undefined && parent === undefined ? foreignParent() : undefined) ??
        (checked === undefined ? undefined : checkProblem(kind, name, judged))
    if (problem !== undefined) return Effect.fail(errorOf(kind, name, span.uuid, problem))
    const isListening = kernel.isListening(span)
    // What was judged, unless the host says what runs.
    const shown = payload === undefined && judged !== undefined ? judged.payload : carrier.copy(payload)
    const data = isListening ? carrier.observable(shown, kernel.options.headerAllowList) : undefined
    kernel.startSpan(span, isListening && timestamp !== undefined ? clockAt(kernel, timestamp) : clock, data)
    call.opened(span)
    // The category is the kind.
    return Effect.succeed(span.handle as CallHandle<Kind>)
  })

/** Step 8 alone, once for each start. */
export const endManual = (
  kind: "tool" | "llm",
  handle: ScopeHandle,
  ending: Ending
): Effect.Effect<void, CallError, AgentRuntime> =>
  Effect.withFiber<void, CallError, AgentRuntime>((fiber) => {
    const { clock, kernel } = siteOf(fiber)
    const span = spanBehind(handle)
    const call = span?.observers
    const fail = (reason: Reason) =>
      Effect.fail(
        errorOf(kind, span?.spec.name ?? textOf(handle, "name"), span?.uuid ?? textOf(handle, "uuid"), reason)
      )
    if (span === undefined || !(call instanceof ManualCall) || span.kernel !== kernel || call.kind !== kind) {
      const actual = span === undefined
        ? "of nothing that was started here"
        : !(call instanceof ManualCall)
        ? "that of a scope or of a managed call"
        : span.kernel === kernel
        ? `that of a call of kind "${call.kind}"`
        : "that of a call of another runtime"
      return fail(new InvalidManualCall({ what: "handle", actual, expected: `what "start" gave in this runtime` }))
    }
    if (!span.isOpen) return fail(new AlreadyEnded({ by: call.endedBy ?? "shutdown" }))
    const problem = checkTime(ending.timestamp)
    if (problem !== undefined) return fail(problem)
    span.clock = ending.timestamp !== undefined && kernel.isListening(span) ? clockAt(kernel, ending.timestamp) : clock
    call.end(span, ending)
    return Effect.void
  })

/**
 * A call that runs elsewhere, from its start until its end. It stands among the observers of its own events and says what
 * they are.
 */
class ManualCall implements Observers {
  readonly epoch: number
  readonly kind: "tool" | "llm"
  endedBy: AlreadyEnded["by"] | undefined = undefined
  private readonly plan: Observers
  private readonly annotator: ManualAnnotator | undefined
  private readonly decisions: ReadonlyArray<DecisionRecord>
  /** What the host said of its times. */
  private readonly startedAt: number | undefined
  private endedAt: number | undefined = undefined
  private readonly onEnd: (() => void) | undefined
  private release: (() => void) | undefined = undefined

  constructor(
    plan: Observers,
    kind: "tool" | "llm",
    { onEnd, timestamp }: StartOptions,
    annotator: ManualAnnotator | undefined,
    decisions: ReadonlyArray<DecisionRecord> = []
  ) {
    this.plan = plan
    this.epoch = plan.epoch
    this.kind = kind
    this.startedAt = timestamp
    this.onEnd = onEnd
    this.decisions = decisions
    this.annotator = annotator
  }

  get isEmpty(): boolean {
    return false
  }

  opened(span: Span): void {
    const host = hostOf(span.parent ?? span.origin?.link)
    if (host !== undefined) this.release = keep(host, { leave: () => this.leave(span) })
  }

  end(span: Span, { error, exit, interrupted, isDefect, metadata, output, timestamp, usage }: Ending): void {
    this.endedBy = "end"
    this.endedAt = timestamp
    this.release?.()
    const { annotator } = this
    if (annotator !== undefined) annotator.usage = usage
    const origin = typeof interrupted === "string" ? interrupted : undefined
    const outcome = exit ?? (interrupted !== undefined && interrupted !== false
      ? Exit.interrupt()
      : error === undefined
      ? Exit.succeed(output)
      : isDefect === true
      ? Exit.die(error)
      : Exit.fail(error))
    const copy = this.kind === "tool" ? copyContainer : copyWithArrays
    span.kernel.endSpan(span, outcome, outcome._tag === "Success" ? copy(outcome.value) : undefined, {
      origin,
      profile: usage === undefined || annotator !== undefined ? undefined : usageProfile(usage),
      metadata: addUserMetadata(undefined, metadata)
    })
    this.onEnd?.()
  }

  observe(draft: Draft, span: Span | undefined): Effect.Effect<void> | undefined {
    if (draft._tag === "ScopeEnd") draft.decisions = this.decisions
    this.say(draft)
    const pending = this.plan.observe(draft, span)
    if (pending !== undefined) return Effect.andThen(pending, Effect.sync(() => this.say(draft)))
    this.say(draft)
    return undefined
  }

  private leave(span: Span): void {
    this.endedBy = "scope"
    span.kernel.endSpan(span, undefined, undefined, { origin: "scope" })
    this.onEnd?.()
  }

  /** Nobody governed it; and its host says another time than the order of events allows. No observer can take that away. */
  private say(draft: Draft): void {
    const time = draft._tag === "ScopeEnd" ? this.endedAt : this.startedAt
    draft.metadata = {
      ...draft.metadata,
      "heddle.governed": false,
      ...(time === undefined || time === draft.timestamp ? undefined : { "heddle.timestamp": time })
    }
  }
}

/** The nearest scope or managed call that is open. Calls that are ended by hand end in any order, whatever is under them. */
const hostOf = (parent: Span | undefined): Span | undefined => {
  let span = parent
  while (span !== undefined && (!span.isOpen || span.observers instanceof ManualCall)) span = span.parent
  return span
}

const foreignParent = (): InvalidManualCall =>
  new InvalidManualCall({
    what: "parent",
    actual: "of nothing that was opened here",
    expected: "the handle of a scope or a call of this process"
  })

const checkProblem = (
  kind: "tool" | "llm",
  name: string,
  judged: Judged | undefined
): InvalidManualCall | undefined =>
  judged !== undefined && judged.kind === kind && judged.name === name ? undefined : new InvalidManualCall({
    what: "checked",
    actual: judged === undefined ? "nothing that a check gave" : `that of ${judged.kind} call "${judged.name}"`,
    expected: `what the check of ${kind} call "${name}" gave`
  })

const specOf = (
  kind: "tool" | "llm",
  { streaming }: Carrier,
  { model, name, toolCallId }: StartOptions,
  annotator: ManualAnnotator | undefined
): SpanSpec => ({
  name,
  category: kind,
  isCall: true,
  attributes: streaming ? streamingAttributes : noAttributes,
  modelName: model,
  toolCallId,
  subtype: undefined,
  annotator
})

const ownMetadata = (
  metadata: Readonly<Record<string, unknown>> | undefined
): Readonly<Record<string, unknown>> | undefined => metadata === undefined ? undefined : Object.freeze({ ...metadata })

/** Handles of code without types may be anything. */
const spanBehind = (handle: ScopeHandle): Span | undefined => isRecord(handle) ? fromHandle(handle) : undefined

const textOf = (handle: ScopeHandle, key: "name" | "uuid"): string =>
  isRecord(handle) && typeof handle[key] === "string" ? handle[key] : "unknown"

const errorOf = (kind: "tool" | "llm", name: string, uuid: string, reason: Reason): CallError =>
  new CallError({ kind, name, uuid, reason })
