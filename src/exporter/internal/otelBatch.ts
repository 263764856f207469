import type { NonEmptyReadonlyArray } from "effect/Array"
import type { Kernel } from "../../event/internal/kernel.ts"
import type { LifecycleEvent } from "../../event/LifecycleEvent.ts"
import type { Assembler, PlacedMark } from "./otelAssembler.ts"
import type { FinishedScope } from "./otelScope.ts"

/**
 * Projects batches one after the other, each of them once: a batch that is tried again gives what it gave before. An event
 * that cannot be projected is left out and reported, and so are scopes whose end never came.
 */
export const batches = <A, B>(
  kernel: Kernel,
  name: string,
  one: (completed: FinishedScope | PlacedMark) => A | undefined,
  all: (items: ReadonlyArray<A>) => B,
  assembler: Assembler
): (events: NonEmptyReadonlyArray<LifecycleEvent>) => B => {
  let abandoned = 0
  let last: ReadonlyArray<LifecycleEvent> | undefined
  let result: B
  return (events) => {
    if (events === last) return result
    const items: Array<A> = []
    for (const event of events) {
      try {
        const completed = assembler.add(event)
        const item = completed === undefined ? undefined : one(completed)
        if (item !== undefined) items.push(item)
      } catch (defect) {
        kernel.trouble("projection failed", name, defect)
      }
    }
    if (assembler.abandoned > abandoned) {
      abandoned = assembler.abandoned
      kernel.trouble("scopes given up", name, { withoutEnd: abandoned })
    }
    result = all(items)
    last = events
    return result
  }
}
