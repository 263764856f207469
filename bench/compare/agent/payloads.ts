/** What the scripted agent says and hears, in the wire format of Chat Completions. */

export const question = "How is the weather in Turku, and what do my notes say?"

const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "Current weather of a city",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
    }
  },
  {
    type: "function",
    function: {
      name: "read_file",
      description: "Text of a file",
      parameters: { type: "object", properties: { path: { type: "string" } }, required: ["path"] }
    }
  }
]

const system = { role: "system", content: "You are a scout. Be short." }
const user = { role: "user", content: question }

/** The names of calls have the provider in them, since the reference reads it from there. */
export const names = { plan: "openai.chat.plan", answer: "openai.chat.answer", critic: "openai.chat.critic" }

export const model = "gpt-4.1"

export const headers = { accept: "application/json", authorization: "Bearer sk-secret" }

export const planRequest = {
  model,
  messages: [system, user],
  tools,
  tool_choice: "auto",
  temperature: 0.2,
  top_p: 0.9,
  max_tokens: 200,
  stop: ["END"],
  seed: 7
}

const toolCalls = [
  { id: "call_a", type: "function", function: { name: "get_weather", arguments: "{\"city\":\"Turku\"}" } },
  { id: "call_b", type: "function", function: { name: "read_file", arguments: "{\"path\":\"notes.txt\"}" } }
]

export const planResponse = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_764_000_000,
  model: "gpt-4.1-2025-04-14",
  choices: [{
    index: 0,
    message: { role: "assistant", content: null, refusal: null, tool_calls: toolCalls },
    logprobs: null,
    finish_reason: "tool_calls"
  }],
  usage: {
    prompt_tokens: 120,
    completion_tokens: 40,
    total_tokens: 160,
    prompt_tokens_details: { cached_tokens: 64, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 8, audio_tokens: 0 }
  }
}

export const weather = { city: "Turku", temperature: 4 }
export const weatherInput = { city: "Turku" }
export const fileInput = { path: "notes.txt", api_key: "sk-secret" }
export const fileText = "bring an umbrella"

export const answerRequest = {
  model,
  messages: [
    system,
    user,
    { role: "assistant", content: null, tool_calls: toolCalls },
    { role: "tool", tool_call_id: "call_a", content: JSON.stringify(weather) },
    { role: "tool", tool_call_id: "call_b", content: fileText }
  ],
  stream: true,
  stream_options: { include_usage: true }
}

const chunk = (rest: object) => ({
  id: "chatcmpl-2",
  object: "chat.completion.chunk",
  created: 1_764_000_001,
  model: "gpt-4.1-2025-04-14",
  ...rest
})

const delta = (content: string) => chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })

export const answerText = "Four degrees; bring an umbrella."

export const answerChunks = [
  chunk({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] }),
  delta("Four degrees; "),
  delta("bring an umbrella."),
  chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
  chunk({ choices: [], usage: { prompt_tokens: 180, completion_tokens: 9, total_tokens: 189 } })
]

export const criticRequest = {
  model,
  messages: [{ role: "user", content: `Is this short? ${answerText}` }]
}

export const criticResponse = {
  id: "chatcmpl-3",
  object: "chat.completion",
  created: 1_764_000_002,
  model: "gpt-4.1-2025-04-14",
  choices: [{
    index: 0,
    message: { role: "assistant", content: "Yes.", refusal: null },
    logprobs: null,
    finish_reason: "stop"
  }],
  usage: { prompt_tokens: 20, completion_tokens: 2, total_tokens: 22 }
}

export const documents = [{ id: "d1", content: "Umbrellas keep you dry.", score: 0.9 }]

export const noRoute = "no route to host"
export const noDeleting = "deleting is not allowed"

/** What both redact: the same key of whatever a tool is called with. */
export const withoutKey = <A>(input: A): A =>
  typeof input === "object" && input !== null && "api_key" in input ? { ...input, api_key: "[redacted]" } : input
