/**
 * Random programs of scopes, managed calls, forks, failures and middleware, and what must be true of them.
 *
 * A part of a program is known by its path. `placesOf` says, without running anything, under which scope each name of a
 * program belongs and which entries are in place there.
 */
import * as fc from "fast-check"

export type EntryKind =
  | "allow"
  | "allowLater"
  | "shadow"
  | "rejectSome"
  | "rewrite"
  | "rewriteLater"
  | "pass"
  | "twice"
  | "racing"
  | "scoped"
  | "replace"
  | "broken"
  | "judge"

export type Program =
  | { readonly _tag: "Mark" | "Yield" | "Fail" | "Die" | "Interrupt" }
  | { readonly _tag: "Seq" | "Parallel" | "Race" | "RaceFirst"; readonly parts: ReadonlyArray<Program> }
  | { readonly _tag: "ForkChild" | "ForkDetach" | "Cut"; readonly child: Program; readonly after: Program }
  | { readonly _tag: "Catch" | "Scope" | "Under" | "Tool" | "Model"; readonly child: Program }
  | { readonly _tag: "Within"; readonly inside: Program; readonly beside: Program; readonly late: Program }
  | {
    readonly _tag: "Stream" | "Flow"
    readonly provider: ReadonlyArray<Program>
    readonly consumer: Program
    readonly take: number | undefined
    readonly entries: ReadonlyArray<EntryKind>
  }
  | { readonly _tag: "Provide"; readonly entries: ReadonlyArray<EntryKind>; readonly child: Program }
  | { readonly _tag: "Watch"; readonly how: "plain" | "slow" | "loud" | "suspending"; readonly child: Program }

const entries = fc.uniqueArray(
  fc.constantFrom<EntryKind>(
    "allow",
    "allowLater",
    "shadow",
    "rejectSome",
    "rewrite",
    "rewriteLater",
    "pass",
    "twice",
    "racing",
    "scoped",
    "replace",
    "broken",
    "judge"
  ),
  { maxLength: 3 }
)

const leaf: fc.Arbitrary<Program> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Program>({ _tag: "Mark" }) },
  { weight: 3, arbitrary: fc.constant<Program>({ _tag: "Yield" }) },
  { weight: 1, arbitrary: fc.constantFrom<Program>({ _tag: "Fail" }, { _tag: "Die" }, { _tag: "Interrupt" }) }
)

export const program: fc.Arbitrary<Program> = fc.letrec<{ program: Program }>((tie) => {
  const child = tie("program")
  const parts = fc.array(child, { minLength: 1, maxLength: 3 })
  return {
    program: fc.oneof(
      { maxDepth: 5, depthSize: "medium", depthIdentifier: "program" },
      leaf,
      fc.record({ _tag: fc.constant("Seq"), parts: fc.array(child, { minLength: 2, maxLength: 4 }) }),
      fc.record({ _tag: fc.constantFrom("Parallel", "Race", "RaceFirst"), parts }),
      fc.record({ _tag: fc.constantFrom("ForkChild", "ForkDetach", "Cut"), child, after: child }),
      fc.record({ _tag: fc.constantFrom("Catch", "Scope", "Under", "Tool", "Model"), child }),
      fc.record({ _tag: fc.constantFrom("Tool", "Scope"), child }),
      fc.record({ _tag: fc.constant("Within"), inside: child, beside: child, late: child }),
      fc.record({
        _tag: fc.constantFrom("Stream", "Stream", "Flow"),
        provider: fc.array(child, { minLength: 1, maxLength: 3 }),
        consumer: child,
        take: fc.option(fc.nat(2), { nil: undefined }),
        entries: fc.oneof(fc.constant([]), entries)
      }),
      fc.record({ _tag: fc.constant("Provide"), entries, child }),
      fc.record({ _tag: fc.constant("Watch"), how: fc.constantFrom("plain", "slow", "loud", "suspending"), child })
    ) as fc.Arbitrary<Program>
  }
}).program

/** Where a name belongs. */
export interface Place {
  /** Name of the scope around it. */
  readonly parent: string | undefined
  /** Names of the entries in place, outermost first; those of one aspect are sorted. */
  readonly entries: ReadonlyArray<string>
  /** Paths of the subscribers around it; those that it may outlive, being forked, are in `maybe` as well. */
  readonly watchers: ReadonlyArray<string>
  readonly maybe: ReadonlyArray<string>
}

export const entryName = (kind: EntryKind, path: string): string => `entry ${kind} ${path}`

const entryNames = (kinds: ReadonlyArray<EntryKind>, path: string): ReadonlyArray<string> =>
  kinds.map((kind) => entryName(kind, path)).toSorted()

export const nameOf = (tag: Program["_tag"] | "Closing", path: string): string => `${tag} ${path}`

export const placesOf = (program: Program): ReadonlyMap<string, Place> => {
  const places = new Map<string, Place>()
  walk(program, "0", { parent: "outer", entries: [], watchers: [], maybe: [] }, places)
  return places
}

const walk = (program: Program, path: string, place: Place, places: Map<string, Place>): void => {
  const name = nameOf(program._tag, path)
  places.set(name, place)
  const into = (child: Program, index: number, inside: Place) => walk(child, `${path}.${index}`, inside, places)
  switch (program._tag) {
    case "Seq":
    case "Parallel":
    case "Race":
    case "RaceFirst":
      return program.parts.forEach((part, index) => into(part, index, place))
    case "ForkChild":
    case "ForkDetach":
    case "Cut":
      into(program.child, 0, { ...place, maybe: place.watchers })
      return into(program.after, 1, place)
    case "Catch":
      return into(program.child, 0, place)
    case "Under":
      places.set(name, { ...place, parent: "outer" })
      return into(program.child, 0, { ...place, parent: name })
    case "Scope":
    case "Tool":
    case "Model":
      return into(program.child, 0, { ...place, parent: name })
    case "Within":
      into(program.inside, 0, { ...place, parent: name })
      into(program.beside, 1, place)
      return into(program.late, 2, { ...place, parent: name })
    case "Flow":
    case "Stream": {
      const provided = { ...place, entries: [...place.entries, ...entryNames(program.entries, path)] }
      places.set(name, provided)
      const inside = program._tag === "Flow" ? provided : { ...provided, parent: name }
      places.set(nameOf("Closing", path), inside)
      program.provider.forEach((part, index) => into(part, index, inside))
      return into(program.consumer, program.provider.length, place)
    }
    case "Provide":
      return into(program.child, 0, { ...place, entries: [...place.entries, ...entryNames(program.entries, path)] })
    case "Watch":
      return into(program.child, 0, { ...place, watchers: [...place.watchers, path] })
    default:
      return
  }
}
