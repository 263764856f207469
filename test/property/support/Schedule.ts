/**
 * A scheduler under the control of a test: it says before which operations a fiber yields, which waiting task runs next,
 * and at which step a watched fiber is interrupted.
 *
 * A step is a point at which Effect's run loop asks whether to yield, while a subject is watched and for every fiber that
 * did not exist before. Yielding at each of them parks a fiber before each operation of its.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/**
 * - `parked`: the fiber at that step yields, and the watched fiber is interrupted before anything else runs.
 * - `running`: the watched fiber is interrupted at once, from inside the run loop of the fiber at that step, which may be
 *   itself.
 */
export interface Interruption {
  readonly at: number
  readonly how: "parked" | "running"
}

export interface Plan {
  /** Whether the fiber at this step yields. */
  readonly yields: () => boolean
  /** Which of the waiting tasks runs next. Default: the oldest. */
  readonly pick?: ((waiting: number) => number) | undefined
  readonly interruption?: Interruption | undefined
  /** Whether fibers yield that existed before the watched one, such as those of the runtime. Default: no. */
  readonly everyone?: boolean | undefined
}

export const always: Plan["yields"] = () => true
/** Yields now and then, for a given share of the steps. */
export const sometimes = (next: () => number, share: number): Plan["yields"] => () => next() < share
export const never: Plan["yields"] = () => false

/** A small generator of numbers in [0, 1) (mulberry32). */
export const random = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export class Schedule implements Scheduler.Scheduler {
  readonly executionMode = "async"
  /** How many steps there were. */
  steps = 0
  /** Whether the interruption took place. */
  interrupted = false
  private readonly plan: Plan
  private readonly fibers = new Set<AnyFiber>()
  private readonly old = new Set<AnyFiber>()
  /** Operations that may pass: the resumption after a yield, and the one that the yield stood before. */
  private readonly passes = new WeakMap<AnyFiber, number>()
  private readonly tasks: Array<() => void> = []
  private urgent = false
  private pumping = false
  private turns = 0
  private target: AnyFiber | undefined = undefined

  constructor(plan: Plan) {
    this.plan = plan
  }

  shouldYield(fiber: AnyFiber): boolean {
    this.fibers.add(fiber)
    const { target } = this
    if (target === undefined) this.old.add(fiber)
    const passes = this.passes.get(fiber) ?? 0
    if (passes > 0) {
      this.passes.set(fiber, passes - 1)
      return false
    }
    let yields = false
    if (target !== undefined && !this.old.has(fiber)) yields = this.step(target)
    else if (this.plan.everyone === true) yields = this.plan.yields()
    if (yields) this.passes.set(fiber, 2)
    return yields
  }

  private step(target: AnyFiber): boolean {
    const { interruption, yields } = this.plan
    if (this.steps++ !== interruption?.at) return yields()
    this.interrupted = true
    if (interruption.how === "running") {
      target.interruptUnsafe(-1)
      return yields()
    }
    this.schedule(() => target.interruptUnsafe(-1), true)
    return true
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return {
      scheduleTask: (task) => this.schedule(task, false),
      flush: () => {
        while (this.tasks.length > 0) this.runOne()
      }
    }
  }

  /** Runs an effect in a fiber of its own, which is the one that is interrupted, and gives its exit. */
  watch<A, E, R>(subject: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, never, R> {
    return Effect.flatMap(Effect.forkDetach(subject), (fiber) => {
      this.target = fiber
      return Effect.map(Fiber.await(fiber), (exit) => {
        this.target = undefined
        return exit
      })
    })
  }

  /** Fibers that have not ended. */
  get alive(): ReadonlyArray<number> {
    return Array.from(this.fibers).filter((fiber) => fiber.pollUnsafe() === undefined).map((fiber) => fiber.id)
  }

  private schedule(task: () => void, first: boolean): void {
    if (first) {
      this.tasks.unshift(task)
      this.urgent = true
    } else this.tasks.push(task)
    this.pump()
  }

  private pump(): void {
    if (this.pumping) return
    this.pumping = true
    // Mostly a microtask, for speed, and now and then a turn of the event loop.
    if (++this.turns % 64 === 0) setImmediate(this.turn)
    else queueMicrotask(this.turn)
  }

  private readonly turn = (): void => {
    for (let n = 0; n < 16 && this.tasks.length > 0; n++) this.runOne()
    this.pumping = false
    if (this.tasks.length > 0) this.pump()
  }

  private runOne(): void {
    const { length } = this.tasks
    const index = this.urgent || length < 2 ? 0 : this.plan.pick?.(length) ?? 0
    this.urgent = false
    const [task] = this.tasks.splice(index, 1)
    task?.()
  }
}

/** Runs a whole program under a schedule; fails, saying where, when it hangs. */
export const run = async <A, E>(schedule: Schedule, program: Effect.Effect<A, E>): Promise<A> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it hangs after ${schedule.steps} steps`)), 15_000)
  })
  try {
    return await Promise.race([Effect.runPromise(program, { scheduler: schedule }), late])
  } finally {
    clearTimeout(timer)
  }
}
