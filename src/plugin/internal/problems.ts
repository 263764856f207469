/**
 * What a schema says against a value, as a person would say it: everything at once, each with its path.
 *
 * Values are told only where they stand for a choice, since anything else may be a secret.
 *
 * @since 0.1.0
 */
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import { isRecord } from "../../event/internal/openRecord.ts"
import { nearest } from "./nearest.ts"
import type { Key, Path } from "./tree.ts"

export interface Problem {
  readonly code: "missing_field" | "unknown_field" | "unsupported_value" | "invalid_value" | "missing_variable"
  readonly path: Path
  readonly message: string
  readonly suggestion: string | undefined
}

/** Marks an issue as that of a variable of the environment that is not set. */
export const missingVariable = "heddle/missingVariable"

export const problemsOf = (issue: SchemaIssue.Issue, input: unknown): Array<Problem> =>
  visit(issue, [], input, undefined)

// The value at a path is read from the document, since an issue need not have it.
const visit = (
  issue: SchemaIssue.Issue,
  path: Path,
  input: unknown,
  ast: SchemaAST.AST | undefined
): Array<Problem> => {
  switch (issue._tag) {
    case "Pointer": {
      let inner = input
      const keys = issue.path.map(keyOf)
      for (const key of keys) inner = valueAt(inner, key)
      return visit(issue.issue, [...path, ...keys], inner, keys.length === 1 ? typeAt(ast, keys[0]!) : undefined)
    }
    case "Composite":
      return issue.issues.flatMap((each) => visit(each, path, input, issue.ast))
    case "Encoding":
      return visit(issue.issue, path, input, issue.ast)
    case "Filter": {
      const expected = issue.filter.annotations?.["expected"]
      const inner = visit(issue.issue, path, input, ast)
      return typeof expected !== "string" || issue.issue._tag !== "InvalidValue" ? inner : [
        problem("invalid_value", path, `expected ${expected}, got ${typeOf(input)}`)
      ]
    }
    case "MissingKey":
      return [
        problem("missing_field", path, ast === undefined ? "is missing" : `is missing: expected ${expectedOf(ast)}`)
      ]
    case "UnexpectedKey": {
      const key = String(path.at(-1))
      const known = fieldsOf(issue.ast)
      const message = known.length === 0 ? "is not expected here" : `is not known here; expected ${list(known)}`
      return [problem("unknown_field", path, message, nearest(key, known))]
    }
    case "InvalidType":
      return [problem("invalid_value", path, `expected ${expectedOf(issue.ast)}, got ${typeOf(input)}`)]
    case "InvalidValue":
    case "Forbidden": {
      const { annotations } = issue
      const text = annotations?.["message"] ?? annotations?.["expected"]
      if (typeof annotations?.[missingVariable] === "string") {
        return [problem("missing_variable", path, `environment variable ${annotations[missingVariable]} is not set`)]
      }
      if (typeof text !== "string") {
        return [problem("invalid_value", path, `expected ${ast === undefined ? "another value" : expectedOf(ast)}`)]
      }
      return [problem("invalid_value", path, annotations?.["message"] === text ? text : `expected ${text}`)]
    }
    case "AnyOf":
      return choose(issue, path, input)
    case "OneOf":
      return [problem("invalid_value", path, `fits more than one of ${expectedOf(issue.ast)}`)]
  }
}

const choose = (issue: SchemaIssue.AnyOf, path: Path, input: unknown): Array<Problem> => {
  const { ast } = issue
  const choices = literalsOf(ast)
  if (choices.length > 0 && choices.length === ast.types.length) return [notAmong(choices, path, input)]
  const tagged = isRecord(input) ? discriminatorOf(ast) : undefined
  if (tagged !== undefined && isRecord(input)) {
    const at = [...path, tagged.key]
    if (!Object.hasOwn(input, tagged.key)) {
      return [problem("missing_field", at, `is missing: expected ${list(tagged.choices)}`)]
    }
    const tag = input[tagged.key]
    // Only text and its like is safely made into text.
    if (typeof tag === "object" || !tagged.choices.includes(String(tag))) return [notAmong(tagged.choices, at, tag)]
  }
  // Of several forms the one that was meant is that with the least against it.
  const inner = issue.issues
    .filter((each) => each._tag === "Composite" || each._tag === "Filter" || each._tag === "Pointer")
    .map((each) => visit(each, path, input, ast))
    .toSorted((a, b) => a.length - b.length)
  return inner[0] ?? [problem("invalid_value", path, `expected ${expectedOf(ast)}, got ${typeOf(input)}`)]
}

const notAmong = (choices: ReadonlyArray<string>, path: Path, input: unknown): Problem =>
  problem(
    typeof input === "object" ? "invalid_value" : "unsupported_value",
    path,
    `expected ${list(choices)}, got ${shown(input)}`,
    typeof input === "string" ? nearest(input, choices) : undefined
  )

const problem = (code: Problem["code"], path: Path, message: string, suggestion?: string): Problem => ({
  code,
  path,
  message,
  suggestion
})

// schemas

/** The side of a schema that documents are written in. */
export const written = (ast: SchemaAST.AST): SchemaAST.AST => {
  const { encoding } = ast
  return encoding === undefined ? ast : written(encoding[encoding.length - 1]!.to)
}

const typeAt = (ast: SchemaAST.AST | undefined, key: Key): SchemaAST.AST | undefined => {
  if (ast === undefined) return undefined
  if (ast._tag === "Objects") return ast.propertySignatures.find((field) => field.name === key)?.type
  return ast._tag === "Arrays" ? ast.elements[Number(key)] ?? ast.rest[0] : undefined
}

const fieldsOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  const side = written(ast)
  if (side._tag === "Union") return Array.from(new Set(side.types.flatMap(fieldsOf)))
  return side._tag === "Objects" ? side.propertySignatures.map(({ name }) => String(name)) : []
}

const literalsOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  const side = written(ast)
  if (side._tag === "Literal") return [String(side.literal)]
  return side._tag === "Union" ? side.types.flatMap(literalsOf) : []
}

/** The field by which the forms of a union differ. */
const discriminatorOf = (
  ast: SchemaAST.Union
): { readonly key: string; readonly choices: ReadonlyArray<string> } | undefined => {
  const forms = ast.types.map(written).filter((form) => form._tag === "Objects")
  for (const field of forms[0]?.propertySignatures ?? []) {
    const choices = forms.map((form) => literalsOf(typeAt(form, String(field.name)) ?? form))
    if (choices.every((each) => each.length > 0)) return { key: String(field.name), choices: choices.flat() }
  }
  return undefined
}

const expectedOf = (ast: SchemaAST.AST): string => {
  for (let check = ast.checks?.length ?? 0; check > 0; check--) {
    const expected = ast.checks?.[check - 1]?.annotations?.["expected"]
    if (typeof expected === "string") return expected
  }
  const { expected } = ast.annotations ?? {}
  if (typeof expected === "string") return expected
  const side = written(ast)
  if (side !== ast) return expectedOf(side)
  switch (side._tag) {
    case "String":
    case "TemplateLiteral":
      return "text"
    case "Number":
      return "a number"
    case "Boolean":
      return "true or false"
    case "Objects":
      return side.propertySignatures.length === 0
        ? "an object"
        : `an object with ${list(side.propertySignatures.map(({ name }) => String(name)))}`
    case "Arrays":
      return "a list"
    case "Literal":
      return JSON.stringify(String(side.literal))
    case "Null":
      return "null"
    case "Union":
      return alternatives(side.types.map(expectedOf))
    default:
      return String(side.annotations?.["identifier"] ?? side.annotations?.["title"] ?? "another value")
  }
}

// text

const keyOf = (key: PropertyKey): Key => typeof key === "symbol" ? String(key) : key

const valueAt = (value: unknown, key: Key): unknown => {
  if (Array.isArray(value)) return value[Number(key)]
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

const typeOf = (value: unknown): string => {
  if (value === undefined || value === null) return "nothing"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "string") return value === "" ? "an empty text" : "text"
  if (typeof value === "object") return "an object"
  return typeof value === "number" || typeof value === "boolean" ? String(value) : `a ${typeof value}`
}

/** A choice may be shown, cut. */
const shown = (value: unknown): string =>
  typeof value === "string" && value !== "" && /^[\w -]{1,32}$/.test(value) ? JSON.stringify(value) : typeOf(value)

const alternatives = (texts: ReadonlyArray<string>): string => Array.from(new Set(texts)).join(" or ")

export const list = (names: ReadonlyArray<string>): string => {
  const unique = Array.from(new Set(names))
  if (unique.length > 12) return `${unique.slice(0, 12).join(", ")} or ${unique.length - 12} others`
  return unique.length < 2 ? unique.join() : `${unique.slice(0, -1).join(", ")} or ${unique.at(-1)!}`
}
