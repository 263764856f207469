/** Runs scripts through heddle's API for code without Effect. */
import * as Promises from "../../../src/binding/Promises.ts"
import { Atof, type LifecycleEvent, OpenAiChat } from "../../../src/index.ts"
import { begin, type Driver } from "../Recording.ts"
import { type Body, type Json, type Operation, type Piece, type Request, ScriptError, type Settled } from "../Script.ts"
import { settledOf } from "./heddleFailure.ts"
import { type Constructors, entriesOf, type StreamPolicy } from "./heddlePolicies.ts"
import { resume } from "./resume.ts"

export const promises: Driver = async (scenario) => {
  const { policies = [], script, seen } = begin(scenario)
  const events: Array<LifecycleEvent.LifecycleEvent> = []
  const run = new Run()
  const heddle = await Promises.make({
    middleware: entriesOf(policies, run.constructors),
    subscribers: [{
      name: "differential",
      handle: (event) => {
        events.push(event)
      }
    }]
  })
  run.heddle = heddle
  const result = await run.settle(script, undefined)
  await heddle.close()
  return { events: events.map(Atof.encode), result, seen }
}

type Next = ((value?: Json) => Promise<unknown>) | undefined

class Run {
  /** Made with policies that run scripts in it. */
  heddle!: Promises.Heddle

  async settle(script: Body, next: Next): Promise<Settled> {
    try {
      return { ok: await this.run(script, next) }
    } catch (error) {
      return settledOf(error)
    }
  }

  private async run<A>(script: Body<A>, next: Next): Promise<A> {
    return resume(script(), (operation) => this.perform(operation, next))
  }

  private perform(operation: Operation, next: Next): unknown {
    const { heddle } = this
    switch (operation._tag) {
      case "Scope": {
        const { body, name, options: { policies, reports, ...options } } = operation
        return heddle.scope(name, options, async () => {
          const work = () => this.run(body, next)
          const result = policies === undefined
            ? await work()
            : await heddle.with(entriesOf(policies, this.constructors), work)
          if (reports === true) heddle.setOutput(result)
          return result
        })
      }
      case "Tool": {
        const { input, name, options, work } = operation
        return heddle.tool(name, input, (input) => this.run(() => work(input), next), options)
      }
      case "Llm": {
        const { name, options, request, work } = operation
        return heddle.llm(
          name,
          request,
          (request) => this.run(() => work(request as Request), next),
          callOptions(options)
        )
      }
      case "LlmStream":
        return this.stream(operation)
      case "Mark":
        return heddle.mark(operation.name, operation.options)
      case "Attempt":
        return this.settle(operation.body, next)
      case "Parallel":
        return Promise.all(operation.bodies.map((body) => this.run(body, next)))
      case "Wait":
        return operation.promise
      case "Next":
        if (next === undefined) throw new Error("`next` stands outside of an execution intercept")
        return next(operation.value)
    }
  }

  private async stream(
    { name, options: { take, ...options }, request, work }: Extract<Operation, { readonly _tag: "LlmStream" }>
  ): Promise<ReadonlyArray<Json>> {
    const read: Array<Json> = []
    const chunks = this.heddle.llmStream(
      name,
      request,
      (request) => this.chunksOf(work(request as Request)),
      callOptions(options)
    )
    for await (const chunk of chunks) {
      read.push(chunk)
      if (read.length === take) break
    }
    return read
  }

  private async *chunksOf(pieces: ReadonlyArray<Piece>): AsyncGenerator<Json> {
    for (const piece of pieces) {
      if ("chunk" in piece) yield piece.chunk
      else if ("mark" in piece) this.heddle.mark(piece.mark)
      else throw new ScriptError(piece.fail)
    }
  }

  readonly constructors: Constructors = {
    guardrail: Promises.Guardrail.make,
    request: Promises.Intercept.request,
    sanitizer: Promises.Sanitizer,
    fieldSanitizer: Promises.Sanitizer,
    injector: Promises.MetadataInjector.make,
    execution: ({ nextCall, script, ...options }) =>
      Promises.Intercept.execution({
        ...options,
        around: (call, next) =>
          this.run(() => script(call), (value) => next(value === undefined ? undefined : nextCall(call, value)))
      }),
    stream: ({ policy, ...options }) =>
      Promises.Intercept.stream({ ...options, around: (_, next) => around(policy, next) }),
    decisions: Promises.Guardrail
  }
}

const callOptions = <O extends { readonly codec?: string }>({ codec, ...options }: O) => ({
  ...options,
  ...(codec === undefined ? {} : { codec: OpenAiChat.codec })
})

async function* around(policy: StreamPolicy, chunks: () => AsyncIterable<unknown>): AsyncGenerator<Json> {
  if ("instead" in policy) yield* policy.instead
  else {
    for await (const chunk of chunks()) yield* policy.each(chunk as Json)
  }
}
