import * as Context from "effect/Context"
import * as Data from "effect/Data"

/**
 * What every registered entry has, whatever it does.
 */
export interface Registrable {
  readonly kind: string
  readonly name: string
  readonly priority: number
}

/**
 * An entry with the services that its callbacks run with.
 */
export interface Installed<Entry extends Registrable = Registrable> {
  readonly entry: Entry
  readonly context: Context.Context<never>
}

/**
 * Another entry of the same kind and name is already installed in this runtime.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class DuplicateEntry extends Data.TaggedError("DuplicateEntry")<{
  readonly kind: string
  readonly name: string
}> {
  override get message(): string {
    return `another ${this.kind} named "${this.name}" is already installed in this runtime; ` +
      `give each entry of a kind its own name, or install the same entry value again`
  }
}

interface Slot {
  readonly entry: Registrable
  readonly contexts: Array<Context.Context<never>>
}

/**
 * Entries installed in one runtime. `epoch` changes whenever what would run changes.
 */
export class Registry {
  private readonly slots = new Map<Registrable, Slot>()
  epoch = 0

  /** The entry of this kind and name, unless it is there for `except` alone. */
  find(kind: string, name: string, except?: EntryGroup): Registrable | undefined {
    for (const [entry, { contexts }] of this.slots) {
      if (entry.kind === kind && entry.name === name) {
        return except !== undefined && except.references(entry) === contexts.length ? undefined : entry
      }
    }
    return undefined
  }

  /** The first entry that would stand beside another one of its kind and name. */
  duplicate(entries: Iterable<Registrable>, except?: EntryGroup): DuplicateEntry | undefined {
    const seen = new Map<string, Registrable>()
    for (const entry of entries) {
      const key = `${entry.kind}\u0000${entry.name}`
      const other = seen.get(key) ?? this.find(entry.kind, entry.name, except)
      if (other !== undefined && other !== entry) return new DuplicateEntry({ kind: entry.kind, name: entry.name })
      seen.set(key, entry)
    }
    return undefined
  }

  /**
   * Installs entries, all or none, and returns the function that removes them.
   */
  install(
    entries: ReadonlyArray<Registrable>,
    context: Context.Context<never>
  ): DuplicateEntry | (() => void) {
    const duplicate = this.duplicate(entries)
    if (duplicate !== undefined) return duplicate
    for (const entry of entries) this.add(entry, context)
    let installed = true
    return () => {
      if (!installed) return
      installed = false
      for (const entry of entries) this.remove(entry, context)
    }
  }

  /**
   * Each installed entry once, with the services of its oldest installation.
   */
  installed(): Array<{ readonly installed: Installed; readonly references: number }> {
    return Array.from(this.slots.values(), (slot) => ({
      installed: { entry: slot.entry, context: slot.contexts[0]! },
      references: slot.contexts.length
    }))
  }

  /** Puts one group in the place of another at once: whoever looks sees the one or the other, as a whole. */
  swap(next: EntryGroup, before: EntryGroup | undefined): DuplicateEntry | undefined {
    const duplicate = this.duplicate(next.entries(), before)
    if (duplicate !== undefined) return duplicate
    before?.leave((entry, context) => this.remove(entry, context))
    next.enter((entry, context) => this.add(entry, context))
    return undefined
  }

  private add(entry: Registrable, context: Context.Context<never>): void {
    const slot = this.slots.get(entry)
    if (slot === undefined) this.slots.set(entry, { entry, contexts: [context] })
    else slot.contexts.push(context)
    this.epoch++
  }

  remove(entry: Registrable, context: Context.Context<never>): void {
    const slot = this.slots.get(entry)
    if (slot === undefined) return
    const index = slot.contexts.indexOf(context)
    if (index >= 0) slot.contexts.splice(index, 1)
    if (slot.contexts.length === 0) this.slots.delete(entry)
    this.epoch++
  }
}

interface Part {
  readonly entries: ReadonlyArray<Registrable>
  readonly context: Context.Context<never>
}

/**
 * Entries that wait until all of them are there, to take their places at once, and in the place of another group.
 */
export class EntryGroup {
  readonly registry: Registry
  private readonly before: EntryGroup | undefined
  private readonly parts = new Set<Part>()
  private place: "waiting" | "in" | "out" = "waiting"

  constructor(registry: Registry, before: EntryGroup | undefined) {
    this.registry = registry
    this.before = before
  }

  /** As that of the registry; what comes after the group has taken its place does so at once. */
  install(
    entries: ReadonlyArray<Registrable>,
    context: Context.Context<never>
  ): DuplicateEntry | (() => void) {
    if (this.place !== "waiting") return this.registry.install(entries, context)
    const duplicate = this.registry.duplicate([...this.entries(), ...entries], this.before)
    if (duplicate !== undefined) return duplicate
    const part: Part = { entries, context }
    this.parts.add(part)
    return () => {
      if (!this.parts.delete(part) || this.place !== "in") return
      for (const entry of entries) this.registry.remove(entry, context)
    }
  }

  *entries(): Generator<Registrable> {
    for (const part of this.parts) yield* part.entries
  }

  /** How often an entry is in the registry for this group. */
  references(entry: Registrable): number {
    if (this.place !== "in") return 0
    let count = 0
    for (const each of this.entries()) if (each === entry) count++
    return count
  }

  enter(add: (entry: Registrable, context: Context.Context<never>) => void): void {
    this.place = "in"
    for (const { context, entries } of this.parts) for (const entry of entries) add(entry, context)
  }

  leave(remove: (entry: Registrable, context: Context.Context<never>) => void): void {
    if (this.place !== "in") return
    this.place = "out"
    for (const { context, entries } of this.parts) for (const entry of entries) remove(entry, context)
  }
}

/** The group that layers of entries install into, while a group is made. */
export const CurrentGroup = Context.Reference<EntryGroup | undefined>("heddle/event/EntryGroup", {
  defaultValue: () => undefined
})

/** Where entries for a runtime are to be installed from here. */
export const placeFor = (registry: Registry, group: EntryGroup | undefined): Pick<Registry, "install"> =>
  group?.registry === registry ? group : registry
