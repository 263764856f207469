/** Work and requests that many scenarios use. */
import type { Policy } from "../Policy.ts"
import { type Body, give, type Json, type JsonObject, llm, type Request, scope, type Script, tool } from "../Script.ts"

/** A tool that echoes what it got. */
export const echo = (input: Json): Script<Json> => give({ got: input })

export const hello: Request = { headers: {}, body: { model: "weaver-1", prompt: "hello" } }

/** A model that says which prompt it got. */
export const answer = ({ body }: Request): Script<Json> => give({ text: `re: ${String(body.prompt)}` })

export const withPrompt = (request: Request, prompt: string): Request => ({
  ...request,
  body: { ...request.body, prompt }
})

/** An object with more in it. */
export const extend = (value: Json, more: JsonObject): JsonObject => ({ ...(value as JsonObject), ...more })

/** The text at a key of an object. */
export const at = (value: Json, key: string): Json => (value as JsonObject)[key] ?? null

/** Work of an agent. */
export const agent = (body: Body): Body => () => scope("planner", { category: "agent" }, body)

/** Work that is no agent's: the reference adds headers to the requests of agents. */
export const program = (body: Body): Body => () => scope("planner", {}, body)

export const search: Body = () => tool("search", { q: "warp" }, echo)
export const ask: Body = () => llm("model", hello, answer)

/** Adds its name to the list of those that rewrote the input of a tool. */
export const rewrite = (name: string, priority = 0, breakChain = false): Policy => ({
  _tag: "Request",
  on: "tool",
  name,
  priority,
  breakChain,
  transform: (input) => {
    const by = at(input, "by")
    return extend(input, { by: Array.isArray(by) ? [...by, name] : [name] })
  }
})

/** Says the same of every tool. */
export const guard = (name: string, reason: string | undefined, priority = 0): Policy => ({
  _tag: "Guardrail",
  on: "tool",
  name,
  priority,
  check: () => reason
})
