/**
 * What every binding promises, as one suite that runs through the real library.
 *
 * A binding is tested by a `Driver`: it makes one tool call, one model call, one streamed model call, whatever of them the
 * binding governs, as a user of the library would. The suite plays the tool and the provider. It knows no payloads: the
 * texts that go in and come out must stand somewhere in what policies and observers see.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Promises from "../../src/binding/Promises.ts"
import type { LifecycleEvent, Middleware } from "../../src/index.ts"
import { EventTree } from "../../src/testing/index.ts"
import { type Host, type RecordingHost, withHost } from "./bindingHost.ts"
import { deferred, rejection, untilAborted } from "./promisesSupport.ts"

export type { Host } from "./bindingHost.ts"

/** What the suite's tool or provider gets besides the text: a signal that is aborted when nobody waits for it any more. */
interface WorkContext {
  readonly signal: AbortSignal
}

/**
 * One call. `text` goes in: as the tool's input (for example `{ text }`), or as the only message of the user. `signal` is
 * handed to the library as its user would, and aborted in the middle of the call.
 */
interface Run {
  readonly text: string
  readonly signal: AbortSignal | undefined
}

/** A call whose work answers the text that arrived with another, or throws. */
export interface BufferedRun extends Run {
  readonly work: (text: string, context: WorkContext) => Promise<string>
}

/**
 * A call whose work answers with pieces of text. The driver takes a piece when the library can take it, and gives the
 * iterator back (`return`) if the library goes away early.
 */
export interface StreamedRun extends Run {
  readonly work: (text: string, context: WorkContext) => AsyncIterable<string>
}

/** What a driver cannot promise. */
type Property =
  | "rewrites"
  | "output guardrails"
  | "aborts"
  | "tells the work"
  | "children"
  | "pieces"
  | "breaks"

/**
 * A binding as the suite sees it. What it does not govern is left out.
 *
 * - `tool`: runs the tool `lookup` through the library and gives the text that it answered. The work must run in the
 *   process and the asynchronous context of the tool (an Effect binding: by `Promises.fromPromise`).
 * - `model`, `stream`: ask the model once. The pieces of `stream` are those that the library gives its user, also joined
 *   or cut; `break` in the loop that reads them is what a user would do to leave early.
 * - `blockOf`: finds the `CallError` in what the library's user catches. Default: it is what is caught.
 * - `isFailure`: whether the user caught what the work threw. Default: it is the same object. A provider behind a wire
 *   says here how its error comes out.
 * - `impossible`: what the library makes impossible, each with the reason. These tests are skipped, by name.
 */
export interface Driver {
  readonly tool?: ((host: Host, run: BufferedRun) => Promise<string>) | undefined
  readonly model?: ((host: Host, run: BufferedRun) => Promise<string>) | undefined
  readonly stream?: ((host: Host, run: StreamedRun) => AsyncIterable<string>) | undefined
  readonly blockOf?: ((caught: unknown) => unknown) | undefined
  readonly isFailure?: ((caught: unknown, thrown: Error) => boolean) | undefined
  readonly impossible?: { readonly [P in Property]?: string } | undefined
}

type Event = LifecycleEvent.LifecycleEvent

/** One kind of calls, with the text of its result. */
interface Kind {
  readonly what: string
  readonly category: "tool" | "llm"
  readonly run: (host: Host, text: string, work: BufferedRun["work"], signal?: AbortSignal) => Promise<string>
}

const kindsOf = ({ model, stream, tool }: Driver): ReadonlyArray<Kind> => [
  ...tool === undefined ? [] : [{
    what: "a tool call",
    category: "tool" as const,
    run: (host: Host, text: string, work: BufferedRun["work"], signal?: AbortSignal) =>
      tool(host, { text, work, signal })
  }],
  ...model === undefined ? [] : [{
    what: "a model call",
    category: "llm" as const,
    run: (host: Host, text: string, work: BufferedRun["work"], signal?: AbortSignal) =>
      model(host, { text, work, signal })
  }],
  ...stream === undefined ? [] : [{
    what: "a streamed model call",
    category: "llm" as const,
    run: (host: Host, text: string, work: BufferedRun["work"], signal?: AbortSignal) =>
      joined(stream(host, { text, work: (text, context) => pieces(work(text, context)), signal }))
  }]
]

/** Runs the suite. */
export const bindingContract = (name: string, driver: Driver): void => {
  const blockOf = driver.blockOf ?? ((caught) => caught)
  const isFailure = driver.isFailure ?? ((caught, thrown) => caught === thrown)
  const test = (name: string, needs: Property | undefined, body: () => Promise<void>) => {
    const why = needs === undefined ? undefined : driver.impossible?.[needs]
    if (why === undefined) it(name, body)
    else it.skip(`${name} (impossible: ${why})`, body)
  }
  const assertBlocked = async (promise: Promise<unknown>, guardrail: string) => {
    const block = blockOf(await rejection(promise))
    assert.instanceOf(block, Promises.CallError)
    assert.strictEqual(block.reason._tag, "GuardrailRejected")
    assert.strictEqual(block.reason._tag === "GuardrailRejected" && block.reason.guardrail, guardrail)
  }

  for (const kind of kindsOf(driver)) {
    const { category, run, what } = kind
    const callsOf = (events: ReadonlyArray<Event>) =>
      nodes(EventTree.fromEvents(events)).filter((node) => node.category === category)
    /** All events, as soon as a call of this kind has been seen and nothing is open. */
    const settled = async (host: RecordingHost): Promise<ReadonlyArray<Event>> => {
      await host.until((events) => {
        const scopes = nodes(EventTree.fromEvents(events))
        return scopes.some((node) => node.category === category) &&
          scopes.every(({ outcome, start }) => start === undefined || outcome !== undefined)
      })
      return host.events()
    }
    const onlyCall = (events: ReadonlyArray<Event>): EventTree.Node => {
      EventTree.assertWellFormed(events)
      const calls = callsOf(events)
      assert.strictEqual(calls.length, 1, EventTree.render(events))
      return calls[0]!
    }

    describe(`${name}: ${what}`, () => {
      test(
        "is one call whose events show what went in and what came out",
        undefined,
        () =>
          withHost([], async (host) => {
            const answer = await run(host, "what is up?", async (text) => `${text} the sky`)
            assert.strictEqual(answer, "what is up? the sky")
            const call = onlyCall(await settled(host))
            assert.strictEqual(call.outcome?._tag, "Success")
            assert.include(JSON.stringify(call.start?.data), "what is up?")
            assert.include(JSON.stringify(call.end?.data), "the sky")
            if (category === "tool") assert.include(call.name, "lookup")
          })
      )

      test(
        "that is blocked never runs, and its caller gets the CallError",
        undefined,
        () =>
          withHost([refusing(kind, "forbidden")], async (host) => {
            let ran = 0
            const work = async (text: string) => {
              ran++
              return text
            }
            await assertBlocked(run(host, "this is forbidden", work), "no-forbidden")
            assert.strictEqual(ran, 0)
            const call = onlyCall(await settled(host))
            assert.strictEqual(call.outcome?._tag, "Blocked")
            assert.strictEqual(await run(host, "this is fine", work), "this is fine")
          })
      )

      test(
        "is blocked by what came out",
        "output guardrails",
        () =>
          withHost([refusingOutput(kind, "forbidden")], async (host) => {
            await assertBlocked(run(host, "go on", async () => "it is forbidden"), "no-forbidden-output")
            assert.strictEqual(onlyCall(await settled(host)).outcome?._tag, "Blocked")
          })
      )

      test(
        "shows observers what sanitizers leave, and the work and the caller everything",
        undefined,
        () =>
          withHost(hiding("secret"), async (host) => {
            let got = ""
            const answer = await run(host, "my secret", async (text) => {
              got = text
              return "your secret too"
            })
            assert.strictEqual(got, "my secret")
            assert.strictEqual(answer, "your secret too")
            const events = await settled(host)
            const call = onlyCall(events)
            assert.notInclude(JSON.stringify(events), "secret")
            assert.include(JSON.stringify(call.start?.data), "my [hidden]")
            assert.include(JSON.stringify(call.end?.data), "your [hidden] too")
          })
      )

      test(
        "runs with what a request intercept made of it",
        "rewrites",
        () =>
          withHost([rewriting(kind, "before", "after")], async (host) => {
            assert.strictEqual(await run(host, "before noon", async (text) => `got ${text}`), "got after noon")
            assert.include(JSON.stringify(onlyCall(await settled(host)).start?.data), "after noon")
          })
      )

      test("fails with the error of its work", undefined, () =>
        withHost([], async (host) => {
          const thrown = new Error("the disk is full")
          const caught = await rejection(run(host, "save", () => Promise.reject(thrown)))
          assert.isTrue(isFailure(caught, thrown), `caught ${String(caught)}`)
          assert.strictEqual(onlyCall(await settled(host)).outcome?._tag, "Failure")
        }))

      test("ends once, as interrupted, when its signal is aborted", "aborts", () =>
        withHost([], async (host) => {
          const begun = deferred()
          const controller = new AbortController()
          const answer = run(host, "wait", (_text, { signal }) => {
            begun.resolve()
            return untilAborted(signal)
          }, controller.signal)
          await begun.promise
          controller.abort()
          await rejection(answer)
          assert.strictEqual(onlyCall(await settled(host)).outcome?._tag, "Interrupted")
        }))

      test("tells its work when its signal is aborted", "tells the work", () =>
        withHost([], async (host) => {
          const begun = deferred()
          const told = deferred()
          const controller = new AbortController()
          const answer = run(host, "wait", (_text, { signal }) => {
            begun.resolve()
            signal.addEventListener("abort", () => told.resolve(), { once: true })
            return untilAborted(signal)
          }, controller.signal)
          await begun.promise
          controller.abort()
          await rejection(answer)
          await told.promise
        }))

      test(
        "stands under the scope in which it was made, also when many run at once",
        undefined,
        () =>
          withHost([], async (host) => {
            const names = ["one", "two", "three"]
            const all = gate(names.length)
            const answers = await Promise.all(names.map((name) =>
              host.heddle.scope(name, { category: "agent" }, () =>
                run(host, `ask ${name}`, async (text) => {
                  await all()
                  return `${text} answered`
                }))
            ))
            assert.deepStrictEqual(
              answers,
              names.map((name) =>
                `ask ${name} answered`
              )
            )
            const roots = EventTree.fromEvents(await host.events())
            for (const name of names) {
              const root = roots.find((root) => root.name === name)
              const calls = nodes(root === undefined ? [] : [root]).filter((node) => node.category === category)
              assert.strictEqual(calls.length, 1, EventTree.render(roots))
              assert.include(JSON.stringify(calls[0]?.start?.data), `ask ${name}`)
              assert.include(JSON.stringify(calls[0]?.end?.data), `ask ${name} answered`)
            }
          })
      )

      test(
        "is judged and told of by its own runtime only",
        undefined,
        () =>
          withHost([refusing(kind, "ask")], (strict) =>
            withHost([], async (free) => {
              const work = async (text: string) => `${text} answered`
              const [, answer] = await Promise.all([
                assertBlocked(run(strict, "ask one", work), "no-forbidden"),
                run(free, "ask two", work)
              ])
              assert.strictEqual(answer, "ask two answered")
              assert.strictEqual(onlyCall(await settled(strict)).outcome?._tag, "Blocked")
              assert.strictEqual(onlyCall(await settled(free)).outcome?._tag, "Success")
            }))
      )

      if (category === "tool") {
        test("is the parent of what its work does", "children", () =>
          withHost([], async (host) => {
            await run(host, "go", async (text) => {
              host.heddle.mark("inside")
              await Promise.resolve()
              await host.heddle.scope("deeper", () => undefined)
              return text
            })
            const call = onlyCall(await host.events())
            assert.include(call.marks.map(({ name }) => name), "inside")
            assert.include(call.children.map(({ name }) => name), "deeper")
          }))
      }
    })
  }

  const { stream } = driver
  if (stream === undefined) return
  const callOf = (events: ReadonlyArray<Event>) =>
    nodes(EventTree.fromEvents(events)).find((node) => node.category === "llm" && node.end !== undefined)

  describe(`${name}: a stream`, () => {
    test(
      "cannot get around a guardrail that holds it back, wherever the text is cut",
      "output guardrails",
      () =>
        withHost([refusingOutput({ category: "llm" }, "forbidden")], async (host) => {
          const seen: Array<string> = []
          const read = async () => {
            for await (
              const piece of stream(host, {
                text: "go on",
                signal: undefined,
                work: () => list(["this is for", "bidd", "en to all"])
              })
            ) seen.push(piece)
          }
          await assertBlocked(read(), "no-forbidden-output")
          assert.strictEqual(seen.join(""), "")
        })
    )

    test("gives each piece before the provider makes the next", "pieces", () =>
      withHost([], async (host) => {
        const seen = deferred()
        async function* work() {
          yield "first"
          await seen.promise
          yield " second"
        }
        let text = ""
        for await (const piece of stream(host, { text: "go on", signal: undefined, work })) {
          text += piece
          if (text.includes("first")) seen.resolve()
        }
        assert.strictEqual(text, "first second")
      }))

    test(
      "that its reader leaves ends once, as interrupted, and the provider is told",
      "breaks",
      () =>
        withHost([], async (host) => {
          const told = deferred()
          async function* work(_text: string, { signal }: WorkContext) {
            signal.addEventListener("abort", () => told.resolve(), { once: true })
            yield "first"
            await untilAborted(signal)
          }
          for await (const piece of stream(host, { text: "go on", signal: undefined, work })) {
            if (piece.includes("first")) break
          }
          const events = await host.until((events) => callOf(events) !== undefined)
          EventTree.assertWellFormed(events)
          assert.strictEqual(callOf(events)?.outcome?._tag, "Interrupted")
          await told.promise
        })
    )
  })
}

// policies

const refusing = ({ category }: Pick<Kind, "category">, text: string): Middleware.Entry =>
  Promises.Guardrail.make({
    name: "no-forbidden",
    applies: { kind: category },
    check: (call) =>
      JSON.stringify(call.kind === "tool" ? call.input : call.request.body).includes(text)
        ? Promises.Guardrail.reject(`it says ${text}`)
        : Promises.Guardrail.allow
  })

const refusingOutput = ({ category }: Pick<Kind, "category">, text: string): Middleware.Entry =>
  Promises.Guardrail.output({
    name: "no-forbidden-output",
    applies: { kind: category },
    hold: "full",
    check: (output) =>
      (output.text ?? JSON.stringify(output.value) ?? "").includes(text)
        ? Promises.Guardrail.reject(`it says ${text}`)
        : Promises.Guardrail.allow
  })

const rewriting = ({ category }: Pick<Kind, "category">, from: string, to: string): Middleware.Entry =>
  Promises.Intercept.request({
    name: "rewriting",
    applies: { kind: category },
    transform: (call) =>
      call.kind === "tool"
        ? { ...call, input: replaced(call.input, from, to) }
        : { ...call, request: { ...call.request, body: replaced(call.request.body, from, to) } }
  })

const hiding = (word: string): ReadonlyArray<Middleware.Entry> => {
  const hide = <A>(value: A) => replaced(value, word, "[hidden]")
  const { Sanitizer } = Promises
  return [
    Sanitizer.request({ name: "hide-request", sanitize: hide }),
    Sanitizer.response({ name: "hide-response", sanitize: hide }),
    Sanitizer.mark({ name: "hide-mark", sanitize: hide }),
    Sanitizer.scopeStart({ name: "hide-start", applies: notCalls, sanitize: hide }),
    Sanitizer.scopeEnd({ name: "hide-end", applies: notCalls, sanitize: hide })
  ]
}

const notCalls = ({ category }: Event) => category !== "tool" && category !== "llm"

// texts

/** A value of plain data with another text in its strings. */
const replaced = <A>(value: A, from: string, to: string): A =>
  value === undefined ? value : JSON.parse(JSON.stringify(value).replaceAll(from, to)) as A

const joined = async (texts: AsyncIterable<string>): Promise<string> => {
  let all = ""
  for await (const text of texts) all += text
  return all
}

/** A text in pieces of four characters. */
async function* pieces(text: Promise<string>): AsyncGenerator<string> {
  for (const [piece] of (await text).matchAll(/.{1,4}/gsu)) yield piece
}

async function* list(texts: ReadonlyArray<string>): AsyncGenerator<string> {
  yield* texts
}

const nodes = (trees: ReadonlyArray<EventTree.Node>): ReadonlyArray<EventTree.Node> =>
  trees.flatMap((tree) => [tree, ...nodes(tree.children)])

/** Waits until so many have come. */
const gate = (count: number): () => Promise<void> => {
  const open = deferred()
  let missing = count
  return () => {
    if (--missing === 0) open.resolve()
    return open.promise
  }
}
