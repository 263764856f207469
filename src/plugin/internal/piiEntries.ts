import type { ErrorInfo, LifecycleEvent } from "../../event/LifecycleEvent.ts"
import type { Entry } from "../../middleware/internal/entry.ts"
import * as Sanitizer from "../../middleware/Sanitizer.ts"
import type { Redaction } from "./piiRedactor.ts"

/** Parts of events, each of which may be left as it is. */
export interface Surfaces {
  readonly request?: boolean | undefined
  readonly response?: boolean | undefined
  readonly error?: boolean | undefined
  readonly mark?: boolean | undefined
  readonly scopeStart?: boolean | undefined
  readonly scopeEnd?: boolean | undefined
}

/** Sanitizers that redact. */
export const entriesOf = (
  redaction: Redaction,
  options: { readonly name: string; readonly priority: number; readonly events: Surfaces }
): ReadonlyArray<Entry> => {
  const { events, name, priority } = options
  // The payload of a call belongs to its request or response; scope sanitizers, which see it again, leave it alone.
  const calls = new WeakSet<LifecycleEvent>()
  const payload = (isOn: boolean) => (data: unknown, event: LifecycleEvent): unknown => {
    calls.add(event)
    return isOn && data !== undefined ? redaction.value(data, ["data"]) : data
  }
  const fields = (fields: Sanitizer.EventFields, event: LifecycleEvent): Sanitizer.EventFields => ({
    data: fields.data === undefined || calls.has(event) ? fields.data : redaction.value(fields.data, ["data"]),
    profile: recordOf(redaction, fields.profile, "profile"),
    metadata: recordOf(redaction, fields.metadata, "metadata")
  })
  const error = ({ cause, message, tag }: ErrorInfo): ErrorInfo => ({
    tag: stringOf(redaction, tag, "tag"),
    message: stringOf(redaction, message, "message"),
    ...(cause === undefined ? undefined : { cause: stringOf(redaction, cause, "cause") })
  })
  return [
    Sanitizer.request({ name, priority, sanitize: payload(events.request ?? true) }),
    Sanitizer.response({ name, priority, sanitize: payload(events.response ?? true) }),
    ...(events.error ?? true ? [Sanitizer.error({ name, priority, sanitize: error })] : []),
    ...(events.mark ?? true ? [Sanitizer.mark({ name, priority, sanitize: fields })] : []),
    ...(events.scopeStart ?? true ? [Sanitizer.scopeStart({ name, priority, sanitize: fields })] : []),
    ...(events.scopeEnd ?? true ? [Sanitizer.scopeEnd({ name, priority, sanitize: fields })] : [])
  ]
}

const recordOf = (
  redaction: Redaction,
  record: Readonly<Record<string, unknown>> | undefined,
  field: string
): Readonly<Record<string, unknown>> | undefined => {
  if (record === undefined) return undefined
  const shown = redaction.value(record, [field])
  return typeof shown === "object" && shown !== null && !Array.isArray(shown) ? { ...shown } : {}
}

const stringOf = (redaction: Redaction, text: string, field: string): string => {
  const shown = redaction.value(text, ["error", field])
  return typeof shown === "string" ? shown : ""
}
