/** Runs scripts through heddle's Effect API: a script is one effect on one fiber, and so are its branches. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import {
  type AgentRuntime,
  Atof,
  ExecutionScope,
  Guardrail,
  Intercept,
  LlmCall,
  Mark,
  MetadataInjector,
  Middleware,
  OpenAiChat,
  Sanitizer,
  ToolCall
} from "../../../src/index.ts"
import { TestRuntime } from "../../../src/testing/index.ts"
import { begin, type Driver } from "../Recording.ts"
import { type Body, type Json, type Operation, type Piece, type Request, ScriptError, type Settled } from "../Script.ts"
import { settledOf } from "./heddleFailure.ts"
import { type Constructors, entriesOf, type StreamPolicy } from "./heddlePolicies.ts"

export const effect: Driver = (scenario) => {
  const { policies = [], script, seen } = begin(scenario)
  const program = Effect.gen(function*() {
    const result = yield* settle(script, undefined)
    const events = yield* TestRuntime.events
    return { events: events.map(Atof.encode), result, seen }
  })
  const runtime = TestRuntime.layer({ policies: Middleware.layer(...entriesOf(policies, constructors)) }).pipe(
    // What policies that fail on purpose make the runtime say is no concern of this test.
    Layer.provide(Logger.layer([]))
  )
  return Effect.runPromise(Effect.provide(program, runtime))
}

type Work<A> = Effect.Effect<A, unknown, AgentRuntime.AgentRuntime>

/** The rest of the call, inside of an execution intercept. */
type Next = ((value?: Json) => Effect.Effect<unknown, unknown>) | undefined

const settle = (script: Body, next: Next): Effect.Effect<Settled, never, AgentRuntime.AgentRuntime> =>
  Effect.matchCause(run(script, next), {
    onSuccess: (ok): Settled => ({ ok }),
    onFailure: (cause) => settledOf(Cause.squash(cause))
  })

const run = <A>(body: Body<A>, next: Next): Work<A> =>
  Effect.flatMap(attempted(body), (script) => {
    const go = (advance: () => IteratorResult<Operation, A>): Work<A> =>
      Effect.flatMap(attempted(advance), (step) =>
        step.done === true
          ? Effect.succeed(step.value)
          : Effect.matchEffect(perform(step.value, next), {
            onSuccess: (result) => go(() => script.next(result)),
            onFailure: (error) => go(() => script.throw(error))
          }))
    return go(() => script.next())
  })

/** What a script throws is a failure of its work, and no defect. */
const attempted = <A>(evaluate: () => A): Effect.Effect<A, unknown> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(evaluate())
    } catch (error) {
      return Effect.fail(error)
    }
  })

const perform = (operation: Operation, next: Next): Work<unknown> => {
  switch (operation._tag) {
    case "Scope": {
      const { body, name, options: { category = "function", policies = [], reports, ...options } } = operation
      const inside = run(body, next).pipe(
        Effect.tap((result) => reports === true ? ExecutionScope.setOutput(result) : Effect.void),
        Middleware.provide(...entriesOf(policies, constructors))
      )
      return ExecutionScope.run({ name, category, ...options })(inside)
    }
    case "Tool": {
      const { input, name, options, work } = operation
      return ToolCall.run({ name, input, ...options }, (input) => run(() => work(input), next))
    }
    case "Llm": {
      const { name, options, request, work } = operation
      return LlmCall.run(
        { name, request, ...callOptions(options) },
        (request) => run(() => work(request as Request), next)
      )
    }
    case "LlmStream": {
      const { name, options: { take, ...options }, request, work } = operation
      const chunks = LlmCall.stream(
        { name, request, ...callOptions(options) },
        (request) => streamOf(work(request as Request))
      )
      return Stream.runCollect(take === undefined ? chunks : Stream.take(chunks, take))
    }
    case "Mark":
      return Mark.emit(operation.name, operation.options)
    case "Attempt":
      return settle(operation.body, next)
    case "Parallel":
      return Effect.all(operation.bodies.map((body) => run(body, next)), { concurrency: "unbounded" })
    case "Wait":
      return Effect.promise(() => operation.promise)
    case "Next":
      return next === undefined
        ? Effect.die("`next` stands outside of an execution intercept")
        : next(operation.value)
  }
}

const callOptions = <O extends { readonly codec?: string }>({ codec, ...options }: O) => ({
  ...options,
  ...(codec === undefined ? {} : { codec: OpenAiChat.codec })
})

const streamOf = (pieces: ReadonlyArray<Piece>): Stream.Stream<Json, ScriptError, AgentRuntime.AgentRuntime> =>
  Stream.flatMap(Stream.fromIterable(pieces), (piece): ReturnType<typeof streamOf> => {
    if ("chunk" in piece) return Stream.succeed(piece.chunk)
    if ("mark" in piece) return Stream.fromEffectDrain(Mark.emit(piece.mark))
    return Stream.fail(new ScriptError(piece.fail))
  })

const around = (policy: StreamPolicy, chunks: () => Stream.Stream<unknown, unknown>) =>
  "instead" in policy
    ? Stream.fromIterable(policy.instead)
    : Stream.flatMap(chunks(), (chunk) => Stream.fromIterable(policy.each(chunk as Json)))

const constructors: Constructors = {
  guardrail: Guardrail.make,
  request: Intercept.request,
  sanitizer: Sanitizer,
  fieldSanitizer: Sanitizer,
  injector: MetadataInjector.make,
  execution: ({ nextCall, script, ...options }) =>
    Intercept.execution({
      ...options,
      around: (call, next) =>
        run(() => script(call), (value) => next(value === undefined ? undefined : nextCall(call, value)))
    }) as Middleware.Entry,
  stream: ({ policy, ...options }) => Intercept.stream({ ...options, around: (_, next) => around(policy, next) }),
  decisions: Guardrail
}
