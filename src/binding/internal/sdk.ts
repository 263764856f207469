/**
 * Clients of providers whose model calls are managed. The SDKs of OpenAI and of Anthropic are made by one generator and
 * share the seam that is used here: every request of a client, whatever resource or helper makes it, goes through its
 * `makeRequest`, and what that gives is parsed, wrapped and handed out by the SDK itself.
 *
 * A managed call surrounds the whole of a request: what the SDK retries is one call, and a block is never retried.
 */
import type { LlmRequest } from "../../call/LlmCall.ts"
import type { Codec } from "../../codec/Codec.ts"
import type { Heddle } from "../Promises.ts"
import { replace } from "./replace.ts"
import { bodyFor, headersFor, modelOf, requestOf } from "./sdkRequest.ts"
import { type Answered, answerOf, headOf } from "./sdkResponse.ts"
import { streamedAnswer } from "./sdkStream.ts"

/** What a binding of a client needs of a runtime. */
export type Host = Pick<Heddle, "llm" | "llmStream" | "scope" | "tool">

/** A request as the SDKs know it, as far as it matters here. */
export interface RequestOptions {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: unknown
  readonly stream?: boolean | undefined
  readonly signal?: AbortSignal | null | undefined
}

/** What both SDKs' clients have in common, but for the type of the options that each takes. */
export interface Sdk {
  withOptions(options: object): this
  request(options: never): { withResponse(): Promise<{ readonly data: unknown; readonly response: Response }> }
}

/** An endpoint that is a model call. */
export interface Endpoint {
  /** The name of its calls. */
  readonly name: string
  /** How its path ends. */
  readonly path: string
  readonly codec?: Codec | undefined
  /** The category of a scope around each call, where it is no call of a language model. */
  readonly category?: string | undefined
  /** The data that ends its streams. */
  readonly sentinel?: string | undefined
}

/** How the clients of one SDK are managed. */
export interface Plan<C> {
  readonly heddle: Host
  readonly endpoints: ReadonlyArray<Endpoint>
  /** Puts tools that helpers run under the runtime. */
  readonly withTools: (managed: C) => void
}

/** A client like the given one, whose model calls are managed. The given one stays as it is, and does the work. */
export const manageClient = <C extends Sdk>(client: C, plan: Plan<C>): C => {
  const managed = client.withOptions({})
  const plain: unknown = Reflect.get(managed, "makeRequest")
  if (typeof plain !== "function") {
    throw new TypeError(
      "its calls cannot be managed: the client has no makeRequest; expected a supported version of the SDK"
    )
  }
  const calls = new Calls(client, plan.heddle)
  replace(managed, "makeRequest", async (input: unknown, ...rest: ReadonlyArray<unknown>) => {
    const options = await input as RequestOptions
    const endpoint = endpointOf(plan.endpoints, options)
    return endpoint === undefined ? Reflect.apply(plain, managed, [options, ...rest]) : calls.answer(endpoint, options)
  })
  replace(managed, "withOptions", (options: object) => manageClient(client.withOptions(options), plan))
  plan.withTools(managed)
  return managed
}

// internal

/** Paths may be whole addresses, and have queries. */
const endpointOf = (endpoints: ReadonlyArray<Endpoint>, { method, path }: RequestOptions): Endpoint | undefined => {
  if (method.toLowerCase() !== "post") return undefined
  const plain = path.replace(/[?#].*$/s, "").replace(/\/+$/, "")
  return endpoints.find((endpoint) => plain.endsWith(endpoint.path))
}

class Calls {
  private readonly client: Sdk
  private readonly heddle: Host

  constructor(client: Sdk, heddle: Host) {
    this.client = client
    this.heddle = heddle
  }

  /** What the SDK makes its result of. */
  answer(endpoint: Endpoint, options: RequestOptions): Promise<Answered> {
    const { category, name } = endpoint
    const call = () => options.stream === true ? this.streamed(endpoint, options) : this.buffered(endpoint, options)
    return category === undefined ? call() : this.heddle.scope(name, { category }, call)
  }

  private async buffered({ codec, name }: Endpoint, options: RequestOptions): Promise<Answered> {
    const request = requestOf(options)
    let response: Response | undefined
    const signal = options.signal ?? undefined
    try {
      const data: unknown = await this.heddle.llm(name, request, async (request, { signal }) => {
        const answer = await this.send(options, request, signal)
        response = answer.response
        return answer.data
      }, { codec, model: modelOf(request.body), signal })
      return answerOf(data, response && headOf(response), options)
    } catch (error) {
      throw signal?.aborted === true && error === signal.reason ? this.abortError(error) : error
    }
  }

  private streamed({ codec, name, sentinel }: Endpoint, options: RequestOptions): Promise<Answered> {
    const request = requestOf(options)
    return streamedAnswer({
      options,
      sentinel,
      abortError: (reason) => this.abortError(reason),
      run: (onResponse, signal) =>
        this.heddle.llmStream(name, request, async (request, { signal }) => {
          const { data, response } = await this.send(options, request, signal)
          onResponse(response)
          return data as AsyncIterable<unknown>
        }, { codec, model: modelOf(request.body), signal })
    })
  }

  /** Sends what policies left of a request, as the client that is not managed does. */
  private send(options: RequestOptions, request: LlmRequest, signal: AbortSignal) {
    // A span of the SDK's own belongs to the request around this one.
    const { __span: _, ...own } = options as RequestOptions & { readonly __span?: unknown }
    const sent = { ...own, headers: headersFor(options, request), body: bodyFor(options, request), signal }
    // They came from this SDK, which alone knows their type.
    return this.client.request(sent as never).withResponse()
  }

  /** The SDK's own error for a request that its caller aborted; its class is found where the client came from. */
  private readonly abortError = (reason: unknown): unknown => {
    const UserAbort: unknown = Reflect.get(this.client.constructor, "APIUserAbortError")
    return typeof UserAbort === "function"
      ? Object.defineProperty(Reflect.construct(UserAbort, []), "cause", { value: reason, configurable: true })
      : reason
  }
}
