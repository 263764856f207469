import type { StreamPart } from "./aiSdkTypes.ts"

/** A stream of parts for the SDK. */
export interface Parts {
  readonly readable: ReadableStream<StreamPart>
  /** When the first part, or the end, has come. Rejects if none comes. */
  readonly begun: Promise<undefined>
}

/**
 * A managed stream as the SDK reads it. The first part is asked for at once, so that a call that fails before it does not
 * begin to stream; every other when the SDK has room for it. Leaving it ends the call.
 */
export const readableOf = (
  open: (signal: AbortSignal) => AsyncIterable<StreamPart>,
  outer: AbortSignal | undefined
): Parts => {
  const leaving = new AbortController()
  const signal = outer === undefined ? leaving.signal : AbortSignal.any([outer, leaving.signal])
  const parts = open(signal)[Symbol.asyncIterator]()
  let pending: Promise<IteratorResult<StreamPart>> | undefined = parts.next()
  let isReading = true
  const begun = pending.then(() => {
    isReading = false
    return undefined
  })
  // It is for whoever waits for it; the reader is told too.
  begun.catch(() => undefined)
  /** Errors that the reader got as parts. */
  const told = new Set<unknown>()

  const readable = new ReadableStream<StreamPart>({
    pull: async (controller) => {
      const next = pending ?? parts.next()
      pending = undefined
      isReading = true
      try {
        const { done, value } = await next
        if (done === true) return controller.close()
        if (value.type === "error") told.add(value.error)
        controller.enqueue(value)
      } catch (error) {
        if (told.has(error)) controller.close()
        else controller.error(error)
      } finally {
        isReading = false
      }
    },
    cancel: async (reason) => {
      // An iterator that is asked for a part hears of nothing else.
      if (isReading) leaving.abort(reason)
      else await parts.return?.()
    }
  }, { highWaterMark: 0 })
  return { readable, begun }
}
