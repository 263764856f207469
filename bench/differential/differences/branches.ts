/** How branches that run at the same time differ. */
import { type Difference, each } from "../Difference.ts"
import { type Node, type Normal, sortByName } from "../normalise.ts"
import type { JsonObject } from "../Script.ts"

export const branchesMix: Difference = {
  reason:
    "The reference mixes up branches that share a scope stack: a scope hangs under the one that opened before it, " +
    "and some never end. Here scopes belong to the fiber.",
  reference: (normal) => {
    each(normal, (node) => {
      if (!node.isMark) node.status ??= "OK"
    })
    flatten(normal)
  },
  heddle: (normal) => flatten(normal)
}

export const localOnBranches: Difference = {
  reason:
    "The reference has a scope stack for each branch as the remedy, but does not find the scopes on it when something " +
    "is registered in one: branches have no policies of their own. Here they have, and do not see each other's.",
  reference: (normal) => {
    const isFound = found(normal, (node) => {
      if (node.status !== "ERROR" || node.message?.startsWith("not found: scope ") !== true) return false
      node.status = "OK"
      node.message = undefined
      return true
    })
    if (isFound) normal.result = "(policies of branches)"
  },
  heddle: (normal) => {
    const isFound = found(normal, (node) => {
      const [call] = node.entries
      if (call?.category !== "tool" || (call.input as JsonObject).trail !== `${node.name};`) return false
      node.entries = []
      return true
    })
    if (isFound) normal.result = "(policies of branches)"
  }
}

/** All that is inside of the outermost scopes, as if it stood directly in them. */
const flatten = (normal: Normal): void => {
  for (const root of normal.roots) {
    const all: Array<Node> = []
    each({ ...normal, roots: root.entries }, (node) => all.push(node))
    for (const node of all) node.entries = []
    root.entries = all
  }
  sortByName(normal.roots)
}

const found = (normal: Normal, visit: (node: Node) => boolean): boolean => {
  let isFound = false
  each(normal, (node) => {
    isFound = visit(node) || isFound
  })
  return isFound
}
