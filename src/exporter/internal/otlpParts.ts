import * as Effect from "effect/Effect"
import type { Json } from "../../event/LifecycleEvent.ts"
import { ExportError } from "../ExportError.ts"
import type { Attributes } from "./otelSpan.ts"

/** What fills a request. */
export interface Item {
  readonly attributes: Attributes
  readonly events?: ReadonlyArray<{ readonly attributes: Attributes }>
  readonly body?: Json
}

interface Part<A, R> {
  readonly items: ReadonlyArray<A>
  /** Encodes its body once. */
  send: Effect.Effect<void, ExportError, R> | undefined
}

/** Rough size of a request, unless one item alone has more: what collectors take by default, with room to spare. */
const maxBytes = 4_194_304

/**
 * Posts items in requests of limited size, and in halves where a target says that it is still too much. A batch that is
 * tried again goes on with what was not taken; what was refused does not keep the rest.
 */
export const inParts = <A extends Item, R>(
  items: ReadonlyArray<A>,
  post: (items: ReadonlyArray<A>) => Effect.Effect<void, ExportError, R>
): Effect.Effect<void, ExportError, R> => {
  const parts: Array<Part<A, R>> = split(items).map((items) => ({ items, send: undefined }))
  let refusal: ExportError | undefined
  let taken = 0
  // If nothing was taken, the whole batch is lost.
  const failed = (error: ExportError) =>
    Effect.fail(new ExportError({ ...error, lost: taken === 0 ? error.lost : items.length - taken }))
  const next: Effect.Effect<void, ExportError, R> = Effect.suspend(() => {
    const part = parts[0]
    if (part === undefined) return refusal === undefined ? Effect.void : failed(refusal)
    return Effect.matchEffect(part.send ??= post(part.items), {
      onSuccess: () => {
        parts.shift()
        taken += part.items.length
        return next
      },
      onFailure: (error) => {
        if (error.isRetryable) return failed(error)
        parts.shift()
        if (error.isTooLarge === true && part.items.length > 1) {
          const half = Math.ceil(part.items.length / 2)
          parts.unshift(
            { items: part.items.slice(0, half), send: undefined },
            { items: part.items.slice(half), send: undefined }
          )
        } else {
          taken += error.lost === undefined ? 0 : part.items.length - error.lost
          refusal ??= error
        }
        return next
      }
    })
  })
  return next
}

const split = <A extends Item>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const parts: Array<Array<A>> = []
  let size = Number.POSITIVE_INFINITY
  for (const item of items) {
    const weight = weigh(item)
    if (size + weight > maxBytes) {
      parts.push([])
      size = 0
    }
    parts.at(-1)?.push(item)
    size += weight
  }
  return parts
}

const weigh = ({ attributes, body, events = [] }: Item): number =>
  events.reduce(
    (sum, event) => sum + weighAttributes(event.attributes),
    overhead + weighAttributes(attributes) + (body === undefined ? 0 : JSON.stringify(body).length)
  )

/** Ids, times and names of an item. */
const overhead = 256

const weighAttributes = (attributes: Attributes): number => {
  let sum = 0
  for (const [key, value] of Object.entries(attributes)) {
    sum += key.length + 16
    if (typeof value === "string") sum += value.length
    else if (Array.isArray(value)) { for (const item of value) sum += typeof item === "string" ? item.length + 8 : 8 }
  }
  return sum
}
