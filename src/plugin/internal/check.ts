import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { isRecord, put } from "../../event/internal/openRecord.ts"
import type { AgentRuntime } from "../../event/internal/runtime.ts"
import type { Plugin } from "../Plugin.ts"
import type { Diagnostic } from "../PluginConfig.ts"
import { Envelope, type Layers, levels, placeOf } from "./describe.ts"
import { nearest } from "./nearest.ts"
import { list, type Problem, problemsOf } from "./problems.ts"
import { formatPath, type Path, toValue } from "./tree.ts"

/** A component that is turned on, with the Layer that its configuration gives. */
export interface Component<R> {
  readonly index: number
  readonly plugin: Plugin<R>
  readonly layer: Layer.Layer<never, unknown, R | AgentRuntime>
}

export interface Checked<R> {
  readonly diagnostics: ReadonlyArray<Diagnostic>
  readonly components: ReadonlyArray<Component<R>>
}

type Level = typeof levels[number]

const decodeEnvelope = SchemaParser.decodeUnknownEffect(Envelope)
const strict = { errors: "all", onExcessProperty: "error" } as const
const lenient = { errors: "all", onExcessProperty: "ignore" } as const

export const validate = (
  layers: Layers,
  plugins: ReadonlyArray<Plugin<unknown>>
): Effect.Effect<ReadonlyArray<Diagnostic>> => Effect.map(check(layers, plugins), ({ diagnostics }) => diagnostics)

/** Everything that is wrong with a document, and what it would install if nothing is. */
export const check = Effect.fnUntraced(function*<R>(
  layers: Layers,
  plugins: ReadonlyArray<Plugin<R>>
): Effect.fn.Return<Checked<R>> {
  const document = toValue(layers.node)
  const diagnostics: Array<Diagnostic> = []
  const say = (level: Level, problem: Found, component?: string) => {
    if (level === "ignore") return
    diagnostics.push({
      level: level === "warn" ? "warning" : "error",
      code: `plugin.${problem.code}`,
      ...(component === undefined ? undefined : { component }),
      path: formatPath(problem.path),
      message: problem.message,
      ...(problem.suggestion === undefined ? undefined : { suggestion: problem.suggestion }),
      ...placeOf(layers, problem.path)
    })
  }
  const policy = policyOf(document)
  const items = isRecord(document) && Array.isArray(document["components"]) ? document["components"] : []
  const kinds = items.map((item: unknown) =>
    isRecord(item) && typeof item["kind"] === "string" ? item["kind"] : undefined
  )
  const kindAt = (path: Path): string | undefined =>
    path[0] === "components" && typeof path[1] === "number" ? kinds[path[1]] : undefined

  const envelope = yield* Effect.result(decodeEnvelope(document, strict))
  for (const problem of envelope._tag === "Failure" ? problemsOf(envelope.failure, document) : []) {
    if (problem.path[0] === "version" && problem.code !== "missing_field") {
      say("error", { ...problem, code: "unsupported_config_version", message: "expected 1" })
    } else say(problem.code === "unknown_field" ? policy.unknown_field : "error", problem, kindAt(problem.path))
  }

  const components: Array<Component<R>> = []
  const met = new Map<string, number>()
  for (const [index, kind] of kinds.entries()) {
    if (kind === undefined) continue
    const path = ["components", index]
    const plugin = plugins.find((each) => each.kind === kind)
    if (plugin === undefined) {
      const known = plugins.map((each) => each.kind)
      say(policy.unknown_component, {
        code: "unknown_component",
        path: [...path, "kind"],
        message: known.length === 0 ? "no plugin is known" : `no plugin of that kind; expected ${list(known)}`,
        suggestion: nearest(kind, known)
      }, kind)
      continue
    }
    const first = met.get(kind)
    if (first === undefined) met.set(kind, index)
    else if (plugin.cardinality === "singleton") {
      const message = `is there already as components[${first}]: expected one component of this kind`
      say("error", { code: "duplicate_component", path: [...path, "kind"], message, suggestion: undefined }, kind)
    }
    const item: unknown = items[index]
    const config = isRecord(item) ? item["config"] ?? {} : {}
    if (!isRecord(config)) continue
    const { layer, problems } = yield* prepare(plugin, config, policy)
    for (const { level, ...problem } of problems) {
      say(level, { ...problem, path: [...path, "config", ...problem.path] }, kind)
    }
    if (layer !== undefined && (isRecord(item) ? item["enabled"] : true) !== false) {
      components.push({ index, plugin, layer })
    }
  }
  return { diagnostics, components }
})

interface Policy {
  readonly unknown_component: Level
  readonly unknown_field: Level
  readonly unsupported_value: Level
}

const policyOf = (document: unknown): Policy => {
  const policy = isRecord(document) && isRecord(document["policy"]) ? document["policy"] : {}
  const of = (key: string): Level =>
    levels.find((level) => Object.hasOwn(policy, key) && policy[key] === level) ?? "error"
  return {
    unknown_component: of("unknown_component"),
    unknown_field: of("unknown_field"),
    unsupported_value: of("unsupported_value")
  }
}

type Found = Omit<Problem, "code"> & { readonly code: string }

interface Prepared<R> {
  readonly layer?: Layer.Layer<never, unknown, R | AgentRuntime> | undefined
  readonly problems: ReadonlyArray<Found & { readonly level: Level }>
}

/** What is only strange is left out, and what remains is decoded once more. */
const prepare = Effect.fnUntraced(function*<R>(
  plugin: Plugin<R>,
  config: Readonly<Record<string, unknown>>,
  policy: Policy
): Effect.fn.Return<Prepared<R>> {
  const levelOf = ({ code }: Found): Level =>
    code === "unknown_field" ? policy.unknown_field : code === "unsupported_value" ? policy.unsupported_value : "error"
  const first = yield* attempt(plugin, config, strict)
  if (!("problems" in first)) return { layer: first.layer, problems: [] }
  const problems = judged(first.problems, levelOf)
  if (problems.some(({ level }) => level === "error")) return { problems }
  const rest = problems.filter(({ code }) => code === "unsupported_value").reduce<unknown>(
    (value, { path }) => without(value, path),
    config
  )
  const second = yield* attempt(plugin, rest, lenient)
  if (!("problems" in second)) return { layer: second.layer, problems }
  return { problems: [...problems, ...judged(second.problems, () => "error")] }
})

const judged = (problems: ReadonlyArray<Found>, levelOf: (problem: Found) => Level) =>
  problems.map((problem) => Object.assign({ level: levelOf(problem) }, problem))

const attempt = Effect.fnUntraced(function*<R>(
  plugin: Plugin<R>,
  config: unknown,
  options: typeof strict | typeof lenient
) {
  const exit = yield* Effect.exit(Effect.suspend(() => plugin.prepare(config, options)))
  if (Exit.isSuccess(exit)) return { layer: exit.value }
  const issue = exit.cause.reasons.find(Cause.isFailReason)?.error as SchemaIssue.Issue | undefined
  if (issue !== undefined) return { problems: problemsOf(issue, config) }
  if (Cause.hasInterrupts(exit.cause)) return yield* Effect.interrupt
  const message = `the plugin itself failed on this configuration: ${firstLine(Cause.squash(exit.cause))}`
  return { problems: [{ code: "defect", path: [] as Path, message, suggestion: undefined }] }
})

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? ""

const without = (value: unknown, path: Path): unknown => {
  const [key, ...rest] = path
  if (key === undefined) return undefined
  if (Array.isArray(value)) {
    return rest.length === 0
      ? value.filter((_, index) => index !== key)
      : value.map((item: unknown, index) => index === key ? without(item, rest) : item)
  }
  if (!isRecord(value)) return value
  const out: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) {
    if (name !== key) put(out, name, field)
    else if (rest.length > 0) put(out, name, without(field, rest))
  }
  return out
}
