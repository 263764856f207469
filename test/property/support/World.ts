/** Runs a random program and writes down what its parts saw. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { AgentRuntime } from "../../../src/AgentRuntime.ts"
import {
  ExecutionScope,
  Guardrail,
  Intercept,
  type LifecycleEvent,
  LlmCall,
  Mark,
  Middleware,
  Subscriber,
  ToolCall
} from "../../../src/index.ts"
import { type EntryKind, entryName, nameOf, type Program } from "./Program.ts"

type Run = Effect.Effect<void, unknown, AgentRuntime>

export class World {
  /** Names of the entries in place at each mark, in the order of levels. */
  readonly seen: Array<{ readonly at: string; readonly entries: ReadonlyArray<string> }> = []
  /** Which entry was asked about which call. */
  readonly asked: Array<{ readonly entry: string; readonly call: string }> = []
  /** Calls whose work ran. */
  readonly worked = new Set<string>()
  /** What each subscriber got. */
  readonly heard = new Map<string, Array<LifecycleEvent.LifecycleEvent>>()
  private readonly detached: Array<Fiber.Fiber<void, unknown>> = []
  private readonly program: Program
  private outer: ExecutionScope.ScopeHandle | undefined

  constructor(program: Program) {
    this.program = program
  }

  get run(): Run {
    return Effect.flatMap(ExecutionScope.current, (current) => {
      if (current._tag === "Some") this.outer = current.value
      return this.perform(this.program, "0")
    })
  }

  /** Waits for what was detached. */
  readonly settle: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(Fiber.awaitAll(this.detached)))

  private perform(program: Program, path: string): Run {
    const name = nameOf(program._tag, path)
    const part = (child: Program, index: number) => this.perform(child, `${path}.${index}`)
    switch (program._tag) {
      case "Mark":
        return Effect.andThen(this.look(name), Mark.emit(name))
      case "Yield":
        return Effect.andThen(Effect.yieldNow, Effect.promise(() => Promise.resolve()))
      case "Fail":
        return Effect.fail("failed")
      case "Die":
        return Effect.die("died")
      case "Interrupt":
        return Effect.interrupt
      case "Seq":
        return Effect.forEach(program.parts, part, { discard: true })
      case "Parallel":
        return Effect.forEach(program.parts, part, { discard: true, concurrency: "unbounded" })
      case "Race":
        return Effect.raceAll(program.parts.map(part))
      case "RaceFirst":
        return Effect.raceAllFirst(program.parts.map(part))
      case "ForkChild":
        return Effect.flatMap(
          Effect.forkChild(part(program.child, 0)),
          (fiber) => Effect.andThen(part(program.after, 1), Fiber.join(fiber))
        )
      case "ForkDetach":
        return Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(Effect.forkDetach(restore(part(program.child, 0))), (fiber) => {
            this.detached.push(fiber)
            return restore(Effect.andThen(part(program.after, 1), Fiber.join(fiber)))
          })
        )
      case "Cut":
        return Effect.flatMap(
          Effect.forkChild(part(program.child, 0)),
          (fiber) => Effect.andThen(part(program.after, 1), Fiber.interrupt(fiber))
        )
      case "Catch":
        return Effect.asVoid(Effect.exit(part(program.child, 0)))
      case "Scope":
        return ExecutionScope.run({ name, category: "agent" })(part(program.child, 0))
      case "Under":
        return Effect.scoped(Effect.flatMap(
          ExecutionScope.open({ name, category: "function", parent: this.outer }),
          (handle) => ExecutionScope.within(handle)(part(program.child, 0))
        ))
      case "Within":
        return Effect.flatMap(
          Effect.scoped(Effect.flatMap(
            ExecutionScope.open({ name, category: "function" }),
            (handle) =>
              part(program.inside, 0).pipe(
                ExecutionScope.within(handle),
                Effect.andThen(part(program.beside, 1)),
                Effect.as(handle)
              )
          )),
          (handle) => ExecutionScope.within(handle)(part(program.late, 2))
        )
      case "Tool":
        return ToolCall.run({ name, input: { path } }, () => this.work(name, part(program.child, 0)))
      case "Model":
        return LlmCall.run(
          { name, request: { headers: {}, body: { path } } },
          () => this.work(name, part(program.child, 0))
        )
      case "Flow":
      case "Stream": {
        const provider = Stream.fromIterable(program.provider.map((child, index) => ({ child, index }))).pipe(
          Stream.rechunk(1),
          Stream.mapEffect(({ child, index }) => Effect.as(part(child, index), `${index} `)),
          Stream.ensuring(Effect.andThen(this.look(nameOf("Closing", path)), Mark.emit(nameOf("Closing", path))))
        )
        const stream = program._tag === "Flow" ? provider : LlmCall.stream(
          { name, request: { headers: {}, body: { path } } },
          () =>
            Stream.suspend(() => {
              this.worked.add(name)
              return provider
            })
        )
        const provided = stream.pipe(Middleware.provide(...this.entries(program.entries, path)))
        return Stream.runForEach(
          program.take === undefined ? provided : Stream.take(provided, program.take),
          () => part(program.consumer, program.provider.length)
        )
      }
      case "Provide":
        return part(program.child, 0).pipe(Middleware.provide(...this.entries(program.entries, path)))
      case "Watch":
        return this.watch(program.how, path, part(program.child, 0))
    }
  }

  private work<A, E, R>(call: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.worked.add(call)
      return effect
    })
  }

  private look(at: string): Effect.Effect<void, never, AgentRuntime> {
    return Effect.map(Middleware.registrations, (registrations) => {
      const sorted = registrations.toSorted((a, b) => a.level - b.level || (a.name < b.name ? -1 : 1))
      this.seen.push({ at, entries: sorted.map(({ name }) => name) })
    })
  }

  private watch(how: "plain" | "slow" | "loud" | "suspending", path: string, effect: Run): Run {
    return Effect.suspend(() => {
      const heard = this.heard.get(path) ?? []
      this.heard.set(path, heard)
      return effect.pipe(Subscriber.provide({
        name: `watcher ${path}`,
        handle: (event) => {
          heard.push(event)
          if (how === "plain") return
          return how === "loud"
            ? ToolCall.run({ name: "heard", input: event.name }, () => Mark.emit("heard inside"))
            : Effect.andThen(Effect.yieldNow, Effect.yieldNow)
        },
        ...(how === "suspending" ? { buffer: { capacity: 2, strategy: "suspend" } } : undefined)
      }))
    })
  }

  private entries(kinds: ReadonlyArray<EntryKind>, path: string): ReadonlyArray<Middleware.Entry<AgentRuntime>> {
    return kinds.map((kind) => this.entry(kind, entryName(kind, path)))
  }

  private entry(kind: EntryKind, name: string): Middleware.Entry<AgentRuntime> {
    const ask = (call: Middleware.Call) => {
      this.asked.push({ entry: name, call: call.name })
    }
    const guardrail = (decide: (call: Middleware.Call) => Guardrail.Decision, mode: "enforce" | "shadow" = "enforce") =>
      Guardrail.make({
        name,
        mode,
        check: (call) => {
          ask(call)
          return decide(call)
        }
      })
    switch (kind) {
      case "allow":
        return guardrail(() => Guardrail.allow)
      case "shadow":
        return guardrail(() => Guardrail.reject("shadow"), "shadow")
      case "rejectSome":
        return guardrail((call) => call.name.length % 3 === 0 ? Guardrail.reject("length") : Guardrail.allow)
      case "allowLater":
        return Guardrail.make({
          name,
          check: (call) =>
            Effect.sync(() => ask(call)).pipe(
              Effect.andThen(Mark.emit(name)),
              Effect.andThen(Effect.yieldNow),
              Effect.as(Guardrail.allow)
            )
        })
      case "rewrite":
      case "rewriteLater":
        return Intercept.request({
          name,
          transform: (call) => {
            ask(call)
            const changed = { ...call, metadata: { by: name } }
            return kind === "rewrite" ? changed : Effect.as(Effect.yieldNow, changed)
          }
        })
      case "pass":
      case "twice":
        return Intercept.execution({
          name,
          around: (call, next) => {
            ask(call)
            return kind === "pass" ? next() : Effect.andThen(next(), next())
          },
          stream: (call, next) => {
            ask(call)
            return kind === "pass" ? next() : Stream.concat(next(), next())
          }
        })
      case "racing":
        return Intercept.execution({ name, around: (_call, next) => Effect.raceFirst(next(), next()) })
      case "scoped":
        return Intercept.execution({
          name,
          around: (_call, next) => ExecutionScope.run({ name, category: "function" })(next())
        })
      case "replace":
        return Intercept.execution({
          name,
          around: () => Mark.emit(name),
          stream: () => Stream.make("instead")
        })
      case "broken":
        return Intercept.execution({
          name,
          around: (call, next) => call.name.length % 2 === 0 ? Effect.fail("broken") : next(),
          stream: (_call, next) => Stream.concat(next(), Stream.fail("broken"))
        })
      case "judge":
        return Guardrail.output({
          name,
          hold: "boundary",
          check: (output) =>
            Effect.as(
              Effect.andThen(Effect.yieldNow, Mark.emit(name)),
              output.text === "2 " ? Guardrail.reject("2") : Guardrail.allow
            )
        })
    }
  }
}
