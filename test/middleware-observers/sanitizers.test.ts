import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { LifecycleEvent } from "../../src/index.ts"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  Intercept,
  LlmCall,
  Mark,
  MetadataInjector,
  Middleware,
  Sanitizer,
  ToolCall
} from "../../src/index.ts"
import { recorder, succeed } from "../runtime/harness.ts"

type Event = LifecycleEvent.LifecycleEvent

/** Runs with these entries and returns what observers saw. */
const observed = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  ...entries: ReadonlyArray<Middleware.Entry>
): Effect.Effect<
  { readonly value: A; readonly events: ReadonlyArray<Event> },
  E | Middleware.DuplicateEntry | AgentRuntime.FlushTimeout,
  Exclude<R, AgentRuntime.AgentRuntime>
> => {
  const all = recorder()
  return Effect.gen(function*() {
    const value = yield* effect
    yield* AgentRuntime.flush
    return { value, events: all.events }
  }).pipe(
    Effect.provide(AgentRuntime.layerWith({ policies: Layer.merge(all.layer, Middleware.layer(...entries)) }))
  ) as never
}

const data = (events: ReadonlyArray<Event>) => events.map((event) => event.data)

const end = (events: ReadonlyArray<Event>, name: string) => {
  const event = events.find((event) => event._tag === "ScopeEnd" && event.name === name)
  if (event?._tag !== "ScopeEnd") throw new Error(`no end of ${name}`)
  return event
}

const secret = { password: "secret" }

describe("a sanitizer", () => {
  it.effect("of requests changes what start events of calls show, and nothing else", () =>
    Effect.gen(function*() {
      const judged: Array<unknown> = []
      const worked: Array<unknown> = []
      const { events, value } = yield* observed(
        Effect.all([
          ToolCall.run({ name: "tool", input: secret }, (input) => {
            worked.push(input)
            return Effect.succeed(input.password)
          }),
          LlmCall.run({ name: "llm", request: { headers: {}, body: secret } }, (request) => {
            worked.push(request.body)
            return Effect.succeed("answer")
          }),
          Effect.succeed("scope").pipe(ExecutionScope.run({ name: "scope", category: "agent", input: secret }))
        ]),
        Guardrail.make({
          name: "sees",
          check: (call) => {
            judged.push(call.kind === "tool" ? call.input : call.request.body)
            return Guardrail.allow
          }
        }),
        Sanitizer.request({ name: "hide", sanitize: () => "hidden" })
      )
      assert.deepStrictEqual(value, ["secret", "answer", "scope"])
      assert.deepStrictEqual(judged, [secret, secret])
      assert.deepStrictEqual(worked, [secret, secret])
      assert.deepStrictEqual(data(events), ["hidden", "secret", "hidden", "answer", secret, undefined])
    }))

  it.effect("of responses changes what ends of successful calls show; the caller and guardrails get the real one", () =>
    Effect.gen(function*() {
      const judged: Array<unknown> = []
      const { events, value } = yield* observed(
        Effect.all([
          ToolCall.run({ name: "tool", input: 1 }, () => Effect.succeed(secret)),
          LlmCall.stream({ name: "llm", request: { headers: {}, body: {} } }, () => Stream.make("se", "cret")).pipe(
            Stream.mkString
          ),
          Effect.as(ExecutionScope.setOutput(secret), secret).pipe(
            ExecutionScope.run({ name: "scope", category: "agent" })
          )
        ]),
        Guardrail.output({
          name: "sees",
          hold: "full",
          check: (output) => {
            judged.push(output.value)
            return Guardrail.allow
          }
        }),
        Sanitizer.response({ name: "hide", sanitize: () => "hidden" })
      )
      assert.deepStrictEqual(value, [secret, "secret", secret])
      assert.deepStrictEqual(judged, [secret, "secret"])
      assert.strictEqual(end(events, "tool").data, "hidden")
      assert.strictEqual(end(events, "llm").data, "hidden")
      assert.deepStrictEqual(end(events, "scope").data, secret)
      assert.strictEqual(events[0]!.data, 1)
    }))

  it.effect("of errors changes what ends of failed scopes and calls show; the caller gets the real one", () =>
    Effect.gen(function*() {
      const seen: Array<LifecycleEvent.ErrorInfo> = []
      const { events, value } = yield* observed(
        ToolCall.run({ name: "tool", input: 1 }, () => Effect.fail({ _tag: "Boom", message: "secret" })).pipe(
          ExecutionScope.run({ name: "scope", category: "agent" }),
          Effect.flip
        ),
        Sanitizer.error({
          name: "hide",
          sanitize: (error) => {
            seen.push(error)
            return { tag: error.tag, message: "hidden" }
          }
        })
      )
      assert.deepStrictEqual(value, { _tag: "Boom", message: "secret" })
      assert.deepStrictEqual(seen, [{ tag: "Boom", message: "secret" }, { tag: "Boom", message: "secret" }])
      for (const name of ["tool", "scope"]) {
        assert.deepStrictEqual(end(events, name).outcome, {
          _tag: "Failure",
          error: { tag: "Boom", message: "hidden" },
          isDefect: false
        })
      }
    }))

  it.effect("of errors also gets the reason of a block, in the outcome and in the decisions", () =>
    Effect.gen(function*() {
      const { events, value } = yield* observed(
        Effect.flip(succeed("tool")),
        Guardrail.make({ name: "a", check: () => Guardrail.allow }),
        Guardrail.make({ name: "b", check: () => Guardrail.reject("mentions secret") }),
        Guardrail.make({ name: "c", check: () => Guardrail.allow }),
        Sanitizer.error({
          name: "hide",
          sanitize: ({ message, tag }) => ({ tag, message: message.replace("secret", "***") })
        })
      )
      assert.include(value.message, "mentions secret")
      const { decisions, outcome } = end(events, "tool")
      assert.deepStrictEqual(outcome, { _tag: "Blocked", by: "b", reason: "mentions ***" })
      assert.deepStrictEqual(
        decisions.map(({ guardrail, reason, verdict }) => [guardrail, verdict, reason]),
        [["a", "allow", undefined], ["b", "reject", "mentions ***"], ["c", "skipped", undefined]]
      )
    }))

  it.effect("of errors gets the reasons of guardrails that did not block, or that failed, once each", () =>
    Effect.gen(function*() {
      const seen: Array<LifecycleEvent.ErrorInfo> = []
      const hide = (name: string) =>
        Sanitizer.error({
          name,
          sanitize: (error) => {
            if (name === "one") seen.push(error)
            return name === "one"
              ? { ...error, message: error.message.replaceAll("secret", "***") }
              : Effect.succeed({ ...error, message: `${error.message}!` })
          }
        })
      const shadow = (name: string, reason: string) =>
        Guardrail.make({ name, mode: "shadow", check: () => Guardrail.reject(reason) })
      const { events } = yield* observed(
        succeed("tool"),
        shadow("a", "secret a"),
        Guardrail.make({ name: "b", check: () => Guardrail.allow }),
        shadow("c", "secret c"),
        hide("one"),
        hide("two")
      )
      assert.deepStrictEqual(
        end(events, "tool").decisions.map(({ guardrail, reason }) => [guardrail, reason]),
        [["a", "*** a!"], ["b", undefined], ["c", "*** c!"]]
      )
      assert.deepStrictEqual(seen, ["secret a", "secret c"].map((message) => ({ tag: "GuardrailRejected", message })))
      const failing = yield* observed(
        Effect.flip(succeed("tool")),
        Guardrail.make({ name: "g", check: () => Effect.fail("secret") }),
        hide("one")
      )
      assert.notInclude(JSON.stringify(end(failing.events, "tool")), "secret")
    }))

  it.effect("of errors that fail clear the reasons of all decisions", () =>
    Effect.gen(function*() {
      const { events } = yield* observed(
        succeed("tool"),
        Guardrail.make({ name: "g", mode: "shadow", check: () => Guardrail.reject("secret") }),
        Sanitizer.error({
          name: "broken",
          sanitize: () => {
            throw new Error("broken")
          }
        })
      )
      assert.deepInclude(end(events, "tool").decisions[0], { verdict: "wouldBlock", reason: undefined })
      assert.deepInclude(end(events, "tool").metadata, { "heddle.cleared_by": "broken" })
    }))

  it.effect("of errors may answer with a text, or with nothing", () =>
    Effect.gen(function*() {
      const fails = ToolCall.run({ name: "tool", input: 1 }, () => Effect.fail("secret")).pipe(Effect.flip)
      const text = yield* observed(fails, Sanitizer.error({ name: "s", sanitize: () => "hidden" }))
      assert.deepStrictEqual(end(text.events, "tool").outcome, {
        _tag: "Failure",
        error: { tag: "Error", message: "hidden" },
        isDefect: false
      })
      const nothing = yield* observed(fails, Sanitizer.error({ name: "s", sanitize: () => undefined }))
      assert.deepStrictEqual(end(nothing.events, "tool").outcome, {
        _tag: "Failure",
        error: undefined,
        isDefect: false
      })
    }))

  it.effect("of marks, starts and ends changes data, profile and metadata of its kind of event alone", () =>
    Effect.gen(function*() {
      const change = (kind: string) => (fields: Sanitizer.EventFields) => ({
        data: `${kind} ${fields.data === undefined ? "" : "data"}`,
        metadata: { ...fields.metadata, kind },
        profile: { ...fields.profile, subtype: kind }
      })
      const { events } = yield* observed(
        ToolCall.run(
          { name: "tool", input: 1, toolCallId: "id", metadata: { own: 1 } },
          () => Effect.as(Mark.emit("mark", { data: 1, metadata: { own: 2 } }), 1)
        ).pipe(ExecutionScope.run({ name: "scope", category: "agent" })),
        Sanitizer.mark({ name: "m", sanitize: change("mark") }),
        Sanitizer.scopeStart({ name: "s", sanitize: change("start") }),
        Sanitizer.scopeEnd({ name: "e", sanitize: change("end") })
      )
      assert.deepStrictEqual(
        events.map(({ data, metadata, profile }) => [data, metadata, profile]),
        [
          ["start ", { kind: "start" }, { subtype: "start" }],
          ["start data", { own: 1, kind: "start" }, { toolCallId: "id", subtype: "start" }],
          ["mark data", { own: 2, kind: "mark" }, { subtype: "mark" }],
          ["end data", { own: 1, kind: "end" }, { toolCallId: "id", subtype: "end" }],
          ["end ", { kind: "end" }, { subtype: "end" }]
        ]
      )
    }))

  it.effect("of marks, starts and ends leaves what it does not mention, and may answer with the data alone", () =>
    Effect.gen(function*() {
      const mark = Mark.emit("mark", { data: 1, metadata: { own: 2 } })
      const some = yield* observed(mark, Sanitizer.mark({ name: "m", sanitize: () => ({ metadata: undefined }) }))
      assert.deepStrictEqual([some.events[0]!.data, some.events[0]!.metadata], [1, undefined])
      const alone = yield* observed(mark, Sanitizer.mark({ name: "m", sanitize: () => "hidden" }))
      assert.deepStrictEqual([alone.events[0]!.data, alone.events[0]!.metadata], ["hidden", { own: 2 }])
    }))

  it.effect("runs by kind, priority, level and name, scope sanitizers having the last word after injectors", () =>
    Effect.gen(function*() {
      const add = (note: string) => (payload: unknown) => `${String(payload)} ${note}`
      const addFields = (note: string) => (fields: Sanitizer.EventFields) => ({
        data: `${String(fields.data)} ${note}(${Object.keys(fields.metadata ?? {}).join(",")})`
      })
      const { events } = yield* observed(
        ToolCall.run({ name: "tool", input: "in" }, () => Effect.succeed("out")).pipe(
          Middleware.provide(Sanitizer.request({ name: "provided", sanitize: add("provided") }))
        ),
        Sanitizer.scopeStart({ name: "last", priority: -100, sanitize: addFields("start") }),
        Sanitizer.scopeEnd({ name: "last", priority: -100, sanitize: addFields("end") }),
        MetadataInjector.make({ name: "injector", priority: -50, inject: () => ({ injected: 1 }) }),
        Sanitizer.request({ name: "z", sanitize: add("z") }),
        Sanitizer.request({ name: "late", priority: 1, sanitize: add("late") }),
        Sanitizer.request({ name: "early", priority: -1, sanitize: add("early") }),
        Sanitizer.response({ name: "a", sanitize: add("a") })
      )
      assert.deepStrictEqual(data(events), [
        "in early z provided late start(injected)",
        "out a end(injected)"
      ])
    }))

  it.effect("applies by category, by name, by pattern, and by a predicate over the event", () =>
    Effect.gen(function*() {
      const hide = (name: string, applies: Parameters<typeof Sanitizer.request>[0]["applies"]) =>
        Sanitizer.request({ name, applies, sanitize: (payload) => [...(Array.isArray(payload) ? payload : []), name] })
      const { events } = yield* observed(
        Effect.all([
          succeed("search"),
          succeed("write"),
          LlmCall.run({ name: "search", model: "m", request: { headers: {}, body: {} } }, () => Effect.succeed(1))
        ]),
        hide("1 tool", "tool"),
        hide("2 llm", "llm"),
        hide("3 name", { name: "search" }),
        hide("4 names", { name: ["write", "other"] }),
        hide("5 pattern", { name: /^s/g }),
        hide("6 kind and name", { kind: ["llm"], name: "search" }),
        hide("7 predicate", (event) => event._tag === "ScopeStart" && event.profile?.modelName === "m"),
        hide("8 when", { when: (event) => event.sequence === 1 })
      )
      assert.deepStrictEqual(data(events.filter(({ _tag }) => _tag === "ScopeStart")), [
        ["1 tool", "3 name", "5 pattern", "8 when"],
        ["1 tool", "4 names"],
        ["2 llm", "3 name", "5 pattern", "6 kind and name", "7 predicate"]
      ])
    }))

  it.effect("sees the event as it was changed so far", () =>
    Effect.gen(function*() {
      const { events } = yield* observed(
        ToolCall.run({ name: "tool", input: 1 }, () => Effect.succeed(1)),
        Sanitizer.request({ name: "1", sanitize: () => "first" }),
        Sanitizer.request({ name: "2", applies: (event) => event.data === "first", sanitize: () => "second" })
      )
      assert.strictEqual(events[0]!.data, "second")
    }))

  it.effect("that takes its time keeps the order of events", () =>
    Effect.gen(function*() {
      const { events } = yield* observed(
        Effect.forEach([1, 2, 3, 4], (n) => Mark.emit(`${n}`)),
        Sanitizer.mark({
          name: "slow on odd ones",
          sanitize: (_, event) =>
            Number(event.name) % 2 === 1 ? Effect.as(Effect.andThen(Effect.yieldNow, Effect.yieldNow), "slow") : "quick"
        })
      )
      assert.deepStrictEqual(events.map(({ data, name, sequence }) => [name, sequence, data]), [
        ["1", 1, "slow"],
        ["2", 2, "quick"],
        ["3", 3, "slow"],
        ["4", 4, "quick"]
      ])
    }))

  it.effect("runs with the services of the place where it was installed, under the event's scope", () =>
    Effect.gen(function*() {
      // @effect-diagnostics-next-line deterministicKeys:off
      class Key extends Context.Service<Key, string>()("test/Key") {}
      const all = recorder()
      const hide = Sanitizer.request({
        name: "keyed",
        sanitize: () =>
          Effect.gen(function*() {
            const current = yield* ExecutionScope.current
            return `${yield* Key} ${current._tag === "Some" ? current.value.name : ""}`
          })
      })
      yield* Effect.andThen(succeed("tool"), AgentRuntime.flush).pipe(
        Effect.provideService(Key, "caller's"),
        Effect.provide(
          AgentRuntime.layerWith({ policies: Layer.merge(all.layer, Middleware.layer(hide)) }).pipe(
            Layer.provide(Layer.succeed(Key, "installer's"))
          )
        )
      )
      assert.strictEqual(all.events[0]!.data, "installer's tool")
    }))

  it.effect("may mark, call and open scopes: nothing of that becomes an event", () =>
    Effect.gen(function*() {
      const busy = Effect.andThen(Mark.emit("inside"), succeed("inside")).pipe(
        ExecutionScope.run({ name: "inside", category: "agent" })
      )
      const { events } = yield* observed(
        Effect.gen(function*() {
          const runtime = yield* AgentRuntime.AgentRuntime
          yield* succeed("tool").pipe(
            Middleware.provide(
              Sanitizer.request({
                name: "busy",
                sanitize: () =>
                  Effect.as(Effect.orDie(Effect.provideService(busy, AgentRuntime.AgentRuntime, runtime)), 1)
              }),
              MetadataInjector.make({
                name: "busy",
                inject: () =>
                  Effect.as(Effect.orDie(Effect.provideService(busy, AgentRuntime.AgentRuntime, runtime)), { a: 1 })
              })
            )
          )
        })
      )
      assert.deepStrictEqual(events.map(({ metadata, name }) => [name, metadata]), [["tool", { a: 1 }], ["tool", {
        a: 1
      }]])
    }))

  it.effect("sees the request as intercepts left it, and leaves the retried work its own", () =>
    Effect.gen(function*() {
      const worked: Array<unknown> = []
      const { events } = yield* observed(
        ToolCall.run({ name: "tool", input: { n: 1 } }, (input) => {
          worked.push(input)
          return Effect.succeed(1)
        }),
        Intercept.request({
          name: "rewrite",
          transform: (call) => call.kind === "tool" ? { ...call, input: { n: 2 } } : call
        }),
        Intercept.execution({ name: "twice", around: (_, next) => Effect.andThen(next(), next()) }),
        Sanitizer.request({ name: "note", sanitize: (input) => ({ ...Object(input), seen: true }) })
      )
      assert.deepStrictEqual(events[0]!.data, { n: 2, seen: true })
      assert.deepStrictEqual(worked, [{ n: 2 }, { n: 2 }])
    }))
})
