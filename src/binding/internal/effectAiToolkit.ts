/** Handlers of a `Toolkit` as managed tool calls. */
import * as AiError from "effect/ai/AiError"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { AgentRuntime } from "../../AgentRuntime.ts"
import { CallError } from "../../call/CallError.ts"
import * as ToolCall from "../../call/ToolCall.ts"
import { aiErrorOf, UnreadableParameters } from "./effectAiError.ts"

type Runtime = AgentRuntime["Service"]

const Managed = "~heddle/binding/EffectAi/Managed"

/** The same toolkit, whose handlers run as managed tool calls of a runtime. One that is managed stays as it is. */
export const manage = <Tools extends Record<string, Tool.Any>>(
  inner: Toolkit.WithHandler<Tools>,
  runtime: Runtime
): Toolkit.WithHandler<Tools> => {
  if (Managed in inner) return inner
  const handle: Toolkit.WithHandler<Tools>["handle"] = (name, params, toolCallId, options) => {
    const handler = (input: typeof params) => withoutParameters(input, inner.handle(name, input, toolCallId, options))
    const tool = Object.hasOwn(inner.tools, name) ? inner.tools[name] : undefined
    // The toolkit knows what to say of a tool that it has not.
    if (tool === undefined) return handler(params)
    const answers = run(tool, params, toolCallId, (input) => Stream.unwrap(handler(input)), runtime)
    // The toolkit's own answers, or ones made as it makes them: of this tool, by its schemas.
    return Effect.succeed(answers as Stream.Stream<never>)
  }
  return Object.assign({ tools: inner.tools, handle }, { [Managed]: true })
}

/** What of a tool's annotations its calls show as metadata: those that are text, numbers and truth values. */
const annotationsOf = ({ annotations }: Tool.Any): Readonly<Record<string, unknown>> | undefined => {
  const found = [...annotations.mapUnsafe].filter(([, value]) => shown.has(typeof value))
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

// internal

const shown = new Set(["string", "number", "boolean"])

/** What a handler answers, whatever its tool. */
interface Answer extends Omit<Tool.HandlerResult<Tool.Any>, "result"> {
  readonly result: unknown
}

/**
 * One call. Preliminary results go on as they come. A failure that the toolkit answers as a result fails the managed call,
 * as it does where failures are errors, and is the toolkit's answer again behind it.
 */
const run = <I, E, R>(
  tool: Tool.Any,
  params: I,
  toolCallId: string | undefined,
  handler: (input: I) => Stream.Stream<Answer, E, R>,
  runtime: Runtime
): Stream.Stream<Answer, unknown, unknown> =>
  Stream.unwrap(
    Effect.map(Toolkit.PreliminaryBuffer, (capacity) =>
      Stream.callback<Answer, unknown, unknown>((queue) => {
        const answers = new Answers(tool)
        return ToolCall.run(
          { name: tool.name, input: params, toolCallId, output: tool.successSchema, metadata: annotationsOf(tool) },
          (input: I) => answers.last(handler(input), queue)
        ).pipe(
          Effect.provideService(AgentRuntime, runtime),
          Effect.matchCauseEffect({
            onFailure: (cause) => answers.failure(cause),
            onSuccess: (result) => answers.success(result)
          }),
          Effect.flatMap((answer) => Queue.offer(queue, answer)),
          Effect.flatMap(() => Queue.end(queue))
        )
      }, { bufferSize: capacity === "unbounded" ? undefined : Math.max(1, capacity) }))
  )

/** What the toolkit answered, kept to be told from what an intercept puts in its place. */
class Answers {
  private readonly tool: Tool.Any
  private readonly successes = new Map<unknown, Answer>()
  private readonly failures = new Map<unknown, Answer>()

  constructor(tool: Tool.Any) {
    this.tool = tool
  }

  /** The result of one run of the handler. */
  last<E, R>(
    stream: Stream.Stream<Answer, E, R>,
    preliminary: Queue.Enqueue<Answer, unknown>
  ): Effect.Effect<unknown, unknown, R> {
    return Effect.suspend(() => {
      let last: Answer | undefined
      const all = Stream.runForEach(stream, (answer) => {
        if (answer.preliminary) return Queue.offer(preliminary, answer)
        last = answer
        return Effect.void
      })
      return Effect.flatMap(all, () => {
        if (last === undefined) return Effect.die(new Error(`the handler of "${this.tool.name}" gave no final result`))
        const { isFailure, result } = last
        const known = isFailure ? this.failures : this.successes
        known.set(result, last)
        return isFailure ? Effect.fail(result) : Effect.succeed(result)
      })
    })
  }

  success(result: unknown): Effect.Effect<Answer, AiError.AiError, unknown> {
    const known = this.successes.get(result)
    if (known !== undefined) return Effect.succeed(known)
    const { successSchema, toModelOutput } = this.tool
    return Effect.map(this.encoded(successSchema, result), (encodedResult) => ({
      result,
      encodedResult,
      isFailure: false,
      preliminary: false,
      ...toModelOutput === undefined ? undefined : { modelOutput: toModelOutput(result) }
    }))
  }

  /** A failure is an error or a result, as the tool has it. So is a call that was not let run. */
  failure(cause: Cause.Cause<unknown>): Effect.Effect<Answer, unknown, unknown> {
    const found = Cause.findError(cause)
    if (Result.isFailure(found)) return Effect.failCause(found.failure)
    const error = found.success
    if (!(error instanceof CallError)) {
      const known = this.failures.get(error)
      return known === undefined ? Effect.failCause(cause) : Effect.succeed(known)
    }
    const { failureMode, name } = this.tool
    const unreadable = unreadableIn(error)
    const failureOrigin = unreadable === undefined ? "handler" : "parameters"
    const result = unreadable === undefined
      ? aiErrorOf("Toolkit", `${name}.handle`, error)
      : AiError.make({
        module: "Toolkit",
        method: `${name}.handle`,
        reason: new AiError.ToolParameterValidationError({ toolName: name, description: unreadable.description })
      })
    if (failureMode === "error") {
      return Effect.failCause(Cause.annotate(Cause.fail(result), Context.make(Toolkit.FailureOrigin, failureOrigin)))
    }
    return Effect.map(this.encoded(Tool.failureResultSchema(this.tool), result), (encodedResult) => ({
      result,
      encodedResult,
      isFailure: true,
      failureOrigin,
      preliminary: false
    }))
  }

  private encoded(schema: Schema.Top, result: unknown) {
    return Schema.encodeUnknownEffect(schema)(result).pipe(
      Effect.mapError(({ message }) =>
        AiError.make({
          module: "Toolkit",
          method: `${this.tool.name}.handle`,
          reason: new AiError.ToolResultEncodingError({
            toolName: this.tool.name,
            toolResult: result,
            description: message
          })
        })
      )
    )
  }
}

/** Whether a typed guardrail failed for want of parameters that it can read. */
const unreadableIn = ({ reason }: CallError): UnreadableParameters | undefined => {
  if (reason._tag !== "GuardrailFailed") return undefined
  const cause = Cause.isCause(reason.cause) ? Cause.squash(reason.cause) : reason.cause
  return cause instanceof UnreadableParameters ? cause : undefined
}

/**
 * Toolkits write the raw parameters of a call onto the span around it, where no sanitizer sees them. Here they get that
 * span without its place for them.
 */
const withoutParameters = <A, E, R>(params: unknown, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
    return span?._tag === "Span"
      ? Effect.provideService(effect, Tracer.ParentSpan, new Shielded(span, params))
      : effect
  })

/** A span that takes everything but the parameters of one call. */
class Shielded implements Tracer.Span {
  readonly _tag = "Span"
  private readonly span: Tracer.Span
  private readonly params: unknown

  constructor(span: Tracer.Span, params: unknown) {
    this.span = span
    this.params = params
  }

  get name() {
    return this.span.name
  }
  get spanId() {
    return this.span.spanId
  }
  get traceId() {
    return this.span.traceId
  }
  get parent() {
    return this.span.parent
  }
  get annotations() {
    return this.span.annotations
  }
  get status() {
    return this.span.status
  }
  get attributes() {
    return this.span.attributes
  }
  get links() {
    return this.span.links
  }
  get sampled() {
    return this.span.sampled
  }
  get kind() {
    return this.span.kind
  }

  attribute(key: string, value: unknown): void {
    if (key !== "parameters" || value !== this.params) this.span.attribute(key, value)
  }
  end(...args: Parameters<Tracer.Span["end"]>): void {
    this.span.end(...args)
  }
  event(...args: Parameters<Tracer.Span["event"]>): void {
    this.span.event(...args)
  }
  addLinks(...args: Parameters<Tracer.Span["addLinks"]>): void {
    this.span.addLinks(...args)
  }
}
