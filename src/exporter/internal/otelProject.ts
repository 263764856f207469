import { isRecord } from "../../event/internal/openRecord.ts"
import type { LifecycleEvent, Mark, Outcome } from "../../event/LifecycleEvent.ts"
import { openInferenceBody } from "./openInference.ts"
import { Assembler, type PlacedMark } from "./otelAssembler.ts"
import { put, putAny, putExpanded, putJson } from "./otelAttributes.ts"
import { type CostOf, reportedCost } from "./otelCost.ts"
import { fullBody } from "./otelFull.ts"
import { type Convention, genAiBody } from "./otelGenAi.ts"
import { spanIdOf, type TraceContext, traceIdOf } from "./otelId.ts"
import { type KnownLimits, limitAttributes, limitEvents, limitLinks, type Limits, limitsOf } from "./otelLimits.ts"
import type { FinishedScope } from "./otelScope.ts"
import type { Attributes, FinishedSpan, SpanBody, SpanEvent, SpanStatus } from "./otelSpan.ts"

export type Projection = "gen_ai" | "full" | "openinference"

/** How scopes become spans. Every field has been given its default. */
export interface ProjectionSettings {
  readonly projection: Projection
  readonly convention: Convention
  readonly content: boolean
  readonly marks: boolean
  readonly cost: CostOf
  readonly limits: KnownLimits
}

export interface ProjectionInput {
  readonly projection?: Projection | undefined
  readonly convention?: Convention | undefined
  readonly content?: boolean | undefined
  readonly marks?: boolean | undefined
  readonly cost?: CostOf | undefined
  readonly limits?: Limits | undefined
}

export const settingsOf = (options: ProjectionInput | undefined): ProjectionSettings => {
  const projection = options?.projection ?? "gen_ai"
  const isPlain = projection === "gen_ai"
  return {
    projection,
    convention: options?.convention ?? "v1.41",
    content: options?.content ?? !isPlain,
    marks: options?.marks ?? !isPlain,
    cost: options?.cost ?? reportedCost,
    limits: limitsOf(options?.limits)
  }
}

/** What joins the events of scopes for these spans: with as many marks as they can have. */
export const assemblerOf = ({ limits, marks }: ProjectionSettings): Assembler =>
  new Assembler({ maxMarks: limits.eventCount, keeps: (mark) => marks || mark.category === "guardrail" })

/** The finished spans of these events, in the order of their ends. */
export const project = (
  events: Iterable<LifecycleEvent>,
  settings: ProjectionSettings
): ReadonlyArray<FinishedSpan> => {
  const assembler = assemblerOf(settings)
  const spans: Array<FinishedSpan> = []
  for (const event of events) {
    const span = spanOf(assembler.add(event), settings)
    if (span !== undefined) spans.push(span)
  }
  return spans
}

/** The span of what an event has completed, if it is one and its trace is wanted. */
export const spanOf = (
  completed: FinishedScope | PlacedMark | undefined,
  settings: ProjectionSettings
): FinishedSpan | undefined => {
  if (completed === undefined || completed.context.sampled === false) return undefined
  if ("start" in completed) return scopeSpan(completed, settings)
  return settings.marks && completed.isOrphan ? orphanSpan(completed, settings) : undefined
}

const bodyOf = (scope: FinishedScope, { content, convention, cost, projection }: ProjectionSettings): SpanBody => {
  switch (projection) {
    case "gen_ai":
      return genAiBody(scope, { convention, content })
    case "full":
      return fullBody(scope, content, cost)
    case "openinference":
      return openInferenceBody(scope, content, cost)
  }
}

const scopeSpan = (scope: FinishedScope, settings: ProjectionSettings): FinishedSpan => {
  const { context, droppedMarks, end, parentSpanId, start } = scope
  const { attributes, kind, name } = bodyOf(scope, settings)
  const { outcome } = end
  if (outcome._tag === "Blocked") put(attributes, "heddle.blocked_by", outcome.by)
  if (outcome._tag === "Interrupted") put(attributes, "heddle.interrupted", outcome.origin ?? true)
  const marks = settings.marks ? scope.marks.filter((mark) => mark.category !== "guardrail") : []
  const { dropped, events } = limitEvents(
    marks.map((mark) => markEvent(mark, settings)),
    [...decisionEvents(scope), ...exceptionEvents(scope)],
    settings.limits
  )
  return {
    ...context,
    parentSpanId,
    name,
    kind,
    start: start.timestamp,
    end: Math.max(end.timestamp, start.timestamp + 1),
    ...spanAttributes(attributes, settings),
    events,
    droppedEvents: droppedMarks + dropped,
    ...limitLinks(linksOf(scope), settings.limits),
    status: statusOf(outcome, settings.projection)
  }
}

const spanAttributes = (attributes: Attributes, { limits }: ProjectionSettings) =>
  limitAttributes(attributes, limits.attributeCount, limits.attributeValueLength)

const statusOf = (outcome: Outcome, projection: Projection): SpanStatus => {
  switch (outcome._tag) {
    case "Failure":
      return { code: "error", message: outcome.error?.message }
    case "Blocked":
      return { code: "error", message: `blocked by ${outcome.by}: ${outcome.reason}` }
    case "Interrupted":
      return { code: "unset" }
    case "Success":
      // Semantic conventions leave success to the back end; the other dialects say it.
      return { code: projection === "gen_ai" ? "unset" : "ok" }
  }
}

/**
 * Decisions of guardrails. A rejection happened when its mark says; the others are known at the end of the call, and
 * stand there.
 */
const decisionEvents = ({ end, marks, start }: FinishedScope): ReadonlyArray<SpanEvent> =>
  end.decisions.map(({ digest, durationMicros, guardrail, reason, verdict }) => {
    const mark = marks.find(({ category, data, name }) =>
      category === "guardrail" && name === guardrail && isRecord(data) && data["verdict"] === verdict
    )
    const attributes: Attributes = {}
    put(attributes, "heddle.guardrail.name", guardrail)
    put(attributes, "heddle.guardrail.verdict", verdict)
    put(attributes, "heddle.guardrail.reason", reason)
    put(attributes, "heddle.guardrail.duration", durationMicros / 1_000_000)
    put(attributes, "heddle.guardrail.digest", digest)
    const time = mark?.timestamp ?? end.timestamp
    return { name: "heddle.guardrail.decision", time: Math.max(time, start.timestamp), attributes }
  })

const exceptionEvents = ({ end }: FinishedScope): ReadonlyArray<SpanEvent> => {
  const { outcome } = end
  if (outcome._tag !== "Failure") return []
  const attributes: Attributes = {}
  put(attributes, "exception.type", outcome.error?.tag ?? "_OTHER")
  put(attributes, "exception.message", outcome.error?.message)
  put(attributes, "exception.stacktrace", outcome.error?.cause)
  return [{ name: "exception", time: end.timestamp, attributes }]
}

const linksOf = ({ start }: FinishedScope): ReadonlyArray<TraceContext> => {
  const uuid = start.metadata?.["heddle.link_uuid"]
  const root = start.metadata?.["heddle.link_root_uuid"]
  return typeof uuid === "string" && typeof root === "string"
    ? [{ traceId: traceIdOf(root), spanId: spanIdOf(uuid) }]
    : []
}

/** What a mark says, as attributes. */
export const markAttributes = (mark: Mark, content: boolean): Attributes => {
  const attributes: Attributes = {}
  put(attributes, "heddle.mark.name", mark.name)
  put(attributes, "heddle.mark.uuid", mark.uuid)
  put(attributes, "heddle.mark.parent_uuid", mark.parentUuid)
  put(attributes, "heddle.mark.category", mark.category)
  put(attributes, "heddle.mark.severity", mark.severity)
  put(attributes, "heddle.mark.data_schema.name", mark.dataSchema?.name)
  put(attributes, "heddle.mark.data_schema.version", mark.dataSchema?.version)
  if (mark.metadata !== undefined) putExpanded(attributes, "heddle.mark.metadata", mark.metadata)
  if (content) putExpanded(attributes, "heddle.mark.data", mark.data)
  return attributes
}

const markEvent = (mark: Mark, { content }: ProjectionSettings): SpanEvent => ({
  name: mark.name,
  time: mark.timestamp,
  attributes: markAttributes(mark, content)
})

/** A mark whose scope is not open stands for itself, as the shortest span there can be. */
const orphanSpan = ({ context, mark }: PlacedMark, settings: ProjectionSettings): FinishedSpan => {
  const { content, projection } = settings
  const attributes = markAttributes(mark, content)
  put(attributes, "heddle.mark.orphan", true)
  if (projection === "openinference") {
    put(attributes, "openinference.span.kind", "CHAIN")
    if (content) {
      putAny(attributes, "output.value", mark.data)
      putJson(attributes, "metadata", mark.metadata)
    }
  }
  return {
    ...context,
    spanId: spanIdOf(mark.uuid),
    parentSpanId: mark.parentUuid === undefined ? undefined : context.spanId,
    name: `mark:${mark.name}`,
    kind: "internal",
    start: mark.timestamp,
    end: mark.timestamp + 1,
    ...spanAttributes(attributes, settings),
    events: [],
    droppedEvents: 0,
    links: [],
    status: { code: "unset" }
  }
}
