// The SDKs of OpenAI and Anthropic under one set of policies. It runs offline: a local server plays both providers.
import { Anthropic } from "@anthropic-ai/sdk"
import { OpenAI } from "openai"
import * as AnthropicSdk from "../src/binding/AnthropicSdk.ts"
import * as OpenAiSdk from "../src/binding/OpenAiSdk.ts"
import { CallError, Guardrail, make, Sanitizer } from "../src/binding/Promises.ts"
import { startProviders } from "./provider-sdks/providers.ts"

await using providers = await startProviders()

const hide = (value: unknown) => JSON.stringify(value).replaceAll(/sk-\w+/g, "[hidden]")

const noSecretFiles = Guardrail.make({
  name: "no-secret-files",
  applies: { kind: "tool" },
  check: (call) => hide(call).includes(".env") ? Guardrail.reject("off limits") : Guardrail.allow
})
const noPasswords = Guardrail.make({
  name: "no-passwords",
  applies: { kind: "llm" },
  check: (call) => hide(call).includes("password") ? Guardrail.reject("it has a password") : Guardrail.allow
})
const noKeys = Guardrail.output({
  name: "no-keys",
  applies: { kind: "llm" },
  hold: "full",
  check: ({ text = "" }) => text.includes("sk-") ? Guardrail.reject("it shows a key") : Guardrail.allow
})

await using heddle = await make({
  middleware: [
    noSecretFiles,
    noPasswords,
    noKeys,
    Sanitizer.request({ name: "hide", sanitize: hide }),
    Sanitizer.response({ name: "hide", sanitize: hide })
  ],
  subscribers: [{
    name: "trace",
    handle: (event) => {
      if (event._tag === "ScopeEnd") {
        console.log("told", event.category, event.name, event.outcome._tag, event.data ?? "")
      }
    }
  }]
})

// The one line for each client.
const openai = OpenAiSdk.manage(new OpenAI({ apiKey: "sk-openai", baseURL: providers.url }), heddle, {
  onToolBlocked: ({ reason }) => `refused: ${reason}`
})
const anthropic = AnthropicSdk.manage(new Anthropic({ apiKey: "sk-anthropic", baseURL: providers.url }), heddle)

const readFile = ({ path }: { readonly path: string }) => `the key in ${path} is sk-123`
const messages = [{ role: "user" as const, content: "Read my files." }]

const askOpenAi = () =>
  openai.chat.completions.runTools({
    model: "gpt-5",
    messages,
    tools: [{
      type: "function",
      function: {
        name: "read_file",
        description: "Reads a file.",
        parameters: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
        parse: JSON.parse,
        function: readFile
      }
    }]
  }).finalContent()

const askAnthropic = () =>
  anthropic.beta.messages.toolRunner({
    model: "claude-opus-5-5",
    max_tokens: 1024,
    messages,
    tools: [{
      name: "read_file",
      description: "Reads a file.",
      input_schema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
      parse: (input) => input as { readonly path: string },
      run: readFile
    }]
  }).runUntilDone()

// Tools run beside the model calls, and what runs at the same time does not mix.
const [chat, message] = await Promise.all([
  heddle.scope("openai", { category: "agent" }, askOpenAi),
  heddle.scope("anthropic", { category: "agent" }, askAnthropic)
])
console.log("openai said", chat)
console.log("anthropic said", message.content.map((block) => block.type === "text" ? block.text : "").join(""))

// A block is the CallError itself, nothing is sent, and the SDK retries nothing.
const before = providers.count()
try {
  await openai.chat.completions.create({ model: "gpt-5", messages: [{ role: "user", content: "my password is 1234" }] })
} catch (error) {
  if (error instanceof CallError) console.log("blocked", error.message, providers.count() - before)
}

// A stream shows nothing that a guardrail holds back.
const stream = await openai.chat.completions.create({ model: "gpt-5", messages, stream: true })
try {
  for await (const chunk of stream) console.log("never", chunk.choices[0]?.delta.content)
} catch (error) {
  console.log("blocked", OpenAiSdk.callError(error)?.message)
}

// A request that its caller gives up rejects with the error of the SDK.
const controller = new AbortController()
controller.abort("no longer wanted")
try {
  await anthropic.messages.create({ model: "claude-opus-5-5", max_tokens: 9, messages }, { signal: controller.signal })
} catch (error) {
  if (error instanceof Anthropic.APIUserAbortError) console.log("aborted", error.cause)
}
