/** Calls that hosts tell of, in any order over many scopes, and interrupted anywhere: each start has exactly one end. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { ExecutionScope, LlmCall, Mark, Subscriber, ToolCall } from "../../src/index.ts"
import { EventTree, TestRuntime } from "../../src/testing/index.ts"
import { interruptedAtEveryStep } from "../property/support/everyStep.ts"
import type { NamedSubject } from "../property/support/subjects.ts"

/** Numbers choose among what there is by then. */
type Command =
  | { readonly _tag: "Open" | "Tool" | "Llm"; readonly under: number; readonly isImplicit: boolean }
  | { readonly _tag: "Close" | "End"; readonly which: number }

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    _tag: fc.constantFrom("Open", "Tool", "Llm", "Tool", "Llm"),
    under: fc.nat(),
    isImplicit: fc.boolean()
  }),
  fc.record({ _tag: fc.constantFrom("Close", "End", "End"), which: fc.nat() })
)

/** What a schedule has opened, and how it must have ended. */
interface Item {
  readonly name: string
  readonly handle: ExecutionScope.ScopeHandle
  readonly parent: Item | undefined
  readonly end: Effect.Effect<unknown, unknown> | undefined
  /** The scope that a call ends with. */
  readonly host: Item | undefined
  outcome: string | undefined
}

const nearest = (item: Item | undefined): Item | undefined =>
  item === undefined || (item.end === undefined && item.outcome === undefined) ? item : nearest(item.parent)

const perform = async (commands: ReadonlyArray<Command>) => {
  const items: Array<Item> = []
  const scopes = new Map<Item, Scope.Closeable>()
  const runtime = Scope.makeUnsafe()
  const program = Effect.gen(function*() {
    const context = yield* Layer.buildWithScope(TestRuntime.layer(), runtime)
    const step = Effect.fnUntraced(function*(command: Command, index: number) {
      if ("which" in command) {
        const those = items.filter(({ end }) => (end === undefined) === (command._tag === "Close"))
        const item = those[command.which % those.length]
        if (item === undefined) return
        if (item.end === undefined) {
          yield* Scope.close(scopes.get(item)!, Exit.void)
          if (item.outcome !== undefined) return
          item.outcome = "Success"
          for (const call of items) if (call.host === item) call.outcome ??= "Interrupted by scope"
          return
        }
        const result = yield* Effect.result(item.end)
        if (item.outcome === undefined) assert.isTrue(Result.isSuccess(result), item.name)
        else {
          assert.isTrue(Result.isFailure(result))
          assert.nestedPropertyVal(result, "failure.reason._tag", "AlreadyEnded")
          assert.nestedPropertyVal(result, "failure.reason.by", item.outcome === "Success" ? "end" : "scope")
        }
        item.outcome ??= "Success"
        return
      }
      const parent = items[command.under % (items.length + 1)]
      const name = `${command._tag}${index}`
      const given = command.isImplicit ? undefined : parent?.handle
      const opened = Effect.gen(function*() {
        if (command._tag === "Open") {
          const scope = yield* Scope.make()
          const handle = yield* ExecutionScope.open({ name, category: "agent", parent: given }).pipe(
            Scope.provide(scope)
          )
          return { scope, handle, end: undefined }
        }
        if (command._tag === "Tool") {
          const handle = yield* ToolCall.start({ name, input: 1, parent: given })
          return { handle, end: ToolCall.end(handle).pipe(Effect.provideContext(context)) }
        }
        const handle = yield* LlmCall.start({ name, request: { headers: {}, body: {} }, parent: given })
        return { handle, end: LlmCall.end(handle).pipe(Effect.provideContext(context)) }
      })
      const here = command.isImplicit && parent !== undefined ? ExecutionScope.within(parent.handle)(opened) : opened
      const { end, handle, scope } = yield* here.pipe(Effect.provideContext(context))
      const host = end === undefined ? undefined : nearest(parent)
      const item: Item = { name, handle, parent, end, host, outcome: undefined }
      if (scope !== undefined) scopes.set(item, scope)
      items.push(item)
    })
    yield* Effect.forEach(commands, step, { discard: true })
    yield* Scope.close(runtime, Exit.void)
    return Context.get(context, TestRuntime.TestRuntime).recorded
  })
  return { items, events: await Effect.runPromise(program) }
}

describe("calls that hosts tell of, in any order over many scopes", () => {
  it("have one end for each start, the right one, and the right parent", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40, size: "max" }), async (commands) => {
        const { events, items } = await perform(commands)
        EventTree.assertWellFormed(events, { contiguous: true })
        const starts = new Map(events.flatMap((event) => event._tag === "ScopeStart" ? [[event.name, event]] : []))
        const ends = events.filter((event) => event._tag === "ScopeEnd")
        assert.strictEqual(starts.size, items.length)
        for (const { handle, name, outcome, parent } of items) {
          assert.strictEqual(starts.get(name)?.parentUuid, parent?.handle.uuid, name)
          assert.strictEqual(starts.get(name)?.uuid, handle.uuid)
          const own = ends.filter(({ uuid }) => uuid === handle.uuid)
          assert.strictEqual(own.length, 1)
          const end = own[0]!.outcome
          const origin = end._tag === "Interrupted" && end.origin !== undefined ? ` by ${end.origin}` : ""
          assert.strictEqual(`${end._tag}${origin}`, outcome ?? "Interrupted by shutdown", name)
        }
      }),
      { numRuns: 300 }
    )
  }, 60_000)
})

const meet = Effect.gen(function*() {
  const met = yield* Deferred.make<void>()
  yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, Deferred.succeed(met, undefined)))
  yield* Deferred.await(met)
})

const tool = ToolCall.start({ name: "tool", input: 1 })
const agent = ExecutionScope.run({ name: "agent", category: "agent" })

const subjects: ReadonlyArray<NamedSubject> = [
  {
    name: "a start, some work and an end",
    make: () => Effect.flatMap(tool, (handle) => Effect.andThen(meet, ToolCall.end(handle)))
  },
  { name: "a start alone", make: () => Effect.andThen(tool, meet) },
  {
    name: "a start in a scope that closes, and an end too late",
    make: () => Effect.flatMap(agent(tool), (handle) => Effect.exit(ToolCall.end(handle))),
    parents: { tool: "agent" }
  },
  {
    name: "starts and ends out of order, in several fibers",
    make: () =>
      agent(Effect.gen(function*() {
        const [a, b] = yield* Effect.all([tool, Effect.andThen(Effect.yieldNow, tool)], { concurrency: 2 })
        yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, ToolCall.end(b)))
        yield* Effect.exit(Effect.race(ToolCall.end(a), ToolCall.end(b)))
        yield* meet
      })),
    parents: { tool: "agent" }
  },
  {
    name: "a start that is ended with the exit of what runs",
    make: () =>
      Effect.acquireUseRelease(
        tool,
        (handle) => Effect.andThen(Mark.emit("inside"), meet).pipe(ExecutionScope.within(handle)),
        (handle, exit) => Effect.exit(ToolCall.end(handle, { exit }))
      ),
    parents: { inside: "tool" }
  },
  {
    name: "starts that a slow subscriber suspends",
    make: () =>
      Effect.all([tool, tool, tool], { concurrency: 2 }).pipe(
        Effect.flatMap(Effect.forEach((handle) => ToolCall.end(handle))),
        Subscriber.provide({
          name: "slow",
          buffer: { capacity: 1, strategy: "suspend" },
          handle: () => Effect.andThen(Effect.yieldNow, Effect.yieldNow)
        })
      )
  },
  {
    name: "a check, then what it lets run",
    make: () =>
      Effect.gen(function*() {
        const checked = yield* ToolCall.check({ name: "tool", input: 1 })
        const handle = yield* ToolCall.start({ name: "tool", checked })
        yield* ToolCall.end(handle)
      })
  }
]

interruptedAtEveryStep(subjects)
