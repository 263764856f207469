/** Small managed programs, each with the names it gives and where they belong when it runs in a scope `outer`. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AgentRuntime } from "../../../src/AgentRuntime.ts"
import {
  ExecutionScope,
  Guardrail,
  Intercept,
  LlmCall,
  Mark,
  Middleware,
  Subscriber,
  ToolCall
} from "../../../src/index.ts"
import type { Subject } from "./Report.ts"

export interface NamedSubject {
  readonly name: string
  readonly make: () => Subject
  /** Parent of each name; `outer` for names that are not here. */
  readonly parents?: Readonly<Record<string, string>>
  /** Tries every so many steps only: for long programs made of parts that are tried at every step by themselves. */
  readonly stride?: number
}

const request = { headers: {}, body: { prompt: "hi" } }

/** Waits for another fiber, so that the caller is parked in a callback for a while. */
const meet = Effect.gen(function*() {
  const met = yield* Deferred.make<void>()
  yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, Deferred.succeed(met, undefined)))
  yield* Deferred.await(met)
})

const body = Effect.andThen(Mark.emit("in tool"), Effect.andThen(meet, Effect.succeed(1)))
const tool = (work: Effect.Effect<unknown, unknown, AgentRuntime> = Effect.succeed(1)) =>
  ToolCall.run({ name: "tool", input: { a: 1 } }, () => work)
const inTool = { "in tool": "tool" }

const chunks = Stream.fromEffect(Effect.andThen(Mark.emit("in model"), meet)).pipe(
  Stream.flatMap(() => Stream.make("a", "b")),
  Stream.concat(Stream.make("c")),
  Stream.ensuring(Mark.emit("model closed"))
)
const model = LlmCall.stream({ name: "model", request }, () => chunks)
const inModel = { "in model": "model", "model closed": "model" }

const read = (stream: Stream.Stream<string, unknown, AgentRuntime>) =>
  Stream.runForEach(stream, (chunk) => Mark.emit(`read ${chunk}`))

const around = (name: string, middleware: Middleware.Entry, subject: Subject): Subject =>
  subject.pipe(Middleware.provide(middleware), Effect.ensuring(Mark.emit(`${name} gone`)))

const allow = Guardrail.make({ name: "allow", check: () => Guardrail.allow })
const slowly = Guardrail.make({ name: "slowly", check: () => Effect.as(meet, Guardrail.allow) })
const reject = Guardrail.make({ name: "reject", check: () => Effect.as(Effect.yieldNow, Guardrail.reject("no")) })
const shadow = Guardrail.make({ name: "shadow", mode: "shadow", check: () => Guardrail.reject("no") })
const rewrite = Intercept.request({
  name: "rewrite",
  transform: (call) => Effect.as(meet, { ...call, metadata: { a: 1 } })
})
const pass = Intercept.execution({ name: "pass", around: (_call, next) => next(), stream: (_call, next) => next() })
const twice = Intercept.execution({
  name: "twice",
  around: (_call, next) => Effect.andThen(next(), next()),
  stream: (_call, next) => Stream.concat(next(), next())
})
const racing = Intercept.execution({ name: "racing", around: (_call, next) => Effect.raceFirst(next(), next()) })
const judge = Guardrail.output({
  name: "judge",
  hold: "full",
  check: () => Effect.as(Effect.yieldNow, Guardrail.allow)
})
const cut = Guardrail.output({
  name: "cut",
  check: ({ text }) => text === "abc" ? Guardrail.reject("c") : Guardrail.allow
})

const watched = (subject: Subject): Subject =>
  subject.pipe(Subscriber.provide({ name: "watcher", handle: () => Effect.yieldNow }))

const slowlyWatched = (subject: Subject): Subject =>
  subject.pipe(Subscriber.provide({
    name: "slow",
    buffer: { capacity: 1, strategy: "suspend" },
    handle: () => Effect.andThen(Effect.yieldNow, Effect.yieldNow)
  }))

/** One after the other in one fiber, which goes on after each of them if it can. */
const inARow = (subject: Subject): Subject =>
  Effect.gen(function*() {
    yield* Effect.exit(subject)
    yield* Mark.emit("after the first")
    yield* Effect.timeoutOption(subject, "1 hour")
    yield* Mark.emit("after the second")
    yield* Effect.raceFirst(subject, Effect.as(meet, "won"))
    yield* Mark.emit("after the third")
    yield* Effect.exit(Effect.andThen(subject, Effect.fail("failed")))
    yield* Mark.emit("after the fourth")
  })

export const effects: ReadonlyArray<NamedSubject> = [
  { name: "a bare tool call", make: () => tool() },
  { name: "a tool call whose work waits", make: () => tool(body), parents: inTool },
  {
    name: "a tool call whose work fails, then one whose work dies",
    make: () => Effect.andThen(Effect.exit(tool(Effect.fail("no"))), Effect.exit(tool(Effect.die("no"))))
  },
  { name: "a tool call with a guardrail", make: () => around("g", allow, tool(body)), parents: inTool },
  {
    name: "a tool call with a waiting guardrail",
    make: () => around("g", slowly, tool(body)),
    parents: inTool
  },
  {
    name: "a tool call that a guardrail rejects",
    make: () =>
      around(
        "g",
        reject,
        Effect.andThen(
          Effect.exit(tool()),
          ToolCall.run({ name: "tool", input: 1, onBlocked: () => 2 }, () => Effect.succeed(1))
        )
      ),
    parents: { reject: "tool" }
  },
  { name: "a tool call with a shadow guardrail", make: () => around("g", shadow, tool()), parents: { shadow: "tool" } },
  { name: "a tool call with a waiting request intercept", make: () => around("i", rewrite, tool()) },
  {
    name: "a tool call with an execution intercept",
    make: () => around("i", pass, tool(body)),
    parents: inTool
  },
  { name: "a tool call that is run twice", make: () => around("i", twice, tool(body)), parents: inTool },
  { name: "a tool call that races itself", make: () => around("i", racing, tool(body)), parents: inTool },
  { name: "a tool call that is judged", make: () => around("o", judge, tool()) },
  { name: "a tool call with a subscriber", make: () => watched(tool(body)), parents: inTool },
  {
    name: "tool calls that a slow subscriber suspends",
    make: () => slowlyWatched(Effect.all([tool(), tool(), tool()], { concurrency: 2 }))
  },
  {
    name: "a buffered model call",
    make: () => LlmCall.run({ name: "model", request }, () => Effect.andThen(Mark.emit("in model"), meet)),
    parents: inModel
  },
  {
    name: "a scope",
    make: () => ExecutionScope.run({ name: "scope", category: "agent" })(Effect.andThen(Mark.emit("in scope"), meet)),
    parents: { "in scope": "scope" }
  },
  {
    name: "an open scope with work within",
    make: () =>
      Effect.scoped(Effect.gen(function*() {
        const handle = yield* ExecutionScope.open({ name: "scope", category: "agent" })
        yield* Mark.emit("beside")
        yield* Mark.emit("in scope").pipe(Effect.andThen(meet), ExecutionScope.within(handle))
      })),
    parents: { "in scope": "scope" }
  },
  {
    name: "forks, a race and a parallel walk in a scope",
    make: () =>
      ExecutionScope.run({ name: "scope", category: "agent" })(Effect.gen(function*() {
        yield* Effect.forkChild(tool(body))
        yield* Effect.race(tool(body), tool(body))
        yield* Effect.all([tool(), tool()], { concurrency: "unbounded" })
      })),
    parents: { ...inTool, tool: "scope" }
  },
  { name: "tool calls in a row", stride: 5, make: () => inARow(tool(body)), parents: inTool },
  {
    name: "scopes in a row",
    stride: 5,
    make: () =>
      inARow(ExecutionScope.run({ name: "scope", category: "agent" })(Effect.andThen(Mark.emit("in scope"), meet))),
    parents: { "in scope": "scope" }
  }
]

export const streams: ReadonlyArray<NamedSubject> = [
  { name: "a stream read to its end", make: () => read(model), parents: inModel },
  { name: "a stream read in part", make: () => read(Stream.take(model, 1)), parents: inModel },
  { name: "a stream with an intercept", make: () => around("i", pass, read(model)), parents: inModel },
  {
    name: "a stream that is run twice",
    stride: 3,
    make: () => around("i", twice, read(Stream.take(model, 5))),
    parents: inModel
  },
  { name: "a stream that is held back", make: () => around("o", judge, read(model)), parents: inModel },
  {
    name: "a stream that is cut off",
    make: () => around("o", cut, Effect.exit(read(model))),
    parents: { ...inModel, cut: "model" }
  },
  {
    name: "a stream that fails, with a consumer that fails",
    stride: 3,
    make: () =>
      Effect.andThen(
        Effect.exit(read(Stream.concat(model, Stream.fail("no")))),
        Effect.exit(Stream.runForEach(model, () => Effect.fail("no")))
      ),
    parents: inModel
  },
  { name: "streams in a row", stride: 5, make: () => inARow(read(Stream.take(model, 3))), parents: inModel }
]
