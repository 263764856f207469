/** The text form of an event tree. */
import type { Mark, Outcome } from "../../event/LifecycleEvent.ts"
import { printable } from "../../subscriber/internal/line.ts"
import { preview } from "../../subscriber/internal/preview.ts"
import type { Node, RenderOptions, Shape } from "../EventTree.ts"

/** Lines of one scope or mark and of all below it. */
interface Block {
  readonly key: string
  readonly lines: ReadonlyArray<string>
}

export const ofNodes = (nodes: ReadonlyArray<Node>, options: RenderOptions): ReadonlyArray<string> =>
  joined(nodes.map((node) => ofNode(node, options)), options).map((line) => line.trimEnd())

/** Lines of the shapes, and lines of the nodes with only those fields that the shape of the same name asks for. */
export const ofShapes = (
  nodes: ReadonlyArray<Node>,
  shapes: ReadonlyArray<Shape>,
  options: RenderOptions
): readonly [expected: ReadonlyArray<string>, actual: ReadonlyArray<string>] => [
  joined(shapes.map((shape) => ofShape(shape, options)), options),
  joined(viewed(nodes, shapes, options), options)
]

/** Lines without blank ones, without trailing spaces and without the indentation that all have in common. */
export const dedent = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "")
  const common = lines.reduce((least, line) => Math.min(least, line.length - line.trimStart().length), Infinity)
  return lines.map((line) => line.slice(common))
}

const joined = (blocks: ReadonlyArray<Block>, options: RenderOptions): ReadonlyArray<string> =>
  (options.sort ? blocks.toSorted(byKey) : blocks).flatMap((block) => block.lines)

// Compared by code units, not by locale, so that the order is the same everywhere.
const byKey = (a: Block, b: Block): number => {
  const left = `${a.key}\n${a.lines.join("\n")}`
  const right = `${b.key}\n${b.lines.join("\n")}`
  return left < right ? -1 : left > right ? 1 : 0
}

const indented = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((line) => `  ${line}`)

const ofNode = (node: Node, options: RenderOptions): Block => {
  const mark = markOf(node)
  if (mark !== undefined) return ofMark(mark, options)
  const below = options.sort
    ? [
      ...joined(node.marks.map((mark) => ofMark(mark, options)), options),
      ...ofNodes(node.children, options)
    ]
    : node.entries.flatMap((entry) => ("children" in entry ? ofNode(entry, options) : ofMark(entry, options)).lines)
  return {
    key: node.name,
    lines: [
      `${printable(node.category)} ${printable(node.name)} → ${outcomeOf(node)}`,
      ...indented([
        ...(options.data ? [...data("input", node.start?.data), ...data("output", node.end?.data)] : []),
        ...(options.decisions ? node.decisions.map(decision) : []),
        ...below
      ])
    ]
  }
}

const ofMark = (mark: Mark, options: RenderOptions): Block => {
  const category = mark.category === undefined ? "" : `${printable(mark.category)} `
  const severity = mark.severity === undefined ? "" : ` [${mark.severity}]`
  return {
    key: mark.name,
    lines: [
      `mark ${category}${printable(mark.name)}${severity}`,
      ...(options.data ? indented(data("data", mark.data)) : [])
    ]
  }
}

const ofShape = (shape: Shape, options: RenderOptions): Block => ({
  key: shape.name,
  lines: shapeLines(
    shape,
    joined((shape.marks ?? []).map(markName), options),
    joined((shape.children ?? []).map((child) => ofShape(child, options)), options)
  )
})

const viewed = (
  nodes: ReadonlyArray<Node>,
  shapes: ReadonlyArray<Shape>,
  options: RenderOptions
): ReadonlyArray<Block> => {
  const left = [...shapes]
  return nodes.map((node) => {
    const at = left.findIndex((shape) => shape.name === node.name)
    const [shape] = at === -1 ? [] : left.splice(at, 1)
    if (shape === undefined) return ofNode(node, options)
    const view: Shape = {
      name: node.name,
      category: shape.category === undefined ? undefined : node.category,
      outcome: shape.outcome === undefined ? undefined : node.outcome?._tag ?? "open"
    }
    return {
      key: node.name,
      lines: shapeLines(
        view,
        shape.marks === undefined ? [] : joined(node.marks.map((mark) => markName(mark.name)), options),
        shape.children === undefined ? [] : joined(viewed(node.children, shape.children, options), options)
      )
    }
  })
}

const shapeLines = (shape: Shape, marks: ReadonlyArray<string>, children: ReadonlyArray<string>) => [
  `${shape.category === undefined ? "" : `${printable(shape.category)} `}${printable(shape.name)}${
    shape.outcome === undefined ? "" : ` → ${shape.outcome}`
  }`,
  ...indented([...marks, ...children])
]

const markName = (name: string): Block => ({ key: name, lines: [`mark ${printable(name)}`] })

const markOf = (node: Node): Mark | undefined =>
  node.start === undefined && node.end === undefined ? node.marks[0] : undefined

const outcomeOf = (node: Node): string => {
  if (node.outcome === undefined) return "(open)"
  return node.start === undefined ? `${ofOutcome(node.outcome)} (start not recorded)` : ofOutcome(node.outcome)
}

const ofOutcome = (outcome: Outcome): string => {
  switch (outcome._tag) {
    case "Success":
      return "Success"
    case "Failure": {
      const error = outcome.error === undefined
        ? ""
        : ` ${printable(outcome.error.tag)}${
          outcome.error.message === "" ? "" : `: ${printable(outcome.error.message)}`
        }`
      return `${outcome.isDefect ? "Defect" : "Failure"}${error}`
    }
    case "Blocked":
      return `Blocked by ${printable(outcome.by)}: ${printable(outcome.reason)}`
    case "Interrupted":
      // The number of a fiber differs from run to run.
      return outcome.origin === undefined
        ? "Interrupted"
        : `Interrupted by ${outcome.origin.startsWith("fiber:") ? "fiber" : printable(outcome.origin)}`
  }
}

const decision = (record: Node["decisions"][number]): string =>
  `decision ${printable(record.guardrail)} ${record.verdict}${
    record.reason === undefined ? "" : `: ${printable(record.reason)}`
  }`

const data = (label: string, value: unknown): ReadonlyArray<string> =>
  value === undefined ? [] : [`${label} ${preview(value, 200)}`]
