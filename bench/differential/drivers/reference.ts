/**
 * Runs scripts through the reference's public API. It has one runtime for a process, so it needs a process for each
 * scenario: see `child.ts`.
 */
import { type AtofEvent, begin, type Driver } from "../Recording.ts"
import type { Body, Category, Json, MarkOptions, Operation, ScopeOptions, Settled } from "../Script.ts"
import { type Handle, loadNative, type Native, type Typed } from "./native.ts"
import { fromNative, registerAll, toNative } from "./referencePolicies.ts"
import { resume } from "./resume.ts"

export const reference: Driver = async (scenario) => {
  const { native, typed } = await loadNative()
  const events: Array<AtofEvent> = []
  native.registerSubscriber("differential", (event) => {
    events.push(event)
  })
  const { policies = [], script, seen } = begin(scenario)
  const run = new Run(native, typed)
  run.register(policies, undefined)
  const result = await run.settle(script, {})
  await native.flushSubscribers()
  return { events, result, seen }
}

/** Where a script runs. */
interface Place {
  /** Stated for what begins on a scope stack of its own. */
  readonly parent?: Handle
  readonly next?: (value?: Json) => Promise<Json>
}

class Run {
  private readonly native: Native
  private readonly typed: Typed

  constructor(native: Native, typed: Typed) {
    this.native = native
    this.typed = typed
  }

  register(policies: Parameters<typeof registerAll>[1], scope: string | undefined): void {
    registerAll(this.native, policies, (script, next) => this.run(script, { next }), scope)
  }

  async settle(script: Body, place: Place): Promise<Settled> {
    try {
      return { ok: await this.run(script, place) }
    } catch (error) {
      return settledOf(error)
    }
  }

  private async run<A>(script: Body<A>, place: Place): Promise<A> {
    return resume(script(), (operation) => this.perform(operation, place))
  }

  private perform(operation: Operation, place: Place): unknown {
    switch (operation._tag) {
      case "Scope":
        return this.scope(operation, place)
      case "Tool":
        return this.tool(operation, place)
      case "Llm": {
        const { name, options, request, work } = operation
        return this.typed.typedLlmExecute(
          name,
          toNative(request),
          (given) => this.run(() => work(fromNative(given)), place),
          new this.typed.JsonPassthrough(),
          this.callOptions(options, place)
        )
      }
      case "LlmStream":
        return this.stream(operation, place)
      case "Mark":
        return this.mark(operation.name, operation.options, place)
      case "Attempt":
        return this.settle(operation.body, place)
      case "Parallel": {
        if (!operation.isolated) return Promise.all(operation.bodies.map((body) => this.run(body, place)))
        const parent = place.parent ?? this.native.getHandle()
        return Promise.all(
          operation.bodies.map((body) =>
            this.native.withScopeStack(this.native.createScopeStack(), () => this.run(body, { ...place, parent }))
          )
        )
      }
      case "Wait":
        return operation.promise
      case "Next":
        if (place.next === undefined) throw new Error("`next` stands outside of an execution intercept")
        return place.next(operation.value)
    }
  }

  private async scope(
    { body, name, options }: Extract<Operation, { readonly _tag: "Scope" }>,
    place: Place
  ): Promise<Json> {
    const { native } = this
    const inside: Place = place.next === undefined ? {} : { next: place.next }
    const work = (handle: Handle) => {
      this.register(options.policies ?? [], handle.uuid)
      return this.run(body, inside)
    }
    const type = types[options.category ?? "function"]
    const attributes = attributesOf(options)
    const { input, metadata } = options
    if (options.reports !== true) {
      return native.withScope(name, type, work, place.parent, attributes, undefined, metadata, input)
    }
    const handle = native.pushScope(name, type, place.parent, attributes, undefined, metadata, input)
    const output = await work(handle)
    native.popScope(handle, output)
    return output
  }

  private async tool(
    { input, name, options, work }: Extract<Operation, { readonly _tag: "Tool" }>,
    place: Place
  ): Promise<Json> {
    const { result } = await this.native.toolCallExecuteAsync(
      name,
      input,
      async (given) => ({ result: await this.run(() => work(given), place) }),
      place.parent,
      undefined,
      undefined,
      options.metadata,
      options.toolCallId
    )
    return result
  }

  private async stream(
    { name, options, request, work }: Extract<Operation, { readonly _tag: "LlmStream" }>,
    place: Place
  ): Promise<Json> {
    const { native, typed } = this
    const collected: Array<Json> = []
    const passthrough = new typed.JsonPassthrough()
    const stream = await typed.typedLlmStreamExecute(
      name,
      toNative(request),
      async function*(given) {
        for (const piece of work(fromNative(given))) {
          if ("chunk" in piece) yield piece.chunk
          else if ("mark" in piece) native.event(piece.mark, place.parent, null, null, undefined, null, null)
          else throw new Error(piece.fail)
        }
      },
      (chunk) => {
        collected.push(chunk)
      },
      // What heddle makes of chunks without a fold.
      () => collected.every((chunk) => typeof chunk === "string") ? collected.join("") : collected,
      passthrough,
      passthrough,
      this.callOptions(options, place)
    )
    const read: Array<Json> = []
    while (options.take === undefined || read.length < options.take) {
      const chunk = await stream.next()
      if (chunk === null) return read
      read.push(chunk)
    }
    await stream.close()
    return read
  }

  private mark(name: string, { data, dataSchema, metadata, severity }: MarkOptions, { parent }: Place): void {
    const level = severity === undefined ? undefined : severities.indexOf(severity)
    this.native.event(name, parent, data, metadata, undefined, dataSchema, level)
  }

  private callOptions(
    { codec, metadata, model }: { readonly codec?: string; readonly metadata?: Json; readonly model?: string },
    { parent }: Place
  ) {
    return {
      handle: parent,
      metadata,
      modelName: model,
      ...(codec === undefined
        ? {}
        : { codec: new this.native.OpenAIChatCodec(), responseCodec: new this.native.OpenAIChatCodec() })
    }
  }
}

const severities: ReadonlyArray<MarkOptions["severity"]> = ["trace", "debug", "info", "warn", "error"]

const types: Readonly<Record<Category, number>> = {
  agent: 0,
  function: 1,
  tool: 2,
  llm: 3,
  retriever: 4,
  embedder: 5,
  reranker: 6,
  guardrail: 7,
  evaluator: 8,
  custom: 9,
  unknown: 10
}

const attributesOf = ({ attributes }: ScopeOptions): number | undefined =>
  attributes?.reduce((bits, attribute) => bits | (attribute === "parallel" ? 1 : 2), 0)

/** Errors of the reference are texts: a prefix for the kind, then what was thrown. */
const settledOf = (error: unknown): Settled => {
  const message = error instanceof Error ? error.message : String(error)
  const blocked = /guardrail rejected: (.*)$/s.exec(message)
  return blocked === null
    ? { failed: message.replace(/^(?:internal error: |JS [a-z ]+ callback failed: )+/, "") }
    : { blocked: blocked[1]! }
}
