/**
 * Managed streams as the server-sent events that SDKs parse, so that whatever an SDK builds on a stream (its own class,
 * `tee`, helpers that accumulate, the raw response) is there. Nothing is read ahead of the SDK's reader but the first
 * event, with which the call begins.
 */
import type { RequestOptions } from "./sdk.ts"
import { type Answered, answered, headOf, responseOf } from "./sdkResponse.ts"

interface StreamedOptions {
  readonly options: RequestOptions
  readonly sentinel: string | undefined
  readonly abortError: (reason: unknown) => unknown
  /** The managed stream; `onResponse` is told when the provider begins to answer. */
  readonly run: (onResponse: (response: Response) => void, signal: AbortSignal) => AsyncIterable<unknown>
}

/** Resolves when the provider has begun to answer, or policies answer in its place; rejects if they block it. */
export const streamedAnswer = async ({ abortError, options, run, sentinel }: StreamedOptions): Promise<Answered> => {
  const { signal } = options
  if (signal?.aborted === true) throw abortError(signal.reason)
  const controller = new AbortController()
  const onAbort = () => controller.abort(signal?.reason)
  signal?.addEventListener("abort", onAbort, { once: true })
  let response: Response | undefined
  const { promise: told, resolve: tell } = deferred()
  const reading = new Reading({
    sentinel,
    abortError,
    run: (signal) =>
      run((given) => {
        response = given
        tell()
      }, signal),
    onEnd: () => signal?.removeEventListener("abort", onAbort)
  })
  controller.signal.addEventListener("abort", () => reading.leave(controller.signal.reason), { once: true })
  try {
    await Promise.race([told, reading.begin()])
    return answered(responseOf(reading.body, response && headOf(response), "text/event-stream"), options, controller)
  } catch (error) {
    signal?.removeEventListener("abort", onAbort)
    throw controller.signal.aborted && error === controller.signal.reason ? abortError(error) : error
  }
}

// internal

interface ReadingOptions {
  readonly sentinel: string | undefined
  readonly abortError: (reason: unknown) => unknown
  readonly run: (signal: AbortSignal) => AsyncIterable<unknown>
  readonly onEnd: () => void
}

/** The reading of a managed stream, from its first event on. */
class Reading {
  readonly body: ReadableStream<Uint8Array>
  private readonly options: ReadingOptions
  private readonly stop = new AbortController()
  private readonly iterator: AsyncIterator<unknown>
  private first: Promise<IteratorResult<unknown>> | undefined = undefined
  private isWaiting = false
  private hasLeft = false

  constructor(options: ReadingOptions) {
    this.options = options
    this.iterator = options.run(this.stop.signal)[Symbol.asyncIterator]()
    const encoder = new TextEncoder()
    this.body = new ReadableStream<Uint8Array>({
      pull: async (sink) => {
        try {
          const next = await this.take()
          if (next.done !== true) return sink.enqueue(encoder.encode(frameOf(next.value)))
          if (options.sentinel !== undefined) sink.enqueue(encoder.encode(`data: ${options.sentinel}\n\n`))
          sink.close()
        } catch (error) {
          sink.error(this.errorOf(error))
        }
        options.onEnd()
      },
      cancel: (reason) => this.leave(reason)
    }, { highWaterMark: 0 })
  }

  /** Begins the call. */
  begin(): Promise<unknown> {
    this.first = this.next()
    // Whoever reads on is told.
    this.first.catch(() => undefined)
    return this.first
  }

  /** Ends the call before its end: between two events as its reader, else as who interrupts it. */
  async leave(reason: unknown): Promise<void> {
    if (this.hasLeft) return
    this.hasLeft = true
    this.options.onEnd()
    if (this.isWaiting) this.stop.abort(reason)
    else await this.iterator.return?.()
  }

  private async take(): Promise<IteratorResult<unknown>> {
    const { first } = this
    this.first = undefined
    const next = await (first ?? this.next())
    if (this.hasLeft) throw left()
    return next
  }

  private async next(): Promise<IteratorResult<unknown>> {
    this.isWaiting = true
    try {
      return await this.iterator.next()
    } finally {
      this.isWaiting = false
    }
  }

  /**
   * SDKs end a stream that was aborted without a word. That is for their caller, who knows; whoever did not abort it must
   * not take what was read for the whole.
   */
  private errorOf(error: unknown): unknown {
    if (this.hasLeft) return left()
    return error instanceof DOMException && error.name === "AbortError" ? this.options.abortError(error) : error
  }
}

const left = () => new DOMException("This operation was aborted", "AbortError")

/** An event as providers send it: named where it says its type. */
const frameOf = (event: unknown): string => {
  const isNamed = typeof event === "object" && event !== null && "type" in event && typeof event.type === "string"
  return `${isNamed ? `event: ${event.type}\n` : ""}data: ${JSON.stringify(event)}\n\n`
}

const deferred = () => {
  let resolve!: () => void
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
