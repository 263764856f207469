/**
 * A model that answers by a script: for tests of code that calls models, and of policies around such calls.
 *
 * A script is a list of turns. Each request takes the first turn that is left and applies to it; a request that no turn
 * is left for fails, and `assertComplete` finds it as well as the turns that nobody asked for. Streams are pulled, never
 * pushed: a chunk is made when the consumer asks for it, and the model keeps a record of how many were, and of whether it
 * was interrupted.
 *
 * A model is a value with a state of its own and safe to share between fibers. Nothing in it waits for real time.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { LlmRequest } from "../middleware/Call.ts"
import { Script, type ScriptedModelError } from "./internal/script.ts"

export {
  /**
   * The script has nothing for a request: no turn is left that applies to it (`"exhausted"`), or the one whose turn it
   * is answers buffered calls and a stream was asked for, or the other way round (`"wrongMode"`).
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  ScriptedModelError
} from "./internal/script.ts"

/**
 * What every turn may have.
 *
 * **Details**
 *
 * - `when`: takes this turn for matching requests only, wherever it stands in the script. For requests whose order is not
 *   fixed, such as those of concurrent agents.
 * - `expect`: judges the request of this turn, by throwing, by failing or by returning `false`. The call then dies with
 *   what was thrown, like a test whose assertion fails, and `assertComplete` finds it also where the defect was caught.
 * - `delay`: time of the `Clock` before the answer, and before each chunk of a stream.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface TurnOptions {
  readonly when?: ((request: LlmRequest) => boolean) | undefined
  readonly expect?:
    | ((request: LlmRequest) => void | boolean | Effect.Effect<void | boolean, unknown>)
    | undefined
  readonly delay?: Duration.Input | undefined
}

/**
 * One answer of the model. Exactly one of `answer`, `respond`, `stream`, `fail`, `die` and `hang` says what happens; a
 * stream may name one of the last three besides, for what happens after its chunks. A string is an answer.
 *
 * **Details**
 *
 * - `answer`: the response of a buffered call.
 * - `respond`: makes the response of a buffered call, or an Effect of it, from the request.
 * - `stream`: the chunks of a streamed call, or a function that makes them. They are taken one by one, so a generator is
 *   never run further than the consumer has pulled.
 * - `fail`: fails with this error, buffered or streamed.
 * - `die`: ends with this defect.
 * - `hang`: never answers, until it is interrupted.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Turn<A = unknown, Chunk = unknown, E = unknown> =
  | string
  | (TurnOptions & { readonly answer: A })
  | (TurnOptions & { readonly respond: (request: LlmRequest) => A | Effect.Effect<A, E> })
  | (TurnOptions & {
    readonly stream: Iterable<Chunk> | ((request: LlmRequest) => Iterable<Chunk>)
    readonly fail?: E | undefined
    readonly die?: unknown
    readonly hang?: boolean | undefined
  })
  | (TurnOptions & { readonly fail: E })
  | (TurnOptions & { readonly die: unknown })
  | (TurnOptions & { readonly hang: true })

/**
 * What became of one request.
 *
 * **Details**
 *
 * - `request`: as the model got it, copied and frozen at that moment.
 * - `turn`: index in the script; absent if there was none for it.
 * - `pulled`: chunks that were handed out.
 * - `status`: `"interrupted"` also says that a stream was closed before its end, by a consumer that had read enough.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface CallRecord {
  readonly request: LlmRequest
  readonly mode: "generate" | "stream"
  readonly turn: number | undefined
  readonly pulled: number
  readonly status: "running" | "done" | "failed" | "interrupted"
}

/**
 * A model with a script.
 *
 * **Details**
 *
 * - `generate`, `stream`: the work of `LlmCall.run` and `LlmCall.stream`. Each run of their result is a request of its own.
 * - `requests`, `calls`: what was asked so far, in the order of arrival.
 * - `until`: waits until the record satisfies a predicate, so that a test can meet the model on its state: `(calls) =>
 *   calls[0]?.pulled === 2`.
 * - `assertComplete`: dies with a readable list unless the script was followed: every turn was asked for, no request came
 *   without a turn for it, no `expect` failed.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ScriptedModel<out A = unknown, out Chunk = unknown, out E = unknown, out R = never> {
  readonly generate: (request: LlmRequest) => Effect.Effect<A, E | ScriptedModelError, R>
  readonly stream: (request: LlmRequest) => Stream.Stream<Chunk, E | ScriptedModelError>
  readonly requests: Effect.Effect<ReadonlyArray<LlmRequest>>
  readonly calls: Effect.Effect<ReadonlyArray<CallRecord>>
  readonly until: (predicate: (calls: ReadonlyArray<CallRecord>) => boolean) => Effect.Effect<ReadonlyArray<CallRecord>>
  readonly assertComplete: Effect.Effect<void>
}

/**
 * Makes a model that follows a script.
 *
 * **Details**
 *
 * Types of responses, chunks and errors are those of the turns. Every run of this effect gives a model of its own.
 *
 * **Gotchas**
 *
 * A turn is used up when a request takes it, also if that call fails or is interrupted: a retry asks for the next one.
 *
 * **Example** (Testing a retry)
 *
 * ```ts
 * it.effect("asks again when the provider is overloaded", () =>
 *   Effect.gen(function*() {
 *     const model = yield* ScriptedModel.make([
 *       { fail: new Overloaded() },
 *       { answer: { text: "Paris" }, expect: (request) => assert.deepStrictEqual(request.body, question) }
 *     ])
 *     const response = yield* LlmCall.run({ name: "gpt", request }, model.generate).pipe(Effect.retry({ times: 1 }))
 *     assert.strictEqual(response.text, "Paris")
 *     yield* model.assertComplete
 *   }).pipe(Effect.provide(TestRuntime.layer())))
 * ```
 *
 * **Example** (Streaming)
 *
 * ```ts
 * const model = yield* ScriptedModel.make([
 *   { stream: ["Pa", "ris"] },
 *   { stream: ["Pa"], fail: new ConnectionLost() },
 *   { stream: ["Pa", "ris"], delay: "100 millis" },
 *   { hang: true }
 * ])
 * const text = LlmCall.stream({ name: "gpt", request }, model.stream).pipe(Stream.mkString)
 * ```
 *
 * @see {@link makeScoped} for a model that asserts by itself
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = <Turns extends ReadonlyArray<Turn>>(
  turns: readonly [...Turns]
): Effect.Effect<ModelOf<Turns[number]>> =>
  Effect.sync(() => new Script(turns) as Pick<Script, keyof Script> as ModelOf<Turns[number]>)

/**
 * Makes a model that asserts by itself: when the Effect Scope closes with success, `assertComplete` runs.
 *
 * **When to use**
 *
 * Use in `it.effect`, whose scope is that of the test, so that no test forgets to ask. After a failure it adds nothing.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const makeScoped = <Turns extends ReadonlyArray<Turn>>(
  turns: readonly [...Turns]
): Effect.Effect<ModelOf<Turns[number]>, never, Scope.Scope> =>
  Effect.acquireRelease(make<Turns>(turns), (model, exit) => Exit.isSuccess(exit) ? model.assertComplete : Effect.void)

/**
 * The model of a script with these turns.
 *
 * @stability experimental
 * @category utility types
 * @since 0.1.0
 */
export type ModelOf<T> = ScriptedModel<
  [T] extends [never] ? never : AnswerOf<T>,
  ChunkOf<T>,
  ErrorOf<T>,
  ServicesOf<T>
>

// internal

type AnswerOf<T> = T extends string ? string
  : T extends { readonly respond: (request: LlmRequest) => infer X }
    ? X extends Effect.Effect<infer A, infer _E, infer _R> ? A : X
  : T extends { readonly answer: infer A } ? A
  : never

type ChunkOf<T> = T extends { readonly stream: infer S } ? S extends Iterable<infer Chunk> ? Chunk
  : S extends (request: LlmRequest) => Iterable<infer Chunk> ? Chunk
  : never
  : never

type ErrorOf<T> =
  | (T extends { readonly fail: infer E } ? E extends undefined ? never : E : never)
  | (T extends { readonly respond: (request: LlmRequest) => Effect.Effect<infer _A, infer E, infer _R> } ? E : never)

type ServicesOf<T> = T extends { readonly respond: (request: LlmRequest) => Effect.Effect<infer _A, infer _E, infer R> }
  ? R
  : never
