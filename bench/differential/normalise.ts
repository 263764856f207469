/**
 * Events of both runtimes in one form: a tree without what changes from run to run, or is only spelled differently. These
 * rules hold for every scenario; what the runtimes mean to do differently is in `differences.ts`, and not here.
 *
 * 1. Ids become positions. A start, its end and what names it as parent make one node of a tree, since ids are random.
 * 2. A parent that never had an event is no parent: the reference's scope stacks have a root that emits nothing.
 * 3. The propagation root becomes the name of the scope or mark that it is the id of, or nothing if it had no event: it
 *    is an id too.
 * 4. Times are dropped (timestamps, time to the first chunk, durations of decisions), since they are measured.
 * 5. `heddle.sequence` is dropped after a check that it counts 1, 2, 3…: the reference has no place for it.
 * 6. The outcome, which both write into the metadata of ends under OpenTelemetry's names, moves to fields of its own. The
 *    reference puts "internal error: " before the message once for each scope that an error passes, heddle names the call
 *    and the policy before the message; both go. `heddle.outcome` is kept where it says more than that.
 * 7. Fields that are null are absent, and so are empty metadata and profiles: the reference writes what it does not know
 *    as null, heddle leaves it out, and writes metadata that is empty and not absent as `heddle.metadata`. Payloads are
 *    not touched, except that a `data` of null is absent, too.
 * 8. The order of keys does not count; that of siblings does, but by name where the scenario runs them at the same time.
 * 9. An end repeats the category, attributes and profile of its start; they are compared once, and the end's when they
 *    differ.
 */
import type { AtofEvent, Recording } from "./Recording.ts"
import type { Json, JsonObject } from "./Script.ts"

/** A scope or a mark. Differences rewrite it in place. */
export interface Node {
  readonly isMark: boolean
  name: string
  category: string | undefined
  attributes: ReadonlyArray<string>
  /** The name of the root of its trace. */
  root: string | undefined
  /** Of a mark: its data. */
  input: Json | undefined
  output: Json | undefined
  schema: Json | undefined
  profile: Record<string, Json>
  /** Keys that the end's profile has or changes. */
  endProfile: Record<string, Json>
  metadata: Record<string, Json>
  endMetadata: Record<string, Json>
  /** `OK` or `ERROR`, as for OpenTelemetry; `none` if the end says neither; absent if there is no end. */
  status: string | undefined
  message: string | undefined
  /** `error.type`, then `exception.type`. */
  error: string | undefined
  /** heddle's own word for the outcome. */
  outcome: string | undefined
  decisions: ReadonlyArray<JsonObject>
  entries: Array<Node>
}

export interface Normal {
  roots: Array<Node>
  result: Json
  seen: ReadonlyArray<Json>
}

export const normalise = ({ events, result, seen }: Recording, options: { readonly concurrent: boolean }): Normal => {
  const normal: Normal = { roots: treeOf(events), result: { ...result }, seen }
  if (options.concurrent) sortByName(normal.roots)
  return normal
}

const treeOf = (events: ReadonlyArray<AtofEvent>): Array<Node> => {
  const roots: Array<Node> = []
  const nodes = new Map<Json | undefined, Node>()
  const names = new Map(events.map((event) => [event.uuid, String(event.name)]))
  let sequence = 0
  for (const event of events) {
    const metadata = recordOf(event.metadata)
    if (metadata["heddle.sequence"] !== undefined && metadata["heddle.sequence"] !== ++sequence) {
      throw new Error(`event ${sequence} says that it is number ${String(metadata["heddle.sequence"])}`)
    }
    delete metadata["heddle.sequence"]
    if (isEmpty(metadata["heddle.metadata"])) delete metadata["heddle.metadata"]
    const existing = nodes.get(event.uuid)
    if (event.scope_category === "end" && existing !== undefined && existing.status === undefined) {
      end(existing, event, metadata)
      continue
    }
    const node = begin(event, metadata, names)
    if (event.scope_category === "end") end(node, event, {})
    nodes.set(event.uuid, node)
    const siblings = nodes.get(event.parent_uuid)?.entries ?? roots
    siblings.push(node)
  }
  return roots
}

const begin = (event: AtofEvent, metadata: Record<string, Json>, names: ReadonlyMap<unknown, string>): Node => ({
  isMark: event.kind === "mark",
  name: String(event.name),
  category: textOf(event.category),
  attributes: attributesOf(event),
  root: names.get(event.propagation_root_uuid),
  input: event.category === "guardrail" ? withoutDuration(event.data) : valueOf(event.data),
  output: undefined,
  schema: valueOf(event.data_schema),
  profile: profileOf(event),
  endProfile: {},
  metadata,
  endMetadata: {},
  status: undefined,
  message: undefined,
  error: undefined,
  outcome: undefined,
  decisions: [],
  entries: []
})

const end = (node: Node, event: AtofEvent, metadata: Record<string, Json>): void => {
  const take = (key: string): Json | undefined => {
    const value = metadata[key]
    delete metadata[key]
    return value
  }
  node.status = textOf(take("otel.status_code")) ?? "none"
  node.message = messageOf(textOf(take("otel.status_description")))
  const types = [take("error.type"), take("exception.type")].filter((type) => type !== undefined)
  node.error = types.length === 0 ? undefined : types.join(" ")
  const outcome = take("heddle.outcome")
  const word = String(recordOf(outcome).status)
  node.outcome = outcome === undefined || word === implied[node.status] ? undefined : word
  const decisions = take("heddle.decisions")
  node.decisions = (Array.isArray(decisions) ? decisions : []).map((decision) => {
    const { duration_micros: _, ...rest } = recordOf(decision)
    if (rest.reason !== undefined) rest.reason = messageOf(String(rest.reason)) ?? null
    return rest
  })
  node.output = valueOf(event.data)
  node.endMetadata = metadata
  node.endProfile = changesOf(profileOf(event), node.profile)
  const attributes = attributesOf(event)
  if (attributes.join() !== node.attributes.join()) node.attributes = [...node.attributes, "→", ...attributes]
}

/** What the status says of the outcome already. */
const implied: Readonly<Record<string, string>> = { OK: "success", ERROR: "failure" }

const prefix =
  /^(?:internal error|JS [a-z ]+ callback failed|(?:tool|llm) call "[^"]*"|intercept "[^"]*" failed|guardrail "[^"]*" gave no decision): /

/** The message without what the runtimes put before it. */
export const messageOf = (message: string | undefined): string | undefined => {
  if (message === undefined) return undefined
  const shorter = message.replace(prefix, "").replace(/^guardrail "[^"]*" rejected it: /, "guardrail rejected: ")
  return shorter === message ? message : messageOf(shorter)
}

const recordOf = (value: Json | undefined): Record<string, Json> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value as JsonObject } : {}

const isEmpty = (value: Json | undefined): boolean => value !== undefined && Object.keys(recordOf(value)).length === 0

const valueOf = (value: Json | undefined): Json | undefined => value === null ? undefined : value

const withoutDuration = (data: Json | undefined): Json | undefined => {
  const { durationMicros: _, ...rest } = recordOf(data)
  return isEmpty(rest) ? valueOf(data) : rest
}

const textOf = (value: Json | undefined): string | undefined => typeof value === "string" ? value : undefined

const attributesOf = ({ attributes }: AtofEvent): ReadonlyArray<string> =>
  Array.isArray(attributes) ? attributes.map(String).toSorted() : []

const profileOf = (event: AtofEvent): Record<string, Json> => {
  const { time_to_first_chunk: _, ...profile } = recordOf(event.category_profile)
  return profile
}

const changesOf = (after: Record<string, Json>, before: Record<string, Json>): Record<string, Json> => {
  const changes: Record<string, Json> = {}
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const value = after[key] ?? null
    if (JSON.stringify(value) !== JSON.stringify(before[key] ?? null)) changes[key] = value
  }
  return changes
}

export const sortByName = (nodes: Array<Node>): void => {
  nodes.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  for (const { entries } of nodes) sortByName(entries)
}

/** The whole as lines of text: equal text is what "the same" means here. */
export const render = ({ result, roots, seen }: Normal): ReadonlyArray<string> => [
  ...roots.flatMap((root) => linesOf(root, "")),
  `result ${textOfJson(result)}`,
  ...seen.map((value) => `seen ${textOfJson(value)}`)
]

const linesOf = (node: Node, indent: string): ReadonlyArray<string> => {
  const facts: ReadonlyArray<readonly [string, Json | undefined]> = [
    ["root", node.root],
    ["attributes", node.attributes.length === 0 ? undefined : node.attributes],
    ["profile", present(node.profile)],
    [node.isMark ? "data" : "input", node.input],
    ["schema", node.schema],
    ["metadata", present(node.metadata)]
  ]
  const endFacts: ReadonlyArray<readonly [string, Json | undefined]> = [
    ["output", node.output],
    ["profile at the end", present(node.endProfile)],
    ["metadata at the end", present(node.endMetadata)],
    ["message", node.message],
    ["error", node.error],
    ["outcome", node.outcome],
    ["decisions", node.decisions.length === 0 ? undefined : node.decisions]
  ]
  const lines = (facts: ReadonlyArray<readonly [string, Json | undefined]>): ReadonlyArray<string> =>
    facts.flatMap(([name, value]) => value === undefined ? [] : [`${indent}  . ${name} ${textOfJson(value)}`])
  return [
    `${indent}${node.isMark ? "mark" : "scope"} ${node.category ?? ""} ${node.name}`,
    ...lines(facts),
    ...node.entries.flatMap((entry) => linesOf(entry, `${indent}  `)),
    ...node.isMark ? [] : [`${indent}end ${node.name} ${node.status ?? "never"}`],
    ...lines(endFacts)
  ]
}

const present = (record: Record<string, Json>): Json | undefined =>
  Object.keys(record).length === 0 ? undefined : record

/** JSON with its keys in order. */
const textOfJson = (value: Json): string => JSON.stringify(sorted(value))

const sorted = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, sorted(v)])
  )
}
