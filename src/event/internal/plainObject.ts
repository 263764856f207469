/**
 * A constructor of plain objects, from a function that sets their fields: what `new` gives has the prototype of an object
 * literal, and is one for whoever gets it.
 *
 * For objects that are made for each event and kept until subscribers have handled it. V8 learns from object literals at
 * such a place that they survive collections of young objects, and from then on allocates them old; dead ones then keep
 * all that they refer to alive until the next full collection. That had made marks with a subscriber three times, and
 * calls 1.3 times as expensive. It does not learn from `new`.
 */
export const constructorOf = <Args extends ReadonlyArray<unknown>, A extends object>(
  assign: (this: A, ...args: Args) => void
): new(...args: Args) => A => {
  assign.prototype = Object.prototype
  return assign as unknown as new(...args: Args) => A
}

/** An array of one item, which can grow: for arrays that are kept in the same way. */
export const arrayOf = <A>(item: A): Array<A> => {
  const array = (one as ReadonlyArray<A>).slice()
  array[0] = item
  return array
}

// Not frozen: copying a frozen array is slow.
const one: ReadonlyArray<unknown> = [undefined]
