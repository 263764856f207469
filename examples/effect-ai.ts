/**
 * An agent of `effect/ai` under policy, offline: a scripted provider stands where `OpenAiLanguageModel.model("gpt-5")`
 * would. The model reads two files and wants to delete one, which a guardrail refuses; it is told so and answers.
 */
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as EffectAi from "../src/binding/EffectAi.ts"
import { AgentRuntime, ExecutionScope, Guardrail, Middleware } from "../src/index.ts"
import { EventTree, TestRuntime } from "../src/testing/index.ts"

// The agent's own code, which knows nothing of policy.

const ReadFile = Tool.make("read_file", {
  description: "Reads a file.",
  parameters: Schema.Struct({ path: Schema.String }),
  success: Schema.String
}).annotate(Tool.Destructive, false)

const DeleteFile = Tool.make("delete_file", {
  description: "Deletes a file.",
  parameters: Schema.Struct({ path: Schema.String }),
  success: Schema.String,
  failureMode: "return"
})

const Files = Toolkit.make(ReadFile, DeleteFile)

const FilesLive = Files.toLayer({
  read_file: ({ path }) => Effect.succeed(`text of ${path}`),
  delete_file: ({ path }) => Effect.succeed(`deleted ${path}`)
})

const agent = Effect.gen(function*() {
  const chat = yield* Chat.empty
  let response = yield* chat.generateText({ prompt: "Tidy up.", toolkit: Files })
  while (response.toolCalls.length > 0) {
    response = yield* chat.generateText({ prompt: [], toolkit: Files })
  }
  return response.text
}).pipe(ExecutionScope.run({ name: "tidy", category: "agent" }))

// Policy, of which the agent knows nothing.

const Policies = Middleware.layer(
  EffectAi.guardrail(ReadFile, {
    name: "no-dotfiles",
    check: ({ path }) => path.startsWith(".") ? Guardrail.reject(`${path} is off limits`) : Guardrail.allow
  }),
  Guardrail.make({
    name: "nothing-destructive",
    applies: EffectAi.annotated(Tool.Destructive),
    check: () => Guardrail.reject("a person must do that")
  }),
  Guardrail.output({
    name: "no-keys",
    applies: "llm",
    hold: "full",
    check: ({ text = "" }) => text.includes("sk-") ? Guardrail.reject("it shows a key") : Guardrail.allow
  })
)

// A provider that needs no network.

const calls = (...parts: ReadonlyArray<readonly [name: string, path: string]>): Array<Response.PartEncoded> => [
  ...parts.map(([name, path], i) => ({ type: "tool-call" as const, id: `call-${i}`, name, params: { path } })),
  finish("tool-calls")
]

const finish = (reason: "stop" | "tool-calls"): Response.FinishPartEncoded => ({
  type: "finish",
  reason,
  usage: { inputTokens: { total: 20 }, outputTokens: { total: 5 } }
})

const Provider = Model.make(
  "scripted",
  "script-1",
  Layer.effect(
    LanguageModel.LanguageModel,
    Effect.suspend(() => {
      const turns = [
        calls(["read_file", "a.txt"], ["read_file", "b.txt"]),
        calls(["delete_file", "b.txt"]),
        [{ type: "text" as const, text: "I may not delete b.txt." }, finish("stop")]
      ]
      return LanguageModel.make({
        generateText: () => Effect.sync(() => turns.shift() ?? []),
        streamText: () =>
          Stream.fromIterable([
            { type: "text-start", id: "1" },
            { type: "text-delta", id: "1", delta: "the key is sk-" },
            { type: "text-delta", id: "1", delta: "123" },
            { type: "text-end", id: "1" },
            finish("stop")
          ])
      })
    })
  )
)

// One line puts the one under the other.

const Main = EffectAi.languageModel().pipe(
  Layer.provide(Provider),
  Layer.provideMerge(TestRuntime.layer({ policies: Policies, require: ["nothing-destructive"] }))
)

const program = Effect.gen(function*() {
  yield* Console.log(yield* agent)
  const shown = EffectAi.streamText({ prompt: "Which key is it?" }).pipe(
    Stream.runForEach((part) => part.type === "text-delta" ? Console.log(part.delta) : Effect.void)
  )
  yield* Effect.catchReason(shown, "CallError", "GuardrailRejected", ({ reason }) => Console.log(`blocked: ${reason}`))
  yield* AgentRuntime.flush
  yield* Console.log(EventTree.render(yield* TestRuntime.events))
})

await Effect.runPromise(program.pipe(Effect.provide([Main, FilesLive])))
