import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as AtofExporter from "../../src/exporter/AtofExporter.ts"
import {
  AgentRuntime,
  ExecutionScope,
  Guardrail,
  LlmCall,
  Mark,
  Middleware,
  OpenAiChat,
  ToolCall
} from "../../src/index.ts"
import * as PiiRedaction from "../../src/plugin/PiiRedaction.ts"
import * as PluginHost from "../../src/plugin/PluginHost.ts"
import { inDirectory, text } from "../exporter/atofSupport.ts"
import { recorder } from "../runtime/harness.ts"

const mail = "ada.lovelace@example.com"
const card = "4111 1111 1111 1111"
const phone = "+49 30 901820"

class NoSuchUser extends Data.TaggedError("NoSuchUser")<{ readonly mail: string }> {
  override get message(): string {
    return `there is no ${this.mail}`
  }
}

const completion = {
  id: "chatcmpl-1",
  model: "gpt-test",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: `I wrote to ${mail}` } }]
}

const request = {
  headers: { authorization: "Bearer not-shown" },
  body: { model: "gpt-test", messages: [{ role: "user", content: `Write to ${mail}, card ${card}` }] }
}

/** Everything that an event can carry personal data in, and what the work saw and its callers got. */
const everything = Effect.gen(function*() {
  const seen: Array<unknown> = []
  const work = <A>(answer: A) => (input: unknown) =>
    Effect.sync(() => {
      seen.push(input)
      return answer
    })
  const got: Array<unknown> = [
    yield* ToolCall.run({ name: "write", input: { to: mail, card } }, work({ sent: [mail, { card }] })),
    yield* LlmCall.run({ name: "model", request, codec: OpenAiChat.codec }, work(completion)),
    yield* LlmCall.stream(
      { name: "stream", request },
      () => Stream.fromIterable(["to ada.love", "lace@exam", `ple.com and ${phone}`])
    ).pipe(Stream.runCollect),
    yield* Effect.exit(ToolCall.run({ name: "fail", input: 1 }, () => new NoSuchUser({ mail }))),
    yield* Effect.exit(ToolCall.run({ name: "die", input: 1 }, () => Effect.die(new TypeError(`bad ${mail}`)))),
    yield* Effect.exit(ToolCall.run({ name: "blocked", input: { to: mail } }, work(1)))
  ]
  yield* Mark.emit("noted", { data: { who: mail }, metadata: { contact: mail } })
  yield* ExecutionScope.setOutput({ answer: `sent to ${mail}` })
  return { seen, got }
}).pipe(ExecutionScope.run({ name: "agent", category: "agent", input: { user: mail }, metadata: { owner: mail } }))

const wall = Guardrail.make({
  name: "wall",
  applies: { kind: "tool", name: "blocked" },
  check: () => Guardrail.reject(`${mail} is not to be written to`)
})

const running = <E, R>(policies: Layer.Layer<never, E, AgentRuntime.AgentRuntime | R>) =>
  AgentRuntime.layerWith({ policies: Layer.mergeAll(Middleware.layer(wall), policies) })

describe("redaction in a runtime", () => {
  it.live("keeps personal data out of the file of events, and out of nothing else", () =>
    inDirectory(({ file }) =>
      Effect.gen(function*() {
        const { got, seen } = yield* Effect.provide(
          everything,
          running(Layer.mergeAll(PiiRedaction.layer(), AtofExporter.layerFile({ path: file })))
        )
        assert.deepStrictEqual(seen, [{ to: mail, card }, request])
        assert.deepStrictEqual(got.slice(0, 3), [
          { sent: [mail, { card }] },
          completion,
          ["to ada.love", "lace@exam", `ple.com and ${phone}`]
        ])
        assert.deepStrictEqual(got[3], Exit.fail(new NoSuchUser({ mail })))
        assert.include(String(Exit.isFailure(got[5] as Exit.Exit<unknown>) && JSON.stringify(got[5])), mail)

        const written = yield* text(file)
        assert.strictEqual(written.trim().split("\n").length, 16)
        for (const secret of ["lovelace", "example.com", "1111", "901820", "not-shown"]) {
          assert.notInclude(written, secret)
        }
        const open = `${file}.open`
        yield* Effect.provide(everything, running(AtofExporter.layerFile({ path: open })))
        const count = (whole: string, part: string) => whole.split(part).length - 1
        const unredacted = yield* text(open)
        assert.isAbove(count(unredacted, mail), 20)
        assert.strictEqual(count(written, "[REDACTED:email]"), count(unredacted, mail))
        assert.strictEqual(count(written, "[REDACTED:card]"), count(unredacted, card))
        assert.strictEqual(count(written, "[REDACTED:phone]"), count(unredacted, phone))
      })
    ))

  it.effect("shows the same events as without it, redacted", () =>
    Effect.gen(function*() {
      const plain = recorder()
      const redacted = recorder()
      yield* Effect.provide(everything, running(plain.layer))
      yield* Effect.provide(everything, running(Layer.mergeAll(PiiRedaction.layer(), redacted.layer)))
      const { value } = yield* Effect.fromResult(PiiRedaction.make())
      const fields = ({ data, metadata, name, profile, ...event }: (typeof plain.events)[number]) => ({
        name,
        data,
        metadata,
        profile,
        outcome: event._tag === "ScopeEnd" ? event.outcome : undefined
      })
      assert.strictEqual(redacted.events.length, 16)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(redacted.events.map(fields))), value(plain.events.map(fields)))
    }))

  it.effect("finds in the fold of a stream what its chunks held in pieces", () =>
    Effect.gen(function*() {
      const { events, layer } = recorder()
      yield* Effect.provide(everything, running(Layer.mergeAll(PiiRedaction.layer(), layer)))
      const end = events.find((event) => event.name === "stream" && event._tag === "ScopeEnd")
      assert.strictEqual(end?.data, "to [REDACTED:email] and [REDACTED:phone]")
    }))

  it.effect("makes annotations of model calls from what was redacted", () =>
    Effect.gen(function*() {
      const { events, layer } = recorder()
      yield* Effect.provide(everything, running(Layer.mergeAll(PiiRedaction.layer(), layer)))
      const profiles = events.filter(({ name }) => name === "model").map(({ profile }) => JSON.stringify(profile))
      assert.strictEqual(profiles.length, 2)
      assert.include(profiles[0], "Write to [REDACTED:email], card [REDACTED:card]")
      assert.include(profiles[1], "I wrote to [REDACTED:email]")
    }))

  const surfaces: ReadonlyArray<readonly [keyof PiiRedaction.Surfaces, ReadonlyArray<string>]> = [
    ["request", ["write:ScopeStart", "model:ScopeStart", "stream:ScopeStart", "blocked:ScopeStart"]],
    ["response", ["write:ScopeEnd", "model:ScopeEnd", "stream:ScopeEnd"]],
    ["error", ["fail:ScopeEnd", "die:ScopeEnd", "blocked:ScopeEnd"]],
    ["mark", ["wall:Mark", "noted:Mark"]],
    ["scopeStart", ["agent:ScopeStart"]],
    ["scopeEnd", ["agent:ScopeEnd"]]
  ]
  for (const [surface, expected] of surfaces) {
    it.effect(`leaves ${surface} as it is where it is switched off, and only that`, () =>
      Effect.gen(function*() {
        const { events, layer } = recorder()
        yield* Effect.provide(
          everything,
          running(Layer.mergeAll(PiiRedaction.layer({ events: { [surface]: false } }), layer))
        )
        const open = events.filter((event) => /lovelace/.test(JSON.stringify(event)))
        assert.deepStrictEqual(open.map(({ _tag, name }) => `${name}:${_tag}`), expected)
      }))
  }

  it.effect("takes paths from the field of the event", () =>
    Effect.gen(function*() {
      const { events, layer } = recorder()
      yield* Effect.provide(
        everything,
        running(
          Layer.mergeAll(
            PiiRedaction.layer({ include: ["/data/to", "/metadata/**"], exclude: ["/metadata/owner"] }),
            layer
          )
        )
      )
      const of = (name: string, tag: string) => events.find((event) => event.name === name && event._tag === tag)
      assert.deepStrictEqual(of("write", "ScopeStart")?.data, { to: "[REDACTED:email]", card })
      assert.deepStrictEqual(of("agent", "ScopeStart")?.metadata?.["owner"], mail)
      assert.deepStrictEqual(of("noted", "Mark")?.metadata?.["contact"], "[REDACTED:email]")
      assert.deepStrictEqual(of("noted", "Mark")?.data, { who: mail })
    }))

  it.effect("gives a person the same name in two runtimes that share a key", () =>
    Effect.gen(function*() {
      const names = yield* Effect.forEach([1, 2], () => {
        const { events, layer } = recorder()
        const hashing = PiiRedaction.layer({ action: "hash", key: "a key for tests only" })
        return Effect.map(
          Effect.provide(everything, running(Layer.mergeAll(hashing, layer))),
          () => Object(events[0]?.data).user as unknown
        )
      })
      assert.match(String(names[0]), /^\[email:[0-9a-f]{20}\]$/)
      assert.strictEqual(names[0], names[1])
    }))

  it.effect("is an error to build with options that cannot be obeyed", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.provide(Effect.void, running(PiiRedaction.layer({ action: "hash" }))))
      assert.deepStrictEqual(
        exit,
        Exit.fail(
          new PiiRedaction.PiiRedactionError({ problems: [{ path: ["key"], message: "the action hash needs a key" }] })
        )
      )
    }))
})

describe("the plugin", () => {
  const documentOf = (config: unknown) => ({ version: 1, components: [{ kind: "pii_redaction", config }] })
  const problemsOf = (config: unknown) =>
    Effect.map(
      PluginHost.validate({ plugins: [PiiRedaction.plugin], document: documentOf(config) }),
      (diagnostics) => diagnostics.map(({ path }) => path)
    )

  it.effect("redacts as its document says", () =>
    Effect.gen(function*() {
      const { events, layer } = recorder()
      const host = PluginHost.layer({
        plugins: [PiiRedaction.plugin],
        document: documentOf({
          action: "partial",
          detectors: { card: { replace: "<card>" }, ip: false },
          custom: [{ name: "ticket", pattern: "TCK-\\d+", ignore_case: true }],
          events: { scope_start: true },
          max_chars: 5000,
          entropy_bits: 4.5,
          regions: ["DE"]
        })
      })
      yield* ToolCall.run(
        { name: "t", input: [mail, card, "tck-77", "10.1.2.3", "030 901820"] },
        () => Effect.succeed(1)
      )
        .pipe(Effect.provide(PluginHost.layerRuntime(host, { policies: layer })))
      assert.deepStrictEqual(events[0]?.data, ["a***@example.com", "<card>", "****", "10.1.2.3", "*** **1820"])
    }))

  it.effect("tells what is wrong with its configuration, and where", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* problemsOf({}), [])
      assert.deepStrictEqual(
        yield* problemsOf({
          action: "hide",
          detectors: { mail: true },
          max_chars: 1,
          entropy_bits: "4",
          events: { all: 1 }
        }),
        [
          "components[0].config.action",
          "components[0].config.detectors.mail",
          "components[0].config.entropy_bits",
          "components[0].config.max_chars",
          "components[0].config.events.all"
        ]
      )
      assert.deepStrictEqual(
        yield* problemsOf({
          action: "hash",
          regions: ["XX"],
          custom: [{ name: "x", pattern: "(a+)+" }],
          include: ["a"]
        }),
        [
          "components[0].config.key",
          "components[0].config.regions[0]",
          "components[0].config.include[0]",
          "components[0].config.custom[0].pattern"
        ]
      )
    }))
})
