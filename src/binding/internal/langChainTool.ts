/** Tool calls of an agent as managed calls. */
import { type MessageContent, ToolMessage } from "@langchain/core/messages"
import type { Command } from "@langchain/langgraph"
import type { ToolCallHandler, ToolCallRequest } from "langchain"
import type { GuardrailRejected } from "../../call/CallError.ts"
import { bubbleOf, type Host, markInterrupt, scopeOfRun, within } from "./langChainRuns.ts"

type Given = ToolMessage | Command

/** Runs a tool call of an agent with what policies make of it. */
export const runTool = async (
  heddle: Host,
  request: ToolCallRequest,
  handler: ToolCallHandler<Record<string, unknown>>,
  onBlocked: ((rejection: GuardrailRejected, tool: string) => string) | undefined
): Promise<Given> => {
  const { toolCall: { args, id, name }, runtime } = request
  const interrupted = new AbortController()
  const given = new Map<unknown, Given>()
  let isBlocked = false

  const work = async (input: unknown, { signal }: { readonly signal: AbortSignal }): Promise<unknown> => {
    try {
      const result = await handler(withInput(request, input, signal))
      const output = outputOf(result)
      given.set(output, result)
      return output
    } catch (error) {
      const bubble = bubbleOf(error)
      if (bubble === undefined) throw error
      // A graph that waits has not failed: the call ends as interrupted, and rejects with what LangGraph threw.
      markInterrupt(heddle, bubble.interrupts)
      interrupted.abort(error)
      return undefined
    }
  }

  const output = await within(heddle, scopeOfRun(heddle), () =>
    heddle.tool<unknown, unknown>(name, args, work, {
      toolCallId: id,
      signal: runtime.signal === undefined ? interrupted.signal : AbortSignal.any([runtime.signal, interrupted.signal]),
      onBlocked: onBlocked && ((rejection) => {
        isBlocked = true
        return onBlocked(rejection, name)
      })
    }))
  const same = given.get(output)
  if (same !== undefined) return same
  const content = typeof output === "string" || Array.isArray(output)
    ? output as MessageContent
    : JSON.stringify(output)
  return new ToolMessage({ name, content, tool_call_id: id ?? "", status: isBlocked ? "error" : "success" })
}

// internal

const withInput = (request: ToolCallRequest, input: unknown, signal: AbortSignal): ToolCallRequest => {
  const { tool, toolCall } = request
  if (typeof input !== "object" || input === null) {
    throw new TypeError(`heddle: expected the input of the tool ${toolCall.name} to be an object`)
  }
  return { ...request, toolCall: { ...toolCall, args: { ...input } }, tool: tool && listening(tool, signal) }
}

/** A tool that is told when its call is interrupted, also by a policy. LangGraph tells it of its own signal only. */
const listening = <T extends object>(tool: T, signal: AbortSignal): T => {
  const { invoke } = tool as { readonly invoke?: unknown }
  if (typeof invoke !== "function") return tool
  const listening = (input: unknown, config: { readonly signal?: AbortSignal } | undefined) =>
    invoke.call(tool, input, {
      ...config,
      signal: config?.signal === undefined ? signal : AbortSignal.any([config.signal, signal])
    })
  return Object.create(tool, { invoke: { value: listening } })
}

/** What the model is told. A command says besides where the graph goes on, so it is shown as it is. */
const outputOf = (given: Given): unknown => ToolMessage.isInstance(given) ? given.content : given
