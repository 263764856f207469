import type { StreamFold, StreamState } from "../../codec/Codec.ts"
import { sizeOfData } from "../../event/internal/size.ts"

/** How the chunks of a stream become one response. */
export interface Fold {
  readonly initial: unknown
  readonly step: (state: never, chunk: never) => unknown
  readonly finish: (state: never) => unknown
  readonly maxBytes: number
}

/** How deep a provider's chunk holds its text: `choices[0].delta.tool_calls[0].function.arguments`, and some. */
const chunkLevels = 8

export const defaultMaxBytes = 1_048_576

/** Without a fold of the user's and without a codec: strings are joined, other chunks listed. */
class Collector {
  private readonly chunks: Array<unknown> = []
  private isText = true
  /** The first so many chunks joined: guardrails may look at the text after each chunk. */
  private text = ""
  private joined = 0

  add(chunk: unknown): void {
    if (typeof chunk !== "string") this.isText = false
    this.chunks.push(chunk)
  }

  get value(): unknown {
    if (!this.isText) return this.chunks.slice()
    this.text += this.chunks.slice(this.joined).join("")
    this.joined = this.chunks.length
    return this.text
  }

  clear(): void {
    this.chunks.length = 0
    this.joined = 0
    this.text = ""
  }
}

/** Reads a stream as its codec does. */
class Reader {
  private readonly fold: StreamFold
  private state: StreamState

  constructor(fold: StreamFold) {
    this.fold = fold
    this.state = fold.initial()
  }

  add(chunk: unknown): void {
    this.state = this.fold.step(this.state, chunk)
  }

  get text(): string {
    return this.fold.text(this.state)
  }

  get value(): unknown {
    return this.fold.finish(this.state)
  }
}

/**
 * The response of a stream so far, in bounded memory: by a fold of the user's, else as the call's codec reads it, else
 * strings joined and other chunks listed.
 */
export class Folding {
  private readonly fold: Fold | undefined
  private reader: Reader | undefined = undefined
  private readonly collector: Collector | undefined
  private readonly maxBytes: number
  private state: unknown
  private bytes = 0
  isTruncated = false
  failure: { readonly defect: unknown } | undefined = undefined

  constructor(fold: Fold | undefined, codecFold: StreamFold | undefined) {
    this.fold = fold
    this.maxBytes = fold?.maxBytes ?? defaultMaxBytes
    this.collector = fold === undefined && codecFold === undefined ? new Collector() : undefined
    if (codecFold !== undefined) this.attempt(() => this.reader = new Reader(codecFold))
    if (fold === undefined) return
    const { initial } = fold
    this.attempt(() => this.state = typeof initial === "function" ? initial() : initial)
  }

  add(chunk: unknown): void {
    if (this.isTruncated || this.failure !== undefined) return
    this.bytes += sizeOfData(chunk, chunkLevels)
    if (this.bytes > this.maxBytes) {
      this.isTruncated = true
      return
    }
    const { collector, fold, reader } = this
    if (reader !== undefined) this.attempt(() => reader.add(chunk))
    if (collector !== undefined) collector.add(chunk)
    else if (fold !== undefined) this.attempt(() => this.state = fold.step(this.state as never, chunk as never))
  }

  /** The response so far; `undefined` if the fold has thrown. */
  get value(): unknown {
    const { collector, fold, reader } = this
    if (collector !== undefined) return collector.value
    let value: unknown
    if (this.failure !== undefined) return value
    if (fold !== undefined) this.attempt(() => value = fold.finish(this.state as never))
    else if (reader !== undefined) this.attempt(() => value = reader.value)
    return value
  }

  /** The text so far as the call's codec reads it; `undefined` without a codec. */
  get text(): string | undefined {
    const { reader } = this
    let text: string | undefined
    if (reader !== undefined && this.failure === undefined) this.attempt(() => text = reader.text)
    return text
  }

  /** Lets go of what it holds. */
  clear(): void {
    this.collector?.clear()
    this.reader = undefined
    this.state = undefined
  }

  private attempt(f: () => unknown): void {
    try {
      f()
    } catch (defect) {
      this.failure = { defect }
    }
  }
}
