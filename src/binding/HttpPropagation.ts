/**
 * Requests of `effect/http` that go on in the same trace: a client that says where they come from, and a middleware for
 * servers that continues what requests say.
 *
 * Both are asked for: no other client says anything of heddle. (Effect's own clients send `traceparent` and `b3` of the
 * enclosing span to everybody, unless `HttpClient.TracerPropagationEnabled` is off.)
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Tracer from "effect/Tracer"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import * as Propagation from "../scope/Propagation.ts"
import { missingHeaders } from "./internal/propagationHeaders.ts"

/**
 * A client whose requests say which scope they come from: `traceparent`, `tracestate` and `baggage`.
 *
 * **Details**
 *
 * Headers that the request has already win: with a `traceparent` of its own it gets no `tracestate` either, since the two
 * belong together. With a tracer of Effect installed, the `traceparent` is that of the client's own span, which hangs under
 * the scope; without one that span is exported by nobody, and the scope's ids are sent instead.
 *
 * A client that follows redirects says it to every host on the way.
 *
 * **Example** (Asking another service)
 *
 * ```ts
 * const client = HttpPropagation.client(yield* HttpClient.HttpClient)
 * const answer = yield* client.post("http://search.internal/tools/search")
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const client = <E, R>(self: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> =>
  HttpClient.makeWith(
    (request) =>
      Effect.flatMap(request, (request) =>
        Effect.flatMap(Propagation.capture, (context) => {
          const headers = missingHeaders(context, (name) => name in request.headers)
          const send = self.postprocess(Effect.succeed(HttpClientRequest.setHeaders(request, headers)))
          return "traceparent" in request.headers ? withoutSpan(send) : "traceparent" in headers ? withSpan(send) : send
        })),
    self.preprocess
  )

/**
 * Runs the handler of each request as a continuation of what its headers say. Put it inside of `HttpMiddleware.tracer`, if
 * that is there: the handler's scopes then hang under the span of the server.
 *
 * **Details**
 *
 * What is wrong with the headers is logged at the level `debug`; the request is handled in any case.
 *
 * **Example** (A server that continues)
 *
 * ```ts
 * const Server = HttpServer.serve(handler, HttpPropagation.server)
 * ```
 *
 * @stability experimental
 * @category middleware
 * @since 0.1.0
 */
export const server = <E, R>(
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  E,
  R | HttpServerRequest.HttpServerRequest | AgentRuntime
> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
    const context = Propagation.fromHeaders(headers)
    const continued = Propagation.continueFrom(context)(handler)
    return context.diagnostics.length === 0
      ? continued
      : Effect.andThen(Effect.logDebug("heddle: ignored in the headers of a request", context.diagnostics), continued)
  })

// internal

/** The client's own span may not put its ids over those that are there. */
const withoutSpan = <A, E, R>(send: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(send, HttpClient.TracerPropagationEnabled, false)

/** It may if some tracer exports it. */
const withSpan = <A, E, R>(send: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.tracer, (tracer) => tracer === Tracer.nativeTracer ? withoutSpan(send) : send)
