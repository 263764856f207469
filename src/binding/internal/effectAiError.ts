/** `CallError`s in the error channels of `effect/ai`, which hold `AiError`s only. */
import * as AiError from "effect/ai/AiError"
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import { CallError } from "../../call/CallError.ts"

/** The parameters of a call, which a typed guardrail was to judge, are not those of its tool. */
export class UnreadableParameters extends Data.TaggedError("UnreadableParameters")<{
  readonly tool: string
  readonly description: string
}> {
  override get message(): string {
    return `the parameters are not those of the tool "${this.tool}": ${this.description}`
  }
}

/** A `CallError` as an `AiError`. */
export const aiErrorOf = (module: string, method: string, error: CallError): AiError.AiError =>
  AiError.make({ module, method, reason: reasonOf(error) })

/** The `CallError` that an `AiError` was made of, or that the error is itself. */
export const callErrorOf = (error: unknown): Option.Option<CallError> => {
  if (error instanceof CallError) return Option.some(error)
  if (AiError.isAiError(error) && error.reason.cause instanceof CallError) return Option.some(error.reason.cause)
  return Option.none()
}

/** An input that the library has no form for. */
export const invalidInput = (description: string): AiError.AiError =>
  AiError.make({
    module: "EffectAi",
    method: "request",
    reason: new AiError.InvalidUserInputError({ description })
  })

/** The same, made by an intercept. */
export const invalidRewrite = (what: string): AiError.AiError =>
  invalidInput(`a request intercept made ${what} of the request`)

// internal

/** Policy that said no comes nearest to content that is against the rules. */
const reasonOf = (error: CallError): AiError.AiErrorReason => {
  const fields = { description: error.message, metadata: metadataOf(error) }
  switch (error.reason._tag) {
    case "GuardrailRejected":
    case "GuardrailFailed":
    case "PolicyMissing":
      return causedBy(error, new AiError.ContentPolicyError(fields))
    default:
      return causedBy(error, new AiError.UnknownError(fields))
  }
}

/** Reasons are schema classes, which have no field for a cause; errors have the property. */
const causedBy = <A extends AiError.AiErrorReason>(cause: CallError, reason: A): A =>
  Object.defineProperty(reason, "cause", { value: cause, configurable: true })

/** What can be told of it where errors are encoded, for example to the model. */
const metadataOf = ({ kind, name, reason, uuid }: CallError) => ({
  heddle: {
    kind,
    name,
    uuid,
    reason: reason._tag,
    ...("guardrail" in reason ? { guardrail: reason.guardrail } : undefined)
  }
})
