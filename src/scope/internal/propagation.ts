import * as Context from "effect/Context"
import * as Tracer from "effect/Tracer"
import type { Kernel } from "../../event/internal/kernel.ts"
import type { Span } from "../../event/internal/span.ts"
import { ScopeStack } from "../ScopeStack.ts"
import { Carried, type PropagationContext } from "./propagationContext.ts"
import { traceOfScope } from "./propagationHeaders.ts"
import { exported, leadsTo, RemoteSpan, traceUnder } from "./propagationRemote.ts"
import { readSpanId, readTraceId, spanIdForm, type TraceContext, traceIdForm, traceOf } from "./traceContext.ts"

/** What goes on from where this context is. */
export const captureIn = (context: Context.Context<never>): PropagationContext => {
  const { span } = Context.get(context, ScopeStack)
  const { baggage, trace: origin } = Context.get(context, Carried)
  const ids = idsAt(span, Context.getOrUndefined(context, Tracer.ParentSpan))
  const isSame = ids !== undefined && ids.traceId === origin?.traceId
  return {
    version: 1,
    ...(span === undefined ? undefined : { scope: { uuid: span.uuid, rootUuid: span.root.uuid } }),
    ...(ids === undefined ? undefined : {
      trace: {
        traceId: ids.traceId,
        spanId: ids.spanId,
        sampled: ids.sampled !== false,
        // A trace that began here has neither.
        random: isSame && origin.random,
        state: isSame ? origin.state : ""
      }
    }),
    baggage
  }
}

const idsAt = (span: Span | undefined, around: Tracer.AnySpan | undefined): TraceContext | undefined => {
  const enclosing = exported(around)
  if (span === undefined) return readIds(enclosing ?? around)
  if (span.isRemote) return readIds(traceUnder(span, enclosing))
  const own = traceOf(span)
  // As for what opens here: see `makeSpan`.
  return span.kernel.spanParent === undefined ? own : readIds(enclosing) ?? own
}

const readIds = (span: Tracer.AnySpan | undefined): TraceContext | undefined => {
  const traceId = readTraceId(span?.traceId)
  const spanId = readSpanId(span?.spanId)
  if (span === undefined || traceId === undefined || spanId === undefined) return undefined
  return { traceId, spanId, sampled: span.sampled }
}

/** The context of what continues work from elsewhere. */
export const placeIn = <R>(
  around: Context.Context<R>,
  kernel: Kernel,
  { baggage, scope, trace: known }: PropagationContext
): Context.Context<R> => {
  const before = Context.get(around, Carried)
  const isValid = known !== undefined && traceIdForm.test(known.traceId) && spanIdForm.test(known.spanId)
  const trace = isValid ? known : scope === undefined ? undefined : traceOfScope(scope)
  const next = Context.add(around, Carried, {
    trace: trace ?? before.trace,
    baggage: baggage.size === 0 ? before.baggage : baggage
  })
  if (trace === undefined) return next
  const { inside, level } = Context.get(around, ScopeStack)
  const remote = Tracer.externalSpan({ traceId: trace.traceId, spanId: trace.spanId, sampled: trace.sampled })
  const frame = { span: undefined, level, inside }
  const span = scope === undefined ? undefined : new RemoteSpan(kernel, frame, scope, remote)
  const placed = Context.add(next, ScopeStack, { span, level, inside })
  const enclosing = exported(Context.getOrUndefined(around, Tracer.ParentSpan))
  return Context.add(placed, Tracer.ParentSpan, leadsTo(enclosing, remote) ? enclosing : remote)
}
