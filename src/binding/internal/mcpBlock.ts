import * as Data from "effect/Data"
import { CallError, type RuntimeClosed } from "../../call/CallError.ts"
import type { ServerOptions } from "../Mcp.ts"

/** A refused call as an error of JSON-RPC: the SDK sends `code`, `message` and `data`. */
class Refused extends Data.TaggedError("Refused")<{
  readonly code: number
  readonly message: string
  readonly data: { readonly reason: string }
}> {}

/** `Invalid Request` of JSON-RPC 2.0. */
const invalidRequest = -32600

/** What a server answers to a call that policy refused. Only what a guardrail says is told to whoever asked. */
export const answerTo = (error: CallError | RuntimeClosed, onBlocked: ServerOptions["onBlocked"]): unknown => {
  if (typeof onBlocked === "function") return onBlocked(error)
  const reason = error instanceof CallError ? error.reason : error
  const message = reason._tag === "GuardrailRejected"
    ? `Refused by policy: ${reason.reason}`
    : `Refused by policy (${reason._tag})`
  if (onBlocked === "error") throw new Refused({ code: invalidRequest, message, data: { reason: reason._tag } })
  return { content: [{ type: "text", text: message }], isError: true }
}
