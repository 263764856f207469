/**
 * Requests of `fetch` that go on in the same trace, for code without Effect.
 *
 * Nothing is patched: only requests of the function that `fetch` returns say where they come from.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { HeadersInput } from "../scope/Propagation.ts"
import * as Propagation from "../scope/Propagation.ts"
import { missingHeaders } from "./internal/propagationHeaders.ts"
import type { Heddle } from "./Promises.ts"

/**
 * A `fetch` whose requests say which scope of this runtime they come from: `traceparent`, `tracestate` and `baggage`.
 *
 * **Details**
 *
 * Headers that the request has already win: with a `traceparent` of its own it gets no `tracestate` either, since the two
 * belong together. Where the code is counts when the request is made, not when this is called. A request that is redirected
 * says it to every host on the way: give `redirect: "manual"` where that matters.
 *
 * **Example** (Asking another service)
 *
 * ```ts
 * const fetch = FetchPropagation.fetch(heddle)
 * await heddle.tool("search", { query }, async ({ query }) => (await fetch(`${url}?q=${query}`)).json())
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fetch = (
  heddle: Pick<Heddle, "capture">,
  send: typeof globalThis.fetch = globalThis.fetch
): typeof globalThis.fetch =>
async (input, init) => {
  const own = typeof input === "object" && "headers" in input ? input.headers : undefined
  const given = new Headers(init?.headers ?? own)
  for (const [name, value] of Object.entries(missingHeaders(heddle.capture(), (name) => given.has(name)))) {
    given.set(name, value)
  }
  return send(input, { ...init, headers: given })
}

/**
 * The headers that say where the running code is, for clients that are no `fetch`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const headers = (heddle: Pick<Heddle, "capture">): Record<string, string> =>
  Propagation.toHeaders(heddle.capture())

/**
 * Runs work as a continuation of what the headers of a request say. What is wrong with them is ignored, and told to
 * `onDiagnostic`.
 *
 * **Example** (A handler of `node:http`)
 *
 * ```ts
 * createServer((request, response) =>
 *   FetchPropagation.continueFrom(heddle, request, () => heddle.scope("handle", () => handle(request, response)))
 * )
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const continueFrom = <A>(
  heddle: Pick<Heddle, "continueFrom">,
  request: { readonly headers: HeadersInput } | HeadersInput,
  work: Parameters<typeof heddle.continueFrom<A>>[1],
  options?: Parameters<Heddle["continueFrom"]>[2] & {
    readonly onDiagnostic?: ((diagnostic: Propagation.Diagnostic) => void) | undefined
  }
): Promise<A> => {
  const { diagnostics, ...context }: Propagation.Received = Propagation.fromHeaders(headersOf(request))
  for (const diagnostic of diagnostics) options?.onDiagnostic?.(diagnostic)
  return heddle.continueFrom(context, work, options)
}

// internal

const headersOf = (request: { readonly headers: HeadersInput } | HeadersInput): HeadersInput =>
  isRequest(request) ? request.headers : request

/** A header of that name would be a text, or a list of texts. */
const isRequest = (
  request: { readonly headers: HeadersInput } | HeadersInput
): request is { readonly headers: HeadersInput } =>
  "headers" in request && typeof request.headers === "object" && !Array.isArray(request.headers)
