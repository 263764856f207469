import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { missingVariable, written } from "./problems.ts"
import type { Path } from "./tree.ts"

/** Annotation of a field whose value is hidden wherever a document is shown. */
export const secretKey = "heddle/secret"

const Name = Schema.String.check(
  Schema.makeFilter((name: string) => /^[A-Za-z_]\w*$/.test(name), { expected: "the name of an environment variable" })
)

/** What is written in a field that may come from the environment. */
export const Written = Schema.Union([
  Schema.String,
  Schema.Struct({ env: Name, default: Schema.optionalKey(Schema.String) })
]).annotate({ expected: "text, ${VARIABLE} in text, or { env: VARIABLE }" })

export const resolve = (
  input: typeof Written.Type,
  options: SchemaAST.ParseOptions
): Effect.Effect<string, SchemaIssue.Issue> =>
  typeof input === "string"
    ? substitute(input, options)
    : Effect.flatMap(read(input.env), (value) => {
      const text = value ?? input.default
      return text === undefined ? missing(input.env, options) : Effect.succeed(text)
    })

/** `${NAME}` and `${NAME:-default}`; `$${` is `${`. */
const reference = /\$(\$)?\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g

const substitute = Effect.fnUntraced(function*(text: string, options: SchemaAST.ParseOptions) {
  const values = new Map<string, string>()
  for (const [, escaped, name, fallback] of text.matchAll(reference)) {
    if (escaped !== undefined || name === undefined) continue
    const value = (yield* read(name)) ?? fallback
    if (value === undefined) return yield* missing(name, options)
    values.set(name, value)
  }
  return text.replaceAll(
    reference,
    (whole: string, escaped: string | undefined, name: string, fallback: string | undefined) =>
      escaped === undefined ? values.get(name) ?? fallback ?? "" : whole.slice(1)
  )
})

const read = (name: string): Effect.Effect<string | undefined> =>
  Effect.gen(function*() {
    const provider = yield* ConfigProvider.ConfigProvider
    return (yield* Effect.orElseSucceed(provider.load([name]), () => undefined))?.value
  })

const missing = (name: string, options: SchemaAST.ParseOptions) =>
  Effect.fail(
    new SchemaIssue.InvalidValue({ [missingVariable]: name, expected: "a variable that is set" }, name, options)
  )

export const passed = SchemaGetter.transform((text: string): string => text)

/** Whether the value at a path of this schema is to be hidden. */
export const isSecret = (ast: SchemaAST.AST, path: Path): boolean => {
  if (ast.annotations?.[secretKey] === true) return true
  const [key, ...rest] = path
  if (key === undefined) return false
  const side = written(ast)
  if (side._tag === "Union") return side.types.some((type) => isSecret(type, path))
  if (side._tag === "Arrays") return [...side.elements, ...side.rest].some((type) => isSecret(type, rest))
  if (side._tag !== "Objects") return false
  return side.propertySignatures.some(({ name, type }) => name === key && isSecret(type, rest)) ||
    side.indexSignatures.some(({ type }) => isSecret(type, rest))
}
