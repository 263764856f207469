import * as Propagation from "../../scope/Propagation.ts"
import type { Heddle } from "../Promises.ts"
import { missingHeaders } from "./propagationHeaders.ts"

/** What every request of MCP may carry. */
export type Params = Readonly<Record<string, unknown>>

/**
 * Parameters that say where the running code is. The keys have no prefix, which is an exception that MCP makes for them
 * (SEP-414), and their values are those of the headers of the same names. What the caller has put there wins.
 */
export const withTrace = <P extends Params | undefined>(heddle: Pick<Heddle, "capture">, params: P): P | Params => {
  const meta = metaOf(params)
  const trace = missingHeaders(heddle.capture(), (name) => Object.hasOwn(meta, name))
  return Object.keys(trace).length === 0 ? params : { ...params, _meta: { ...meta, ...trace } }
}

/** What the parameters of a request say about where it comes from: nothing of it is trusted. */
export const traceOf = (params: Params | undefined): Propagation.Received => {
  const meta = metaOf(params)
  const headers: Record<string, string> = {}
  for (const name of ["traceparent", "tracestate", "baggage"]) {
    const value = Object.hasOwn(meta, name) ? meta[name] : undefined
    if (typeof value === "string") headers[name] = value
  }
  return Propagation.fromHeaders(headers)
}

/** A value with fields, or one without any. */
export const fieldsOf = (value: unknown): Params => typeof value === "object" && value !== null ? { ...value } : {}

// internal

const metaOf = (params: Params | undefined): Params => fieldsOf(params?.["_meta"])
