/** Chat models whose calls are managed. */
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager"
import { BaseChatModel } from "@langchain/core/language_models/chat_models"
import type { BaseMessage } from "@langchain/core/messages"
import type { ChatGenerationChunk, ChatResult } from "@langchain/core/outputs"
import * as OpenAiChat from "../../codec/OpenAiChat.ts"
import { type Chunk, Chunks, fromResponse, modelNameOf, requestOf, toResponse } from "./langChainPayload.ts"
import { deferred, type Host, scopeOfRun, within } from "./langChainRuns.ts"

/** On a managed model, and on what it tells callbacks of itself: the runtimes that manage it. */
const managers = Symbol("heddle/langchain/managers")

/** Whether a runtime manages a model, which is that or what callbacks were told of it. */
export const isManagedBy = (heddle: Host, model: object): boolean => managersOf(model).includes(heddle)

const managersOf = (model: object): ReadonlyArray<unknown> =>
  managers in model && Array.isArray(model[managers]) ? model[managers] : []

type Options = BaseChatModel["ParsedCallOptions"]

/** Whether a model streams: else it has what throws. */
const streams = (model: BaseChatModel): boolean =>
  model._streamResponseChunks !== BaseChatModel.prototype._streamResponseChunks

/**
 * A model like the given one, whose calls are managed. It inherits from it, so that it has its type and all that it can do;
 * what it makes of itself, with tools or options bound, is managed too.
 */
export const manageModel = <M extends BaseChatModel>(heddle: Host, model: M): M => {
  if (isManagedBy(heddle, model)) return model
  const call = managedCalls(heddle, model)
  const own = {
    [managers]: [heddle, ...managersOf(model)],
    _generate: call.generate,
    ...streams(model) ? { _streamResponseChunks: call.stream } : {},
    // Made of the chunks above, also where a provider has events of its own.
    _streamChatModelEvents: BaseChatModel.prototype._streamChatModelEvents,
    toJSON: () => Object.assign(model.toJSON(), { [managers]: own[managers] }),
    withConfig: (...args: Parameters<BaseChatModel["withConfig"]>) => manageRunnable(heddle, model.withConfig(...args)),
    ...model.bindTools === undefined ? {} : {
      bindTools: (...args: Parameters<NonNullable<BaseChatModel["bindTools"]>>) =>
        manageRunnable(heddle, model.bindTools!(...args))
    },
    ...isConfigurable(model) ? configurable(heddle, model) : {}
  }
  return Object.create(model, Object.getOwnPropertyDescriptors(own))
}

/** The same for a model with options bound to it, or as the first step of a sequence. */
export const manageRunnable = <R extends object>(heddle: Host, runnable: R): R => {
  if (runnable instanceof BaseChatModel) return manageModel(heddle, runnable)
  for (const key of ["bound", "first"] as const) {
    const inner = key in runnable ? (runnable as Record<typeof key, unknown>)[key] : undefined
    if (typeof inner !== "object" || inner === null) continue
    return Object.create(runnable, { [key]: { value: manageRunnable(heddle, inner), enumerable: true } })
  }
  throw new TypeError(
    `heddle: expected a chat model, or one with options bound to it, but ${runnable.constructor.name} is neither: wrap ` +
      "the model itself before it is put there"
  )
}

// internal

const managedCalls = (heddle: Host, model: BaseChatModel) => {
  const begin = (messages: ReadonlyArray<BaseMessage>, options: Options, run: CallbackManagerForLLMRun | undefined) => {
    const request = requestOf(modelNameOf(model, options), messages, options)
    const { signal } = options
    return {
      request,
      name: model.getName(),
      settings: { codec: OpenAiChat.codec, model: request.model, ...signal === undefined ? {} : { signal } },
      at: scopeOfRun(heddle, run)
    }
  }

  const generate = async (
    messages: Array<BaseMessage>,
    options: Options,
    run?: CallbackManagerForLLMRun
  ): Promise<ChatResult> => {
    const { at, name, request, settings } = begin(messages, options, run)
    const { body } = request
    const given = new Map<unknown, { readonly result: ChatResult; readonly tokens: ReadonlyArray<Token> }>()
    const json = await within(heddle, at, () =>
      heddle.llm<unknown>(name, { body }, async ({ body }, { signal }) => {
        const tokens: Array<Token> = []
        const changed = request.optionsOf(body, { ...options, signal })
        const result = await model._generate(
          request.messagesOf(body),
          changed,
          holding(run, (token) => tokens.push(token))
        )
        const json = toResponse(result.generations)
        given.set(json, { result, tokens })
        return json
      }, settings))
    const same = given.get(json)
    if (same === undefined) return fromResponse(json, [...given.values()].at(-1)?.result)
    for (const token of same.tokens) await run?.handleLLMNewToken(...token)
    return same.result
  }

  async function* stream(
    messages: Array<BaseMessage>,
    options: Options,
    run?: CallbackManagerForLLMRun
  ): AsyncGenerator<ChatGenerationChunk> {
    const { at, name, request, settings } = begin(messages, options, run)
    const { body } = request
    const chunks = new Chunks()
    const work: Parameters<typeof heddle.llmStream<Chunk>>[2] = async function*({ body }, { signal }) {
      const changed = request.optionsOf(body, { ...options, signal })
      const provider = model._streamResponseChunks(request.messagesOf(body), changed, holding(run, () => undefined))
      for await (const chunk of provider) yield chunks.to(chunk)
    }
    const left = deferred()
    const stream = await new Promise<AsyncIterable<Chunk>>((resolve, reject) => {
      // It belongs to its place for as long as it is read, and is interrupted with it.
      within(heddle, at, () => {
        resolve(heddle.llmStream(name, { body }, work, settings))
        return left.promise
      }).catch(reject)
    })
    try {
      for await (const json of stream) {
        const chunk = chunks.from(json)
        yield chunk
        // What policies hold back, callbacks are not told either.
        await run?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk })
      }
    } finally {
      left.resolve()
    }
  }

  return { generate, stream }
}

type Token = Parameters<CallbackManagerForLLMRun["handleLLMNewToken"]>

/** What a model is given to tell callbacks with: tokens wait until policies have let them go. */
const holding = (
  run: CallbackManagerForLLMRun | undefined,
  onToken: (token: Token) => void
): CallbackManagerForLLMRun | undefined =>
  run && Object.create(run, { handleLLMNewToken: { value: async (...token: Token) => onToken(token) } })

/** What `initChatModel` gives: a model that is made when it is asked. */
interface Configurable {
  readonly _getModelInstance: (config?: object) => Promise<object>
  readonly withStructuredOutput: (...args: ReadonlyArray<unknown>) => object
}

const isConfigurable = <M extends BaseChatModel>(model: M): model is M & Configurable => "_getModelInstance" in model

const configurable = (heddle: Host, model: Configurable) => ({
  _getModelInstance: async (config?: object) => manageRunnable(heddle, await model._getModelInstance(config)),
  withStructuredOutput: (...args: ReadonlyArray<unknown>) => manageRunnable(heddle, model.withStructuredOutput(...args))
})
