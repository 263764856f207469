/**
 * The codec of `effect/ai`: what a managed model call of its carries, in the library's own encoded form.
 *
 * - A request is `{ messages, tools?, toolChoice?, responseFormat?, previousResponseId? }`: the encoded messages of a
 *   `Prompt`, tools as JSON Schema, and the options of the provider.
 * - A response is `{ metadata?, content, finish? }`: the encoded parts, with those that say of the whole taken out.
 *
 * Options and metadata of the provider on parts are unmodelled; so are results that say something else to the model
 * (`modelOutput`), approvals, sources, and tools that the provider runs.
 *
 * Source: the schemas of `effect/ai/Prompt` and `effect/ai/Response`, effect 4.1.
 */
import type {
  AnnotatedRequest,
  AnnotatedResponse,
  BlobPart,
  FinishReason,
  FunctionTool,
  Message,
  Part,
  ProviderError,
  ReasoningPart,
  TextPart,
  Tool,
  ToolCallPart,
  ToolCallResponsePart,
  ToolChoice,
  ToolResponse,
  UriPart,
  Usage
} from "../../codec/Annotated.ts"
import type { Codec } from "../../codec/Codec.ts"
import { define, type Modelled } from "../../codec/internal/define.ts"
import {
  at,
  count,
  type Form,
  json,
  mapped,
  object,
  orEmpty,
  type Place,
  required,
  string,
  union,
  value,
  when
} from "../../codec/internal/form.ts"
import { describe, get, isObject, Mismatch } from "../../codec/internal/json.ts"
import { genericMessage, list, otherwise, part, textOrItems, typeOr } from "../../codec/internal/list.ts"
import { finishReason } from "../../codec/internal/response.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import { makeState } from "./effectAiStream.ts"

const id = "effect_ai"

// parts

const text = object<TextPart>({
  fixed: { type: "text" },
  native: { type: "text" },
  places: { content: required(at("text", string)) }
})

const reasoning = object<ReasoningPart>({
  fixed: { type: "reasoning" },
  native: { type: "reasoning" },
  places: { content: required(at("text", string)) }
})

const modalityOf = (mimeType: string | undefined): string =>
  ["image", "audio", "video"].find((modality) => mimeType?.startsWith(`${modality}/`)) ?? "file"

/** A file whose data stands under `keys`: base64 text, bytes that were encoded, or the place of a URL. */
const file = <A extends BlobPart | UriPart>(
  type: A["type"],
  keys: ReadonlyArray<string>,
  to: (data: string, mimeType: string) => A,
  from: (part: A) => string
): Form<A> => {
  const shape = object<{ readonly data: string; readonly mimeType: string }>({
    native: { type: "file" },
    ignored: ["fileName", ["data", "_tag"]],
    places: { data: required(at(keys, string)), mimeType: required(at("mediaType", string)) }
  })
  return mapped(
    shape,
    ({ data, mimeType }) => to(data, mimeType),
    (part, path) => {
      if (part.mimeType === undefined) throw new Mismatch(`${path}/mimeType`, `the type of a ${type}`, "nothing")
      return { data: from(part), mimeType: part.mimeType }
    }
  )
}

const blobOf = (content: string, mimeType: string): BlobPart => ({
  type: "blob",
  modality: modalityOf(mimeType),
  mimeType,
  content
})

const base64 = file<BlobPart>("blob", ["data"], blobOf, ({ content }) => content)

const bytes = file<BlobPart>("blob", ["data", "base64"], blobOf, ({ content }) => content)

const address = tagged(
  "URL",
  file<UriPart>(
    "uri",
    ["data", "href"],
    (uri, mimeType) => ({ type: "uri", modality: modalityOf(mimeType), mimeType, uri }),
    ({ uri }) => uri
  )
)

/** New addresses are told from bytes by their tag. */
function tagged<A>(tag: string, form: Form<A>): Form<A> {
  return {
    read: form.read,
    write: (after, was, path) => {
      const written = form.write(after, was, path)
      const data = isObject(written) ? get(written, "data") : undefined
      return isObject(written) && isObject(data) ? { ...written, data: { _tag: tag, ...data } } : written
    }
  }
}

/** Calls that the provider makes itself are nobody's to make. */
const ofOurs = <A>(form: Form<A>): Form<A> => ({
  ...form,
  read: (json, path, notes) =>
    isObject(json) && json.providerExecuted === true ? undefined : form.read(json, path, notes)
})

const toolCall = ofOurs(object<ToolCallPart>({
  fixed: { type: "tool_call" },
  native: { type: "tool-call" },
  ignored: ["providerExecuted"],
  places: { id: at("id", string), name: required(at("name", string)), arguments: at("params", json) }
}))

/** Results are any JSON. What is no text and no object is read as the text of its JSON. */
const result: Form<ToolResponse> = {
  read: (json) => typeof json === "string" || isObject(json) ? json : JSON.stringify(json),
  write: (after, was, path) => {
    if (typeof after !== "string") {
      if (!isParts(after)) return after
      throw new Mismatch(path, "text or an object", describe(after))
    }
    return was === undefined || typeof was.json === "string" || isObject(was.json) ? after : parsed(after)
  }
}

const isParts = (response: ToolResponse): response is ReadonlyArray<Part> => Array.isArray(response)

const parsed = (text: string): Json => {
  try {
    const json: Json = JSON.parse(text)
    return json
  } catch {
    return text
  }
}

const toolResult = ofOurs(object<ToolCallResponsePart>({
  fixed: { type: "tool_call_response" },
  native: { type: "tool-result" },
  ignored: ["providerExecuted", "isFailure", "preliminary"],
  places: { id: required(at("id", string)), name: at("name", string), response: at("result", result) }
}))

const anyPart: Form<Part> = union<Part>(
  part("text", text),
  part("reasoning", reasoning),
  part("blob", base64),
  part("blob", bytes),
  part("uri", address),
  part("tool_call", toolCall),
  part("tool_call_response", toolResult),
  otherwise(id, typeOr("part"))
)

// requests

const messages: Form<ReadonlyArray<Message>> = list(union<Message>(
  {
    holds: (message) => message.role !== "unknown",
    form: object<Message>({
      places: { role: required(at("role", string)), parts: orEmpty(at("content", textOrItems(anyPart))) }
    })
  },
  genericMessage(id, "message")
))

const tools: Form<ReadonlyArray<Tool>> = list(union<Tool>(
  when(
    (tool) => tool.type === "function",
    object<FunctionTool>({
      fixed: { type: "function" },
      native: { type: "function" },
      places: {
        name: required(at("name", string)),
        description: at("description", string),
        parameters: at("parameters", json)
      }
    })
  ),
  otherwise(id, typeOr("tool"))
))

type Mode = Extract<ToolChoice, { readonly type: "auto" | "none" | "required" }>
type Named = Extract<ToolChoice, { readonly type: "tool" }>

const toolChoice: Form<ToolChoice> = union<ToolChoice>(
  when(
    (choice): choice is Mode => choice.type !== "tool" && choice.type !== "generic",
    mapped(
      value((json): json is Mode["type"] => json === "auto" || json === "none" || json === "required"),
      (type): Mode => ({ type }),
      ({ type }) => type
    )
  ),
  when(
    (choice): choice is Named => choice.type === "tool",
    object<Named>({ fixed: { type: "tool" }, places: { name: required(at("tool", string)) } })
  ),
  otherwise(id, typeOr("tool_choice"))
)

const request = object<Modelled<AnnotatedRequest>>({
  places: {
    messages: required(at("messages", messages)),
    tools: at("tools", tools),
    toolChoice: at("toolChoice", toolChoice),
    previousResponseId: at("previousResponseId", string)
  }
})

// responses

const reasons: Readonly<Record<string, FinishReason["reason"]>> = {
  stop: "stop",
  pause: "stop",
  length: "length",
  "content-filter": "content_filter",
  "tool-calls": "tool_call",
  error: "error"
}

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

const parts = at("content", list(anyPart))

const answer: Place<Message> = {
  paths: parts.paths,
  read: (source, path, notes) => {
    const read = parts.read(source, path, notes)
    return read && { role: "assistant", parts: read }
  },
  write: (source, after, before, path) => parts.write(source, after?.parts, before?.parts, `${path}/parts`)
}

const usage = object<Usage>({
  ignored: [["inputTokens", "uncached"], ["outputTokens", "text"]],
  places: {
    inputTokens: at(["inputTokens", "total"], count),
    outputTokens: at(["outputTokens", "total"], count),
    cacheReadTokens: at(["inputTokens", "cacheRead"], count),
    cacheWriteTokens: at(["inputTokens", "cacheWrite"], count),
    reasoningTokens: at(["outputTokens", "reasoning"], count)
  }
})

const response = object<Modelled<AnnotatedResponse>>({
  ignored: [
    ["metadata", "type"],
    ["metadata", "timestamp"],
    ["metadata", "request"],
    ["finish", "type"],
    ["finish", "response"]
  ],
  places: {
    id: at(["metadata", "id"], string),
    model: at(["metadata", "modelId"], string),
    messages: only(answer),
    finishReasons: only(at(["finish", "reason"], finishReason(reasons))),
    usage: at(["finish", "usage"], usage),
    error: at("error", object<ProviderError>({ places: { message: at("message", string) } }))
  }
})

/** Reads what the model calls of this binding carry. Its id is `"effect_ai"`. */
export const codec: Codec = define({
  id,
  provider: id,
  request: {
    form: request,
    is: (body) => Array.isArray(body.messages),
    expected: "an encoded request of effect/ai, which has an array of messages",
    recognise: () => "maybe"
  },
  response: {
    form: response,
    is: (body) => Array.isArray(body.content),
    expected: "an encoded response of effect/ai, which has an array of content",
    recognise: () => "maybe"
  },
  stream: makeState
})
