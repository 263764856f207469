/**
 * Middleware in neutral words. Callbacks are plain functions of the values that both runtimes show; a driver gives each
 * policy the form that its runtime wants.
 *
 * Lower priorities run first and wrap outermost, in both runtimes.
 */
import type { Json, JsonObject, Request, Script } from "./Script.ts"

interface Common {
  readonly name: string
  readonly priority?: number
}

/** A policy for calls: of one kind, and of tools also of one name only. */
interface OfTools extends Common {
  readonly on: "tool"
  readonly only?: string
}

interface OfModels extends Common {
  readonly on: "llm"
}

export type Policy =
  /** Gives the reason for a block, or nothing. */
  | (OfTools & { readonly _tag: "Guardrail"; readonly check: (input: Json) => string | undefined })
  | (OfModels & { readonly _tag: "Guardrail"; readonly check: (request: Request) => string | undefined })
  | (OfTools & { readonly _tag: "Request"; readonly breakChain?: boolean; readonly transform: (input: Json) => Json })
  | (OfModels & {
    readonly _tag: "Request"
    readonly breakChain?: boolean
    readonly transform: (request: Request) => Request
  })
  /** Wraps the work; the script may use `next`. Of models it wraps buffered calls. */
  | (OfTools & { readonly _tag: "Execution"; readonly around: (input: Json) => Script<Json> })
  | (OfModels & { readonly _tag: "Execution"; readonly around: (request: Request) => Script<Json> })
  /** Makes chunks of each chunk, or chunks of its own instead of the provider's. */
  | (Common & { readonly _tag: "Stream"; readonly each: (chunk: Json) => ReadonlyArray<Json> })
  | (Common & { readonly _tag: "Stream"; readonly instead: ReadonlyArray<Json> })
  /** Changes what the start of calls of this kind shows. */
  | (OfTools & { readonly _tag: "SanitizeRequest"; readonly sanitize: (input: Json) => Json })
  | (OfModels & { readonly _tag: "SanitizeRequest"; readonly sanitize: (request: Request) => Request })
  | (Common & {
    readonly _tag: "SanitizeResponse"
    readonly on: "tool" | "llm"
    readonly sanitize: (response: Json) => Json
  })
  | (Common & {
    readonly _tag: "SanitizeMark" | "SanitizeStart" | "SanitizeEnd"
    readonly sanitize: (fields: Fields) => Fields
  })
  | (Common & { readonly _tag: "Inject"; readonly inject: (event: { readonly name: string }) => Flat })

/** What sanitizers of marks and scopes change. */
export interface Fields {
  readonly data: Json
  readonly metadata: JsonObject
}

/** What an injector may add. */
export type Flat = Readonly<Record<string, string | number | boolean>>
