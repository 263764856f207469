/** The plain JavaScript program, as a user runs it, and disturbed at every point where it waits. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Promises from "../../src/binding/Promises.ts"
import type { LifecycleEvent } from "../../src/index.ts"
import { EventTree } from "../../src/testing/index.ts"

const path = fileURLToPath(new URL("../../examples/guarded-tools.mjs", import.meta.url))
const source = Fs.readFileSync(path, "utf8")
const imported = /^import \{ Guardrail, make, Sanitizer \} from .*$/m

describe("guarded-tools.mjs", () => {
  it("has at most twenty lines of code, and one import", () => {
    const lines = source.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("//"))
    assert.isAtMost(lines.length, 20)
    assert.deepStrictEqual(lines.filter((line) => /\bimport\b/.test(line)), [imported.exec(source)?.[0]])
  })

  it(
    "keeps its tool from secret files, keys from its trace, and keys from its reader",
    { timeout: 60_000 },
    async () => {
      const { stderr, stdout } = await promisify(execFile)(process.execPath, [path])
      assert.strictEqual(stderr, "")
      assert.notInclude(stdout, "sk-1")
      assert.include(stdout, "said I read two files. \n")
      assert.include(stdout, "refused: off limits")
      assert.include(stdout, "notes says [hidden]")
      assert.include(stdout, "failed llm call \"model\": guardrail \"keys\" rejected it: a key\n")
    }
  )
})

type Disturbance = "throw" | "abort" | "kill" | "none"

type Work<Args extends ReadonlyArray<unknown>, A> = (...args: Args) => Promises.MaybePromise<A>

class Disturbed extends Error {}

/** Runs the program with one disturbance at the n-th point where it waits; gives how many there were and what happened. */
const run = async (disturbance: Disturbance, at: number) => {
  const events: Array<LifecycleEvent.LifecycleEvent> = []
  const said: Array<string> = []
  const controller = new AbortController()
  let points = 0
  let runtime: Promises.Heddle | undefined
  let killed: Promise<void> | undefined
  const point = async (): Promise<void> => {
    if (++points === at) {
      if (disturbance === "throw") throw new Disturbed("the disturbance")
      if (disturbance === "abort") controller.abort(new Disturbed("the disturbance"))
      if (disturbance === "kill") killed = runtime?.close()
    }
    await Promise.resolve()
  }
  /** Waits before and after it. */
  const around = <Args extends ReadonlyArray<unknown>, A>(work: Work<Args, A>) => async (...args: Args): Promise<A> => {
    await point()
    const value = await work(...args)
    await point()
    return value
  }
  const each = async function*<A>(chunks: AsyncIterable<A>): AsyncGenerator<A> {
    await point()
    for await (const chunk of chunks) {
      await point()
      yield chunk
    }
    await point()
  }
  const guardrail: Pick<typeof Promises.Guardrail, "make" | "output" | "reject" | "allow"> = {
    ...Promises.Guardrail,
    make: (options) => Promises.Guardrail.make({ ...options, check: around(options.check) }),
    output: (options) => Promises.Guardrail.output({ ...options, check: around(options.check) })
  }
  const make = around(async (options: Promises.Options) => {
    const recorder: Promises.Subscriber = {
      name: "recorder",
      handle: (event) => {
        events.push(event)
      }
    }
    const heddle = await Promises.make({ ...options, subscribers: [...options.subscribers ?? [], recorder] })
    runtime = heddle
    const { close, llmStream, scope, tool } = heddle
    return {
      close,
      scope: <A>(name: string, work: Promises.ScopeWork<A>) => scope(name, { signal: controller.signal }, around(work)),
      tool: <I, A>(
        name: string,
        input: I,
        work: Work<[I, Promises.CallbackContext], A>,
        options: Promises.ToolOptions<A> & { readonly schema?: undefined }
      ) => around(() => tool(name, input, around(work), options))(),
      llmStream: <A>(name: string, request: Promises.Request, work: () => AsyncIterable<A>) =>
        each(llmStream(name, request, () => each(work())))
    }
  })
  const program: (...args: ReadonlyArray<unknown>) => Promise<void> = await moduleOf(source.replace(imported, ""))
  const console = {
    log: (...words: ReadonlyArray<unknown>) => {
      said.push(words.join(" "))
    }
  }
  let failure: unknown
  try {
    await program(guardrail, make, Promises.Sanitizer, console)
  } catch (error) {
    failure = error
  }
  await killed
  await runtime?.close()
  return { points, events, said, failure }
}

/** The body of a module as an asynchronous function of what it imports and of its console. */
const moduleOf = async (body: string): Promise<(...args: ReadonlyArray<unknown>) => Promise<void>> => {
  const parameters = "Guardrail, make, Sanitizer, console"
  const text = `export default async (${parameters}) => {\n${body}\n}\n`
  const loaded: { readonly default: (...args: ReadonlyArray<unknown>) => Promise<void> } = await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(text)}`
  )
  return loaded.default
}

describe("guarded-tools.mjs, disturbed wherever it waits, has exactly one end for each start", () => {
  it("and tells its whole story undisturbed", async () => {
    const { events, failure, points } = await run("none", 0)
    assert.isUndefined(failure)
    assert.isAbove(points, 20)
    EventTree.assertWellFormed(events, { contiguous: true })
    EventTree.assertTree(
      events,
      `
        function agent → Failure CallError: llm call "model": guardrail "keys" rejected it: a key
          llm model → Blocked by keys: a key
            mark guardrail keys [warn]
          tool read → Blocked by files: off limits
            mark guardrail files [warn]
          tool read → Success
      `,
      { sort: true }
    )
  })

  it.each<Disturbance>(["throw", "abort", "kill"])("%s", async (disturbance) => {
    const { points: total } = await run("none", 0)
    for (let at = 1; at <= total; at++) {
      const { events, failure, points, said } = await run(disturbance, at)
      const where = `${disturbance} at point ${at}`
      assert.isAtLeast(points, at, where)
      assert.doesNotThrow(() => EventTree.assertWellFormed(events, { contiguous: true }), where)
      const count = (tag: string) => events.filter(({ _tag }) => _tag === tag).length
      assert.strictEqual(count("ScopeEnd"), count("ScopeStart"), where)
      // Points before there is a scope can only be disturbed by throwing.
      if (failure !== undefined) {
        assert.deepInclude([Disturbed, Promises.RuntimeClosed], Object(failure).constructor, where)
      } else assert.isTrue(said.some((line) => line.startsWith("failed ")), where)
      assert.notInclude(said.filter((line) => !line.startsWith("failed")).join("\n"), "sk-1", where)
    }
  })
})
