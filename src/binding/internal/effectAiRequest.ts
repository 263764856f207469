/** What a provider is asked with, as the body of a managed call, and what middleware made of it, back again. */
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { isObject, same } from "../../codec/internal/json.ts"
import type { Json } from "../../event/LifecycleEvent.ts"
import { invalidInput, invalidRewrite } from "./effectAiError.ts"

type Options = LanguageModel.ProviderOptions

/** The encoded form of prompts and tools. One for each model: what was encoded once is remembered as long as it lives. */
export class Requests {
  private readonly messages = new WeakMap<Prompt.Message, Json>()
  private readonly tools = new WeakMap<Tool.Any, Json>()

  /** The body of a call, in the form that `effectAiCodec.ts` reads. */
  body(options: Options): Effect.Effect<Json, AiError.AiError> {
    const { previousResponseId, prompt, responseFormat, toolChoice, tools } = options
    return Effect.try({
      try: () => ({
        messages: prompt.content.map((message) => this.message(message)),
        ...tools.length === 0 ? undefined : { tools: tools.map((tool) => this.tool(tool)), toolChoice },
        ...responseFormat.type === "text" ? undefined : { responseFormat: this.format(responseFormat) },
        ...previousResponseId === undefined ? undefined : { previousResponseId }
      }),
      catch: (error) => invalidInput(`the prompt has no encoded form: ${String(error)}`)
    })
  }

  /**
   * The options with what middleware made of the body. Messages may change, tools may go, and one may be chosen; anything
   * else is an error. What did not change keeps its identity; once a message has changed, the provider gets the whole
   * prompt and not what was added to an earlier one.
   */
  rewritten(options: Options, before: Json, after: Json): Effect.Effect<Options, AiError.AiError> {
    if (after === before || same(after, before)) return Effect.succeed(options)
    if (!isObject(before) || !isObject(after)) return Effect.fail(invalidRewrite("no object"))
    const fixed = [...new Set([...Object.keys(before), ...Object.keys(after)])].find((key) =>
      !free.has(key) && !same(before[key], after[key])
    )
    if (fixed !== undefined) {
      return Effect.fail(invalidRewrite(`another ${fixed}, which is fixed by then,`))
    }
    return Effect.gen({ self: this }, function*() {
      const tools = yield* this.remaining(options, after.tools)
      const toolChoice = same(after.toolChoice, before.toolChoice)
        ? options.toolChoice
        : yield* decoded(ToolChoice, after.toolChoice, "toolChoice")
      if (same(before.messages, after.messages)) return { ...options, tools, toolChoice }
      const content = yield* this.prompt(options.prompt, after.messages)
      return {
        ...options,
        tools,
        toolChoice,
        prompt: content,
        incrementalPrompt: undefined,
        previousResponseId: undefined
      }
    })
  }

  private message(message: Prompt.Message): Json {
    const known = this.messages.get(message)
    if (known !== undefined) return known
    const encoded = snapshot(encodeMessage(message))
    this.messages.set(message, encoded)
    return encoded
  }

  private tool(tool: Tool.Any): Json {
    const known = this.tools.get(tool)
    if (known !== undefined) return known
    const described = snapshot(
      Tool.isProviderDefined(tool)
        ? { type: "provider", id: tool.id, name: tool.name, args: tool.args }
        : {
          type: "function",
          name: tool.name,
          ...field("description", Tool.getDescription(tool)),
          ...field("parameters", jsonSchemaOf(() => Tool.getJsonSchema(tool)))
        }
    )
    this.tools.set(tool, described)
    return described
  }

  private format({ objectName, schema }: Extract<Options["responseFormat"], { readonly type: "json" }>): Json {
    return {
      type: "json",
      objectName,
      ...field("schema", jsonSchemaOf(() => Tool.getJsonSchemaFromSchema(schema)))
    }
  }

  private prompt(prompt: Prompt.Prompt, messages: Json | undefined): Effect.Effect<Prompt.Prompt, AiError.AiError> {
    if (!Array.isArray(messages)) return Effect.fail(invalidRewrite("one without messages"))
    const known = prompt.content.map((message) => ({ message, json: this.message(message) }))
    return Effect.map(
      Effect.forEach(messages, (json: Json, i) => {
        const kept = known.find((one) => one.json === json) ?? (same(known[i]?.json, json) ? known[i] : undefined)
        return kept === undefined ? decoded(Prompt.Message, json, `messages/${i}`) : Effect.succeed(kept.message)
      }),
      Prompt.fromMessages
    )
  }

  private remaining({ tools }: Options, json: Json | undefined): Effect.Effect<Options["tools"], AiError.AiError> {
    const wanted = Array.isArray(json) ? json : []
    const kept = tools.filter((tool) => wanted.some((one) => same(one, this.tool(tool))))
    return kept.length === wanted.length
      ? Effect.succeed(kept)
      : Effect.fail(invalidRewrite("one with tools that the toolkit has not"))
  }
}

// internal

const free = new Set(["messages", "tools", "toolChoice"])

const encodeMessage = Schema.encodeSync(Prompt.Message)

const ToolChoice = Schema.Union([
  Schema.Literals(["auto", "none", "required"]),
  Schema.Struct({ tool: Schema.String }),
  Schema.Struct({
    mode: Schema.optionalKey(Schema.Literals(["auto", "required"])),
    oneOf: Schema.Array(Schema.String)
  })
])

const decoded = <A, I>(
  schema: Schema.Codec<A, I>,
  json: Json | undefined,
  where: string
): Effect.Effect<A, AiError.AiError> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(schema)(json),
    ({ message }) => invalidRewrite(`${where} that cannot be read (${message})`)
  )

const field = (key: string, value: Json | undefined) => value === undefined ? undefined : { [key]: value }

/** Providers may have a way of their own to describe a schema that has no plain description. */
const jsonSchemaOf = (describe: () => unknown): Json | undefined => {
  try {
    return snapshot(describe())
  } catch {
    return undefined
  }
}

/**
 * A copy that nobody can change: what is remembered stays as it was judged, and an intercept that would change it in place
 * fails. It is what goes over the wire; a tool that answered nothing answered `null`.
 */
const snapshot = (json: unknown): Json => frozen(JSON.parse(JSON.stringify(json, nothingIsNull)))

const nothingIsNull = (key: string, value: unknown): unknown => value === undefined && key === "result" ? null : value

const frozen = (json: Json): Json => {
  if (typeof json !== "object" || json === null) return json
  for (const value of Object.values(json)) frozen(value)
  return Object.freeze(json)
}
