import type { Kernel } from "../../event/internal/kernel.ts"
import type { Span } from "../../event/internal/span.ts"

/** What is open under a scope and must not outlive it. */
export interface Guest {
  /** The scope around it ends: so must it. */
  readonly leave: () => void
}

/** The guests of one runtime, by the scope that they end with. */
class Guests {
  private readonly byHost = new Map<Span, Set<Guest>>()

  add(host: Span, guest: Guest): void {
    const guests = this.byHost.get(host)
    if (guests === undefined) this.byHost.set(host, new Set([guest]))
    else guests.add(guest)
  }

  remove(host: Span, guest: Guest): void {
    const guests = this.byHost.get(host)
    if (guests?.delete(guest) === true && guests.size === 0) this.byHost.delete(host)
  }

  /** The last that came leaves first. */
  close(host: Span): void {
    const guests = this.byHost.get(host)
    if (guests === undefined) return
    this.byHost.delete(host)
    for (const guest of Array.from(guests).toReversed()) guest.leave()
  }
}

/** Ends a guest just before its host ends, unless it has gone by then. Gives what lets it go. */
export const keep = (host: Span, guest: Guest): () => void => {
  const guests = guestsOf(host.kernel)
  guests.add(host, guest)
  return () => guests.remove(host, guest)
}

/** A kernel has no guests until it has the first one. */
const guestsOf = (kernel: Kernel): Guests => {
  if (kernel.guests instanceof Guests) return kernel.guests
  const guests = new Guests()
  kernel.guests = guests
  return guests
}
