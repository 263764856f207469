/**
 * One model call that two instrumentations saw, such as a hook of a framework and a gateway: it counts once.
 *
 * Two calls are one if they overlap, hang under the same parent, name the same model or none, and say the same, or share
 * an id; and only if at least one of them says where it comes from. Without such a word two equal calls at the same time
 * are two calls: that is how an agent samples several answers.
 *
 * @since 0.1.0
 */
import { jsonEqual } from "../../event/internal/openRecord.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import { get, textAt } from "./atifMessage.ts"
import type { Metrics } from "./atifMetrics.ts"
import { type Doc, type Entry, hint, type Llm } from "./atifState.ts"

/**
 * Merges a call that has just ended into the one that it repeats, if there is one, and says which. The one of higher
 * fidelity stays; what it does not know it takes from the other.
 */
export const mergeDuplicate = (
  doc: Doc,
  llm: Llm,
  drop: (entry: Entry) => void,
  count: (metrics: Metrics | undefined, sign: 1 | -1) => void
): Entry | undefined => {
  const twin = doc.recentLlms.find((other) => isSame(other, llm))
  const kept = twin?.entry
  const entry = llm.entry
  if (twin === undefined || kept === undefined || entry === undefined || kept.isDropped) return undefined
  const [better, worse] = fidelity(llm) > fidelity(twin) ? [entry, kept] : [kept, entry]
  const metrics = better.metrics === undefined && worse.metrics === undefined
    ? undefined
    : { ...worse.metrics, ...better.metrics }
  const merged = {
    message: better.message === "" ? worse.message : better.message,
    model: better.model ?? worse.model,
    effort: better.effort ?? worse.effort,
    reasoning: better.reasoning ?? worse.reasoning,
    metrics: metrics === undefined || isPlausible(metrics) ? metrics : better.metrics,
    llmCalls: better.llmCalls ?? worse.llmCalls,
    extra: better.extra
  }
  count(kept.metrics, -1)
  Object.assign(kept, merged)
  count(kept.metrics, 1)
  for (const call of entry.calls) {
    if (
      !kept.calls.some((known) =>
        known.id === call.id || (known.name === call.name && jsonEqual(known.args, call.args))
      )
    ) {
      const moved = { ...call, entry: kept }
      kept.calls.push(moved)
      doc.promised.push(moved)
    }
  }
  if (twin.user !== undefined && llm.user !== undefined) drop(llm.user)
  llm.entry = kept
  return kept
}

/** Keeps a call that has just ended for as long as another one may repeat it. */
export const remember = (doc: Doc, llm: Llm): void => {
  if (doc.openLlms.size === 0) doc.recentLlms.length = 0
  else if (doc.recentLlms.push(llm) > maxRecent) doc.recentLlms.shift()
}

const maxRecent = 100

const isSame = (a: Llm, b: Llm): boolean => {
  if (a.parentUuid !== b.parentUuid || (fidelity(a) === unknownFidelity && fidelity(b) === unknownFidelity)) {
    return false
  }
  if (a.endedAt === undefined || b.startedAt === undefined || a.endedAt <= b.startedAt) return false
  if (a.entry?.model !== undefined && b.entry?.model !== undefined && a.entry.model !== b.entry.model) return false
  return shareId(a, b) || sameRequest(a, b) || sameResponse(a.entry, b.entry)
}

const idKeys = ["request_id", "generation_id", "api_call_id", "llm_request_id"]

const shareId = (a: Llm, b: Llm): boolean =>
  idKeys.some((key) => {
    const id = hint([a.metadata], [key])
    return id !== undefined && id === hint([b.metadata], [key])
  })

const sameRequest = (a: Llm, b: Llm): boolean =>
  a.request !== undefined && b.request !== undefined && jsonEqual(bodyOf(a.request), bodyOf(b.request))

const bodyOf = (request: Json): Json => get(request, "body") ?? request

const sameResponse = (a: Entry | undefined, b: Entry | undefined): boolean =>
  a !== undefined && b !== undefined && (a.message !== "" || a.calls.length > 0) && jsonEqual(a.message, b.message) &&
  jsonEqual(a.calls.map(({ args, name }) => [name, args]), b.calls.map(({ args, name }) => [name, args]))

const unknownFidelity = 50

const fidelity = ({ metadata }: Llm): number => {
  if (get(metadata, "provider_payload_exact") === true) return 100
  if (get(metadata, "projection") === true || textAt(metadata, "fidelity_source") === "projection") return 10
  if (textAt(metadata, "fidelity_source") !== undefined || textAt(metadata, "api_call_id") !== undefined) return 95
  if (textAt(metadata, "hook_event_name") !== undefined) return 90
  return get(metadata, "provider_payload_exact") === false ? 30 : unknownFidelity
}

const isPlausible = ({ cached_tokens, prompt_tokens }: Metrics): boolean =>
  cached_tokens === undefined || prompt_tokens === undefined || cached_tokens <= prompt_tokens
