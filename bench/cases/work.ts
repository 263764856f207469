/** The work inside of calls, the same for everyone, and what it is given. */

/** Small arguments: what a model would send to a search tool. */
export const smallInput = { query: "how does a heddle work", limit: 10 }

/** 100 KB of arguments: a few fields, one of them with 100 records. */
export const largeInput = {
  query: "summarize",
  documents: Array.from({ length: 100 }, (_, index) => ({
    id: index,
    title: `document ${index}`,
    tags: ["a", "b", "c"],
    text: `${index} `.repeat(400).slice(0, 950)
  }))
}

export interface ToolInput {
  readonly query: string
}

let sink = 0

/** The body of every tool. */
export const search = (input: ToolInput): number => {
  sink += input.query.length
  return sink
}

/** A conversation of 20 messages for a model, about 4 KB. */
export const chatBody = {
  model: "gpt-5",
  temperature: 0.2,
  messages: Array.from({ length: 20 }, (_, index) => ({
    role: index === 0 ? "system" : index % 2 === 1 ? "user" : "assistant",
    content: `${index}: the quick brown fox jumps over the lazy dog, `.repeat(3)
  }))
}

/** What the model answers. */
export const chatResponse = {
  id: "chatcmpl-1",
  model: "gpt-5",
  choices: [{ index: 0, message: { role: "assistant", content: "It lifts the warp threads." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 700, completion_tokens: 7, total_tokens: 707 }
}

/** How many chunks a stream has. */
export const chunkCount = 1000

/** The chunks of one streamed answer. */
export const chunks: ReadonlyArray<
  { readonly choices: ReadonlyArray<{ readonly delta: { readonly content: string } }> }
> = Array.from({ length: chunkCount }, (_, index) => ({ choices: [{ delta: { content: `token ${index}` } }] }))
