/** Models of LangChain that a test plays. */
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager"
import { BaseChatModel, type BindToolsInput } from "@langchain/core/language_models/chat_models"
import { AIMessage, AIMessageChunk, type BaseMessage, ToolMessage } from "@langchain/core/messages"
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs"
import { convertToOpenAITool } from "@langchain/core/utils/function_calling"

type Options = BaseChatModel["ParsedCallOptions"]

/** What a played model is asked. */
export interface Asked {
  readonly messages: ReadonlyArray<BaseMessage>
  readonly options: Options
  readonly signal: AbortSignal
}

export type Answer = (asked: Asked) => AIMessage | Promise<AIMessage>

const noSignal = new AbortController().signal

const askedOf = (messages: ReadonlyArray<BaseMessage>, options: Options): Asked => ({
  messages,
  options,
  signal: options.signal ?? noSignal
})

/** A model that answers with whole messages. Like many, it makes a new one of itself when tools are bound to it. */
export class PlayedModel extends BaseChatModel {
  readonly answer: Answer

  constructor(answer: Answer) {
    super({})
    this.answer = answer
  }

  _llmType(): string {
    return "played"
  }

  override bindTools(tools: Array<BindToolsInput>) {
    const bound = new PlayedModel(this.answer)
    return bound.withConfig({ tools: tools.map((tool) => convertToOpenAITool(tool as never)) } as object)
  }

  async _generate(messages: Array<BaseMessage>, options: Options): Promise<ChatResult> {
    const message = await this.answer(askedOf(messages, options))
    return { generations: [{ text: message.text, message }] }
  }
}

/** A model that answers in pieces, and tells callbacks of each. */
export class StreamedModel extends BaseChatModel {
  readonly pieces: (asked: Asked) => AsyncIterable<string>

  constructor(pieces: (asked: Asked) => AsyncIterable<string>) {
    super({})
    this.pieces = pieces
  }

  _llmType(): string {
    return "streamed"
  }

  override bindTools() {
    return new StreamedModel(this.pieces).withConfig({})
  }

  async _generate(messages: Array<BaseMessage>, options: Options): Promise<ChatResult> {
    let text = ""
    for await (const piece of this.pieces(askedOf(messages, options))) text += piece
    return { generations: [{ text, message: new AIMessage(text) }] }
  }

  override async *_streamResponseChunks(
    messages: Array<BaseMessage>,
    options: Options,
    run?: CallbackManagerForLLMRun
  ): AsyncGenerator<ChatGenerationChunk> {
    for await (const text of this.pieces(askedOf(messages, options))) {
      const chunk = new ChatGenerationChunk({ text, message: new AIMessageChunk({ content: text }) })
      await run?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk })
      yield chunk
    }
  }
}

/** The text of the last message. */
export const lastText = (messages: ReadonlyArray<BaseMessage>): string => messages.at(-1)?.text ?? ""

/** A model that wants a tool once, and answers with what it is told then. */
export const wanting = (
  name: string,
  args: Record<string, unknown>,
  answer: (result: string) => string = (result) => result
): PlayedModel =>
  new PlayedModel(({ messages }) =>
    ToolMessage.isInstance(messages.at(-1))
      ? new AIMessage(answer(lastText(messages)))
      : new AIMessage({ content: "", tool_calls: [{ name, args, id: "call-1" }] })
  )
