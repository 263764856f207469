/** What the two Node bindings of NeMo have in common, as far as it is measured. */
import type { Batch } from "../../harness/Case.ts"
import { loadPeer } from "../../harness/peer.ts"

type Handle = unknown

interface Native {
  readonly registerSubscriber: (name: string, callback: (event: unknown) => void) => void
  readonly flushSubscribers?: () => Promise<void>
  readonly registerToolConditionalExecutionGuardrail: (
    name: string,
    priority: number,
    check: (tool: string, input: unknown) => null
  ) => void
  readonly registerToolSanitizeRequestGuardrail: (
    name: string,
    priority: number,
    sanitize: (tool: string, input: unknown) => unknown
  ) => void
  readonly registerToolRequestIntercept: (
    name: string,
    priority: number,
    breakChain: boolean,
    transform: (tool: string, input: unknown) => unknown
  ) => void
  readonly registerToolExecutionIntercept: (
    name: string,
    priority: number,
    around: (context: { readonly args: unknown }, next: (input: unknown) => unknown) => unknown
  ) => void
  readonly toolCallExecuteAsync: (name: string, input: unknown, work: (input: never) => unknown) => Promise<unknown>
  readonly llmCallExecuteAsync: (name: string, request: unknown, work: () => unknown) => Promise<unknown>
  readonly llmStreamCallExecute: (
    name: string,
    request: unknown,
    work: (wrapper: Record<string, unknown>) => void
  ) => Promise<{ readonly next: () => Promise<unknown> }>
  readonly pushStreamChunk: (stream: number, chunk: unknown) => boolean
  readonly endStream: (stream: number) => void
  readonly pushScope: (name: string, type: number) => Handle
  readonly popScope: (handle: Handle) => void
  readonly event: (name: string, handle: undefined, data: unknown) => void
  readonly createScopeStack: () => unknown
  readonly setThreadScopeStack: (stack: unknown) => void
}

/** One of the bindings, with what differs between them. */
export interface Nemo {
  readonly native: Native
  /** The result of a tool as the binding wants it. */
  readonly result: (value: unknown) => unknown
  readonly streamKey: string
  /** It emits a scope for each guardrail, besides the call. */
  readonly hasGuardrailScopes: boolean
  /** It emits a mark for each chunk of a stream. */
  readonly marksChunks: boolean
  readonly around: (context: { readonly args: unknown }, next: (input: unknown) => unknown) => unknown
}

export type Flavour = "nemo-flow" | "nemo-relay"

export const loadNemo = async (flavour: Flavour): Promise<Nemo> => {
  const loaded = await loadPeer<{ readonly default: Native }>(`${flavour}-node`)
  return flavour === "nemo-flow"
    ? {
      native: loaded.default,
      result: (value) => value,
      streamKey: "__nemo_flow_stream_id",
      hasGuardrailScopes: false,
      marksChunks: false,
      around: (input, next) => next(input)
    }
    : {
      native: loaded.default,
      result: (result) => ({ result }),
      streamKey: "__nemo_relay_stream_id",
      hasGuardrailScopes: true,
      marksChunks: true,
      around: ({ args }, next) => next(args)
    }
}

/** Middleware that lets everything through, as ours does. */
export const installEach = ({ around, native }: Nemo, count: number): void => {
  for (let index = 0; index < count; index++) {
    native.registerToolConditionalExecutionGuardrail(`guardrail-${index}`, index, () => null)
    native.registerToolSanitizeRequestGuardrail(`sanitizer-${index}`, index, (_tool, input) => input)
    native.registerToolRequestIntercept(`request-${index}`, index, false, (_tool, input) => input)
    native.registerToolExecutionIntercept(`execution-${index}`, index, around)
  }
}

/** Counts deliveries, and lets one wait for them. */
export class Deliveries {
  private received = 0
  private expected = 0
  private resume: (() => void) | undefined = undefined
  readonly subscribers: number

  constructor({ native }: Nemo, subscribers: number) {
    this.subscribers = subscribers
    for (let index = 0; index < subscribers; index++) {
      native.registerSubscriber(`count-${index}`, () => {
        this.received++
        if (this.received >= this.expected) this.resume?.()
      })
    }
  }

  /** Waits until so many more events have arrived at every subscriber. */
  async expect(events: number): Promise<void> {
    this.expected += events * this.subscribers
    if (this.received >= this.expected) return
    await new Promise<void>((resolve) => {
      this.resume = resolve
    })
    this.resume = undefined
  }

  readonly check = (): string | undefined =>
    this.subscribers === 0 || this.received === this.expected
      ? undefined
      : `${this.received} deliveries instead of ${this.expected}`
}

/** A batch of operations, one after the other or several at a time, that ends when all events have arrived. */
export const nemoBatch = (
  nemo: Nemo,
  options: {
    readonly operation: () => unknown
    readonly events: number
    readonly subscribers?: number
    readonly concurrency?: number
  }
): Batch => {
  const { concurrency = 1, events, operation, subscribers = 0 } = options
  const deliveries = new Deliveries(nemo, subscribers)
  const sequence = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const pending = operation()
      if (pending instanceof Promise) await pending
    }
  }
  return {
    run: async (operations) => {
      if (concurrency === 1) await sequence(operations)
      else {
        const share = Math.ceil(operations / concurrency)
        await Promise.all(Array.from(
          { length: concurrency },
          (_, lane) => sequence(Math.max(0, Math.min(share, operations - lane * share)))
        ))
      }
      if (subscribers > 0) await deliveries.expect(operations * events)
    },
    check: deliveries.check
  }
}
