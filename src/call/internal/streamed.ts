import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import type { Hold, Output, OutputGuardrailEntry } from "../../middleware/internal/entry.ts"
import { withContext } from "../../middleware/internal/installer.ts"
import type { Step } from "../../middleware/internal/plan.ts"
import { siteOf } from "../../scope/internal/current.ts"
import { type AnyFiber, Framed } from "../../scope/internal/operation.ts"
import type { CallError } from "../CallError.ts"
import { AnnotatedOutput, annotateResponse, blockedProfile } from "./annotation.ts"
import { type Fold, Folding } from "./fold.ts"
import { Window } from "./hold.ts"
import { applicableOutputs, judgeOutput } from "./judge.ts"
import { type CallSpec, Run } from "./managedCall.ts"
import { type AnyPull, type Provider, pullAround, type Streamable } from "./streamExecution.ts"
import { isPending, type Verdict } from "./verdict.ts"

type Chunks = NonEmptyReadonlyArray<unknown>

/**
 * A managed call that gives a stream: nothing happens before the first pull, and each run of the stream is a call of its
 * own. Types are those of the provider: an intercept that replaces chunks is trusted to keep their type.
 */
export const managedStream = <I, Chunk, E, R>(
  spec: CallSpec,
  fold: Fold | undefined,
  body: (payload: I) => Stream.Stream<Chunk, E, R>
): Stream.Stream<Chunk, E | CallError, R | AgentRuntime> => {
  const stream = Stream.fromChannel(Channel.fromTransform((_upstream, scope) =>
    Effect.withFiber((fiber) => {
      const run = new StreamedRun(spec, fold, fiber, (payload) => body(payload as I))
      return Effect.as(Scope.addFinalizerExit(scope, (exit) => run.abandon(exit)), run.pull)
    })
  ))
  return stream as Stream.Stream<Chunk, E | CallError, R | AgentRuntime>
}

/** One run of a managed stream. As an effect, it opens the stream and gives its first chunks. */
class StreamedRun extends Run<Chunks, unknown, never> implements Streamable {
  readonly provider: Provider
  private readonly folding: Folding
  /** Output guardrails that judge this call, and what they hold back. */
  private outputs: ReadonlyArray<Step<OutputGuardrailEntry>> = []
  private window: Window | undefined = undefined
  /** Owns what the provider side holds open. */
  private readonly scope = Scope.makeUnsafe()
  /** What each step pulls, once the stream is open. */
  private upstream: AnyPull | undefined = undefined
  isWrapped = false
  /** Who pulls now, and the context that it came with. */
  private puller: AnyFiber | undefined = undefined
  private consumer: Context.Context<never> | undefined = undefined
  private isDone = false
  private isAbandoned = false
  private releasedChunks = 0
  private releasedChars = 0
  private firstChunkAt: number | undefined = undefined

  constructor(spec: CallSpec, fold: Fold | undefined, fiber: AnyFiber, provider: Provider) {
    super(spec, siteOf(fiber), fiber)
    this.provider = provider
    this.folding = new Folding(fold, spec.codec?.stream)
  }

  /**
   * One step of the consumer. It runs inside the call's scope and leaves it before the consumer goes on. It is one effect
   * for all steps, which come one after the other.
   */
  readonly pull: AnyPull = new Steps(this)

  /** Goes into the call's scope, behind the exit frame that leaves it. */
  enter(fiber: AnyFiber): Effect.Effect<Chunks, unknown> {
    const { upstream } = this
    this.puller = fiber
    this.consumer = fiber.context
    if (upstream === undefined) return this
    if (this.final !== undefined) return Effect.fail(this.final)
    if (this.isDone) return Cause.done()
    fiber.setContext(this.context)
    return upstream
  }

  leave(exit: Exit.Exit<Chunks, unknown>): Effect.Effect<void, unknown> | undefined {
    const { consumer, puller } = this
    if (puller !== undefined && consumer !== undefined) puller.setContext(consumer)
    this.puller = undefined
    this.consumer = undefined
    if (Exit.isSuccess(exit)) {
      if (this.window !== undefined) return undefined
      if (this.final !== undefined) return this.failFinally(this.final)
      this.take(exit.value)
      return undefined
    }
    if (Cause.hasInterruptsOnly(exit.cause)) return undefined
    if (this.window === undefined && Pull.isDoneCause(exit.cause)) this.isDone = true
    return this.finish(exit)
  }

  private failFinally(error: CallError): Effect.Effect<void, CallError> {
    const exit = Exit.fail(error)
    return Effect.andThen(this.finish(exit), exit)
  }

  /** The consumer is gone: it read enough, failed, or was interrupted. */
  abandon(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.hasEnded) return Effect.void
      const isInterrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      this.isAbandoned = !isInterrupted
      return this.finish(isInterrupted ? exit : Exit.interrupt())
    })
  }

  proceed(): Effect.Effect<Chunks, unknown> {
    if (this.chains.outputs.length > 0) {
      this.outputs = applicableOutputs(this)
      if (this.outputs.length > 0) this.window = new Window(this.outputs.map(({ entry }) => holdOf(entry)))
    }
    const { window } = this
    return Effect.flatMap(
      pullAround(this, 0, this.request, this.span, this.scope),
      (pull) => this.upstream = window === undefined ? pull : this.whatIsLetThrough(pull, window)
    )
  }

  /** What output guardrails let through: one effect for all steps. */
  private whatIsLetThrough(pull: AnyPull, window: Window): AnyPull {
    const step: AnyPull = Effect.matchCauseEffect(pull, {
      onSuccess: (chunks) => this.final === undefined ? this.accept(chunks, window, step) : Effect.fail(this.final),
      onFailure: (cause) => {
        if (this.final !== undefined) return Effect.fail(this.final)
        return Pull.isDoneCause(cause) ? this.complete(window) : Effect.failCause(cause)
      }
    })
    return step
  }

  private accept(chunks: Chunks, window: Window, step: AnyPull): Effect.Effect<Chunks, unknown> {
    for (const chunk of chunks) {
      this.folding.add(chunk)
      window.add(chunk, this.folding.text)
    }
    return this.judgeAndRelease(window, false, step)
  }

  /** The provider has ended: everything is judged once more, as a whole. */
  private complete(window: Window): Effect.Effect<Chunks, unknown> {
    this.isDone = true
    return this.judgeAndRelease(window, true, Cause.done())
  }

  /** `otherwise`: what to go on with if nothing may go. */
  private judgeAndRelease(window: Window, isFinal: boolean, otherwise: AnyPull): AnyPull {
    const verdict = this.judge(window, 0, isFinal)
    return isPending(verdict)
      ? Effect.flatMap(verdict, () => this.release(window, otherwise))
      : this.release(window, otherwise)
  }

  private release(window: Window, otherwise: AnyPull): AnyPull {
    // A rejection, by these guardrails or inside of `next`.
    if (this.final !== undefined) return Effect.fail(this.final)
    const released = window.release()
    return isNonEmpty(released) ? Effect.succeed(this.released(released)) : otherwise
  }

  private judge(window: Window, from: number, isFinal: boolean): Verdict {
    const { outputs } = this
    for (let i = from; i < outputs.length; i++) {
      const target = isFinal ? window.end : window.target(i)
      if (target === undefined) continue
      const output = this.output(window, i, target, isFinal)
      const verdict = judgeOutput(this, outputs, output, this.span, i, i + 1, this.unseen())
      if (isPending(verdict)) {
        return Effect.flatMap(verdict, (error) => {
          if (error !== undefined) return Effect.succeed(error)
          window.clear(i, target)
          const rest = this.judge(window, i + 1, isFinal)
          return isPending(rest) ? rest : Effect.succeed(rest)
        })
      }
      if (verdict !== undefined) return verdict
      window.clear(i, target)
    }
    return undefined
  }

  private output(window: Window, guardrail: number, target: number, isFinal: boolean): Output {
    const output: Output = {
      value: this.folding.value,
      ...(window.text === undefined ? undefined : { text: window.text }),
      held: window.between(guardrail, target),
      final: isFinal
    }
    const { codec } = this.spec
    return codec === undefined ? output : new AnnotatedOutput(output, codec)
  }

  /** Why an output guardrail cannot see the whole output. */
  private unseen(): string | undefined {
    if (this.folding.isTruncated) return "the output is larger than the fold's maxBytes, so it cannot be judged whole"
    return this.folding.failure === undefined ? undefined : "the fold of the output threw, so it cannot be judged"
  }

  /** Chunks that nobody judges. */
  private take(chunks: Chunks): Chunks {
    if (this.isListening) { for (const chunk of chunks) this.folding.add(chunk) }
    return this.released(chunks)
  }

  private released(chunks: Chunks): Chunks {
    if (this.firstChunkAt === undefined && this.isListening) this.firstChunkAt = this.kernel.now(this.span.clock)
    this.releasedChunks += chunks.length
    if (this.window !== undefined) {
      for (const chunk of chunks) if (typeof chunk === "string") this.releasedChars += chunk.length
    }
    return chunks
  }

  /** Closes the provider side inside the call's scope, then ends the call. */
  private finish(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    const isComplete = Exit.isFailure(exit) && Pull.isDoneCause(exit.cause)
    const end = isComplete ? Exit.void : exit
    return Effect.flatMap(
      Effect.exit(withContext(Scope.close(this.scope, end), this.context)),
      (closed) =>
        Effect.suspend(() => {
          this.close(isComplete && Exit.isFailure(closed) ? closed : end)
          return closed
        })
    )
  }

  private close(exit: Exit.Exit<unknown, unknown>): void {
    if (this.hasEnded) return
    const data = Exit.isSuccess(exit) || this.releasedChunks > 0 ? this.folding.value : undefined
    if (this.isListening || this.isAbandoned) this.ending = this.describe(exit)
    this.end(exit, data)
    // The run may outlive its stream: an intercept keeps its `next`, and a channel is collected late.
    this.folding.clear()
  }

  private describe(exit: Exit.Exit<unknown, unknown>): Run<unknown, unknown, unknown>["ending"] {
    const { firstChunkAt, folding, releasedChunks, spec: { codec } } = this
    return {
      origin: this.isAbandoned ? "consumer" : undefined,
      profile: {
        ...(this.blocked === undefined || codec === undefined
          ? undefined
          : blockedProfile(annotateResponse(codec, folding.value))),
        chunkCount: releasedChunks,
        ...(firstChunkAt === undefined
          ? undefined
          : { timeToFirstChunk: (firstChunkAt - this.span.startedAt) / 1_000_000 })
      },
      metadata: this.remarks(exit)
    }
  }

  private remarks(exit: Exit.Exit<unknown, unknown>): Readonly<Record<string, unknown>> | undefined {
    const { folding, releasedChunks } = this
    const remarks = {
      ...(Exit.isFailure(exit) && releasedChunks > 0 ? { "heddle.partial": true } : undefined),
      ...(folding.isTruncated ? { "heddle.fold_truncated": true } : undefined),
      ...(folding.failure === undefined ? undefined : { "heddle.fold_failed": true }),
      ...(this.blocked === undefined ? undefined : {
        "heddle.released_chunks": releasedChunks,
        "heddle.released_chars": this.releasedChars
      })
    }
    return Object.keys(remarks).length === 0 ? undefined : remarks
  }
}

class Steps extends Framed<Chunks, unknown, never> {
  private readonly run: StreamedRun

  constructor(run: StreamedRun) {
    super()
    this.run = run
  }

  enter(fiber: AnyFiber): Effect.Effect<Chunks, unknown> {
    return this.run.enter(fiber)
  }

  leave(exit: Exit.Exit<Chunks, unknown>): Effect.Effect<void, unknown> | undefined {
    return this.run.leave(exit)
  }
}

/** A shadow guardrail holds nothing back. */
const holdOf = ({ hold, mode }: OutputGuardrailEntry): Hold => mode === "shadow" ? "none" : hold

const isNonEmpty = (chunks: ReadonlyArray<unknown>): chunks is Chunks => chunks.length > 0
