/**
 * Tool calls: which tool scope belongs to which call that a model asked for, and which call delegated to which agent.
 *
 * @since 0.1.0
 */
import { jsonEqual } from "../../event/internal/openRecord.ts"
import type { Json, ScopeEnd } from "../../event/LifecycleEvent.ts"
import { type PromisedCall, uniqueIn } from "./atifLlm.ts"
import { get } from "./atifMessage.ts"
import type { Metrics } from "./atifMetrics.ts"
import {
  type Call,
  type Doc,
  type Entry,
  type Fields,
  hint,
  type Llm,
  type MutableFields,
  type Scope,
  type Tool
} from "./atifState.ts"

export const makeCall = (
  entry: Entry,
  { args, hasId, id, name }: PromisedCall,
  agent?: Doc
): Call => ({ entry, id, name, args, hasId, tool: undefined, refs: [], agent })

/** Tools that a request told the model of. */
export const learnTools = (doc: Doc, tools: ReadonlyArray<Fields>): void => {
  for (const tool of tools) {
    const name = get(get(tool, "function"), "name") ?? get(tool, "name") ?? get(tool, "type")
    if (typeof name === "string" && !doc.tools.has(name) && doc.tools.size < maxTools) doc.tools.set(name, tool)
  }
}

/** Calls that a model asked for, and that tools are to answer. */
export const promise = (doc: Doc, calls: ReadonlyArray<Call>): void => {
  doc.promised.push(...calls)
  if (doc.promised.length > maxPromised) doc.promised.splice(0, doc.promised.length - maxPromised)
}

const maxTools = 1000
const maxPromised = 1000

/**
 * The call that a tool scope answers, among those that no scope has answered: by its id, else the first of the same name
 * and arguments, so that as many scopes as calls are matched, else the only one of its name. A scope with an id can only
 * answer a call that has none.
 */
export const match = (tool: Tool, promised: ReadonlyArray<Call>): Call | undefined => {
  const identified = tool.id === undefined ? undefined : promised.findLast((call) => call.id === tool.id)
  if (identified !== undefined) return identified
  const named = promised.filter((call) => call.name === tool.name && (tool.id === undefined || !call.hasId))
  return named.find((call) => jsonEqual(call.args, tool.args)) ?? (named.length === 1 ? named[0] : undefined)
}

export const bind = (tool: Tool, call: Call): void => {
  const { promised } = call.entry.doc
  const index = promised.indexOf(call)
  if (index >= 0) promised.splice(index, 1)
  call.tool = tool
  tool.call = call
}

/** A call on a step for a tool that no model asked for. */
export const addCall = (entry: Entry, tool: Tool): Call => {
  const ids = new Set(entry.calls.map((call) => call.id))
  const id = uniqueIn(ids, tool.id ?? tool.uuid)
  const call = makeCall(entry, { id, name: tool.name, args: tool.args, hasId: tool.id !== undefined })
  entry.calls.push(call)
  return call
}

/** What the innermost scope of a document that has it holds. */
export const enclosing = <A>(
  from: Scope | undefined,
  doc: Doc,
  pick: (scope: Scope) => A | undefined
): A | undefined => {
  for (let scope = from; scope !== undefined && scope.doc === doc; scope = scope.parent) {
    const found = pick(scope)
    if (found !== undefined) return found
  }
  return undefined
}

const delegationKeys = [
  "tool_call_id",
  "toolCallId",
  "source_call_id",
  "delegation_tool_call_id",
  "parent_tool_call_id"
]

/**
 * What delegated to an agent: the call that it names, else the tool in which it runs. A foreign log may not tell in which
 * tool that is; then it is the only one that runs.
 */
export const delegateOf = (
  agent: Doc,
  around: Doc,
  parent: Scope | undefined,
  entries: ReadonlyArray<Entry>,
  isForeign: boolean
): Call | Tool | undefined => {
  const id = hint([agent.metadata, agent.input], delegationKeys)
  if (id !== undefined) {
    const entry = entries.findLast((entry) => entry.doc === around && entry.calls.some((call) => call.id === id))
    const named = entry?.calls.find((call) => call.id === id)
    if (named !== undefined) return named
  }
  const tool = enclosing(parent, around, (scope) => scope.tool)
  if (tool !== undefined || !isForeign || around.openTools.size !== 1) return tool
  for (const only of around.openTools) return only
  return undefined
}

/** A call for an agent to which no call delegated. */
export const standFor = (entry: Entry, agent: Doc): Call => {
  const session = sessionOf(agent)
  const args: Fields = {
    name: agent.name,
    ...(session === undefined ? undefined : { session_id: session }),
    ...(agent.input === undefined ? undefined : { payload: agent.input })
  }
  const call = makeCall(entry, { id: `subagent:${agent.uuid}`, name: agent.name, args, hasId: false }, agent)
  call.refs.push(agent.uuid)
  entry.calls.push(call)
  return call
}

export const sessionOf = (doc: Doc): string | undefined => hint([doc.metadata], ["session_id"])

// ends without a start

export const unseenTool = (event: ScopeEnd): Tool => ({
  uuid: event.uuid,
  parentUuid: event.parentUuid,
  parentName: undefined,
  name: event.name,
  id: event.profile?.toolCallId,
  args: {},
  startedAt: undefined,
  within: undefined,
  marks: [],
  refs: [],
  end: undefined,
  call: undefined
})

export const unseenLlm = (event: ScopeEnd): Llm => ({
  uuid: event.uuid,
  parentUuid: event.parentUuid,
  startedAt: undefined,
  request: undefined,
  model: undefined,
  effort: undefined,
  metadata: undefined,
  marks: [],
  user: undefined,
  endedAt: undefined,
  entry: undefined,
  isCached: false
})

// answers from a cache

/** The mark by which a response cache says that it answered. */
export const isCacheHit = (name: string, data: Json | undefined): boolean =>
  (name === "response_cache" || name === "heddle.response_cache") && get(data, "status") === "hit"

export const saysCached = ({ metadata }: ScopeEnd): boolean =>
  metadata?.["heddle.cached"] === true || metadata?.["nemo_relay.response_cache.status"] === "hit"

/** What the answer used when it was made, where nothing counts it again. */
export const cachedExtra = (metrics: Metrics | undefined, reasoning: string | undefined): MutableFields => ({
  cached: true,
  ...(metrics === undefined ? undefined : { cached_metrics: { ...metrics } }),
  ...(reasoning === undefined ? undefined : { reasoning_content: reasoning })
})

// records that readers of the format share

export const ancestry = (
  id: string,
  name: string,
  parentId: string | undefined,
  parentName: string | undefined
): Fields => ({
  function_id: id,
  function_name: name,
  ...(parentId === undefined ? undefined : { parent_id: parentId }),
  ...(parentId === undefined || parentName === undefined ? undefined : { parent_name: parentName })
})

/** Times are seconds since the epoch, both or neither. */
export const invocation = (
  id: string,
  startedAt: number | undefined,
  endedAt: number | undefined,
  outcome: Fields
): Fields => ({
  ...(startedAt === undefined || endedAt === undefined
    ? undefined
    : { start_timestamp: startedAt / 1_000_000, end_timestamp: endedAt / 1_000_000 }),
  invocation_id: id,
  status: outcome.status ?? "completed",
  framework: "heddle"
})

/** A turn is an agent scope that stands for a part of the agent around it. */
export const isTurn = (metadata: Json | undefined): boolean => get(metadata, "nemo_relay_scope_role") === "turn"

/** Adds what a step used to the totals of its document, or takes it away again. */
export const count = ({ totals }: Doc, metrics: Metrics | undefined, sign: 1 | -1): void => {
  if (metrics === undefined) return
  const add = (total: number | undefined, value: number | undefined) =>
    value === undefined ? total : (total ?? 0) + sign * value
  totals.prompt = add(totals.prompt, metrics.prompt_tokens)
  totals.completion = add(totals.completion, metrics.completion_tokens)
  totals.cached = add(totals.cached, metrics.cached_tokens)
  totals.cost = add(totals.cost, metrics.cost_usd)
}
