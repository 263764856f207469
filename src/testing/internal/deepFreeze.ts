const isFreezable = (value: object): boolean => {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null || proto === Array.prototype
}

/** Freezes plain objects and arrays, however deep and circular; leaves everything else as it is. Never throws. */
export const deepFreeze = <A>(root: A): A => {
  const pending: Array<unknown> = [root]
  const seen = new Set<unknown>()
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== "object" || value === null || seen.has(value)) continue
    seen.add(value)
    try {
      if (!isFreezable(value)) continue
      const descriptors = Object.getOwnPropertyDescriptors(value)
      Object.freeze(value)
      for (const key of Reflect.ownKeys(descriptors)) {
        const descriptor: PropertyDescriptor | undefined = Reflect.get(descriptors, key)
        if (descriptor !== undefined && "value" in descriptor) pending.push(descriptor.value)
      }
    } catch {
      continue
    }
  }
  return root
}
