import * as Redacted from "effect/Redacted"
import type { AnnotatedRequest } from "../../codec/Annotated.ts"
import type { ScopeHandle, Span } from "../../event/internal/span.ts"
import type { Call, LlmCallView, LlmRequest, ToolCallView } from "../../middleware/Call.ts"
import { copyContainer, copyPlain, copyWithArrays, freezeCopy, freezeWithArrays } from "./containers.ts"

/** What is told apart between tool calls and model calls: the value that they carry. */
export interface Carrier {
  readonly kind: "tool" | "llm"
  readonly streaming: boolean
  /** The same payload in containers that nobody else holds. */
  readonly copy: (payload: unknown) => unknown
  /** The same for a payload that `copy` has made. */
  readonly copyAgain: (copy: unknown) => unknown
  /** The same for what the call gave. */
  readonly copyResult: (result: unknown) => unknown
  readonly freeze: (copy: unknown, original: unknown) => void
  readonly view: (span: Span, request: Prepared) => Call
  /** The payload of a call that an intercept returned. */
  readonly payloadOf: (call: Call) => unknown
  /** What a `schema` decodes. */
  readonly decodable: (payload: unknown) => unknown
  /** The payload for the work with what the schema made of it, in containers of its own. */
  readonly withDecoded: (request: Prepared) => unknown
  /** What events show of it. */
  readonly observable: (payload: unknown, allowList: ReadonlySet<string>) => unknown
}

/** A request that is about to be judged and run. */
export class Prepared {
  readonly payload: unknown
  /** Whether the payload is a copy of what was given, and not that itself. */
  readonly isCopy: boolean
  readonly decoded: unknown
  readonly annotated: AnnotatedRequest | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  digest: string | undefined = undefined
  view: Call | undefined = undefined

  constructor(
    payload: unknown,
    isCopy: boolean,
    decoded: unknown,
    annotated: AnnotatedRequest | undefined,
    metadata: Readonly<Record<string, unknown>> | undefined
  ) {
    this.payload = payload
    this.isCopy = isCopy
    this.decoded = decoded
    this.annotated = annotated
    this.metadata = metadata
  }

  withDecoded(decoded: unknown): Prepared {
    return new Prepared(this.payload, this.isCopy, decoded, this.annotated, this.metadata)
  }

  withAnnotation(annotated: AnnotatedRequest): Prepared {
    return new Prepared(this.payload, this.isCopy, this.decoded, annotated, this.metadata)
  }
}

class ToolView implements ToolCallView {
  readonly kind = "tool"
  readonly name: string
  readonly input: unknown
  readonly decoded: unknown
  readonly toolCallId: string | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly #span: Span

  constructor(span: Span, request: Prepared) {
    this.name = span.spec.name
    this.input = request.payload
    this.decoded = request.decoded
    this.toolCallId = span.spec.toolCallId
    this.metadata = request.metadata
    this.#span = span
    Object.freeze(this)
  }

  get scope(): ScopeHandle {
    return this.#span.handle
  }
}

class LlmView implements LlmCallView {
  readonly kind = "llm"
  readonly name: string
  readonly request: LlmRequest
  readonly annotated: AnnotatedRequest | undefined
  readonly model: string | undefined
  readonly streaming: boolean
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly #span: Span

  constructor(span: Span, request: Prepared, streaming: boolean) {
    this.name = span.spec.name
    this.request = request.payload as LlmRequest
    this.annotated = request.annotated
    this.model = span.spec.modelName
    this.streaming = streaming
    this.metadata = request.metadata
    this.#span = span
    Object.freeze(this)
  }

  get scope(): ScopeHandle {
    return this.#span.handle
  }
}

export const toolCarrier: Carrier = {
  kind: "tool",
  streaming: false,
  copy: copyContainer,
  copyAgain: copyPlain,
  copyResult: copyContainer,
  freeze: freezeCopy,
  view: (span, request) => new ToolView(span, request),
  payloadOf: (call) => call.kind === "tool" ? call.input : undefined,
  decodable: (payload) => payload,
  withDecoded: ({ decoded }) => copyContainer(decoded),
  observable: (payload) => payload
}

const isRequest = (payload: unknown): payload is LlmRequest =>
  typeof payload === "object" && payload !== null && "headers" in payload && "body" in payload

const copyRequest = (payload: unknown): unknown =>
  isRequest(payload)
    ? { headers: copyContainer(payload.headers ?? {}), body: copyWithArrays(payload.body) }
    : payload

const llmCarrier = (streaming: boolean): Carrier => ({
  kind: "llm",
  streaming,
  copy: copyRequest,
  copyAgain: copyRequest,
  copyResult: copyWithArrays,
  freeze: (copy, original) => {
    if (!isRequest(copy) || !isRequest(original) || copy === original) return
    freezeCopy(copy.headers, original.headers)
    freezeWithArrays(copy.body, original.body)
    Object.freeze(copy)
  },
  view: (span, request) => new LlmView(span, request, streaming),
  payloadOf: (call) => call.kind === "llm" ? call.request : undefined,
  decodable: (payload) => isRequest(payload) ? payload.body : payload,
  withDecoded: ({ decoded, payload }) => ({
    headers: isRequest(payload) ? copyContainer(payload.headers) : {},
    body: copyContainer(decoded)
  }),
  observable: (payload, allowList) =>
    isRequest(payload) ? { headers: observableHeaders(payload.headers, allowList), body: payload.body } : payload
})

export const bufferedLlmCarrier: Carrier = llmCarrier(false)

export const streamedLlmCarrier: Carrier = llmCarrier(true)

const hidden = "<redacted>"

const observableHeaders = (
  headers: LlmRequest["headers"],
  allowList: ReadonlySet<string>
): Readonly<Record<string, string>> => {
  const out: Record<string, string> = {}
  try {
    for (const name of Object.keys(headers)) {
      const value = allowList.has(name.toLowerCase()) ? headers[name] : hidden
      Object.defineProperty(out, name, {
        value: value === undefined || Redacted.isRedacted(value) ? hidden : String(value),
        enumerable: true,
        configurable: true,
        writable: true
      })
    }
    return out
  } catch {
    return { unreadable: hidden }
  }
}
