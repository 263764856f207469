/**
 * The codec of the AI SDK's language models: of their call options and of what they answer (specification V4), which are
 * the same for every provider. The model is no part of the options.
 *
 * Options under `providerOptions` are not covered, nor are sources, approvals and custom parts of answers.
 */
import type {
  AnnotatedRequest,
  AnnotatedResponse,
  FinishReason,
  FunctionTool,
  ProviderError,
  Reasoning,
  Tool,
  ToolChoice,
  Usage
} from "../../codec/Annotated.ts"
import type { Codec } from "../../codec/Codec.ts"
import { define, type Modelled } from "../../codec/internal/define.ts"
import {
  at,
  boolean,
  count,
  type Form,
  group,
  json,
  mapped,
  number,
  object,
  type Place,
  required,
  string,
  union,
  value,
  when
} from "../../codec/internal/form.ts"
import { describe, Mismatch } from "../../codec/internal/json.ts"
import { list, otherwise, typeOr } from "../../codec/internal/list.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import { answer, id, messages } from "./aiSdkContent.ts"
import { makeState } from "./aiSdkFold.ts"

// requests

const tools: Form<ReadonlyArray<Tool>> = list(union<Tool>(
  when(
    (tool) => tool.type === "function",
    object<FunctionTool>({
      fixed: { type: "function" },
      native: { type: "function" },
      places: {
        name: required(at("name", string)),
        description: at("description", string),
        parameters: required(at("inputSchema", json)),
        strict: at("strict", boolean)
      }
    })
  ),
  otherwise(id, typeOr("tool"))
))

type Mode = Extract<ToolChoice, { readonly type: "auto" | "none" | "required" }>
type Named = Extract<ToolChoice, { readonly type: "tool" }>

const isMode = (json: Json): json is Mode["type"] => json === "auto" || json === "none" || json === "required"

const toolChoice: Form<ToolChoice> = union<ToolChoice>(
  when(
    (choice): choice is Mode => choice.type !== "tool" && choice.type !== "generic",
    object<Mode>({ places: { type: required(at("type", value(isMode))) } })
  ),
  when(
    (choice): choice is Named => choice.type === "tool",
    object<Named>({
      fixed: { type: "tool" },
      native: { type: "tool" },
      places: { name: required(at("toolName", string)) }
    })
  ),
  otherwise(id, typeOr("tool_choice"))
)

const request = object<Modelled<AnnotatedRequest>>({
  places: {
    messages: required(at("prompt", messages)),
    tools: at("tools", tools),
    toolChoice: at("toolChoice", toolChoice),
    temperature: at("temperature", number),
    topP: at("topP", number),
    topK: at("topK", number),
    maxTokens: at("maxOutputTokens", number),
    stop: at("stopSequences", list(string)),
    seed: at("seed", number),
    frequencyPenalty: at("frequencyPenalty", number),
    presencePenalty: at("presencePenalty", number),
    reasoning: group<Reasoning>({ places: { effort: at("reasoning", string) } })
  }
})

// responses

const reasons: Readonly<Record<string, FinishReason["reason"]>> = {
  stop: "stop",
  length: "length",
  "content-filter": "content_filter",
  "tool-calls": "tool_call",
  error: "error"
}

interface NativeReason {
  readonly unified: string
  readonly raw?: string | undefined
}

const finishReason: Form<FinishReason> = mapped(
  object<NativeReason>({ places: { unified: required(at("unified", string)), raw: at("raw", string) } }),
  ({ raw, unified }): FinishReason => ({
    reason: Object.hasOwn(reasons, unified) ? reasons[unified]! : "other",
    raw: raw ?? unified
  }),
  ({ raw, reason }): NativeReason => ({
    unified: Object.keys(reasons).find((word) => reasons[word] === reason) ?? "other",
    raw
  })
)

/** What there is one of, as a list. It can be changed, but neither added nor removed. */
const only = <A>(place: Place<A>): Place<ReadonlyArray<A>> => ({
  paths: place.paths,
  read: (source, path, notes) => {
    const value = place.read(source, path, notes)
    return value === undefined ? [] : [value]
  },
  write: (source, after = [], before = [], path) => {
    if (after.length !== before.length) {
      throw new Mismatch(path, before.length === 0 ? "nothing" : "one value, as in the body", describe(after))
    }
    return place.write(source, after[0], before[0], `${path}/0`)
  }
})

const usage = object<Usage>({
  // Finer counts, and what the provider itself said of them.
  ignored: ["raw", ["inputTokens", "noCache"], ["outputTokens", "text"]],
  places: {
    inputTokens: at(["inputTokens", "total"], count),
    outputTokens: at(["outputTokens", "total"], count),
    cacheReadTokens: at(["inputTokens", "cacheRead"], count),
    cacheWriteTokens: at(["inputTokens", "cacheWrite"], count),
    reasoningTokens: at(["outputTokens", "reasoning"], count)
  }
})

const response = object<Modelled<AnnotatedResponse>>({
  ignored: ["warnings", ["response", "timestamp"], "structuredOutputText"],
  places: {
    id: at(["response", "id"], string),
    model: at(["response", "modelId"], string),
    messages: only(answer),
    finishReasons: only(at("finishReason", finishReason)),
    usage: at("usage", usage),
    error: at("error", object<ProviderError>({ places: { message: at("message", string), type: at("type", string) } }))
  }
})

/** The codec for models of one provider, under the name that the conventions of OpenTelemetry give it. */
export const codecOf = (provider: string): Codec =>
  define({
    id,
    provider: providerName(provider),
    request: {
      form: request,
      is: (body) => Array.isArray(body["prompt"]),
      expected: "call options of a language model, which have an array as prompt",
      recognise: (body) => Array.isArray(body["prompt"]) ? "maybe" : "no"
    },
    response: {
      form: response,
      is: (body) => Array.isArray(body["content"]) || (body["error"] ?? null) !== null,
      expected: "an answer of a language model, which has an array of content or an error",
      recognise: ({ content, finishReason }) => Array.isArray(content) && finishReason !== undefined ? "yes" : "maybe"
    },
    stream: makeState
  })

// internal

/** Well-known values of `gen_ai.provider.name`, by how providers of the SDK call themselves. The longest prefix counts. */
const names: ReadonlyArray<readonly [prefix: string, name: string]> = [
  ["amazon-bedrock", "aws.bedrock"],
  ["azure", "azure.ai.openai"],
  ["google.vertex", "gcp.vertex_ai"],
  ["google", "gcp.gemini"],
  ["vertex", "gcp.vertex_ai"],
  ["mistral", "mistral_ai"],
  ["xai", "x_ai"]
]

/** `"openai.responses"` is a model of `"openai"`. */
const providerName = (provider: string): string =>
  names.find(([prefix]) => provider === prefix || provider.startsWith(`${prefix}.`))?.[1] ?? provider.split(".")[0]!
