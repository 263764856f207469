/**
 * The SDK of OpenAI (`openai`), put under a runtime with one line: a client of the same type, whose calls are managed.
 *
 * **What is governed**
 *
 * - `chat.completions` (`create`, `parse`, `stream`, `runTools`), `responses` (`create`, `parse`, `stream`, `compact`),
 *   `completions`: managed model calls named `openai.chat.completions`, `openai.responses`, `openai.responses.compact` and
 *   `openai.completions`.
 * - `embeddings`: a scope of category `embedder` named `openai.embeddings`, around a managed call of that name.
 * - The functions of `runTools`: managed tool calls beside the model calls.
 * - Whatever else sends a `POST` to these paths through the client, and all clients that `withOptions` makes of it.
 *
 * **What is not**
 *
 * Everything else passes as it is: images, audio, files, moderations, batches, fine-tuning, the older Assistants, reading a
 * stored response again, and connections that are no request (Realtime, WebSockets).
 *
 * A call is the whole request: what the SDK retries is one call, and a block is never retried. Requests on events have the
 * JSON that is sent and no keys of the client.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { OpenAI } from "openai"
import type { CallError, GuardrailRejected } from "../call/CallError.ts"
import * as OpenAiChat from "../codec/OpenAiChat.ts"
import * as OpenAiResponses from "../codec/OpenAiResponses.ts"
import { managedRunTools } from "./internal/openAiSdkTools.ts"
import { replace } from "./internal/replace.ts"
import { type Endpoint, type Host, manageClient } from "./internal/sdk.ts"
import { callErrorOf } from "./internal/sdkBlock.ts"

/**
 * How a client is managed.
 *
 * **Details**
 *
 * - `onToolBlocked`: turns a block of a tool into what the model is told instead; the tool call still ends `Blocked`.
 *   Without it, a block ends the run of `runTools`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly onToolBlocked?: ((rejection: GuardrailRejected, tool: string) => string) | undefined
}

/**
 * A client like the given one, whose model calls are managed calls of the runtime.
 *
 * **Details**
 *
 * - Types, helpers, `withResponse`, `asResponse`, retries, timeouts and errors are the SDK's. What a managed call gives is
 *   what the SDK parses, so a raw response has the JSON that policies left, written anew.
 * - A block rejects with the `CallError` itself. Helpers that are event emitters (`stream`, `runTools`) wrap errors that
 *   are not their own: there it is the `cause`, which `callError` finds.
 * - A stream is `create`d when the provider begins to answer, or at its first event if policies answer. `break`, `abort`
 *   and the `signal` of the request end the call as `Interrupted`, and the provider's request with it.
 * - Request intercepts rewrite body and headers. Whether an answer is streamed is the caller's choice alone.
 * - Usage is on events if the provider sends it; for streams of `chat.completions` ask with
 *   `stream_options: { include_usage: true }`.
 *
 * The given client is not changed, and what is sent through it is not managed.
 *
 * **Example** (A client under policy)
 *
 * ```ts
 * const client = OpenAiSdk.manage(new OpenAI(), heddle)
 * const completion = await client.chat.completions.create({ model: "gpt-5", messages })
 * ```
 *
 * @throws {TypeError} for a client that has no `makeRequest`, as another version of the SDK might
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const manage = <C extends OpenAI>(client: C, heddle: Host, options: Options = {}): C =>
  manageClient(client, {
    heddle,
    endpoints,
    withTools: ({ chat: { completions } }) =>
      replace(completions, "runTools", managedRunTools(completions, heddle, options))
  })

/**
 * The `CallError` that an error is, or that was wrapped in it by a helper of the SDK.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export const callError: (error: unknown) => CallError | undefined = callErrorOf

// internal

const endpoints: ReadonlyArray<Endpoint> = [
  { name: "openai.chat.completions", path: "/chat/completions", codec: OpenAiChat.codec, sentinel: "[DONE]" },
  { name: "openai.responses", path: "/responses", codec: OpenAiResponses.codec },
  { name: "openai.responses.compact", path: "/responses/compact" },
  { name: "openai.embeddings", path: "/embeddings", category: "embedder" },
  { name: "openai.completions", path: "/completions", sentinel: "[DONE]" }
]
