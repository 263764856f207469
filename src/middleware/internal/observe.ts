import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { addUserMetadata, Annotation } from "../../event/internal/build.ts"
import type { Draft, Frame } from "../../event/internal/frame.ts"
import type { Kernel } from "../../event/internal/kernel.ts"
import type { Span } from "../../event/internal/span.ts"
import type { ErrorInfo, Profile, ScopeEnd } from "../../event/LifecycleEvent.ts"
import { appliesTo } from "./applies.ts"
import type { AnyEntry, InjectorEntry, SanitizerEntry } from "./entry.ts"
import { asInstaller } from "./installer.ts"
import { isPromise } from "./promise.ts"

type ObserverEntry = SanitizerEntry | InjectorEntry

interface ObserverStep {
  readonly entry: ObserverEntry
  readonly context: Context.Context<never>
  /** For an error sanitizer that gets the reason of a decision, and not the outcome: which one. */
  readonly decision?: number
}

/** What a mark or scope sanitizer gets and may give back. A field that is left out stays as it is. */
export interface EventFields {
  readonly data: unknown
  readonly profile: Profile | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
}

/** Kinds of sanitizers one of which failed on the event: their field is cleared, so the others have nothing to do. */
type Cleared = Set<ObserverEntry["kind"]>

/**
 * Sanitizers and injectors of one place, in the order in which they run on an event: request, response and error
 * sanitizers, then injectors, then mark and scope sanitizers.
 */
export class Observation {
  private readonly kernel: Kernel
  private readonly request: ReadonlyArray<ObserverStep>
  private readonly callEnd: ReadonlyArray<ObserverStep>
  private readonly scopeStart: ReadonlyArray<ObserverStep>
  private readonly scopeEnd: ReadonlyArray<ObserverStep>
  private readonly mark: ReadonlyArray<ObserverStep>

  private constructor(steps: ReadonlyArray<ObserverStep>, kernel: Kernel) {
    const of = (kind: ObserverEntry["kind"]) => steps.filter(({ entry }) => entry.kind === kind)
    const injectors = of("metadataInjector")
    this.kernel = kernel
    this.scopeStart = [...injectors, ...of("scopeStartSanitizer")]
    this.scopeEnd = [...of("errorSanitizer"), ...injectors, ...of("scopeEndSanitizer")]
    this.mark = [...injectors, ...of("markSanitizer")]
    this.request = [...of("requestSanitizer"), ...this.scopeStart]
    this.callEnd = [...of("responseSanitizer"), ...this.scopeEnd]
  }

  static make(
    steps: ReadonlyArray<{ readonly entry: AnyEntry; readonly context: Context.Context<never> }>,
    kernel: Kernel
  ): Observation | undefined {
    const observers: Array<ObserverStep> = []
    for (const { context, entry } of steps) {
      if (isObserver(entry)) observers.push({ entry, context })
    }
    return observers.length === 0 ? undefined : new Observation(observers, kernel)
  }

  /** Changes the draft. `undefined` when done, or the effect that finishes the work. */
  run(draft: Draft, span: Span | undefined): Effect.Effect<void> | undefined {
    const steps = this.stepsFor(draft, span)
    return steps.length === 0 ? undefined : this.runFrom(steps, 0, draft, span, undefined, Annotation.of(draft, span))
  }

  private stepsFor(draft: Draft, span: Span | undefined): ReadonlyArray<ObserverStep> {
    switch (draft._tag) {
      case "Mark":
        return this.mark
      case "ScopeStart":
        return span?.spec.isCall === true ? this.request : this.scopeStart
      case "ScopeEnd":
        return withDecisions(span?.spec.isCall === true ? this.callEnd : this.scopeEnd, draft)
    }
  }

  private runFrom(
    steps: ReadonlyArray<ObserverStep>,
    from: number,
    draft: Draft,
    span: Span | undefined,
    clearedBefore: Cleared | undefined,
    annotation: Annotation | undefined
  ): Effect.Effect<void> | undefined {
    let cleared = clearedBefore
    for (let i = from; i < steps.length; i++) {
      const step = steps[i]!
      const { entry } = step
      if (cleared?.has(entry.kind) === true) continue
      // Who comes after the sanitizers of payloads sees nothing but what these left.
      if (!isOfPayload(entry.kind)) annotation?.refresh()
      let result: unknown
      let isEffect = false
      try {
        if (entry.kind === "metadataInjector") result = entry.inject(draft)
        else {
          if (step.decision === undefined && !hasField(entry.kind, draft)) continue
          if (!appliesTo(entry.applies, draft.category, draft.name, draft)) continue
          result = entry.sanitize(payloadOf(entry.kind, draft, step.decision), draft)
        }
        isEffect = Effect.isEffect(result)
      } catch (error) {
        cleared = this.fail(entry, draft, cleared, error)
        continue
      }
      if (!isEffect || !Effect.isEffect(result)) {
        cleared = this.apply(step, draft, cleared, result)
        continue
      }
      const frame: Frame = { span, level: undefined, inside: { mailbox: undefined, parent: undefined } }
      return asInstaller(result, step.context, frame).pipe(
        Effect.timeoutOption(entry.timeout),
        Effect.exit,
        Effect.flatMap((exit) => {
          const clearedNow = Exit.isFailure(exit)
            ? this.fail(entry, draft, cleared, exit.cause)
            : Option.isNone(exit.value)
            ? this.fail(entry, draft, cleared, `no answer within ${Duration.format(entry.timeout)}`)
            : this.apply(step, draft, cleared, exit.value.value)
          return this.runFrom(steps, i + 1, draft, span, clearedNow, annotation) ?? Effect.void
        })
      )
    }
    annotation?.refresh()
    return undefined
  }

  private apply(
    { decision, entry }: ObserverStep,
    draft: Draft,
    cleared: Cleared | undefined,
    result: unknown
  ): Cleared | undefined {
    try {
      if (isPromise(result)) throw new TypeError("it returned a Promise; return an Effect instead")
      if (entry.kind === "metadataInjector") inject(draft, result)
      else assign(entry.kind, draft, result, decision)
      return cleared
    } catch (error) {
      return this.fail(entry, draft, cleared, error)
    }
  }

  private fail(
    entry: ObserverEntry,
    draft: Draft,
    cleared: Cleared | undefined,
    detail: unknown
  ): Cleared | undefined {
    if (entry.kind === "metadataInjector") {
      this.kernel.trouble("metadata injector failed", entry.name, detail)
      return cleared
    }
    this.kernel.trouble(`${entry.kind} failed, the field was cleared`, entry.name, detail)
    clear(entry, draft)
    return (cleared ?? new Set()).add(entry.kind)
  }
}

const isObserver = (entry: AnyEntry): entry is ObserverEntry =>
  entry.kind === "metadataInjector" || entry.kind.endsWith("Sanitizer")

/** Error sanitizers get the reasons of all decisions too: a guardrail in shadow mode says as much as one that blocks. */
const withDecisions = (
  steps: ReadonlyArray<ObserverStep>,
  { decisions, outcome }: ScopeEnd
): ReadonlyArray<ObserverStep> => {
  const reason = outcome._tag === "Blocked" ? outcome.reason : undefined
  if (!decisions.some((decision) => decision.reason !== undefined && decision.reason !== reason)) return steps
  return steps.flatMap((step) => [
    step,
    ...(step.entry.kind !== "errorSanitizer" ?
      [] :
      decisions.flatMap((decision, index) =>
        decision.reason === undefined || decision.reason === reason ? [] : [{ ...step, decision: index }]
      ))
  ])
}

const isOfPayload = (kind: ObserverEntry["kind"]): boolean =>
  kind === "requestSanitizer" || kind === "responseSanitizer" || kind === "errorSanitizer"

/** A response sanitizer has nothing to do without data, an error sanitizer nothing without an error. */
const hasField = (kind: SanitizerEntry["kind"], draft: Draft): boolean => {
  if (kind === "responseSanitizer") {
    return draft._tag !== "ScopeEnd" || draft.data !== undefined || draft.outcome._tag === "Success"
  }
  if (kind === "errorSanitizer") return payloadOf(kind, draft) !== undefined
  return true
}

const blockTag = "GuardrailRejected"
const failedTag = "GuardrailFailed"

const payloadOf = (kind: SanitizerEntry["kind"], draft: Draft, index?: number): unknown => {
  if (index !== undefined && draft._tag === "ScopeEnd") {
    const decision = draft.decisions[index]
    return { tag: decision?.verdict === "failed" ? failedTag : blockTag, message: decision?.reason ?? "" }
  }
  switch (kind) {
    case "requestSanitizer":
    case "responseSanitizer":
      return draft.data
    case "errorSanitizer": {
      if (draft._tag !== "ScopeEnd") return undefined
      const { outcome } = draft
      if (outcome._tag === "Failure") return outcome.error
      return outcome._tag === "Blocked" ? { tag: blockTag, message: outcome.reason } : undefined
    }
    default:
      return { data: draft.data, profile: draft.profile, metadata: draft.metadata } satisfies EventFields
  }
}

const fieldNames: ReadonlySet<string> = new Set<keyof EventFields>(["data", "profile", "metadata"])

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const assign = (kind: SanitizerEntry["kind"], draft: Draft, result: unknown, index?: number): void => {
  if (index !== undefined && draft._tag === "ScopeEnd") {
    const reason = errorOf(result)?.message ?? ""
    draft.decisions = draft.decisions.map((decision, each) => each === index ? { ...decision, reason } : decision)
    return
  }
  if (kind === "requestSanitizer" || kind === "responseSanitizer") draft.data = result
  else if (kind === "errorSanitizer") assignError(draft, result)
  else if (isRecord(result) && isEventFields(result)) {
    if ("data" in result) draft.data = result["data"]
    if ("profile" in result) draft.profile = recordOr(result["profile"])
    if ("metadata" in result) draft.metadata = recordOr(result["metadata"])
  } else draft.data = result
}

const isEventFields = (result: Record<string, unknown>): boolean => {
  const keys = Object.keys(result)
  return keys.length > 0 && keys.every((key) => fieldNames.has(key))
}

/** A copy, so that nobody can change it later, and so that a value that cannot be read fails here. */
const recordOr = (value: unknown): Record<string, unknown> | undefined => isRecord(value) ? { ...value } : undefined

const assignError = (draft: Draft, result: unknown): void => {
  if (draft._tag !== "ScopeEnd") return
  const error = errorOf(result)
  const { outcome } = draft
  if (outcome._tag === "Failure") draft.outcome = { ...outcome, error }
  else if (outcome._tag === "Blocked") {
    const reason = error?.message ?? ""
    draft.decisions = draft.decisions.map((decision) =>
      decision.reason === outcome.reason ? { ...decision, reason } : decision
    )
    draft.outcome = { ...outcome, reason }
  }
}

const errorOf = (result: unknown): ErrorInfo | undefined => {
  if (typeof result === "string") return { tag: "Error", message: result }
  if (!isRecord(result)) return undefined
  const { cause, message, tag } = result
  return {
    tag: typeof tag === "string" ? tag : "Error",
    message: typeof message === "string" ? message : "",
    ...(typeof cause === "string" ? { cause } : undefined)
  }
}

const clear = (entry: SanitizerEntry, draft: Draft): void => {
  let fields: ReadonlyArray<string>
  switch (entry.kind) {
    case "requestSanitizer":
    case "responseSanitizer":
      draft.data = undefined
      fields = ["data"]
      break
    case "errorSanitizer":
      assignError(draft, undefined)
      if (draft._tag === "ScopeEnd") {
        draft.decisions = draft.decisions.map((decision) => ({ ...decision, reason: undefined }))
      }
      fields = ["error"]
      break
    default:
      draft.data = undefined
      draft.profile = undefined
      draft.metadata = undefined
      fields = ["data", "profile", "metadata"]
  }
  const before = draft.metadata?.["heddle.cleared"]
  draft.metadata = {
    ...draft.metadata,
    "heddle.cleared": [...(Array.isArray(before) ? before : []), ...fields],
    "heddle.cleared_by": entry.name
  }
}

const inject = (draft: Draft, result: unknown): void => {
  if (result === undefined || result === null) return
  if (!isRecord(result)) throw new TypeError("a metadata injector must return an object")
  const before = draft.metadata
  for (const [key, value] of Object.entries(result)) {
    if (!isFlat(value)) throw new TypeError(`"${key}" must be a string, a number, a boolean or an array of them`)
  }
  const additions: Record<string, unknown> = { ...addUserMetadata(undefined, result) }
  draft.metadata = { ...additions, ...before }
}

const isScalar = (value: unknown): boolean =>
  typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))

const isFlat = (value: unknown): boolean => isScalar(value) || (Array.isArray(value) && value.every(isScalar))
