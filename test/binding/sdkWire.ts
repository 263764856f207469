/** What providers send: whole answers, and streams of pieces of text. */

export const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }

const frame = (event: { readonly type?: string; readonly [field: string]: unknown }): string =>
  `${event.type === undefined ? "" : `event: ${event.type}\n`}data: ${JSON.stringify(event)}\n\n`

export const chat = (content: string | null, rest: object = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-5-2026",
  choices: [{ index: 0, message: { role: "assistant", content, refusal: null, ...rest }, finish_reason: "stop" }],
  usage
})

export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly input: unknown
}

export const chatToolCalls = (...calls: ReadonlyArray<ToolCall>) =>
  chat(null, {
    tool_calls: calls.map(({ id, input, name }) => ({
      id,
      type: "function",
      function: { name, arguments: JSON.stringify(input) }
    }))
  })

export async function* chatFrames(pieces: AsyncIterable<string>) {
  const chunk = (delta: object, finish_reason: string | null = null) =>
    frame({
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1,
      model: "gpt-5-2026",
      choices: [{ index: 0, delta, finish_reason }]
    })
  let isFirst = true
  for await (const content of pieces) {
    yield chunk(isFirst ? { role: "assistant", content } : { content })
    isFirst = false
  }
  yield chunk({}, "stop")
  yield frame(
    { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-5-2026", choices: [], usage }
  )
  yield "data: [DONE]\n\n"
}

const output = (text: string) => ({
  type: "message",
  id: "msg_1",
  status: "completed",
  role: "assistant",
  content: [{ type: "output_text", text, annotations: [] }]
})

export const response = (text: string) => ({
  id: "resp_1",
  object: "response",
  created_at: 1,
  status: "completed",
  model: "gpt-5-2026",
  output: [output(text)],
  usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 },
  error: null,
  incomplete_details: null
})

export async function* responseFrames(pieces: AsyncIterable<string>) {
  let sequence_number = 0
  const event = (event: { readonly type: string; readonly [field: string]: unknown }) =>
    frame({ ...event, sequence_number: sequence_number++ })
  const begun = { ...response(""), status: "in_progress", output: [], usage: null }
  const at = { output_index: 0, content_index: 0, item_id: "msg_1" }
  let all = ""
  let isFirst = true
  for await (const delta of pieces) {
    if (isFirst) {
      yield event({ type: "response.created", response: begun })
      yield event({
        type: "response.output_item.added",
        output_index: 0,
        item: { ...output(""), status: "in_progress", content: [] }
      })
      yield event({
        type: "response.content_part.added",
        ...at,
        part: { type: "output_text", text: "", annotations: [] }
      })
    }
    isFirst = false
    all += delta
    yield event({ type: "response.output_text.delta", ...at, delta })
  }
  yield event({ type: "response.output_text.done", ...at, text: all })
  yield event(
    { type: "response.output_item.done", output_index: 0, item: output(all) }
  )
  yield event({ type: "response.completed", response: response(all) })
}

export const message = (content: ReadonlyArray<object>, stop_reason = "end_turn") => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-opus-5-5",
  content,
  stop_reason,
  stop_sequence: null,
  usage: { input_tokens: 11, output_tokens: 7 }
})

export const text = (text: string) => ({ type: "text", text })

export async function* messageFrames(pieces: AsyncIterable<string>) {
  let isFirst = true
  for await (const piece of pieces) {
    if (isFirst) {
      const begun = { ...message([]), stop_reason: null, usage: { input_tokens: 11, output_tokens: 1 } }
      yield frame({ type: "message_start", message: begun })
      yield frame({ type: "content_block_start", index: 0, content_block: text("") })
      yield frame({ type: "ping" })
    }
    isFirst = false
    yield frame({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: piece } })
  }
  yield frame({ type: "content_block_stop", index: 0 })
  yield frame(
    { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 7 } }
  )
  yield frame({ type: "message_stop" })
}
