/**
 * The SDK of Anthropic (`@anthropic-ai/sdk`), put under a runtime with one line: a client of the same type, whose calls are
 * managed.
 *
 * **What is governed**
 *
 * - `messages` and `beta.messages` (`create`, `parse`, `stream`, threads): managed model calls named `anthropic.messages`.
 *   The older `completions`: `anthropic.completions`.
 * - The tools of `beta.messages.toolRunner` and of threads: managed tool calls beside the model calls, also those that are
 *   added while the runner runs. So are the calls of the members of toolsets, named `<toolset>.<member>`.
 * - Whatever else sends a `POST` to these paths through the client, and all clients that `withOptions` makes of it.
 *
 * **What is not**
 *
 * Everything else passes as it is: batches of messages, counting tokens, files, models, managed agents and their sessions,
 * and tools that run on Anthropic's servers. Tools that a thread is given after it was made (`thread.update`) run as they are.
 *
 * A call is the whole request: what the SDK retries is one call, and a block is never retried. Requests on events have the
 * JSON that is sent and no keys of the client.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { BaseAnthropic } from "@anthropic-ai/sdk"
import type { CallError } from "../call/CallError.ts"
import * as AnthropicMessages from "../codec/AnthropicMessages.ts"
import { withManagedTools } from "./internal/anthropicSdkTools.ts"
import { type Endpoint, type Host, manageClient } from "./internal/sdk.ts"
import { callErrorOf } from "./internal/sdkBlock.ts"

/**
 * A client like the given one, whose model calls are managed calls of the runtime.
 *
 * **Details**
 *
 * - Types, helpers, `withResponse`, `asResponse`, retries, timeouts and errors are the SDK's. What a managed call gives is
 *   what the SDK parses, so a raw response has the JSON that policies left, written anew.
 * - A block rejects with the `CallError` itself. The helper `stream` wraps errors that are not its own: there it is the
 *   `cause`, which `callError` finds. A block of a tool in a tool runner is told to the model, as the runner tells it of
 *   every error of a tool: a result with `is_error`. The tool call ends `Blocked`.
 * - A stream is `create`d when the provider begins to answer, or at its first event if policies answer. `break`, `abort`
 *   and the `signal` of the request end the call as `Interrupted`, and the provider's request with it.
 * - Request intercepts rewrite body and headers. Whether an answer is streamed is the caller's choice alone.
 * - With the SDK's own OpenTelemetry spans on, attempts are not told of on the span of a request, and its trace context is
 *   not sent.
 *
 * The given client is not changed, and what is sent through it is not managed.
 *
 * **Example** (A client under policy)
 *
 * ```ts
 * const client = AnthropicSdk.manage(new Anthropic(), heddle)
 * const message = await client.messages.create({ model: "claude-opus-5-5", max_tokens: 1024, messages })
 * ```
 *
 * @throws {TypeError} for a client that has no `makeRequest`, as another version of the SDK might
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const manage = <C extends BaseAnthropic>(client: C, heddle: Host): C =>
  manageClient(client, {
    heddle,
    endpoints,
    withTools: (managed) => withManagedTools(managed, heddle)
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
  { name: "anthropic.messages", path: "/v1/messages", codec: AnthropicMessages.codec },
  { name: "anthropic.completions", path: "/v1/complete" }
]
