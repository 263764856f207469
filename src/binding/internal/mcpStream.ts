/** Tool calls whose progress is a stream of messages, the last of which is the result. */

/** A message of the SDK. */
export interface Message {
  readonly type: string
  readonly result?: unknown
  readonly error?: unknown
}

/**
 * Runs a call and gives the messages that come meanwhile, then its result. What the SDK tells as an error message stays
 * one; what policies throw is thrown. Whoever leaves early aborts the call.
 */
export async function* streamed(
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal, resultOf: (messages: AsyncIterable<Message>) => Promise<unknown>) => Promise<unknown>
): AsyncGenerator<Message, void, void> {
  const leaving = new AbortController()
  const queue: Array<Message> = []
  let wake = () => {}
  let told: Message | undefined
  const ended = run(
    signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]),
    async (messages) => {
      for await (const message of messages) {
        if (message.type === "result") return message.result
        if (message.type === "error") {
          told = message
          throw message.error
        }
        queue.push(message)
        wake()
      }
      throw new TypeError("the stream of a tool call ended without a result; expected one")
    }
  )
  let isOver = false
  const over = () => {
    isOver = true
    wake()
  }
  ended.then(over, over)
  try {
    while (true) {
      const message = queue.shift()
      if (message !== undefined) yield message
      else if (isOver) break
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    yield { type: "result", result: await ended }
  } catch (error) {
    if (told === undefined || told.error !== error) throw error
    yield told
  } finally {
    leaving.abort()
  }
}
