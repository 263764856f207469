/**
 * Calls of language models, as the SDK's middleware sees them. One `doGenerate` or `doStream` is one managed call; what the
 * SDK tries again is another.
 */
import type { LanguageModelMiddleware } from "ai"
import * as Schema from "effect/Schema"
import type { Codec } from "../../codec/Codec.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import type { Heddle } from "../Promises.ts"
import { codecOf } from "./aiSdkCodec.ts"
import { isAnswer, paramsOf, requestOf, responseOf, resultOf } from "./aiSdkJson.ts"
import { type Parts, readableOf } from "./aiSdkStream.ts"
import type { GenerateResult, Model, Params, StreamPart, StreamResult } from "./aiSdkTypes.ts"

/** What the calls of models need of a runtime. */
export type Host = Pick<Heddle, "llm" | "llmStream">

export interface ModelOptions {
  readonly name?: ((model: { readonly provider: string; readonly modelId: string }) => string) | undefined
}

export class Calls implements Required<Pick<LanguageModelMiddleware, "wrapGenerate" | "wrapStream">> {
  readonly #heddle: Host
  readonly #nameOf: NonNullable<ModelOptions["name"]>
  readonly #codecs = new WeakMap<Model, Codec>()

  constructor(heddle: Host, { name = ({ provider }) => provider }: ModelOptions) {
    this.#heddle = heddle
    this.#nameOf = name
  }

  readonly wrapGenerate = async ({ model, params }: Asked): Promise<GenerateResult> => {
    // What came from the model is given out as it was, and what policies made of it is given out instead.
    const results = new WeakMap<object, GenerateResult>()
    const answer = await this.#heddle.llm(
      this.#nameOf(model),
      requestOf(params),
      async (request, { signal }): Promise<Json> => {
        const result = await model.doGenerate(paramsOf(request, signal))
        const response = responseOf(result)
        if (typeof response === "object" && response !== null) results.set(response, result)
        return response
      },
      { ...this.#options(model, params), output: Answer }
    )
    return results.get(Object(answer)) ?? resultOf(answer as unknown as GenerateResult)
  }

  readonly wrapStream = async ({ model, params }: Asked): Promise<StreamResult> => {
    let parts: Parts | undefined
    // The call is made when it is read first. It may fail before the model answers, or policies may answer.
    const opened = await new Promise<StreamResult | undefined>((resolve, reject) => {
      const open = (signal: AbortSignal): AsyncIterable<StreamPart> =>
        this.#heddle.llmStream(this.#nameOf(model), requestOf(params), async (request, { signal }) => {
          const result = await model.doStream(paramsOf(request, signal))
          resolve(result)
          return failing(result.stream)
        }, { ...this.#options(model, params), signal })
      parts = readableOf(open, params.abortSignal)
      parts.begun.then(resolve, reject)
    })
    const { request, response }: Partial<StreamResult> = opened ?? {}
    return {
      stream: parts!.readable,
      ...request === undefined ? {} : { request },
      ...response === undefined ? {} : { response }
    }
  }

  #options(model: Model, { abortSignal }: Params) {
    let codec = this.#codecs.get(model)
    if (codec === undefined) this.#codecs.set(model, codec = codecOf(model.provider))
    return { codec, model: model.modelId, signal: abortSignal }
  }
}

// internal

interface Asked {
  readonly model: Model
  readonly params: Params
}

const Answer = Schema.declare(isAnswer)

/** The parts as they come. Where one was an error, so ends the call, after all that the provider has to say. */
async function* failing(parts: ReadableStream<StreamPart>): AsyncGenerator<StreamPart> {
  let failed: { readonly error: unknown } | undefined
  for await (const part of parts) {
    if (part.type === "error") failed ??= part
    yield part
  }
  if (failed !== undefined) throw failed.error
}
