/** Prompts and answers of the AI SDK's language models (specification V4). */
import type {
  BlobPart,
  Message,
  Part,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolCallResponsePart,
  ToolResponse,
  UriPart
} from "../../codec/Annotated.ts"
import {
  at,
  type Form,
  group,
  json,
  mapped,
  object,
  type Place,
  required,
  string,
  union,
  value,
  when
} from "../../codec/internal/form.ts"
import { describe, isObject, type JsonObject, Mismatch } from "../../codec/internal/json.ts"
import { genericMessage, list, otherwise, part, textAlone, typeOr } from "../../codec/internal/list.ts"
import { argumentsText } from "../../codec/internal/openAi.ts"
import { isRecord } from "../../event/internal/openRecord.ts"
import type { Json } from "../../event/LifecycleEvent.ts"

export const id = "ai_sdk"

// text

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

// files

const modalityOf = (mediaType: string): string => /^(?:image|audio|video)(?=\/|$)/.exec(mediaType)?.[0] ?? "file"

interface File<Data> {
  readonly data: Data
  readonly mediaType: string
}

const file = <Data extends object>(data: Form<Data>): Form<File<Data>> =>
  object<File<Data>>({
    native: { type: "file" },
    ignored: ["filename"],
    places: { data: required(at("data", data)), mediaType: required(at("mediaType", string)) }
  })

const mediaTypeOf = ({ mimeType }: BlobPart | UriPart, path: string): string => {
  if (mimeType === undefined) throw new Mismatch(`${path}/mimeType`, "a media type", "nothing")
  return mimeType
}

const blob: Form<BlobPart> = mapped(
  file(object<{ readonly data: string }>({ native: { type: "data" }, places: { data: required(at("data", string)) } })),
  ({ data, mediaType }): BlobPart => ({
    type: "blob",
    modality: modalityOf(mediaType),
    mimeType: mediaType,
    content: data.data
  }),
  (part, path) => ({ data: { data: part.content }, mediaType: mediaTypeOf(part, path) })
)

const uri: Form<UriPart> = mapped(
  file(
    object<{ readonly url: string }>({
      native: { type: "url" },
      ignored: ["originalUrl"],
      places: { url: required(at("url", string)) }
    })
  ),
  ({ data, mediaType }): UriPart => ({
    type: "uri",
    modality: modalityOf(mediaType),
    mimeType: mediaType,
    uri: data.url
  }),
  (part, path) => ({ data: { url: part.uri }, mediaType: mediaTypeOf(part, path) })
)

/** Files that are plain text, which a policy on texts is to see. New text is no file. */
const textFile: Form<TextPart> = object<TextPart>({
  fixed: { type: "text" },
  native: { type: "file" },
  ignored: [["data", "type"], "mediaType", "filename"],
  places: { content: required(at(["data", "text"], string)) }
})

const shown = [
  part("text", text),
  part("text", textFile),
  part("blob", blob),
  part("uri", uri)
]

// tools

const call = (input: Form<Json>) =>
  object<ToolCallPart>({
    fixed: { type: "tool_call" },
    native: { type: "tool-call" },
    ignored: ["providerExecuted", "dynamic", "title"],
    places: {
      id: at("toolCallId", string),
      name: required(at("toolName", string)),
      arguments: at("input", input)
    }
  })

const isString = (json: Json): json is string => typeof json === "string"

/** A JSON value that is neither an object nor text, as the text that says it. */
const printed: Form<string> = {
  read: (json) => isString(json) || isObject(json) ? undefined : JSON.stringify(json),
  write: (after, _was, path) => {
    try {
      return JSON.parse(after)
    } catch {
      throw new Mismatch(path, "JSON, as it was", describe(after))
    }
  }
}

const isText = (response: ToolResponse): response is string => typeof response === "string"
const isParts = (response: ToolResponse): response is ReadonlyArray<Part> => Array.isArray(response)
const isFields = (response: ToolResponse): response is JsonObject => isRecord(response)

const plain: Form<string> = value(isString)
const fields: Form<JsonObject> = value(isObject)

/** What a tool gave, as JSON. */
const given: Form<ToolResponse> = union<ToolResponse>(
  when(isText, plain),
  when(isFields, fields),
  when(isText, printed)
)

/** What a model is told that a tool gave: under a key, by its type. */
const told = <A extends ToolResponse>(type: string, key: string, form: Form<A>): Form<A> => {
  const place = at(key, form)
  return {
    read: (json, path, notes) => isObject(json) && json["type"] === type ? place.read(json, path, notes) : undefined,
    write: (after, was, path) =>
      place.write(was !== undefined && isObject(was.json) ? was.json : { type }, after, was?.value, path)
  }
}

const output: Form<ToolResponse> = union<ToolResponse>(
  when(isText, told("text", "value", plain)),
  when(isFields, told("json", "value", fields)),
  when(isText, told("json", "value", plain)),
  when(isText, told("json", "value", printed)),
  when(isText, told("error-text", "value", plain)),
  when(isFields, told("error-json", "value", fields)),
  when(isText, told("error-json", "value", plain)),
  when(isText, told("error-json", "value", printed)),
  when(isText, told("execution-denied", "reason", plain)),
  when(isParts, told("content", "value", list(union<Part>(...shown, otherwise(id, typeOr("output"))))))
)

const answerOf = (key: string, form: Form<ToolResponse>) =>
  object<ToolCallResponsePart>({
    fixed: { type: "tool_call_response" },
    native: { type: "tool-result" },
    ignored: ["isError", "preliminary", "dynamic"],
    places: {
      id: required(at("toolCallId", string)),
      name: at("toolName", string),
      response: at(key, form)
    }
  })

// messages

const said = (callInput: Form<Json>, answer: Form<ToolCallResponsePart>): Form<ReadonlyArray<Part>> =>
  list(union<Part>(
    ...shown,
    part("reasoning", reasoning),
    part("tool_call", call(callInput)),
    part("tool_call_response", answer),
    otherwise(id, typeOr("content"))
  ))

const message = union<Message>(
  {
    holds: (message) => message.role === "system",
    form: object<Message>({
      fixed: { role: "system" },
      native: { role: "system" },
      places: { parts: required(at("content", textAlone)) }
    })
  },
  {
    holds: (message) => message.role !== "system" && message.role !== "unknown",
    form: object<Message>({
      places: {
        role: required(at("role", string)),
        parts: required(at("content", said(json, answerOf("output", output))))
      }
    })
  },
  genericMessage(id, "message")
)

export const messages: Form<ReadonlyArray<Message>> = list({
  ...message,
  write: (after, was, path) => {
    // Content has another form, so that nothing could stay what it was.
    if (was !== undefined && was.value.role !== after.role && [was.value.role, after.role].includes("system")) {
      throw new Mismatch(`${path}/role`, describe(was.value.role), describe(after.role))
    }
    return message.write(after, was, path)
  }
})

/** The message that an answer is. */
export const answer: Place<Message> = group<Message>({
  fixed: { role: "assistant" },
  places: { parts: required(at("content", said(argumentsText, answerOf("result", given)))) }
})
