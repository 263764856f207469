import type { ScopeHandle } from "../../event/internal/span.ts"
import type { Call, LlmCallView, ToolCallView } from "../Call.ts"
import { appliesTo, describeApplies, mayApply } from "./applies.ts"
import type { Applies, EntryKind } from "./entry.ts"
import type { Plan, Step } from "./plan.ts"

/** A call to be explained: the scope may be left out, and a model call is buffered unless it says otherwise. */
export type Question =
  | Omit<ToolCallView, "scope">
  | (Omit<LlmCallView, "scope" | "streaming"> & { readonly streaming?: boolean | undefined })

/** One entry and why it runs, or why not. */
export interface ExplainedEntry {
  readonly kind: EntryKind
  readonly name: string
  readonly priority: number
  readonly level: number
  readonly why: string
}

/** What would run for a call, in the order in which it would run. */
export interface Explanation {
  readonly runs: ReadonlyArray<ExplainedEntry>
  readonly skips: ReadonlyArray<ExplainedEntry>
  /** Guardrails that the runtime requires and that are not there: the call would fail with `PolicyMissing`. */
  readonly missing: ReadonlyArray<string>
}

const order: ReadonlyArray<EntryKind> = [
  "requestIntercept",
  "requestSanitizer",
  "metadataInjector",
  "scopeStartSanitizer",
  "guardrail",
  "executionIntercept",
  "streamIntercept",
  "outputGuardrail",
  "responseSanitizer",
  "errorSanitizer",
  "scopeEndSanitizer"
]

const noScope: ScopeHandle = Object.freeze({
  uuid: "00000000-0000-0000-0000-000000000000",
  rootUuid: "00000000-0000-0000-0000-000000000000",
  name: "explain",
  category: "unknown"
})

const callOf = (question: Question): Call =>
  question.kind === "tool"
    ? { ...question, scope: noScope }
    : { ...question, streaming: question.streaming ?? false, scope: noScope }

export const explain = (plan: Plan, question: Question): Explanation => {
  const call = callOf(question)
  const isStreaming = call.kind === "llm" && call.streaming
  const runs: Array<ExplainedEntry> = []
  const skips: Array<ExplainedEntry> = []
  const broken = new Map<number, string>()
  for (const step of stagesOf(plan, isStreaming)) {
    const { kind, name, priority } = step.entry
    const say = (list: Array<ExplainedEntry>, why: string) =>
      list.push({ kind, name, priority, level: step.level, why })
    const refusal = refusalOf(step, call, isStreaming, broken)
    if (refusal !== undefined) {
      say(skips, refusal)
      continue
    }
    if (step.entry.kind === "requestIntercept" && step.entry.breakChain) broken.set(step.level, name)
    say(runs, reasonOf(step))
  }
  return { runs, skips, missing: plan.chainsOf("tool").missing }
}

const stagesOf = (plan: Plan, isStreaming: boolean): ReadonlyArray<Step> => {
  const rank = (step: Step): number => {
    // Around a stream, both kinds of intercepts are one chain.
    const kind = isStreaming && step.entry.kind === "streamIntercept" ? "executionIntercept" : step.entry.kind
    return order.indexOf(kind)
  }
  return plan.steps.filter(({ entry }) => entry.kind !== "markSanitizer").toSorted((a, b) => rank(a) - rank(b))
}

const refusalOf = (
  step: Step,
  call: Call,
  isStreaming: boolean,
  broken: ReadonlyMap<number, string>
): string | undefined => {
  const { entry } = step
  if (entry.kind === "metadataInjector") return undefined
  if (isObserver(entry.kind)) {
    return mayApply(entry.applies, call.kind) ? undefined : "it applies to other kinds of calls"
  }
  if (entry.kind === "streamIntercept" && !isStreaming) return "the call is not streamed"
  if (entry.kind === "executionIntercept" && isStreaming && entry.stream === undefined) {
    return "it has no `stream` side, so it does not wrap streamed calls"
  }
  if (entry.kind === "requestIntercept" && broken.has(step.level)) {
    return `"${broken.get(step.level)}" breaks the chain of this level`
  }
  const applies = entry.applies as Applies<Call> | undefined
  try {
    return appliesTo(applies, call.kind, call.name, call) ? undefined : "it does not apply to this call"
  } catch (error) {
    return `its predicate failed, so the call would fail: ${String(error)}`
  }
}

const reasonOf = ({ entry }: Step): string => {
  if (entry.kind === "metadataInjector") return "runs on every event"
  const why = describeApplies(entry.applies)
  if (isObserver(entry.kind) && typeof entry.applies === "function") return "its predicate decides for each event"
  const mode = (entry.kind === "guardrail" || entry.kind === "outputGuardrail") && entry.mode === "shadow"
    ? "shadow, never blocks; "
    : ""
  return mode + why
}

const isObserver = (kind: EntryKind): boolean => kind.endsWith("Sanitizer")
