import { Guardrail, make, Sanitizer } from "../src/binding/Promises.ts"

const hide = (value: unknown) => JSON.stringify(value).replaceAll(/sk-\w+/g, "[hidden]")
const noSecretFiles = Guardrail.make({
  name: "no-secret-files",
  applies: "tool",
  check: async (call) => hide(call).includes(".env") ? Guardrail.reject("off limits") : Guardrail.allow
})
const noKeys = Guardrail.output({
  name: "no-keys",
  applies: "llm",
  hold: "boundary",
  check: ({ text = "" }) => text.includes("sk-") ? Guardrail.reject("it shows a key") : Guardrail.allow
})

const heddle = await make({
  middleware: [
    noSecretFiles,
    noKeys,
    Sanitizer.request({ name: "hide", sanitize: hide }),
    Sanitizer.response({ name: "hide", sanitize: hide })
  ],
  subscribers: [{
    name: "trace",
    handle: (event) => console.log(JSON.stringify(event))
  }],
  require: ["no-secret-files", "no-keys"]
})

const readFile = (path: string) =>
  heddle.tool(
    "read_file",
    { path },
    async ({ path }) => `the key in ${path} is sk-123`,
    { onBlocked: ({ reason }) => `refused: ${reason}` }
  )

const ask = (prompt: ReadonlyArray<string>) =>
  heddle.llmStream("model", { body: { prompt } }, async function*() {
    yield* ["One file is off limits. ", "The key is ", "sk-123."]
  })

const agent = () =>
  heddle.scope("agent", { category: "agent" }, async () => {
    const notes = await readFile("notes.txt")
    const secret = await readFile(".env")
    for await (const text of ask([notes, secret])) heddle.setOutput(text)
  }).catch((error) => {
    if (error.reason?._tag !== "GuardrailRejected") throw error
  })

await agent()
await heddle.close()
