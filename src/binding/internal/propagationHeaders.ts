import * as Propagation from "../../scope/Propagation.ts"

/** What goes out and is not there yet. A `tracestate` belongs to its `traceparent`. */
export const missingHeaders = (
  context: Propagation.PropagationContext,
  has: (name: string) => boolean
): Readonly<Record<string, string>> => {
  const { baggage, traceparent, tracestate } = Propagation.toHeaders(context)
  return {
    ...(traceparent === undefined || has("traceparent") ? undefined : {
      traceparent,
      ...(tracestate === undefined || has("tracestate") ? undefined : { tracestate })
    }),
    ...(baggage === undefined || has("baggage") ? undefined : { baggage })
  }
}
