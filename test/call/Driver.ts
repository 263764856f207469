import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Intercept, LlmCall, type Middleware, ToolCall } from "../../src/index.ts"
import type { Entry } from "../../src/middleware/Middleware.ts"
import type { Payload, Runtime } from "./utils.ts"

interface CallOptions {
  readonly name: string
  readonly payload?: unknown
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

type Work = (payload: Payload) => Effect.Effect<unknown, unknown, Runtime>

type Next = (call?: Middleware.Call) => Effect.Effect<unknown, unknown>

/** One kind of managed call, as a call of one payload that gives one value. */
export interface Driver {
  readonly kind: "tool" | "llm"
  readonly streaming: boolean
  readonly call: (options: CallOptions, work: Work) => Effect.Effect<unknown, unknown, Runtime>
  /** The call with an answer to a block, where its kind has one. */
  readonly callOrAnswer:
    | ((
      options: CallOptions,
      onBlocked: (reason: string) => unknown,
      work: Work
    ) => Effect.Effect<unknown, unknown, Runtime>)
    | undefined
  /** The payload of a call as middleware sees it. */
  readonly payloadOf: (call: Middleware.Call) => Payload
  readonly withPayload: (call: Middleware.Call, payload: unknown) => Middleware.Call
  /** The payload as a start event shows it. */
  readonly recordedPayload: (data: unknown) => unknown
  /** An execution intercept that wraps this kind of calls. */
  readonly wrapping: <R = never>(options: {
    readonly name: string
    readonly priority?: number | undefined
    readonly applies?: Middleware.Applies<Middleware.Call> | undefined
    readonly around: (call: Middleware.Call, next: Next) => Effect.Effect<unknown, unknown, R>
  }) => Entry<R>
  /** The question to `Middleware.explain` about a call. */
  readonly question: (name: string) => Parameters<typeof Middleware.explain>[0]
}

const defaultPayload = { q: "x" }

const payloadOf = (call: Middleware.Call): Payload => (call.kind === "tool" ? call.input : call.request.body) as Payload

const withPayload = (call: Middleware.Call, payload: unknown): Middleware.Call =>
  call.kind === "tool"
    ? { ...call, input: payload }
    : { ...call, request: { ...call.request, body: payload as Payload as never } }

const bodyOf = (data: unknown): unknown => (data as { readonly body: unknown }).body

const requestOf = (options: CallOptions) => ({
  name: options.name,
  metadata: options.metadata,
  request: { headers: { accept: "application/json" }, body: (options.payload ?? defaultPayload) as never }
})

export const tool: Driver = {
  kind: "tool",
  streaming: false,
  call: ({ metadata, name, payload }, work) =>
    ToolCall.run({ name, metadata, input: payload ?? defaultPayload }, (input) => work(input as Payload)),
  callOrAnswer: ({ metadata, name, payload }, onBlocked, work) =>
    ToolCall.run(
      { name, metadata, input: payload ?? defaultPayload, onBlocked: ({ reason }) => onBlocked(reason) },
      (input) => work(input as Payload)
    ),
  payloadOf,
  withPayload,
  recordedPayload: (data) => data,
  wrapping: (options) => Intercept.execution(options),
  question: (name) => ({ kind: "tool", name, input: defaultPayload })
}

export const buffered: Driver = {
  kind: "llm",
  streaming: false,
  call: (options, work) => LlmCall.run(requestOf(options), ({ body }) => work(body as Payload)),
  callOrAnswer: (options, onBlocked, work) =>
    LlmCall.run(
      { ...requestOf(options), onBlocked: ({ reason }) => onBlocked(reason) },
      ({ body }) => work(body as Payload)
    ),
  payloadOf,
  withPayload,
  recordedPayload: bodyOf,
  wrapping: (options) => Intercept.execution(options),
  question: (name) => ({ kind: "llm", name, request: { headers: {}, body: defaultPayload } })
}

/** The last chunk of a stream, as the one value of it. */
const only = (stream: Stream.Stream<unknown, unknown, Runtime>): Effect.Effect<unknown, unknown, Runtime> =>
  Effect.map(Stream.runCollect(stream), (chunks) => chunks.at(-1))

export const streamed: Driver = {
  kind: "llm",
  streaming: true,
  call: (options, work) =>
    only(LlmCall.stream(requestOf(options), ({ body }) => Stream.fromEffect(work(body as Payload)))),
  callOrAnswer: undefined,
  payloadOf,
  withPayload,
  recordedPayload: bodyOf,
  wrapping: ({ around, ...options }) =>
    Intercept.execution({
      ...options,
      around,
      stream: (call, next) => {
        const result = around(call, (changed) => only(next(changed)) as Effect.Effect<unknown, unknown>)
        return Effect.isEffect(result) ? Stream.fromEffect(result) : result
      }
    }),
  question: (name) => ({ kind: "llm", name, streaming: true, request: { headers: {}, body: defaultPayload } })
}
