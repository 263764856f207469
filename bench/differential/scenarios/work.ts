/** Work and requests that many scenarios use. */
import { give, type Json, type JsonObject, type Request, type Script } from "../Script.ts"

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
