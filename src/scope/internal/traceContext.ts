import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import type { Span } from "../../event/internal/span.ts"

/** Trace and span ids, lower-case hexadecimal, as W3C Trace Context wants them: 32 and 16 digits, not all zero. */
export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
  /** Absent means yes. */
  readonly sampled?: boolean
}

export const traceIdForm = /^(?!0{32})[0-9a-f]{32}$/
export const spanIdForm = /^(?!0{16})[0-9a-f]{16}$/

/** The 32 digits of a UUID; an id of another form is digested. */
const digitsOf = (uuid: string): string => {
  const digits = uuid.replaceAll("-", "").toLowerCase()
  return traceIdForm.test(digits) ? digits : bytesToHex(sha256(utf8ToBytes(uuid))).slice(0, 32)
}

/** Trace id of a root scope: the digits of its UUID. */
export const traceIdOf = (rootUuid: string): string => digitsOf(rootUuid)

/** Span id of a scope: the last sixteen digits of its UUID. */
export const spanIdOf = (uuid: string): string => {
  const digits = digitsOf(uuid).slice(16)
  return spanIdForm.test(digits) ? digits : bytesToHex(sha256(utf8ToBytes(uuid))).slice(32, 48)
}

/** A trace id that came from outside; one of 64 bits (B3) is padded. `undefined` if it is none. */
export const readTraceId = (value: unknown): string | undefined => {
  if (typeof value !== "string") return undefined
  const id = value.toLowerCase().padStart(32, "0")
  return traceIdForm.test(id) ? id : undefined
}

/** A span id that came from outside, or `undefined` if it is none. */
export const readSpanId = (value: unknown): string | undefined => {
  if (typeof value !== "string") return undefined
  const id = value.toLowerCase()
  return spanIdForm.test(id) ? id : undefined
}

/**
 * The ids under which a scope is exported: the trace of the nearest scope that was opened under a span from outside, else
 * that of the root's UUID.
 */
export const traceOf = (span: Span): TraceContext => {
  const spanId = spanIdOf(span.uuid)
  for (let each: Span | undefined = span; each !== undefined; each = each.parent) {
    const trace = each.origin?.trace
    const traceId = readTraceId(trace?.traceId)
    if (trace !== undefined && traceId !== undefined) {
      return trace.sampled ? { traceId, spanId } : { traceId, spanId, sampled: false }
    }
  }
  return { traceId: traceIdOf(span.root.uuid), spanId }
}
