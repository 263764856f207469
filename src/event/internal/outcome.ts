import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import type { ErrorInfo, Outcome } from "../LifecycleEvent.ts"
import type { EndDetail } from "./eventRecord.ts"

/** How much of an error observers see. */
export interface ErrorCapture {
  /** Characters of a message before it is cut. */
  readonly messageLength: number
  /** Whether the whole cause, pretty printed, is there too. */
  readonly cause: boolean
}

const success: Outcome = Object.freeze({ _tag: "Success" })

const cap = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length)}…[+${text.length - length} chars]`

const attempt = <A>(f: () => A, orElse: A): A => {
  try {
    return f()
  } catch {
    return orElse
  }
}

const text = (value: unknown): string => typeof value === "string" ? value : String(value)

/** Tag and capped message of any thrown or failed value. Never throws, whatever the value does. */
const errorInfo = (error: unknown, capture: ErrorCapture): ErrorInfo => {
  if (typeof error !== "object" || error === null) {
    return { tag: typeof error, message: cap(attempt(() => text(error), "[unprintable]"), capture.messageLength) }
  }
  const tag = attempt(() => {
    if ("_tag" in error && typeof error._tag === "string") return error._tag
    if ("name" in error && typeof error.name === "string") return error.name
    const name: unknown = error.constructor?.name
    return typeof name === "string" ? name : "object"
  }, "object")
  const message = attempt(() => "message" in error ? text(error.message) : "", "[unprintable]")
  return { tag: cap(tag, capture.messageLength), message: cap(message, capture.messageLength) }
}

const interruptedBy = (cause: Cause.Cause<unknown>): Outcome => {
  for (const reason of cause.reasons) {
    if (Cause.isInterruptReason(reason) && reason.fiberId !== undefined) {
      return { _tag: "Interrupted", origin: `fiber:${reason.fiberId}` }
    }
  }
  return { _tag: "Interrupted" }
}

/** How a scope ended, from its exit and what its call knows better. */
export const outcomeOf = (
  exit: Exit.Exit<unknown, unknown> | undefined,
  end: EndDetail | undefined,
  capture: ErrorCapture
): Outcome => {
  if (end !== undefined) {
    if (end.blocked !== undefined) return { _tag: "Blocked", by: end.blocked.by, reason: end.blocked.reason }
    if (end.origin !== undefined) return { _tag: "Interrupted", origin: end.origin }
  }
  if (exit === undefined || exit._tag === "Success") return success
  const cause = exit.cause
  const failure = cause.reasons.find(Cause.isFailReason)
  const reason = failure ?? cause.reasons.find(Cause.isDieReason)
  if (reason === undefined) return interruptedBy(cause)
  const info = errorInfo(reason._tag === "Fail" ? reason.error : reason.defect, capture)
  return {
    _tag: "Failure",
    error: capture.cause
      ? { ...info, cause: cap(attempt(() => Cause.pretty(cause), "[unprintable]"), capture.messageLength * 20) }
      : info,
    isDefect: failure === undefined
  }
}
