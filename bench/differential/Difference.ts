/**
 * A way in which heddle means to differ from the reference. It rewrites what one side, or both, recorded, so that nothing
 * but this difference goes: it looks for exactly what it is about and leaves everything else as it is.
 */
import type { Node, Normal } from "./normalise.ts"

export interface Difference {
  /** What the reference does, what heddle does, and why. */
  readonly reason: string
  readonly reference?: (normal: Normal) => void
  readonly heddle?: (normal: Normal) => void
}

/** Every node, outer ones first. */
export const each = ({ roots }: Normal, visit: (node: Node, parent: Node | undefined) => void): void => {
  const go = (nodes: ReadonlyArray<Node>, parent: Node | undefined): void => {
    for (const node of nodes) {
      visit(node, parent)
      go(node.entries, node)
    }
  }
  go(roots, undefined)
}

/** Puts others in the place of each node, inner ones first. */
export const replace = (normal: Normal, by: (node: Node) => ReadonlyArray<Node>): void => {
  const go = (nodes: ReadonlyArray<Node>): Array<Node> =>
    nodes.flatMap((node) => {
      node.entries = go(node.entries)
      return by(node)
    })
  normal.roots = go(normal.roots)
}

export const isCall = ({ category, isMark }: Node): boolean => !isMark && (category === "tool" || category === "llm")

/** What is left of a call in the reference, if no span is. */
export const markOf = (node: Node, data: Node["input"]): Node => ({
  ...node,
  isMark: true,
  category: undefined,
  attributes: [],
  input: data,
  output: undefined,
  profile: {},
  endProfile: {},
  endMetadata: {},
  status: undefined,
  message: undefined,
  error: undefined,
  outcome: undefined,
  entries: []
})
