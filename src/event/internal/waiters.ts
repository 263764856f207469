import * as Effect from "effect/Effect"

/**
 * Fibers that wait for a condition over mutable state. Whoever changes the state calls `notify`; a waiter is resumed
 * when its condition holds.
 */
export class Waiters {
  private waiting: Array<{ readonly ready: () => boolean; readonly resume: () => void }> = []

  until(ready: () => boolean): Effect.Effect<void> {
    return Effect.withFiber((fiber) =>
      Effect.callback<void>((resume) => {
        if (ready()) return resume(Effect.void)
        const { currentDispatcher } = fiber
        // Resumed in a turn of its own, so that it never runs nested inside of whoever notifies.
        const waiter = { ready, resume: () => currentDispatcher.scheduleTask(() => resume(Effect.void), 0) }
        this.waiting.push(waiter)
        return Effect.sync(() => {
          const index = this.waiting.indexOf(waiter)
          if (index >= 0) this.waiting.splice(index, 1)
        })
      })
    )
  }

  /** Called for each event while somebody waits: it makes nothing as long as nobody is to be resumed. */
  notify(): void {
    for (const waiter of this.waiting) if (waiter.ready()) return this.release()
  }

  private release(): void {
    const released = this.waiting.filter((waiter) => waiter.ready())
    this.waiting = this.waiting.filter((waiter) => !released.includes(waiter))
    for (const waiter of released) waiter.resume()
  }
}
