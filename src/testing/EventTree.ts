/**
 * Trees of recorded lifecycle events, and assertions on them.
 *
 * `fromEvents` builds the tree, `render` writes it as stable text, `assertTree` compares it with what was expected and
 * `assertWellFormed` checks the rules that every lifecycle stream keeps. All are pure; assertions throw an
 * `AssertionError` whose message is meant to be read.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { DecisionRecord, LifecycleEvent, Mark, Outcome, ScopeEnd, ScopeStart } from "../event/LifecycleEvent.ts"
import * as diff from "./internal/diff.ts"
import * as text from "./internal/treeText.ts"
import * as wellFormed from "./internal/wellFormed.ts"

/**
 * A scope with all that happened in it.
 *
 * **Details**
 *
 * - `outcome`: absent while the scope is open.
 * - `start`, `end`: the events themselves; `start` is absent if only the end was recorded.
 * - `marks`, `children`: in order of emission. `entries` are both in one list.
 *
 * A mark outside every recorded scope is a node of category `mark` without `start` and `end`, and with itself as the
 * only entry.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Node {
  readonly uuid: string
  readonly name: string
  readonly category: string
  readonly outcome: Outcome | undefined
  readonly decisions: ReadonlyArray<DecisionRecord>
  readonly start: ScopeStart | undefined
  readonly end: ScopeEnd | undefined
  readonly marks: ReadonlyArray<Mark>
  readonly children: ReadonlyArray<Node>
  readonly entries: ReadonlyArray<Node | Mark>
}

/**
 * What a node should look like. A field that is absent is not compared; `marks` and `children`, where given, must be
 * complete.
 *
 * **Details**
 *
 * - `outcome`: the tag of the outcome, or `"open"` for a scope that has not ended.
 * - `marks`: their names.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Shape {
  readonly name: string
  readonly category?: string | undefined
  readonly outcome?: Outcome["_tag"] | "open" | undefined
  readonly marks?: ReadonlyArray<string> | undefined
  readonly children?: ReadonlyArray<Shape> | undefined
}

/**
 * How a tree is written.
 *
 * **Details**
 *
 * - `sort`: siblings by name and not in order of emission, marks before scopes, so that the text of concurrent work does
 *   not depend on scheduling.
 * - `decisions`: also what each guardrail decided, in the order of the checks.
 * - `data`: also the input and output of scopes and the data of marks, as JSON cut at 200 characters.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface RenderOptions {
  readonly sort?: boolean | undefined
  readonly decisions?: boolean | undefined
  readonly data?: boolean | undefined
}

/**
 * Thrown by the assertions of this module; `message` says what differs.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class AssertionError extends Error {
  override readonly name = "AssertionError"
  readonly actual: string | undefined
  readonly expected: string | undefined
  /** Tells test runners that the message has the difference in it already. */
  readonly showDiff = false

  constructor(message: string, options?: { readonly actual?: string; readonly expected?: string }) {
    super(message)
    this.actual = options?.actual
    this.expected = options?.expected
  }
}

/**
 * Builds the trees of a list of events, in order of emission.
 *
 * **Details**
 *
 * Nothing is lost: a scope whose parent is not in the list before it becomes a root, and so does a mark; a second start
 * or end under one uuid gives a second node.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromEvents = (events: ReadonlyArray<LifecycleEvent>): ReadonlyArray<Node> => {
  const roots: Array<Node> = []
  const scopes = new Map<string, MutableNode>()
  const attach = (event: LifecycleEvent, node: MutableNode): void => {
    const parent = event.parentUuid === undefined ? undefined : scopes.get(event.parentUuid)
    if (parent === undefined) roots.push(node)
    else {
      parent.children.push(node)
      parent.entries.push(node)
    }
  }
  for (const event of events) {
    switch (event._tag) {
      case "ScopeStart": {
        const node = makeNode(event, event.category)
        node.start = event
        attach(event, node)
        scopes.set(event.uuid, node)
        break
      }
      case "ScopeEnd": {
        let node = scopes.get(event.uuid)
        if (node === undefined || node.end !== undefined) {
          node = makeNode(event, event.category)
          attach(event, node)
          scopes.set(event.uuid, node)
        }
        node.end = event
        node.outcome = event.outcome
        node.decisions = event.decisions
        break
      }
      case "Mark": {
        const parent = event.parentUuid === undefined ? undefined : scopes.get(event.parentUuid)
        const node = parent ?? makeNode(event, "mark")
        node.marks.push(event)
        node.entries.push(event)
        if (parent === undefined) roots.push(node)
      }
    }
  }
  return roots
}

/**
 * Writes events, or nodes made from them, as text: one line for each scope and mark, indented by depth.
 *
 * ```text
 * agent planner → Success
 *   tool search → Success
 *     mark hit
 *   llm gpt → Blocked by pii: contains e-mail
 * ```
 *
 * **Details**
 *
 * The text holds nothing that changes from run to run: no ids, no times, and of an interruption by a fiber not which one.
 * Line breaks and other control characters of names and messages are escaped.
 *
 * @stability experimental
 * @category formatting
 * @since 0.1.0
 */
export const render = (
  tree: ReadonlyArray<LifecycleEvent> | ReadonlyArray<Node>,
  options?: RenderOptions
): string => text.ofNodes(nodesOf(tree), options ?? {}).join("\n")

/**
 * Compares the tree of events with what was expected.
 *
 * **Details**
 *
 * `expected` is either the text of `render`, where indentation common to all lines and blank lines are ignored, so that
 * it can stand indented in a test; or one or more shapes, of which only the given fields are compared.
 *
 * **Example** (Asserting what an agent did)
 *
 * ```ts
 * EventTree.assertTree(events, `
 *   agent planner → Success
 *     tool search → Success
 * `)
 * ```
 *
 * @throws {AssertionError} with a line diff, `-` expected and `+` actual
 * @stability experimental
 * @category assertions
 * @since 0.1.0
 */
export const assertTree = (
  tree: ReadonlyArray<LifecycleEvent> | ReadonlyArray<Node>,
  expected: string | Shape | ReadonlyArray<Shape>,
  options?: RenderOptions
): void => {
  const nodes = nodesOf(tree)
  const [wanted, found] = typeof expected === "string"
    ? [text.dedent(expected), text.ofNodes(nodes, options ?? {})]
    : text.ofShapes(nodes, isShapes(expected) ? expected : [expected], options ?? {})
  if (wanted.length === found.length && wanted.every((line, i) => line === found[i])) return
  throw new AssertionError(
    `the event tree is not as expected (- expected, + actual)\n\n${diff.lines(wanted, found).join("\n")}\n`,
    { actual: found.join("\n"), expected: wanted.join("\n") }
  )
}

/**
 * Lists what is wrong with a recorded lifecycle stream; nothing, if it is well-formed.
 *
 * @see {@link assertWellFormed} for the rules
 * @stability experimental
 * @category assertions
 * @since 0.1.0
 */
export const violations = (
  events: ReadonlyArray<LifecycleEvent>,
  options?: WellFormedOptions
): ReadonlyArray<string> =>
  wellFormed.violations(events, {
    contiguous: options?.contiguous ?? false,
    remoteParents: options?.remoteParents ?? false
  })

/**
 * Which rules `assertWellFormed` checks.
 *
 * **Details**
 *
 * - `contiguous`: sequence numbers leave no hole; off by default, since a filtered subscriber does not see all.
 * - `remoteParents`: a parent may be missing from the list, as below a scope that was continued from another process.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface WellFormedOptions {
  readonly contiguous?: boolean | undefined
  readonly remoteParents?: boolean | undefined
}

/**
 * Checks that a recorded stream of one runtime keeps the rules of lifecycle events.
 *
 * **Details**
 *
 * - Sequence numbers rise. (Lists in which all are 0, as read from foreign files, are exempt.)
 * - Timestamps never go backwards.
 * - A start comes once for each uuid, and exactly one end follows it, strictly later, with the same name, category,
 *   parent and root.
 * - A parent started before its children, and children have its `rootUuid`. A child may start or end after its parent's
 *   end (detached work); a mark may not.
 *
 * @throws {AssertionError} with all violations at once
 * @stability experimental
 * @category assertions
 * @since 0.1.0
 */
export const assertWellFormed = (events: ReadonlyArray<LifecycleEvent>, options?: WellFormedOptions): void => {
  const found = violations(events, options)
  if (found.length === 0) return
  throw new AssertionError(
    `the event stream is not well-formed, ${found.length} ${found.length === 1 ? "violation" : "violations"}\n\n${
      found.map((violation) => `  ${violation}`).join("\n")
    }\n`
  )
}

// internal

interface MutableNode extends Node {
  outcome: Outcome | undefined
  decisions: ReadonlyArray<DecisionRecord>
  start: ScopeStart | undefined
  end: ScopeEnd | undefined
  readonly marks: Array<Mark>
  readonly children: Array<Node>
  readonly entries: Array<Node | Mark>
}

const makeNode = (event: LifecycleEvent, category: string): MutableNode => ({
  uuid: event.uuid,
  name: event.name,
  category,
  outcome: undefined,
  decisions: [],
  start: undefined,
  end: undefined,
  marks: [],
  children: [],
  entries: []
})

const nodesOf = (tree: ReadonlyArray<LifecycleEvent> | ReadonlyArray<Node>): ReadonlyArray<Node> =>
  isNodes(tree) ? tree : fromEvents(tree)

const isNodes = (tree: ReadonlyArray<LifecycleEvent> | ReadonlyArray<Node>): tree is ReadonlyArray<Node> =>
  tree.length > 0 && "children" in tree[0]!

const isShapes = (expected: Shape | ReadonlyArray<Shape>): expected is ReadonlyArray<Shape> => Array.isArray(expected)
