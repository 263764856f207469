import { degrade } from "../../event/internal/degrade.ts"
import type { Json, Severity } from "../../event/LifecycleEvent.ts"
import type { PlacedMark } from "./otelAssembler.ts"
import type { TraceContext } from "./otelId.ts"
import { type KnownLimits, limitAttributes, limitsOf } from "./otelLimits.ts"
import { markAttributes } from "./otelProject.ts"
import type { Attributes } from "./otelSpan.ts"

/** A log record. `time` is in microseconds since the Unix epoch. */
export interface LogRecord {
  readonly time: number
  readonly severity: Severity
  /** OpenTelemetry's number for it: 1 trace, 5 debug, 9 info, 13 warn, 17 error. */
  readonly severityNumber: SeverityNumber
  /** What the mark says, as JSON; else its name. */
  readonly body: Json
  readonly attributes: Attributes
  /** How many were over the limit; absent if none. */
  readonly droppedAttributes?: number
  readonly context: TraceContext | undefined
}

type SeverityNumber = 1 | 5 | 9 | 13 | 17

const severityNumbers: Readonly<Record<Severity, SeverityNumber>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17 }

const severities: ReadonlyArray<Severity> = ["trace", "debug", "info", "warn", "error"]

/** The log record of a mark that has a severity of at least `minimum`. Its body is the data, else the name. */
export const logOf = (
  { context, mark }: PlacedMark,
  minimum: Severity,
  { attributeCount, attributeValueLength }: KnownLimits = limitsOf(undefined)
): LogRecord | undefined => {
  const { severity } = mark
  if (severity === undefined || severities.indexOf(severity) < severities.indexOf(minimum)) return undefined
  return {
    time: mark.timestamp,
    severity,
    severityNumber: severityNumbers[severity],
    body: mark.data === undefined || mark.data === null ? mark.name : degrade(mark.data),
    ...limitAttributes(markAttributes(mark, false), attributeCount, attributeValueLength),
    // A mark outside of every scope belongs to no trace.
    context: mark.parentUuid === undefined ? undefined : context
  }
}
