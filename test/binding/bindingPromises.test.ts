/** The contract of bindings, kept by the promises that they stand on. The smallest driver. */
import { bindingContract } from "./BindingTest.ts"

const textOf = (body: unknown): string => (body as { readonly text: string }).text

bindingContract("promises", {
  tool: ({ heddle }, { signal, text, work }) =>
    heddle.tool("lookup", { text }, (input, context) => work(input.text, context), { signal }),
  model: ({ heddle }, { signal, text, work }) =>
    heddle.llm("model", { body: { text } }, ({ body }, context) => work(textOf(body), context), { signal }),
  stream: ({ heddle }, { signal, text, work }) =>
    heddle.llmStream("model", { body: { text } }, ({ body }, context) => work(textOf(body), context), { signal })
})
