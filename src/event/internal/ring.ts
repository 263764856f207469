/**
 * Growable circular buffer. It keeps the order of insertion and never refuses: its owner decides when it is full.
 */
export class Ring<A> {
  private items: Array<A | undefined> = empty(64)
  private mask = 63
  private head = 0
  size = 0

  push(item: A): void {
    if (this.size > this.mask) this.grow()
    this.items[(this.head + this.size) & this.mask] = item
    this.size++
  }

  peek(): A | undefined {
    return this.size === 0 ? undefined : this.items[this.head]
  }

  shift(): A | undefined {
    if (this.size === 0) return undefined
    const item = this.items[this.head]
    this.items[this.head] = undefined
    this.head = (this.head + 1) & this.mask
    this.size--
    // Half a megabyte is kept for the next burst: growing anew costs more than a tenth of a microsecond for each event.
    if (this.size === 0 && this.mask > 65_535) this.reset()
    return item
  }

  private grow(): void {
    const capacity = (this.mask + 1) * 2
    const items = empty<A>(capacity)
    for (let i = 0; i < this.size; i++) items[i] = this.items[(this.head + i) & this.mask]
    this.items = items
    this.mask = capacity - 1
    this.head = 0
  }

  private reset(): void {
    this.items = empty(64)
    this.mask = 63
    this.head = 0
  }
}

// Not `Array.from`, which calls a function for each place: with many agents at once a ring has tens of thousands.
const empty = <A>(length: number): Array<A | undefined> => {
  const items: Array<A | undefined> = []
  items.length = length
  return items.fill(undefined)
}
