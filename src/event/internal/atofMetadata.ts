/**
 * What ATOF has no field for, written into `metadata`: sequence, outcome, decisions and severity.
 *
 * Keys of ours are `heddle.*`. Beside them stand the keys by which the reference product and its readers tell a failed
 * scope (`otel.status_code`, `otel.status_description`, `error.type`, `exception.type`) and the severity of a mark
 * (`nemo_relay.log.severity`).
 *
 * @since 0.1.0
 */
import type { DecisionRecord, ErrorInfo, Json, LifecycleEvent, Outcome, Severity } from "../LifecycleEvent.ts"
import { degrade } from "./degrade.ts"
import { isRecord, jsonEqual, put } from "./openRecord.ts"

type Metadata = Readonly<Record<string, unknown>>
type Words = Record<string, Json>

/** The fields of an event that live in the metadata of its record; those its kind does not have are empty. */
interface Facts {
  readonly sequence: number
  readonly outcome: Outcome
  readonly decisions: ReadonlyArray<DecisionRecord>
  readonly severity: Severity | undefined
}

/**
 * Metadata as its author gave it, and the facts. `stated` holds the entries that state the facts, as they stood, if
 * encoding would word them otherwise: the record is foreign.
 */
export interface Decoded {
  readonly metadata: Metadata | undefined
  readonly facts: Facts
  readonly stated: Metadata | undefined
}

/** Metadata of the record of `event`, with the facts in the words of `stated` as long as these still say the same. */
export const encodeMetadata = (event: LifecycleEvent, stated: Metadata | undefined): Words | undefined => {
  const degraded = event.metadata === undefined ? undefined : degrade(event.metadata)
  const metadata = degraded === undefined || isJsonRecord(degraded) ? degraded : { [escapeKey]: degraded }
  const tag = event._tag
  const words = wordsOf(tag, factsOf(event))
  const kept = stated === undefined ? undefined : degrade(stated)
  if (kept === undefined || !isJsonRecord(kept) || !jsonEqual(wordsOf(tag, read(tag, kept)), words)) {
    return compose(tag, metadata, words)
  }
  if (metadata === undefined) return Object.keys(kept).length === 0 ? undefined : { ...kept }
  return Object.keys(metadata).some((key) => isReserved(tag, key, kept))
    ? compose(tag, metadata, words)
    : { ...metadata, ...kept }
}

/** The inverse of `encodeMetadata`, for any record; `undefined` stands for metadata that is no object. */
export const decodeMetadata = (tag: LifecycleEvent["_tag"], record: Metadata | undefined): Decoded => {
  const stated: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(record ?? {})) {
    put(record !== undefined && isReserved(tag, key, record) ? stated : rest, key, value)
  }
  const facts = read(tag, stated)
  const isBare = Object.keys(rest).length === 0
  const escaped = stated[escapeKey]
  const own = isRecord(escaped) ? { ...rest, ...escaped } : isBare ? undefined : rest
  if (jsonEqual(compose(tag, own, wordsOf(tag, facts)), record)) return { metadata: own, facts, stated: undefined }
  const isAbsent = record === undefined || (isBare && Object.keys(stated).length > 0)
  return { metadata: isAbsent ? undefined : rest, facts, stated }
}

/** Holds what an author put under reserved keys, and tells an empty metadata object from none. */
const escapeKey = "heddle.metadata"
const severityKey = "nemo_relay.log.severity"
const endKeys = new Set(["heddle.outcome", "heddle.decisions", "otel.status_code"])
const errorKeys = new Set(["otel.status_description", "error.type", "exception.type"])

const isReserved = (tag: LifecycleEvent["_tag"], key: string, words: Metadata): boolean => {
  if (key === escapeKey || key === "heddle.sequence") return true
  if (tag === "Mark") return key === severityKey
  return tag === "ScopeEnd" && (endKeys.has(key) || (errorKeys.has(key) && words["otel.status_code"] === "ERROR"))
}

const isJsonRecord = (value: Json): value is { readonly [key: string]: Json } => isRecord(value)

const compose = <A>(tag: LifecycleEvent["_tag"], metadata: Readonly<Record<string, A>> | undefined, words: Words) => {
  if (metadata === undefined) return words
  const out: Record<string, A | Json | Record<string, A>> = {}
  const escaped: Record<string, A> = {}
  for (const [key, value] of Object.entries(metadata)) {
    if (isReserved(tag, key, words)) put(escaped, key, value)
    else put(out, key, value)
  }
  if (Object.keys(escaped).length > 0 || Object.keys(out).length === 0) out[escapeKey] = escaped
  return Object.assign(out, words)
}

const factsOf = (event: LifecycleEvent): Facts => ({
  sequence: event.sequence,
  outcome: event._tag === "ScopeEnd" ? event.outcome : success,
  decisions: event._tag === "ScopeEnd" ? event.decisions : [],
  severity: event._tag === "Mark" ? event.severity : undefined
})

const success: Outcome = { _tag: "Success" }

// writing

const wordsOf = (tag: LifecycleEvent["_tag"], facts: Facts): Words => {
  const words: Words = { "heddle.sequence": degrade(facts.sequence) }
  if (tag === "Mark" && facts.severity !== undefined) words[severityKey] = degrade(facts.severity)
  if (tag !== "ScopeEnd") return words
  if (facts.decisions.length > 0) words["heddle.decisions"] = facts.decisions.map(writeDecision)
  const { outcome } = facts
  switch (outcome._tag) {
    case "Success":
      return Object.assign(words, { "heddle.outcome": { status: "success" }, "otel.status_code": "OK" })
    case "Failure": {
      const { error, isDefect } = outcome
      words["heddle.outcome"] = degrade({ status: "failure", error, is_defect: isDefect })
      if (error !== undefined) words["exception.type"] = degrade(error.tag)
      return writeStatus(words, "internal_error", error?.message)
    }
    case "Blocked": {
      words["heddle.outcome"] = degrade({ status: "blocked", by: outcome.by, reason: outcome.reason })
      return writeStatus(words, "guardrail_rejected", `guardrail rejected: ${outcome.reason}`)
    }
    case "Interrupted": {
      words["heddle.outcome"] = degrade({ status: "interrupted", origin: outcome.origin })
      return writeStatus(
        words,
        undefined,
        outcome.origin === undefined ? "interrupted" : `interrupted by ${outcome.origin}`
      )
    }
  }
}

const writeStatus = (words: Words, errorType: string | undefined, description: string | undefined): Words => {
  words["otel.status_code"] = "ERROR"
  if (description !== undefined) words["otel.status_description"] = degrade(description)
  if (errorType !== undefined) words["error.type"] = errorType
  return words
}

const writeDecision = (decision: DecisionRecord): Json =>
  degrade({
    guardrail: decision.guardrail,
    verdict: decision.verdict === "wouldBlock" ? "would_block" : decision.verdict,
    reason: decision.reason,
    duration_micros: decision.durationMicros,
    digest: decision.digest
  })

// reading

const read = (tag: LifecycleEvent["_tag"], stated: Metadata): Facts => {
  const sequence = stated["heddle.sequence"]
  return {
    sequence: typeof sequence === "number" && Number.isSafeInteger(sequence) && sequence >= 0 ? sequence : 0,
    outcome: tag === "ScopeEnd" ? readOutcome(stated["heddle.outcome"]) ?? readStatus(stated) : success,
    decisions: tag === "ScopeEnd" ? readDecisions(stated["heddle.decisions"]) : [],
    severity: tag === "Mark" ? readSeverity(stated[severityKey]) : undefined
  }
}

const readOutcome = (value: unknown): Outcome | undefined => {
  if (!isRecord(value)) return undefined
  const { by, error, is_defect: isDefect, origin, reason, status } = value
  switch (status) {
    case "success":
      return success
    case "failure": {
      const info = readError(error)
      return typeof isDefect === "boolean" && (info !== undefined || error === undefined)
        ? { _tag: "Failure", error: info, isDefect }
        : undefined
    }
    case "blocked":
      return typeof by === "string" && typeof reason === "string" ? { _tag: "Blocked", by, reason } : undefined
    case "interrupted":
      return { _tag: "Interrupted", ...(typeof origin === "string" ? { origin } : {}) }
    default:
      return undefined
  }
}

const readError = (value: unknown): ErrorInfo | undefined => {
  if (!isRecord(value)) return undefined
  const { cause, message, tag } = value
  return typeof tag === "string" && typeof message === "string"
    ? { tag, message, ...(typeof cause === "string" ? { cause } : {}) }
    : undefined
}

/** A foreign record knows success and failure only; a call that the reference product cancelled says so in words. */
const readStatus = (stated: Metadata): Outcome => {
  if (stated["otel.status_code"] !== "ERROR") return success
  const text = (key: string): string | undefined => {
    const value = stated[key]
    return typeof value === "string" ? value : undefined
  }
  const message = text("otel.status_description") ?? ""
  if (message === "tool execution cancelled") return { _tag: "Interrupted" }
  const tag = text("exception.type") ?? text("error.type") ?? "Error"
  return { _tag: "Failure", error: { tag, message }, isDefect: false }
}

const readDecisions = (value: unknown): ReadonlyArray<DecisionRecord> => {
  if (!Array.isArray(value)) return []
  const decisions = value.map(readDecision)
  return decisions.every((decision) => decision !== undefined) ? decisions : []
}

const readDecision = (value: unknown): DecisionRecord | undefined => {
  if (!isRecord(value)) return undefined
  const { digest, duration_micros: durationMicros, guardrail, reason } = value
  const verdict = readVerdict(value["verdict"])
  if (typeof guardrail !== "string" || typeof durationMicros !== "number" || verdict === undefined) return undefined
  return {
    guardrail,
    verdict,
    ...(typeof reason === "string" ? { reason } : {}),
    durationMicros,
    ...(typeof digest === "string" ? { digest } : {})
  }
}

const readVerdict = (value: unknown): DecisionRecord["verdict"] | undefined => {
  switch (value) {
    case "would_block":
      return "wouldBlock"
    case "allow":
    case "reject":
    case "failed":
    case "skipped":
      return value
    default:
      return undefined
  }
}

const readSeverity = (value: unknown): Severity | undefined => {
  switch (value) {
    case "warning":
      return "warn"
    case "trace":
    case "debug":
    case "info":
    case "warn":
    case "error":
      return value
    default:
      return undefined
  }
}
