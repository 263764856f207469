/**
 * Runs and steps of the SDK as scopes. The SDK tells what happens by the id of a call of its own, and runs models and tools
 * where it is asked to; nothing here changes what they do.
 */
import type { Telemetry } from "ai"
import { isRecord } from "../../event/internal/openRecord.ts"
import type { Category } from "../../event/LifecycleEvent.ts"
import { type Host, OpenScope } from "./aiSdkScope.ts"

export class Runs implements Telemetry {
  readonly #heddle: Host
  readonly #runs = new Map<string, Run>()

  constructor(heddle: Host) {
    this.#heddle = heddle
  }

  readonly onStart: NonNullable<Telemetry["onStart"]> = async (event) => {
    const { callId, functionId, modelId, operationId, provider } = event
    const scope = new OpenScope(this.#heddle, functionId ?? operationId.replace(/^ai\./, ""), {
      category: categories[operationId] ?? "function",
      input: inputOf(event),
      metadata: { "ai.operation": operationId, "ai.provider": provider, "ai.model": modelId }
    })
    this.#runs.set(callId, { scope, step: undefined })
    await scope.opened
  }

  readonly onStepStart: NonNullable<Telemetry["onStepStart"]> = async ({ callId, stepNumber }) => {
    const run = this.#runs.get(callId)
    if (run === undefined) return
    run.step?.succeed(undefined)
    run.step = run.scope.inside(`step ${stepNumber}`, { category: "function", metadata: { "ai.step": stepNumber } })
    await run.step.opened
  }

  readonly onStepEnd: NonNullable<Telemetry["onStepEnd"]> = ({ callId, finishReason }) =>
    this.#endStep(callId, (step) => step.succeed({ finishReason }))

  readonly onStepError: NonNullable<Telemetry["onStepError"]> = ({ callId, error }) =>
    this.#endStep(callId, failing(error))

  readonly onEnd: NonNullable<Telemetry["onEnd"]> = (event) =>
    this.#end(event.callId, (scope) => scope.succeed(outputOf(event)))

  readonly onAbort: NonNullable<Telemetry["onAbort"]> = ({ callId, reason }) =>
    this.#end(callId, (scope) => scope.interrupt(reason))

  readonly onError: NonNullable<Telemetry["onError"]> = (event) => {
    if (!isRecord(event) || typeof event["callId"] !== "string") return
    const { error } = event
    return this.#end(event["callId"], failing(error))
  }

  readonly executeLanguageModelCall: NonNullable<Telemetry["executeLanguageModelCall"]> = async (
    { callId, execute }
  ) => {
    const result = await this.#inside(callId, execute)
    watch(result, () => {
      void this.#end(callId, (scope) => scope.interrupt(undefined))
    })
    return result
  }

  readonly executeTool: NonNullable<Telemetry["executeTool"]> = ({ callId, execute }) => this.#inside(callId, execute)

  #inside<A>(callId: string, execute: () => PromiseLike<A>): PromiseLike<A> {
    const run = this.#runs.get(callId)
    return run === undefined ? execute() : (run.step ?? run.scope).run(execute)
  }

  async #endStep(callId: string, end: (step: OpenScope) => void): Promise<void> {
    const run = this.#runs.get(callId)
    const step = run?.step
    if (run === undefined || step === undefined) return
    run.step = undefined
    end(step)
    await step.closed
  }

  async #end(callId: string, end: (scope: OpenScope) => void): Promise<void> {
    await this.#endStep(callId, end)
    const run = this.#runs.get(callId)
    if (run === undefined) return
    this.#runs.delete(callId)
    end(run.scope)
    await run.scope.closed
  }
}

// internal

interface Run {
  readonly scope: OpenScope
  step: OpenScope | undefined
}

const categories: Readonly<Record<string, Category>> = {
  "ai.generateText": "agent",
  "ai.streamText": "agent",
  "ai.generateObject": "agent",
  "ai.streamObject": "agent",
  "ai.embed": "embedder",
  "ai.embedMany": "embedder",
  "ai.rerank": "reranker"
}

/** What the user asked, of which the SDK has left out what is not to be recorded. */
const inputOf = (event: object): unknown => fieldsOf(event, ["instructions", "messages", "value", "values", "query"])

const outputOf = (event: object): unknown => fieldsOf(event, ["text", "object", "finishReason", "ranking"])

const fieldsOf = (event: object, names: ReadonlyArray<string>): unknown => {
  const fields = names.flatMap((name) => {
    const value: unknown = Reflect.get(event, name)
    return value === undefined ? [] : [[name, value] as const]
  })
  return fields.length === 0 ? undefined : Object.fromEntries(fields)
}

/** What the SDK tells as an error may be an abort. */
const failing = (error: unknown) => (scope: OpenScope): void => {
  if (isAbort(error)) scope.interrupt(error)
  else scope.fail(error)
}

const isAbort = (error: unknown): boolean =>
  error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")

/**
 * Tells when the reader of a streamed call leaves it, which the SDK itself does not tell. What is left after an error is
 * left by the SDK, which may try again.
 */
const watch = (result: unknown, onLeft: () => void): void => {
  if (!isRecord(result) || !(result["stream"] instanceof ReadableStream)) return
  const reader: ReadableStreamDefaultReader<unknown> = result["stream"].getReader()
  let hasFailed = false
  const stream = new ReadableStream<unknown>({
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        hasFailed ||= isRecord(value) && value["type"] === "error"
        controller.enqueue(value)
      } catch (error) {
        controller.error(error)
      }
    },
    cancel: (reason) => {
      if (!hasFailed) onLeft()
      return reader.cancel(reason)
    }
  }, { highWaterMark: 0 })
  Object.assign(result, { stream })
}
