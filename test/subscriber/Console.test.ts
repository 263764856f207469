import { assert, describe, it } from "@effect/vitest"
import * as EffectConsole from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { TestConsole } from "effect/testing"
import { AgentRuntime, Console, ExecutionScope, Mark, Subscriber, ToolCall } from "../../src/index.ts"
import { TestRuntime } from "../../src/testing/index.ts"

const agent = ExecutionScope.run({ name: "planner", category: "agent" })
const search = ToolCall.run({ name: "search", input: { q: "x" } }, () => Effect.succeed(["hit"]))
const work = agent(Effect.andThen(Mark.emit("start"), search))

/** A writer that keeps its lines. */
const paper = () => {
  const lines: Array<string> = []
  return {
    lines,
    write: (line: string) => {
      lines.push(line)
    }
  }
}

/** Ids of a test runtime are counted; its clock stands still, so an end is one microsecond after its start. */
const tree = [
  "0001 ▸ agent planner",
  "0001   • start",
  "0002   ▸ tool search",
  "0002   ✓ tool search  1 µs",
  "0001 ✓ agent planner  1 µs"
]

/** Runs an effect in a test runtime with this console, and waits until everything is written. */
const shown = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  console: Layer.Layer<never, never, AgentRuntime.AgentRuntime>
) => effect.pipe(Effect.andThen(AgentRuntime.flush), Effect.provide(TestRuntime.layer({ policies: console })))

const layer = <E = never>(options?: Console.LayerOptions<E>) => Layer.orDie(Console.layer(options))

describe("Console.layer", () => {
  it.effect("writes the tree of events, line by line", () =>
    Effect.gen(function*() {
      const { lines, write } = paper()
      yield* shown(work, layer({ write }))
      assert.deepStrictEqual(lines, tree)
    }))

  it.effect("writes to the Console of the place where it is built, unless told otherwise", () =>
    Effect.gen(function*() {
      yield* shown(work, layer())
      assert.deepStrictEqual(yield* TestConsole.logLines, tree)
      assert.deepStrictEqual(yield* TestConsole.errorLines, [])
    }))

  it.effect("does not write to another Console that the work runs with", () =>
    Effect.gen(function*() {
      const elsewhere: Array<unknown> = []
      const outer = yield* EffectConsole.Console
      const other: EffectConsole.Console = { ...outer, log: (...args) => elsewhere.push(...args) }
      const run = Effect.andThen(work, EffectConsole.log("from the work"))
      yield* shown(Effect.provideService(run, EffectConsole.Console, other), layer())
      assert.deepStrictEqual(elsewhere, ["from the work"])
      assert.deepStrictEqual(yield* TestConsole.logLines, tree)
    }))

  it.effect("writes while the work runs, not when it ends", () =>
    Effect.gen(function*() {
      const { lines, write } = paper()
      const inside = Effect.gen(function*() {
        yield* AgentRuntime.flush
        assert.deepStrictEqual(lines, ["0001 ▸ agent planner"])
      })
      yield* shown(agent(inside), layer({ write }))
      assert.lengthOf(lines, 2)
    }))

  it.effect("shows what happens while its runtime closes", () =>
    Effect.gen(function*() {
      const { lines, write } = paper()
      const scope = yield* Scope.make()
      const Runtime = TestRuntime.layer({ policies: layer({ write }) })
      const context = yield* Layer.buildWithScope(Runtime, scope)
      const opened = yield* Latch.make(false)
      yield* Effect.forkScoped(Effect.provide(agent(Effect.andThen(Latch.open(opened), Effect.never)), context))
      yield* Latch.await(opened)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(lines, [
        "0001 ▸ agent planner",
        "0001 ■ agent planner  1 µs  interrupted by shutdown"
      ])
    }))

  it.effect("awaits an Effect of writing, and keeps the order of lines", () =>
    Effect.gen(function*() {
      class Paper extends Context.Service<Paper, Array<string>>()("heddle/test/subscriber/Console.test/Paper") {}
      const lines: Array<string> = []
      const slow = Console.layer({
        write: (line) =>
          Effect.gen(function*() {
            const paper = yield* Paper
            yield* Effect.yieldNow
            paper.push(line)
          })
      })
      yield* shown(work, slow.pipe(Layer.provide(Layer.succeed(Paper, lines)), Layer.orDie))
      assert.deepStrictEqual(lines, tree)
    }))

  it.effect("goes on after a line that could not be written, and does not hurt the work", () =>
    Effect.gen(function*() {
      const { lines, write } = paper()
      const broken = layer<string>({
        write: (line) => {
          if (line.includes("start")) throw new Error("no paper")
          return line.includes("▸ tool") ? Effect.fail("no ink") : write(line)
        }
      })
      yield* shown(work, broken)
      assert.deepStrictEqual(lines, [tree[0], tree[3], tree[4]])
    }))

  it.effect("shows only what the filter lets through", () =>
    Effect.gen(function*() {
      const { lines, write } = paper()
      yield* shown(work, layer({ write, filter: (event) => event._tag !== "Mark" }))
      assert.deepStrictEqual(lines, [tree[0], ...tree.slice(2)])
    }))

  it.effect("shows colours, payloads and shorter lines on request", () =>
    Effect.gen(function*() {
      const { lines, write } = paper()
      yield* shown(search, layer({ write, color: true, data: true, width: 40 }))
      // oxlint-disable-next-line no-control-regex
      const plain = lines.map((line) => line.replaceAll(/\u001b\[\d+m/g, ""))
      assert.notDeepEqual(lines, plain)
      assert.deepStrictEqual(plain, ["0001 ▸ tool search  {\"q\":\"x\"}", "0001 ✓ tool search  1 µs  [\"hit\"]"])
      const long = paper()
      yield* shown(Mark.emit("x".repeat(60)), layer({ write: long.write, width: 40 }))
      assert.deepStrictEqual(long.lines.map((line) => line.length), [40])
    }))

  it.effect("says what was dropped when the terminal was too slow, at the latest when its runtime closes", () =>
    Effect.gen(function*() {
      const { lines, write } = paper()
      const latch = yield* Latch.make(false)
      const turns = Effect.repeat(Effect.yieldNow, { times: 20 })
      const slow = layer({
        write: (line) => Latch.await(latch).pipe(Effect.andThen(turns), Effect.map(() => write(line))),
        buffer: { capacity: 1, strategy: "dropping" }
      })
      yield* Mark.emit("first").pipe(
        Effect.andThen(turns),
        Effect.andThen(Effect.repeat(Mark.emit("flood"), { times: 9 })),
        Effect.andThen(turns),
        Effect.andThen(Latch.open(latch)),
        Effect.provide(AgentRuntime.layerWith({ policies: slow }))
      )
      assert.deepStrictEqual(lines.map((line) => line.slice(5)), [
        "• first",
        "• flood",
        "! 9 events dropped (sequence 3 to 11): the tree has holes here"
      ])
    }))

  it.effect("has a tree of its own in each build", () =>
    Effect.gen(function*() {
      const { lines, write } = paper()
      const console = layer({ write })
      const one = yield* Layer.build(TestRuntime.layer({ policies: console }))
      const two = yield* Layer.build(TestRuntime.layer({ policies: console }))
      // The ids of both runtimes are the same. A tree in common would take the second scope's end for the first one's.
      const second = Effect.provide(Effect.andThen(agent(Effect.void), AgentRuntime.flush), two)
      const first = AgentRuntime.flush.pipe(Effect.andThen(second), Effect.andThen(Mark.emit("under the first")), agent)
      yield* Effect.provide(Effect.andThen(first, AgentRuntime.flush), one)
      assert.include(lines, "0001   • under the first")
    }))

  it.effect("refuses a second one of its name in a runtime, and stands beside one of another name", () =>
    Effect.gen(function*() {
      const first = paper()
      const second = paper()
      const policies = (name?: string) =>
        Layer.mergeAll(Console.layer({ write: first.write }), Console.layer({ write: second.write, name }))
      const error = yield* Effect.flip(Layer.build(TestRuntime.layer({ policies: policies() })))
      assert.strictEqual(error.name, "console")
      yield* shown(work, Layer.orDie(policies("second")))
      assert.deepStrictEqual([first.lines, second.lines], [tree, tree])
    }))

  it.effect("can be slow without delaying another subscriber", () =>
    Effect.gen(function*() {
      const never = layer({ write: () => Effect.never })
      const heard: Array<string> = []
      const done = yield* Latch.make(false)
      const other = Layer.orDie(Subscriber.layer({
        name: "other",
        handle: (event) => {
          heard.push(event.name)
          return event._tag === "ScopeEnd" && event.name === "planner" ? Effect.asVoid(Latch.open(done)) : undefined
        }
      }))
      const Runtime = AgentRuntime.layerWith({ policies: Layer.merge(never, other), closeTimeout: 0 })
      yield* Effect.provide(Effect.andThen(work, Latch.await(done)), Runtime)
      assert.deepStrictEqual(heard, ["planner", "start", "search", "search", "planner"])
    }))
})
