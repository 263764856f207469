import type { Applies, Selection } from "./entry.ts"
import { isPromise } from "./promise.ts"

const includes = <A>(selected: A | ReadonlyArray<A> | undefined, value: unknown): boolean =>
  selected === undefined || selected === value || (Array.isArray(selected) && selected.includes(value))

const nameMatches = (selected: Selection<never>["name"], name: string): boolean => {
  if (!(selected instanceof RegExp)) return includes(selected, name)
  selected.lastIndex = 0
  return selected.test(name)
}

/** Whether an entry can apply to calls of this kind at all: decided once, not for each call. */
export const mayApply = (applies: Applies<never> | undefined, kind: "tool" | "llm"): boolean => {
  if (applies === undefined || typeof applies === "function") return true
  if (typeof applies === "string") return applies === kind
  return includes(applies.kind, kind)
}

/** Whether an entry applies. Throws what its predicate throws; anything but a boolean is an error. */
export const appliesTo = <Target>(
  applies: Applies<Target> | undefined,
  kind: string | undefined,
  name: string,
  target: Target
): boolean => {
  if (applies === undefined) return true
  if (typeof applies === "string") return applies === kind
  if (typeof applies === "function") return isTrue(applies(target))
  return includes(applies.kind, kind) && nameMatches(applies.name, name) &&
    (applies.when === undefined || isTrue(applies.when(target)))
}

const isTrue = (answer: unknown): boolean => {
  if (typeof answer === "boolean") return answer
  if (isPromise(answer)) throw new TypeError("applies must answer true or false, not a Promise")
  throw new TypeError(`applies must answer true or false, not ${typeof answer}`)
}

/** Says in words why an entry applies. */
export const describeApplies = (applies: Applies<never> | undefined): string => {
  if (applies === undefined) return "applies to every call"
  if (typeof applies === "string") return `kind is ${applies}`
  if (typeof applies === "function") return "its predicate answered true"
  const parts: Array<string> = []
  if (applies.kind !== undefined) parts.push(`kind is ${String(applies.kind)}`)
  if (applies.name !== undefined) parts.push(`name matches ${String(applies.name)}`)
  if (applies.when !== undefined) parts.push("its predicate answered true")
  return parts.length === 0 ? "applies to every call" : parts.join(", ")
}
