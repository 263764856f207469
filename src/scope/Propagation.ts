/**
 * Work that goes on in another process. What is current here is captured as a value, travels as headers or as JSON, and is
 * continued there: scopes that open there are children of the scope here, in the same trace.
 *
 * Between two heddles the ids of scopes go along. Of anybody else who speaks W3C Trace Context the trace is known: scopes
 * that continue it are roots of their own, and `OpenTelemetryExporter` exports them in that trace, under that span. The
 * trace id and the span id that are captured are those with which the exporter exports the current scope.
 *
 * Nothing goes out unasked, and what comes in is not trusted: it is read within limits, what is malformed is ignored with a
 * diagnostic, and it becomes ids, the `tracestate` and baggage, and never metadata of an event.
 *
 * Whether a trace is sampled is the decision of whoever began it, as with the sampler `ParentBased` of OpenTelemetry: what
 * continues a trace that is not sampled has events, but no exported spans.
 *
 * **Example** (A message in a queue)
 *
 * ```ts
 * const send = Effect.flatMap(Propagation.capture, (context) => queue.put({ job, context: Propagation.toJson(context) }))
 * const receive = (message: Message) => work(message.job).pipe(
 *   Propagation.continueFrom(Propagation.fromJson(message.context))
 * )
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import { BaggageBuilder } from "./internal/baggage.ts"
import { currentRuntime } from "./internal/current.ts"
import { captureIn, placeIn } from "./internal/propagation.ts"
import {
  type Baggage,
  type BaggageEntry,
  Carried,
  type Diagnostic,
  noBaggage,
  type PropagationContext
} from "./internal/propagationContext.ts"
import { type HeadersInput, readHeaders, reading, writeHeaders } from "./internal/propagationHeaders.ts"
import { type PropagationJson, readJson, writeJson } from "./internal/propagationJson.ts"

export type {
  /**
   * What is known under each key of the baggage.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Baggage,
  /**
   * A value of the baggage, decoded, with its properties as they came: `"key"` or `"key=value"`.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  BaggageEntry,
  /**
   * Something in what came from outside that was ignored: where, what is wrong with it, and what was expected. It never
   * shows values.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Diagnostic,
  /**
   * Where work goes on, as plain data.
   *
   * **Details**
   *
   * - `scope`: the nearest scope of a heddle. What continues it has `uuid` as its `parentUuid`, and its `rootUuid`.
   * - `trace`: trace and span as W3C Trace Context has them: 32 and 16 lower-case hexadecimal digits, not all zero;
   *   whether it is sampled; whether the trace id is random (level 2); and the `tracestate`.
   * - `baggage`: what the application gave along.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  PropagationContext
} from "./internal/propagationContext.ts"
export type {
  /**
   * Headers as `fetch`, Node and Effect have them. Names count in any case.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  HeadersInput
} from "./internal/propagationHeaders.ts"
export type {
  /**
   * A context as JSON.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  PropagationJson
} from "./internal/propagationJson.ts"

/**
 * A context that came from outside, and what of it was ignored.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Received extends PropagationContext {
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

/**
 * A context that says nothing. To continue it changes nothing.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const empty: PropagationContext = { version: 1, baggage: noBaggage }

/**
 * The current scope as a value that goes on elsewhere, with the baggage and the `tracestate` that came along.
 *
 * **Details**
 *
 * Where an Effect span that some tracer exports stands between the scope and here, the trace goes on under that span, as it
 * does for a scope that opens here. Outside of every scope it is that of the enclosing Effect span; without one there is no
 * trace.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const capture: Effect.Effect<PropagationContext> = Effect.withFiber((fiber) =>
  Effect.succeed(captureIn(fiber.context))
)

/**
 * Runs an effect as a continuation of work elsewhere: what opens inside is a child of the remote scope. The remote scope
 * itself has no events here; `ExecutionScope.current` shows it under the name `remote`.
 *
 * **Details**
 *
 * - With the trace of somebody who is no heddle, what opens inside is a root, and is exported in that trace.
 * - What the context does not say stays: without ids the current scope, without baggage the current baggage.
 * - Spans of the application (`Effect.withSpan`) inside belong to the remote trace too. A span that was opened under the
 *   remote one already, as that of an HTTP server, stays the parent.
 *
 * **Example** (Continuing what headers say)
 *
 * ```ts
 * const handler = work.pipe(Propagation.continueFrom(Propagation.fromHeaders(request.headers)))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const continueFrom =
  (context: PropagationContext) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | AgentRuntime> =>
    Effect.withFiber<A, E, R | AgentRuntime>((fiber) => {
      const { kernel } = currentRuntime(fiber)
      return Effect.updateContext(effect, (around: Context.Context<R>) => placeIn(around, kernel, context))
    })

/**
 * The baggage that came along, or was put on here.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const baggage: Effect.Effect<Baggage> = Effect.withFiber((fiber) =>
  Effect.succeed(Context.get(fiber.context, Carried).baggage)
)

/**
 * Puts something into the baggage, for an effect and all that it calls, here and elsewhere. Everybody on the way can read
 * it.
 *
 * **Details**
 *
 * A key is a token of RFC 9110 and may not start with `heddle.` or `otel.`; there is room for 64 keys and 8192 bytes, as
 * W3C Baggage wants at least. What breaks that is left out, with a warning in the log.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withBaggage =
  (entries: Readonly<Record<string, string | BaggageEntry>>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber<A, E, R>((fiber) => {
      const carried = Context.get(fiber.context, Carried)
      const problems: Array<string> = []
      const builder = new BaggageBuilder((_, problem, expected) => problems.push(`${problem}, expected ${expected}`))
      for (const [key, entry] of carried.baggage) builder.add(key, entry)
      for (const [key, entry] of Object.entries(entries)) {
        builder.add(key, typeof entry === "string" ? { value: entry, properties: [] } : entry)
      }
      const inside = Effect.provideService(effect, Carried, { ...carried, baggage: builder.baggage })
      return problems.length === 0
        ? inside
        : Effect.andThen(Effect.logWarning("heddle: baggage was left out:", ...problems), inside)
    })

/**
 * A context as headers: `traceparent`, `tracestate` and `baggage`. Those that would be empty are missing.
 *
 * **Details**
 *
 * The scope is the member `heddle` of the `tracestate`: `1:<uuid of the root>:<uuid of the scope>`, which others pass on.
 * Ids that are not of 1 to 64 letters, digits, `-`, `_`, `.` or `~` stay here. The `tracestate` has at most 32 members and
 * 512 characters (W3C Trace Context level 2, §3.3.1), the baggage 64 members and 8192 bytes (W3C Baggage, §3.3.2): what
 * does not fit is left out whole.
 *
 * @stability experimental
 * @category encoding
 * @since 0.1.0
 */
export const toHeaders = (context: PropagationContext): Record<string, string> => writeHeaders(context)

/**
 * Reads headers of a request by W3C Trace Context level 2 and W3C Baggage. It never throws.
 *
 * **Details**
 *
 * - `traceparent`: of version `00` exactly; of later versions the first four fields; `ff`, upper case and ids of zeros are
 *   invalid. Without a valid one the `tracestate` is ignored too.
 * - `tracestate`: one invalid member, or more than 32, and it is ignored as a whole, and nothing else is. Of members with
 *   the same key the first one counts.
 * - `baggage`: invalid members, and those beyond 64 members and 8192 bytes, are left out; of the same key the last one
 *   counts; keys under `heddle.` and `otel.` are refused.
 *
 * @stability experimental
 * @category decoding
 * @since 0.1.0
 */
export const fromHeaders = (headers: HeadersInput): Received =>
  received("headers", (report) => readHeaders(headers, report))

/**
 * A context as plain JSON, for messages, job tables and environments.
 *
 * @stability experimental
 * @category encoding
 * @since 0.1.0
 */
export const toJson = (context: PropagationContext): PropagationJson => writeJson(context)

/**
 * Reads a context that somebody wrote with `toJson`: a value, not a text. It never throws.
 *
 * **Details**
 *
 * Each part is checked for itself: one that has another form is ignored. Fields that are not known are ignored, so that
 * what a later version adds does no harm. The limits are those of headers.
 *
 * @stability experimental
 * @category decoding
 * @since 0.1.0
 */
export const fromJson = (json: unknown): Received => received("context", (report) => readJson(json, report))

// internal

const received = (field: string, read: Parameters<typeof reading<PropagationContext>>[1]): Received => {
  const { diagnostics, value } = reading(field, read)
  return { ...value ?? empty, diagnostics }
}
