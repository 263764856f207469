/** How guardrails differ. */
import { type Difference, each, isCall, markOf, replace } from "../Difference.ts"
import { messageOf, type Node } from "../normalise.ts"
import type { JsonObject } from "../Script.ts"

export const guardrailScopes: Difference = {
  reason:
    "The reference emits a scope before the call for each guardrail that it asks. Here the decisions are on the " +
    "call's own end, so that policy can be audited without twice as many events.",
  reference: (normal) => {
    const moved = (nodes: ReadonlyArray<Node>): Array<Node> => {
      const kept: Array<Node> = []
      let decisions: Array<JsonObject> = []
      let last: Node | undefined
      for (const node of nodes) {
        if (isDecision(node)) {
          decisions.push(decisionOf(node))
          last = node
          continue
        }
        kept.push(decisions.length === 0 ? node : { ...node, decisions })
        decisions = []
      }
      // Nothing came of the call that they were asked for.
      if (last !== undefined && decisions.length > 0) {
        const name = String((last.input as JsonObject).target_name)
        kept.push({ ...markOf(last, undefined), name, metadata: {}, decisions })
      }
      return kept
    }
    each(normal, (node) => {
      node.entries = moved(node.entries)
    })
    normal.roots = moved(normal.roots)
  }
}

export const isFor: Difference = {
  reason:
    "A guardrail of the reference is asked for every call of its kind, and lets those pass that are none of its " +
    "business. Here `applies` says which calls it is for, and it decides nothing about others.",
  reference: (normal) => {
    const strict = new Set<unknown>()
    each(normal, ({ decisions }) => {
      for (const { guardrail, verdict } of decisions) if (verdict === "reject") strict.add(guardrail)
    })
    each(normal, (node) => {
      node.decisions = node.decisions.filter(({ guardrail, verdict }) => verdict !== "allow" || !strict.has(guardrail))
    })
  }
}

export const skippedGuardrails: Difference = {
  reason: "The reference does not say which guardrails a block made needless. Here they are recorded as skipped.",
  heddle: (normal) =>
    each(normal, (node) => {
      node.decisions = node.decisions.filter(({ verdict }) => verdict !== "skipped")
    })
}

export const judgedAfterRewrites: Difference = {
  reason: "Guardrails of the reference judge the request before intercepts rewrite it. Here they judge what will run.",
  reference: (normal) => {
    let isFound = false
    replace(normal, (node) => {
      if (!isCall(node) || node.status !== "OK" || node.decisions[0]?.verdict !== "allow") return [node]
      isFound = true
      return [judged(node)]
    })
    if (isFound) normal.result = judgement
  },
  heddle: (normal) => {
    let isFound = false
    replace(normal, (node) => {
      if (!isBlocked(node)) return [node]
      isFound = true
      return [judged(node)]
    })
    if (isFound) normal.result = judgement
  }
}

const judgement = "(let through by the reference, blocked by heddle)"

const judged = (node: Node): Node => ({ ...markOf(node, judgement), decisions: [] })

export const isBlocked = (node: Node): boolean =>
  isCall(node) && node.outcome === "blocked" && node.status === "ERROR" && node.error === "guardrail_rejected" &&
  node.entries.some(({ category }) => category === "guardrail")

const isDecision = ({ category, input }: Node): boolean =>
  category === "guardrail" && typeof input === "object" && input !== null && "kind" in input &&
  String(input.kind).endsWith("_conditional_execution")

const decisionOf = ({ name, output }: Node): JsonObject => {
  const { allowed, error, rejection_reason } = output as JsonObject
  if (allowed === true) return { guardrail: name, verdict: "allow" }
  return error === undefined
    ? { guardrail: name, verdict: "reject", reason: rejection_reason ?? null }
    : { guardrail: name, verdict: "failed", reason: messageOf(String(error)) ?? null }
}
