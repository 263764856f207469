import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  LlmCall,
  Middleware,
  Sanitizer,
  Subscriber,
  ToolCall
} from "../src/index.ts"

const hide = (value: unknown) => JSON.stringify(value).replaceAll(/sk-\w+/g, "[hidden]")
const noSecretFiles = Guardrail.make({
  name: "no-secret-files",
  applies: "tool",
  check: (call) => Effect.succeed(hide(call).includes(".env") ? Guardrail.reject("off limits") : Guardrail.allow)
})
const noKeys = Guardrail.output({
  name: "no-keys",
  applies: "llm",
  hold: "boundary",
  check: ({ text = "" }) => text.includes("sk-") ? Guardrail.reject("it shows a key") : Guardrail.allow
})

const Runtime = AgentRuntime.layerWith({
  policies: Layer.mergeAll(
    Middleware.layer(
      noSecretFiles,
      noKeys,
      Sanitizer.request({ name: "hide", sanitize: hide }),
      Sanitizer.response({ name: "hide", sanitize: hide })
    ),
    Subscriber.layer({
      name: "trace",
      handle: (event) => Effect.sync(() => console.log(JSON.stringify(event)))
    })
  ),
  require: ["no-secret-files", "no-keys"]
})

const readFile = (path: string) =>
  ToolCall.run(
    { name: "read_file", input: { path }, onBlocked: ({ reason }) => `refused: ${reason}` },
    ({ path }) => Effect.succeed(`the key in ${path} is sk-123`)
  )

const ask = (prompt: ReadonlyArray<string>) =>
  LlmCall.stream(
    { name: "model", request: { headers: {}, body: { prompt } } },
    () => Stream.make("One file is off limits. ", "The key is ", "sk-123.").pipe(Stream.rechunk(1))
  )

const agent = Effect.gen(function*() {
  const notes = yield* readFile("notes.txt")
  const secret = yield* readFile(".env")
  yield* Stream.runForEach(ask([notes, secret]), (text) => ExecutionScope.setOutput(text))
}).pipe(
  ExecutionScope.run({ name: "agent", category: "agent" }),
  Effect.catchReason("CallError", "GuardrailRejected", () => Effect.void)
)

await Effect.runPromise(Effect.provide(agent, Runtime))
