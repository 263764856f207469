/** The differences that are meant, in the order in which they are taken away. */
import { type Difference, each, isCall, markOf, replace } from "./Difference.ts"
import { annotations, answeringModel } from "./differences/annotations.ts"
import { branchesMix, localOnBranches } from "./differences/branches.ts"
import { guardrailScopes, isBlocked, isFor, judgedAfterRewrites, skippedGuardrails } from "./differences/guardrails.ts"
import { abandonedStream, chunkMarks, producerFailure } from "./differences/streams.ts"
import type { Json, JsonObject } from "./Script.ts"

const named = {
  "trace-root": {
    reason:
      "The reference takes the outermost agent of a scope stack as the root of a trace: a tree without an agent, or " +
      "a branch on a stack of its own, has none that was ever emitted. Here the root is the outermost scope, whatever it is.",
    reference: (normal) =>
      each(normal, (node, parent) => {
        node.root = parent === undefined ? node.name : parent.root
      })
  },
  "branches-mix": branchesMix,
  "local-on-branches": localOnBranches,
  "attempt-scopes": {
    reason:
      "The reference does not show that an intercept runs the work again. Here each further run is a scope `attempt`.",
    heddle: (normal) =>
      replace(
        normal,
        (node) => node.name === "attempt" && node.category === "function" ? node.entries : [node]
      )
  },
  "guardrail-scopes": guardrailScopes,
  "applies": isFor,
  "skipped-guardrails": skippedGuardrails,
  "judged-after-rewrites": judgedAfterRewrites,
  "block-is-a-call": {
    reason:
      "In the reference a blocked call is a mark, and nothing says what was blocked. Here it is a call like others, " +
      "with the mark of its guardrail inside, that ends `Blocked`.",
    heddle: (normal) =>
      replace(normal, (node) => {
        const [mark] = node.entries
        if (!isBlocked(node) || mark === undefined || node.entries.length > 1) return [node]
        const { reason = null } = mark.input as JsonObject
        return [markOf(node, { rejected: true, rejection_reason: reason })]
      })
  },
  "refusal-is-a-call": {
    reason:
      "In the reference a call whose guardrail or request intercept fails leaves nothing. Here start and end are " +
      "emitted together, so that every attempt is seen.",
    heddle: (normal) =>
      replace(normal, (node) => {
        const isRefused = isCall(node) && node.error === "internal_error CallError" && node.output === undefined
        if (!isRefused) return [node]
        return node.decisions.length === 0 ? [] : [markOf({ ...node, metadata: {} }, undefined)]
      })
  },
  "calls-are-parents": {
    reason: "Scopes, marks and calls made inside a call are its siblings in the reference. Here they are its children.",
    heddle: (normal) => replace(normal, (node) => isCall(node) ? [{ ...node, entries: [] }, ...node.entries] : [node])
  },
  "streaming-attribute": {
    reason: "The reference leaves it to the caller to say that a call streams. Here the runtime says it.",
    heddle: (normal) =>
      each(normal, (node) => {
        if (isCall(node)) node.attributes = node.attributes.filter((attribute) => attribute !== "streaming")
      })
  },
  "abandoned-stream": abandonedStream,
  "chunk-marks": chunkMarks,
  "producer-failure": producerFailure,
  "manual-scopes": {
    reason:
      "The reference has an output only for scopes that are pushed and popped by hand, and their ends say nothing of " +
      "the outcome. Here every end says it.",
    reference: (normal) =>
      each(normal, (node) => {
        if (node.status === "none") node.status = "OK"
      })
  },
  "errors-of-scopes": {
    reason: "The reference gives the type of an error on ends of calls only. Here every end that failed has it.",
    heddle: (normal) =>
      each(normal, (node) => {
        if (!isCall(node)) node.error = undefined
      })
  },
  "errors-of-intercepts": {
    reason:
      "The reference names what an intercept threw as if the work had. Here the call failed with a `CallError`, " +
      "which says whose fault it was.",
    reference: (normal) =>
      each(normal, (node) => {
        if (node.error === "internal_error ScriptError") node.error = "of the intercept"
      }),
    heddle: (normal) =>
      each(normal, (node) => {
        if (node.error === "internal_error CallError") node.error = "of the intercept"
      })
  },
  "lineage-headers": {
    reason:
      "The reference adds `x-dynamo-session-id` headers to requests made inside of agents. Here a runtime sends " +
      "nothing that nobody asked for.",
    reference: (normal) => headers(normal, (name) => !name.startsWith("x-dynamo-"))
  },
  "header-allow-list": {
    reason:
      "The reference shows all headers but those it knows for credentials. Here it is the other way round: values " +
      "are shown of headers that are known to be harmless.",
    reference: (normal) => headers(normal, (name) => name === "content-type"),
    heddle: (normal) => headers(normal, (_, value) => value !== "<redacted>")
  },
  "annotations": annotations,
  "answering-model": answeringModel,
  "own-end": {
    reason: "What is registered in a scope of the reference also sees the scope's own end, but not its start. Here " +
      "middleware holds for what it is put around: for both, or for neither.",
    reference: (normal) =>
      each(normal, (node) => {
        if (isCall(node)) return
        for (const key of Object.keys(node.endMetadata)) {
          if (!(key in node.metadata)) delete node.endMetadata[key]
        }
      })
  },
  "break-chain": {
    reason:
      "`breakChain` skips later intercepts of every level in the reference. Here it skips those of its own level: a " +
      "policy of the runtime cannot take away one that a part of the program put around itself.",
    heddle: (normal) => {
      const without = (value: Json): Json => JSON.parse(JSON.stringify(value).replaceAll("global;local;", "global;"))
      each(normal, (node) => {
        if (node.input !== undefined) node.input = without(node.input)
        if (node.output !== undefined) node.output = without(node.output)
      })
      normal.result = without(normal.result)
    }
  },
  "shared-payloads": {
    reason:
      "The reference copies every payload at each of its borders. Here events carry payloads by reference, and only " +
      "the outer containers of requests and results are copied: code that changes in place what is further in changes " +
      "what events show of it, and not what was judged or run before.",
    heddle: (normal) => {
      const without = (value: JsonObject): JsonObject => {
        const { changed: _, ...rest } = value
        return rest
      }
      each(normal, (node) => {
        const { q } = (node.input ?? {}) as JsonObject
        if (node.category === "tool" && isObject(q)) node.input = { q: without(q) }
      })
    }
  },
  "cleared-fields": {
    reason: "In the reference a payload whose sanitizer failed is just missing. Here the event says which field was " +
      "cleared, and because of whom.",
    heddle: (normal) =>
      each(normal, ({ metadata }) => {
        delete metadata["heddle.cleared"]
        delete metadata["heddle.cleared_by"]
      })
  }
} as const satisfies Readonly<Record<string, Difference>>

export type DifferenceName = keyof typeof named

export const differences: Readonly<Record<DifferenceName, Difference>> = named

const headers = (normal: Parameters<typeof each>[0], isKept: (name: string, value: Json) => boolean): void =>
  each(normal, (node) => {
    if (node.category !== "llm" || node.isMark) return
    const request = node.input as { readonly headers: JsonObject }
    node.input = {
      ...request,
      headers: Object.fromEntries(Object.entries(request.headers).filter(([name, value]) => isKept(name, value)))
    }
  })

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)
