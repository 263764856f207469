import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { AgentRuntime, Guardrail, Middleware, ToolCall } from "../src/index.ts"

const noSecrets = Guardrail.make({
  name: "no-secrets",
  applies: { kind: "tool", name: "read_file" },
  check: (call) =>
    JSON.stringify(call).includes(".env") ? Guardrail.reject("environment files are off limits") : Guardrail.allow
})

const readFile = ToolCall.wrap("read_file")((input: { readonly path: string }) =>
  Effect.succeed(`text of ${input.path}`)
)

const program = Effect.gen(function*() {
  yield* Console.log(yield* readFile({ path: "README.md" }))
  yield* Console.log(yield* readFile({ path: ".env" }))
}).pipe(Effect.catchReason("CallError", "GuardrailRejected", (block) => Console.log(`blocked: ${block.reason}`)))

const Runtime = AgentRuntime.layerWith({ policies: Middleware.layer(noSecrets), require: ["no-secrets"] })

await Effect.runPromise(Effect.provide(program, Runtime))
