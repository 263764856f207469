import * as Cause from "effect/Cause"
import { CallError } from "../../../src/index.ts"
import type { Settled } from "../Script.ts"

/** What a failure of heddle says, in the words that all runtimes have in common. */
export const settledOf = (error: unknown): Settled => {
  if (!(error instanceof CallError.CallError)) return { failed: messageOf(error) }
  const { reason } = error
  switch (reason._tag) {
    case "GuardrailRejected":
      return { blocked: reason.reason }
    case "GuardrailFailed":
    case "InterceptFailed":
      return { failed: messageOf(reason.cause) }
    default:
      return { failed: reason.message }
  }
}

const messageOf = (error: unknown): string => {
  if (Cause.isCause(error)) return messageOf(Cause.squash(error))
  return error instanceof Error ? error.message : String(error)
}
