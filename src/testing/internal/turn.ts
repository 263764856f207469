/** One turn of a script, and what it does when its time has come. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type { LlmRequest } from "../../middleware/Call.ts"
import { preview } from "../../subscriber/internal/preview.ts"
import type { Turn } from "../ScriptedModel.ts"

/** A turn by its fields, whichever of them it has. */
export interface Fields {
  readonly when?: ((request: LlmRequest) => boolean) | undefined
  readonly expect?: ((request: LlmRequest) => unknown) | undefined
  readonly delay?: Duration.Input | undefined
  readonly answer?: unknown
  readonly respond?: ((request: LlmRequest) => unknown) | undefined
  readonly stream?: Iterable<unknown> | ((request: LlmRequest) => Iterable<unknown>) | undefined
  readonly fail?: unknown
  readonly die?: unknown
  readonly hang?: boolean | undefined
}

export interface Step {
  readonly index: number
  readonly fields: Fields
  /** The one mode that it can answer, or both. */
  readonly mode: "generate" | "stream" | undefined
  isUsed: boolean
}

/** The chunks of one streamed turn, each made when it is pulled. */
export class Chunks {
  readonly #fields: Fields
  readonly #request: LlmRequest
  readonly #onChunk: () => void
  #iterator: Iterator<unknown> | undefined = undefined
  #next: IteratorResult<unknown> | undefined = undefined

  constructor(fields: Fields, request: LlmRequest, onChunk: () => void) {
    this.#fields = fields
    this.#request = request
    this.#onChunk = onChunk
  }

  readonly pull: Pull.Pull<NonEmptyReadonlyArray<unknown>, unknown> = Effect.suspend(() => {
    const { delay, stream } = this.#fields
    const end = ending(this.#fields) ?? Cause.done()
    if (stream === undefined) return delayed(end, delay)
    this.#iterator ??= (typeof stream === "function" ? stream(this.#request) : stream)[Symbol.iterator]()
    // Kept until it is handed out, or a pull that was interrupted in its delay would lose it.
    const next = this.#next ??= this.#iterator.next()
    if (next.done === true) return end
    const chunk = Effect.sync(() => {
      this.#next = undefined
      this.#onChunk()
      return [next.value] as const
    })
    return delayed(chunk, delay)
  })

  /** Lets a generator that was not run to its end clean up. */
  close(): void {
    if (this.#next?.done !== true) this.#iterator?.return?.()
  }
}

const endings = ["fail", "die", "hang"] as const
const responses = ["answer", "respond", "stream"] as const

export const stepOf = (turn: Turn, index: number): Step => {
  const fields: Fields = typeof turn === "string" ? { answer: turn } : turn
  const given = responses.filter((key) => key === "answer" ? Object.hasOwn(fields, key) : fields[key] !== undefined)
  const ends = endings.filter((key) => fields[key] !== undefined && fields[key] !== false)
  const allowed = given.length === 0 ? ends.length === 1 : ends.length <= (fields.stream === undefined ? 0 : 1)
  const isValid = given.length <= 1 && allowed
  if (!isValid) {
    const found = [...given, ...ends].join(", ")
    throw new TypeError(
      `turn ${index + 1} of the script must have exactly one of ${[...responses, ...endings].join(", ")} ` +
        `(a stream may be followed by one of ${endings.join(", ")}); it has ${found === "" ? "none" : found}`
    )
  }
  const mode = given.length === 0 ? undefined : fields.stream === undefined ? "generate" : "stream"
  return { index, fields, mode, isUsed: false }
}

export const answer = (fields: Fields, request: LlmRequest): Effect.Effect<unknown, unknown> => {
  const { answer, delay, respond } = fields
  const result = respond === undefined
    ? ending(fields) ?? Effect.succeed(answer)
    : maybeEffect(() => respond(request))
  return delayed(result, delay)
}

/** How a turn ends that does not end with success. */
const ending = ({ die, fail, hang }: Fields): Effect.Effect<never, unknown> | undefined =>
  fail !== undefined
    ? Effect.fail(fail)
    : die !== undefined
    ? Effect.die(die)
    : hang === true
    ? Effect.never
    : undefined

const delayed = <A, E>(effect: Effect.Effect<A, E>, delay: Fields["delay"]): Effect.Effect<A, E> =>
  delay === undefined ? effect : Effect.delay(effect, delay)

export const maybeEffect = (f: () => unknown): Effect.Effect<unknown, unknown> =>
  Effect.suspend(() => {
    const result = f()
    return Effect.isEffect(result) ? result as Effect.Effect<unknown, unknown> : Effect.succeed(result)
  })

export const describeTurn = ({ fields, index, mode }: Step): string => {
  const what = mode === undefined
    ? endings.find((key) => fields[key] !== undefined)!
    : mode === "stream"
    ? Array.isArray(fields.stream) ? `stream ${preview(fields.stream, 100)}` : "stream"
    : fields.respond === undefined
    ? `answer ${preview(fields.answer, 100)}`
    : "respond"
  return `turn ${index + 1}: ${what}`
}
