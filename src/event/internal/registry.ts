import type * as Context from "effect/Context"
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

  find(kind: string, name: string): Registrable | undefined {
    for (const entry of this.slots.keys()) {
      if (entry.kind === kind && entry.name === name) return entry
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
    const seen = new Map<string, Registrable>()
    for (const entry of entries) {
      const key = `${entry.kind}\u0000${entry.name}`
      const other = seen.get(key) ?? this.find(entry.kind, entry.name)
      if (other !== undefined && other !== entry) return new DuplicateEntry({ kind: entry.kind, name: entry.name })
      seen.set(key, entry)
    }
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

  private add(entry: Registrable, context: Context.Context<never>): void {
    const slot = this.slots.get(entry)
    if (slot === undefined) this.slots.set(entry, { entry, contexts: [context] })
    else slot.contexts.push(context)
    this.epoch++
  }

  private remove(entry: Registrable, context: Context.Context<never>): void {
    const slot = this.slots.get(entry)
    if (slot === undefined) return
    const index = slot.contexts.indexOf(context)
    if (index >= 0) slot.contexts.splice(index, 1)
    if (slot.contexts.length === 0) this.slots.delete(entry)
    this.epoch++
  }
}
