/** How annotated requests and responses differ. */
import { type Difference, each } from "../Difference.ts"
import type { Json, JsonObject } from "../Script.ts"

export const annotations: Difference = {
  reason:
    "The neutral form of requests and responses is another one: messages of parts under OpenTelemetry's names, with " +
    "what was not understood listed. What both forms say is compared: models, roles, texts, reasons and usage.",
  reference: (normal) =>
    each(normal, ({ endProfile, profile }) => {
      if (profile.annotated_request !== undefined) {
        const { messages, model } = profile.annotated_request as JsonObject
        profile.annotated_request = {
          model: model ?? null,
          messages: listOf(messages).map(({ content, role }) => [role, content]) as Json
        }
      }
      if (isObject(endProfile.annotated_response)) {
        const { finish_reason, id, message, model, usage } = endProfile.annotated_response
        const { completion_tokens, prompt_tokens, total_tokens } = usage as JsonObject
        endProfile.annotated_response = {
          id: id ?? null,
          model: model ?? null,
          text: message ?? null,
          reason: finish_reason === "complete" ? "stop" : finish_reason ?? null,
          usage: [prompt_tokens ?? null, completion_tokens ?? null, total_tokens ?? null]
        }
      }
    }),
  heddle: (normal) =>
    each(normal, ({ endProfile, profile }) => {
      delete profile.provider
      if (profile.annotated_request !== undefined) {
        const { messages, model } = profile.annotated_request as JsonObject
        profile.annotated_request = {
          model: model ?? null,
          messages: listOf(messages).map(({ parts, role }) => [role, textOf(parts)]) as Json
        }
      }
      if (isObject(endProfile.annotated_response)) {
        const { finishReasons, id, messages, model, usage } = endProfile.annotated_response
        const { inputTokens, outputTokens, totalTokens } = usage as JsonObject
        endProfile.annotated_response = {
          id: id ?? null,
          model: model ?? null,
          text: textOf(listOf(messages)[0]?.parts),
          reason: listOf(finishReasons)[0]?.reason ?? null,
          usage: [inputTokens ?? null, outputTokens ?? null, totalTokens ?? null]
        }
      }
    })
}

export const answeringModel: Difference = {
  reason:
    "The end of a call names the model that was asked for in the reference. Here it names the one that answered, " +
    "once the codec has read which it was.",
  heddle: (normal) =>
    each(normal, ({ endProfile }) => {
      const { annotated_response: response } = endProfile
      if (isObject(response) && response.model === endProfile.model_name) delete endProfile.model_name
    })
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const listOf = (value: Json | undefined): ReadonlyArray<JsonObject> =>
  Array.isArray(value) ? value.filter(isObject) : []

const textOf = (parts: Json | undefined): string => listOf(parts).map(({ content }) => String(content)).join("")
