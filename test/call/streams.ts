/** What the tests of streamed calls share. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { LlmCall } from "../../src/index.ts"
import type { Runtime } from "./utils.ts"

/** A provider that gives one chunk at each pull, and says which it was asked for. */
export const chunksOf = <A>(chunks: ReadonlyArray<A>, asked: Array<A> = []): Stream.Stream<A> =>
  Stream.unfold(0, (at) =>
    Effect.sync(() => {
      if (at >= chunks.length) return undefined
      asked.push(chunks[at]!)
      return [chunks[at]!, at + 1] as const
    }))

export const request = { headers: {}, body: { q: "x" } }

/** A streamed call named `call`. */
export const streamed = <A, E, State = unknown>(
  provider: () => Stream.Stream<A, E, Runtime>,
  fold?: LlmCall.Fold<State, A>
) => LlmCall.stream({ name: "call", request, fold }, provider)

/** The next chunks of a pull, or `"end"`. */
export const step = <A, E, R>(pull: Pull.Pull<ReadonlyArray<A>, E, void, R>) =>
  Pull.catchDone(
    pull as Effect.Effect<ReadonlyArray<A> | "end", E | Cause.Done, R>,
    () => Effect.succeed("end" as const)
  )
