/** Gives an object a property of its own in place of what it inherits. */
export const replace = (target: object, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: false })
}
