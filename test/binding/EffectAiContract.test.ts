/** The contract of bindings, kept by models and toolkits of `effect/ai`. */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as EffectAi from "../../src/binding/EffectAi.ts"
import * as Promises from "../../src/binding/Promises.ts"
import { bindingContract, type Driver, type Host } from "./BindingTest.ts"
import { finish, pieces, said, text } from "./effectAiSupport.ts"

const fromPromise = Promises.fromPromise

/** Providers of the library fail with its own errors, so what the suite's work throws goes through as a defect. */
const work = <A>(run: (context: { readonly signal: AbortSignal }) => Promise<A>) => Effect.orDie(fromPromise(run))

const driver = (
  model: (provider: Parameters<typeof LanguageModel.make>[0]) => ReturnType<typeof EffectAi.makeLanguageModel>
): Driver => {
  const run = <A, E>({ context }: Host, effect: Effect.Effect<A, E, never>, signal: AbortSignal | undefined) =>
    Effect.runPromiseWith(context())(effect, signal === undefined ? undefined : { signal })
  return {
    tool: (host, { signal, text, work: tool }) => {
      const Lookup = Tool.make("lookup", {
        parameters: Schema.Struct({ text: Schema.String }),
        success: Schema.String
      })
      const handlers = Toolkit.make(Lookup).toHandlers({
        lookup: ({ text }) => work((context) => tool(text, context))
      })
      return run(
        host,
        Effect.gen(function*() {
          const tools = yield* Effect.provide(Toolkit.make(Lookup), yield* handlers)
          const { handle } = yield* EffectAi.toolkit(tools)
          const [answer] = yield* Stream.runCollect(yield* handle("lookup", { text }, "call-1"))
          return String(answer?.result)
        }).pipe(Effect.provideContext(host.context())),
        signal
      )
    },
    model: (host, { signal, text: prompt, work: answer }) =>
      run(
        host,
        Effect.gen(function*() {
          const { generateText } = yield* model({
            generateText: (options) =>
              Effect.map(work((context) => answer(said(options), context)), (answer) => [text(answer), finish()]),
            streamText: () => Stream.empty
          })
          return (yield* generateText({ prompt })).text
        }).pipe(Effect.provideContext(host.context())),
        signal
      ),
    stream: (host, { signal, text: prompt, work: answer }) => {
      const stream = Stream.unwrap(Effect.gen(function*() {
        const { streamText } = yield* model({
          generateText: () => Effect.succeed([]),
          streamText: (options) =>
            Stream.concat(
              Stream.fromIterable(pieces().slice(0, 1)),
              Stream.unwrap(Effect.map(
                Effect.acquireRelease(
                  Effect.sync(() => new AbortController()),
                  (controller) => Effect.sync(() => controller.abort())
                ),
                (controller) =>
                  Stream.fromAsyncIterable(answer(said(options), { signal: controller.signal }), (error) => error).pipe(
                    Stream.map((delta) => ({ type: "text-delta" as const, id: "1", delta })),
                    Stream.orDie
                  )
              ))
            )
        })
        return streamText({ prompt }).pipe(
          Stream.filter((part) => part.type === "text-delta"),
          Stream.map(({ delta }) => delta)
        )
      }))
      return Stream.toAsyncIterableWith(
        stream.pipe(Stream.interruptWhen(Effect.callback<never>((resume) => {
          signal?.addEventListener("abort", () => resume(Effect.interrupt), { once: true })
        }))),
        host.context()
      )
    },
    blockOf: (caught) => Option.getOrUndefined(EffectAi.callError(caught))
  }
}

bindingContract(
  "effect/ai, a model that is wrapped",
  driver((provider) => Effect.flatMap(LanguageModel.make(provider), (model) => EffectAi.fromLanguageModel(model)))
)

bindingContract("effect/ai, a provider of one's own", driver((provider) => EffectAi.makeLanguageModel(provider)))
