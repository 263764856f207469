/** What governs the agent: none of it is known to the tools, the models or the loop. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type AgentRuntime, Guardrail, Intercept, Mark, Middleware, Sanitizer } from "../../src/index.ts"
import { Completion, ModelError, replyOf } from "./chat.ts"
import { Fence, ToolError } from "./fence.ts"
import { conceal, isSecretPath, showsSecret } from "./secrets.ts"

const maxReadBytes = 24 * 1024

/** Fields of a tool's input, if it is an object. */
const fieldsOf = (call: Middleware.Call): Readonly<Record<string, unknown>> | undefined =>
  call.kind === "tool" && typeof call.input === "object" && call.input !== null ? { ...call.input } : undefined

/** Puts in where the path really leads. What the model wrote there itself is overwritten. */
const resolvePath = Intercept.request({
  name: "resolve-path",
  applies: "tool",
  transform: Effect.fnUntraced(function*(call) {
    const fields = fieldsOf(call)
    const path = fields?.["path"] ?? (call.name === "read_file" ? undefined : ".")
    // The tool's schema will say what is wrong with it.
    if (fields === undefined || typeof path !== "string") return call
    const place = yield* (yield* Fence).resolve(path)
    return { ...call, input: { ...fields, path, resolved: "inside" in place ? place.inside : "" } }
  })
})

const capReading = Intercept.request({
  name: "cap-reading",
  applies: { kind: "tool", name: "read_file" },
  transform: (call) => {
    const fields = fieldsOf(call)
    if (fields === undefined) return call
    const asked = Number.isSafeInteger(fields["maxBytes"]) ? Number(fields["maxBytes"]) : maxReadBytes
    return { ...call, input: { ...fields, maxBytes: Math.min(Math.max(asked, 0), maxReadBytes) } }
  }
})

/** Resolves the path once more, and wants the tool to open exactly that. */
const stayInside = Guardrail.make({
  name: "stay-inside",
  applies: "tool",
  check: Effect.fnUntraced(function*(call) {
    const { path, resolved } = fieldsOf(call) ?? {}
    if (typeof path !== "string") return Guardrail.reject("no path")
    const place = yield* (yield* Fence).resolve(path)
    if ("outside" in place) return Guardrail.reject(`${path}: ${place.outside}`)
    return place.inside === resolved ? Guardrail.allow : Guardrail.reject(`${path}: it was not resolved, or has moved`)
  })
})

const noSecretFiles = Guardrail.make({
  name: "no-secret-files",
  applies: "tool",
  check: (call) => {
    const { path, resolved } = fieldsOf(call) ?? {}
    return [path, resolved].some((name) => isSecretPath(String(name)))
      ? Guardrail.reject(`${String(path)}: files of that name hold secrets`)
      : Guardrail.allow
  }
})

const answerWithoutSecrets = Guardrail.output({
  name: "answer-without-secrets",
  applies: { kind: "llm", name: "answer" },
  check: ({ value }) => {
    if (!Schema.is(Completion)(value)) return Guardrail.reject("the answer has an unknown form")
    return showsSecret(replyOf(value).content) ? Guardrail.reject("the answer shows a secret") : Guardrail.allow
  }
})

const attempts = 3

/**
 * Gives every attempt a time limit, and tries again what may work the next time. A caller who sets `timeLimitMs` has that
 * for the first attempt only.
 */
const patience = Intercept.execution({
  name: "patience",
  around: (call, next) => {
    const usual = call.kind === "llm" ? 120_000 : 10_000
    const { timeLimitMs } = fieldsOf(call) ?? {}
    const attempt = (n: number): Effect.Effect<unknown, unknown, AgentRuntime.AgentRuntime> => {
      const millis = n === 1 && typeof timeLimitMs === "number" ? Math.min(timeLimitMs, usual) : usual
      return next().pipe(
        Effect.timeoutOrElse({
          duration: millis,
          orElse: () => new ToolError({ message: `no result within ${millis} ms`, isTransient: true })
        }),
        Effect.catch((error) =>
          n < attempts && isTransient(error)
            ? Mark.emit("retry", { severity: "warn", data: { because: error.message } }).pipe(
              Effect.andThen(Effect.sleep(100 * 2 ** (n - 1))),
              Effect.andThen(attempt(n + 1))
            )
            : Effect.fail(error)
        )
      )
    }
    return attempt(1)
  }
})

const isTransient = (error: unknown): error is ToolError | ModelError =>
  (error instanceof ToolError || error instanceof ModelError) && error.isTransient

/** Observers (the terminal, the file of events) see neither secrets nor e-mail addresses, wherever they are. */
const conceals = [
  Sanitizer.scopeStart({ name: "conceal", sanitize: conceal }),
  Sanitizer.scopeEnd({ name: "conceal", sanitize: conceal }),
  Sanitizer.mark({ name: "conceal", sanitize: conceal }),
  Sanitizer.error({
    name: "conceal",
    sanitize: (error) => ({ tag: error.tag, message: String(conceal(error.message)) })
  })
]

/** Guardrails without which no tool may run. */
export const required: ReadonlyArray<string> = ["stay-inside", "no-secret-files"]

export const layer: Layer.Layer<never, Middleware.DuplicateEntry, AgentRuntime.AgentRuntime | Fence> = Middleware.layer(
  resolvePath,
  capReading,
  stayInside,
  noSecretFiles,
  answerWithoutSecrets,
  patience
)

/** What hides things from observers, unless a document says so (`--config`). */
export const concealing: Layer.Layer<never, Middleware.DuplicateEntry, AgentRuntime.AgentRuntime> = Middleware.layer(
  ...conceals
)
