// Guarded tools in plain JavaScript: a policy, a redacted trace, and a guard on a stream. Import "heddle/promises".
import { Guardrail, make, Sanitizer } from "../src/binding/Promises.ts"

const judge = (found, reason) => found ? Guardrail.reject(reason) : Guardrail.allow
const sanitize = (value) => JSON.stringify(value).replaceAll(/sk-\w+/g, "[hidden]")
const middleware = [
  Guardrail.make({ name: "files", applies: "tool", check: async ({ input }) => judge(input.path.endsWith(".env"), "off limits") }),
  Guardrail.output({ name: "keys", applies: "llm", hold: "boundary", check: async ({ text }) => judge(text.includes("sk-"), "a key") }),
  ...[Sanitizer.request, Sanitizer.response].map((make) => make({ name: "hide", sanitize }))
]
const handle = ({ _tag, data, name }) => console.log(_tag, name, data ?? "")
const heddle = await make({ middleware, subscribers: [{ name: "trace", handle }] })
const onBlocked = ({ reason }) => `refused: ${reason}`
const read = (path) => heddle.tool("read", { path }, async ({ path }) => `${path} says sk-1`, { onBlocked })
const model = async function*() {
  yield* ["I read two files. ", "The key is sk-1."]
}
await heddle.scope("agent", async () => {
  const notes = await Promise.all([read("notes"), read(".env")])
  for await (const text of heddle.llmStream("model", { body: { notes } }, model)) console.log("said", text)
}).catch(({ message }) => console.log("failed", message))
await heddle.close()
