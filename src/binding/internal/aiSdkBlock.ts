/** Where the SDK has put a `CallError`. */
import type { CallError } from "../../call/CallError.ts"
import { isRecord } from "../../event/internal/openRecord.ts"
import { callErrorOf } from "./sdkBlock.ts"

/** Steps of a run, as far as it matters here. */
export type Steps = ReadonlyArray<{ readonly content: ReadonlyArray<unknown> }>

/** The `CallError` that an error is, or that is its cause, or with which the SDK gave up trying. */
export const callErrorIn = (error: unknown): CallError | undefined =>
  callErrorOf(error) ?? callErrorOf(isRecord(error) ? error["lastError"] : undefined)

/** The errors of tools that policies refused. */
export const blocksIn = (steps: Steps): ReadonlyArray<CallError> =>
  steps.flatMap(({ content }) => content.flatMap(blockOf))

const blockOf = (part: unknown): ReadonlyArray<CallError> => {
  if (!isRecord(part) || part["type"] !== "tool-error") return []
  const error = callErrorOf(part["error"])
  return error?.reason._tag === "GuardrailRejected" ? [error] : []
}
