/**
 * The AI SDK (`ai`, version 7), put under a runtime: its models, its tools and its runs.
 *
 * **What is governed**
 *
 * - `middleware`: every `doGenerate` and `doStream` of a wrapped model is a managed model call. What the SDK tries again is
 *   another call, and a block is never tried again.
 * - `tools`: every execution of a wrapped tool is a managed tool call.
 *
 * **What is not**
 *
 * - `telemetry` only observes: runs and steps become scopes. The SDK swallows what telemetry throws, and a run may name
 *   other telemetry or switch it off.
 * - Tools that the provider or the client executes, approvals, and models of other kinds (embeddings, images, speech).
 *
 * **Example** (An agent under policy)
 *
 * ```ts
 * const model = wrapLanguageModel({ model: openai("gpt-5"), middleware: AiSdk.middleware(heddle) })
 * registerTelemetry(AiSdk.telemetry(heddle))
 * const { text } = await generateText({ model, tools: AiSdk.tools(heddle, tools), prompt, stopWhen: isStepCount(5) })
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { LanguageModelMiddleware, Telemetry, ToolSet } from "ai"
import type { CallError, GuardrailRejected } from "../call/CallError.ts"
import { blocksIn, callErrorIn, type Steps } from "./internal/aiSdkBlock.ts"
import { Calls, type Host as ModelHost } from "./internal/aiSdkModel.ts"
import type { Host as RunHost } from "./internal/aiSdkScope.ts"
import { Runs } from "./internal/aiSdkTelemetry.ts"
import { type Host as ToolHost, managedTools } from "./internal/aiSdkTools.ts"

/**
 * How model calls are managed.
 *
 * **Details**
 *
 * - `name`: names the calls of a model; its provider, such as `"openai.responses"`, unless set.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ModelOptions {
  readonly name?: ((model: { readonly provider: string; readonly modelId: string }) => string) | undefined
}

/**
 * How tool calls are managed.
 *
 * **Details**
 *
 * - `onBlocked`: turns a block into a result that the model is told instead; the tool call still ends `Blocked`. Without
 *   it, the execution fails with the `CallError`, which the SDK makes a `tool-error` of.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ToolOptions {
  readonly onBlocked?: ((rejection: GuardrailRejected, tool: string) => unknown) | undefined
}

/**
 * Middleware for language models, for `wrapLanguageModel`: each call of the model is a managed call.
 *
 * **Details**
 *
 * - The request is the call options as JSON (`prompt`, `tools`, `temperature`…): bytes are base64, addresses text. Request
 *   intercepts may change all of them, and the headers; the model is not theirs to change.
 * - Answers are given out as the model gave them. Events have them without headers and raw bodies.
 * - `doStream` resolves when the model begins to answer, or with the first part if policies answer; a call that fails
 *   before that rejects with its error. Parts of type `error` are passed on, and the call ends as `Failure`.
 * - The signal of the run, and a reader that leaves the stream, end the call as `Interrupted`.
 * - Middleware that stands before it in a list sees what policies left; middleware after it is part of the model.
 *
 * **Example** (Wrapping a model)
 *
 * ```ts
 * const model = wrapLanguageModel({ model: openai("gpt-5"), middleware: AiSdk.middleware(heddle) })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const middleware = (
  heddle: ModelHost,
  options: ModelOptions = {}
): LanguageModelMiddleware & { readonly specificationVersion: "v4" } => {
  const { wrapGenerate, wrapStream } = new Calls(heddle, options)
  return { specificationVersion: "v4", wrapGenerate, wrapStream }
}

/**
 * The same tools, each execution of which is a managed tool call with the tool's name, the id of the model's call and the
 * signal of the run.
 *
 * **Details**
 *
 * - `needsApproval` and all else of a tool stays as it is: who approves sees the input of the model, policies decide after
 *   that. What a request intercept makes of an input is not checked against `inputSchema` again.
 * - Async generators give their preliminary results one by one. Where an output guardrail judges the call, only the
 *   result is given out, after it was judged. Other functions that return an async iterable give its last value.
 * - Tools that the SDK does not execute stay as they are.
 *
 * **Example** (Wrapping tools)
 *
 * ```ts
 * const { text } = await generateText({ model, prompt, tools: AiSdk.tools(heddle, { weather, search }) })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const tools = <Tools extends ToolSet>(heddle: ToolHost, tools: Tools, options: ToolOptions = {}): Tools =>
  managedTools(heddle, tools, options)

/**
 * Telemetry that makes a scope of each run and, inside of it, of each step: model calls and executions of tools stand
 * beside each other in their step, also when many runs go on at once.
 *
 * **Details**
 *
 * - A run of `generateText`, `streamText` and of objects has the category `agent`, embedding `embedder`, reranking
 *   `reranker`, others `function`. Its name is the `functionId` of its telemetry options, or that of the operation.
 * - It only observes: the SDK swallows what telemetry throws, and a run with `integrations` of its own, or with
 *   `isEnabled: false`, is not seen. `recordInputs` and `recordOutputs` hold for the scopes of runs, not for managed calls.
 * - Work is put into its step by `executeLanguageModelCall` and `executeTool`, which the SDK has for this.
 *
 * **Example** (Once for the whole application)
 *
 * ```ts
 * registerTelemetry(AiSdk.telemetry(heddle))
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const telemetry = (heddle: RunHost): Telemetry => new Runs(heddle)

/**
 * Stops a run after a step in which policies refused a tool call, for `stopWhen`. A tool cannot end the run that calls it:
 * the SDK tells the model of its error, and goes on.
 *
 * **Example** (A block ends the run)
 *
 * ```ts
 * const { steps } = await generateText({ model, tools, prompt, stopWhen: [isStepCount(5), AiSdk.stopOnBlock] })
 * for (const block of AiSdk.blocks(steps)) throw block
 * ```
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export const stopOnBlock = ({ steps }: { readonly steps: Steps }): boolean => blocksIn(steps.slice(-1)).length > 0

/**
 * The tool calls of a run that policies refused, and whose errors the model was told.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export const blocks: (steps: Steps) => ReadonlyArray<CallError> = blocksIn

/**
 * The `CallError` that an error of the SDK is, or that it is wrapped around: as a cause, or as the last of several tries.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export const callError: (error: unknown) => CallError | undefined = callErrorIn
