import * as Context from "effect/Context"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { Frame } from "../../event/internal/frame.ts"
import type { Kernel } from "../../event/internal/kernel.ts"
import { noAttributes, Span, type SpanSpec } from "../../event/internal/span.ts"

const remoteSpec: SpanSpec = Object.freeze({
  name: "remote",
  category: "unknown",
  isCall: false,
  attributes: noAttributes,
  modelName: undefined,
  toolCallId: undefined,
  subtype: undefined
})

/** A scope of another process. It is never opened here, so it has no events here; it only is a parent. */
export class RemoteSpan extends Span {
  override readonly root: Span
  private readonly remoteUuid: string

  /** `trace` is the span of the scope that others know, or of what stands between the scope and here. */
  constructor(
    kernel: Kernel,
    frame: Frame,
    scope: { readonly uuid: string; readonly rootUuid: string },
    trace: Tracer.ExternalSpan
  ) {
    super(kernel, undefined, frame, undefined, remoteSpec, undefined)
    const { rootUuid, uuid } = scope
    this.remoteUuid = uuid
    this.root = uuid === rootUuid ? this : new RemoteSpan(kernel, frame, { uuid: rootUuid, rootUuid }, trace)
    this.origin = { link: undefined, trace }
  }

  override get isRemote(): boolean {
    return true
  }

  override get uuid(): string {
    return this.remoteUuid
  }
}

/** Where the trace of a remote span goes on: at the application's span that leads there, else at the remote span. */
export const traceUnder = (remote: Span, enclosing: Tracer.AnySpan | undefined): Tracer.AnySpan | undefined => {
  const trace = remote.origin?.trace
  return enclosing !== undefined && enclosing.traceId === trace?.traceId ? enclosing : trace
}

/** The innermost span that some tracer exports: not one of those that Effect makes when no tracer is installed. */
export const exported = (span: Tracer.AnySpan | undefined): Tracer.AnySpan | undefined => {
  let each = span
  while (each !== undefined && each._tag === "Span") {
    if (!(each instanceof Tracer.NativeSpan) && !Context.get(each.annotations, Tracer.DisablePropagation)) return each
    each = Option.getOrUndefined(each.parent)
  }
  return each
}

/** Whether a span is the remote one, or was opened under it. */
export const leadsTo = (span: Tracer.AnySpan | undefined, remote: Tracer.ExternalSpan): span is Tracer.AnySpan => {
  let each = span
  while (each !== undefined && each.traceId === remote.traceId) {
    if (each.spanId === remote.spanId) return true
    each = each._tag === "Span" ? Option.getOrUndefined(each.parent) : undefined
  }
  return false
}
