import { sizeOf } from "../../event/internal/size.ts"

/** How the chunks of a stream become one response. */
export interface Fold {
  readonly initial: unknown
  readonly step: (state: never, chunk: never) => unknown
  readonly finish: (state: never) => unknown
  readonly maxBytes: number
}

export const defaultMaxBytes = 1_048_576

/** Without a fold of the user's: strings are joined, other chunks listed. */
class Collector {
  private readonly chunks: Array<unknown> = []
  private isText = true

  add(chunk: unknown): void {
    if (typeof chunk !== "string") this.isText = false
    this.chunks.push(chunk)
  }

  get value(): unknown {
    return this.isText ? this.chunks.join("") : this.chunks.slice()
  }
}

/** The response of a stream so far, in bounded memory. */
export class Folding {
  private readonly fold: Fold | undefined
  private readonly collector: Collector | undefined
  private readonly maxBytes: number
  private state: unknown
  private bytes = 0
  isTruncated = false
  failure: { readonly defect: unknown } | undefined = undefined

  constructor(fold: Fold | undefined) {
    this.fold = fold
    this.maxBytes = fold?.maxBytes ?? defaultMaxBytes
    this.collector = fold === undefined ? new Collector() : undefined
    if (fold === undefined) return
    const { initial } = fold
    this.attempt(() => this.state = typeof initial === "function" ? initial() : initial)
  }

  add(chunk: unknown): void {
    if (this.isTruncated || this.failure !== undefined) return
    this.bytes += sizeOf(chunk)
    if (this.bytes > this.maxBytes) {
      this.isTruncated = true
      return
    }
    const { collector, fold } = this
    if (collector !== undefined) collector.add(chunk)
    else if (fold !== undefined) this.attempt(() => this.state = fold.step(this.state as never, chunk as never))
  }

  /** The response so far; `undefined` if the fold has thrown. */
  get value(): unknown {
    const { collector, fold } = this
    if (collector !== undefined) return collector.value
    let value: unknown
    if (fold !== undefined && this.failure === undefined) this.attempt(() => value = fold.finish(this.state as never))
    return value
  }

  private attempt(f: () => unknown): void {
    try {
      f()
    } catch (defect) {
      this.failure = { defect }
    }
  }
}
