import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import type { LifecycleEvent, Mark, Outcome, ScopeEnd, ScopeStart } from "../../src/event/LifecycleEvent.ts"
import * as Console from "../../src/subscriber/Console.ts"
import * as eventTree from "../../src/subscriber/internal/eventTree.ts"
import { duration } from "../../src/subscriber/internal/line.ts"
import { preview } from "../../src/subscriber/internal/preview.ts"

const success: Outcome = { _tag: "Success" }
const timeout: Outcome = { _tag: "Failure", error: { tag: "TimeoutError", message: "no answer" }, isDefect: false }

/** Renders events as they are built; each takes 1.5 ms, and the ids of scopes and marks are 0001, 0002 and so on. */
const terminal = (options?: Console.RenderOptions) => {
  const renderer = Console.renderer(options)
  const lines: Array<string> = []
  let ids = 0
  let time = 0
  const show = <E extends LifecycleEvent>(event: E): E => {
    lines.push(...renderer.render(event))
    return event
  }
  const fields = (name: string, uuid: string, parent: ScopeStart | undefined) => ({
    uuid,
    parentUuid: parent?.uuid,
    rootUuid: parent?.rootUuid ?? uuid,
    sequence: 0,
    timestamp: time += 1500,
    name,
    profile: undefined,
    data: undefined,
    dataSchema: undefined,
    metadata: undefined
  })
  const uuid = () => `00000000-0000-7000-8000-${(++ids).toString().padStart(12, "0")}`
  return {
    lines,
    start: (category: string, name: string, parent?: ScopeStart, more?: Partial<ScopeStart>) =>
      show<ScopeStart>({ _tag: "ScopeStart", ...fields(name, uuid(), parent), category, attributes: [], ...more }),
    end: (start: ScopeStart, outcome: Outcome = success, more?: Partial<ScopeEnd>) =>
      show<ScopeEnd>({
        _tag: "ScopeEnd",
        ...fields(start.name, start.uuid, undefined),
        parentUuid: start.parentUuid,
        category: start.category,
        attributes: [],
        outcome,
        decisions: [],
        ...more
      }),
    mark: (name: string, parent?: ScopeStart, more?: Partial<Mark>) =>
      show<Mark>({ _tag: "Mark", ...fields(name, uuid(), parent), category: undefined, ...more })
  }
}

describe("Console.renderer", () => {
  it("shows a scope when it opens and, with duration and outcome, when it ends", () => {
    const { end, lines, mark, start } = terminal()
    const agent = start("agent", "planner")
    const tool = start("tool", "search", agent)
    mark("cache.miss", tool)
    end(tool)
    end(agent)
    assert.deepStrictEqual(lines, [
      "0001 ▸ agent planner",
      "0002   ▸ tool search",
      "0002     • cache.miss",
      "0002   ✓ tool search  3.00 ms",
      "0001 ✓ agent planner  6.00 ms"
    ])
  })

  it("names the parent wherever interleaved branches would mislead", () => {
    const { end, lines, start } = terminal()
    const agent = start("agent", "planner")
    const first = start("tool", "first", agent)
    const second = start("tool", "second", agent)
    const a = start("retriever", "a", first)
    const b = start("retriever", "b", second)
    end(a)
    end(b)
    end(second)
    const other = start("agent", "other")
    start("tool", "third", agent)
    end(first)
    start("tool", "fourth", other)
    assert.deepStrictEqual(lines, [
      "0001 ▸ agent planner",
      "0002   ▸ tool first",
      "0003   ▸ tool second",
      "0004     ▸ retriever a  in first 0002",
      "0005     ▸ retriever b  in second 0003",
      "0004     ✓ retriever a  3.00 ms",
      "0005     ✓ retriever b  3.00 ms",
      "0003   ✓ tool second  7.50 ms",
      "0006 ▸ agent other",
      "0007   ▸ tool third  in planner 0001",
      "0002   ✓ tool first  13.5 ms",
      "0008   ▸ tool fourth  in other 0006"
    ])
  })

  it("makes blocked, failed, died and interrupted work stand out", () => {
    const { end, lines, mark, start } = terminal()
    const mail = start("tool", "mail")
    mark("heddle.guardrail", mail, {
      category: "guardrail",
      data: { guardrail: "pii", verdict: "reject", reason: "contains e-mail" }
    })
    end(mail, { _tag: "Blocked", by: "pii", reason: "contains e-mail" })
    end(start("tool", "a"), timeout)
    end(start("tool", "b"), { _tag: "Failure", error: { tag: "TypeError", message: "" }, isDefect: true })
    end(start("tool", "c"), { _tag: "Interrupted", origin: "consumer" })
    assert.deepStrictEqual(lines.filter((line) => !line.includes("▸")), [
      "0001   ⊘ guardrail pii  reject: contains e-mail",
      "0001 ⊘ tool mail  3.00 ms  blocked by pii: contains e-mail",
      "0003 ✗ tool a  1.50 ms  failed TimeoutError: no answer",
      "0004 ✗ tool b  1.50 ms  died TypeError",
      "0005 ■ tool c  1.50 ms  interrupted by consumer"
    ])
  })

  it("counts attempts, of which the first is the call itself", () => {
    const { end, lines, start } = terminal()
    const llm = start("llm", "answer", undefined, { profile: { modelName: "gpt-5" } })
    end(start("llm", "attempt", llm), timeout)
    end(start("llm", "attempt", llm))
    end(llm, success, { profile: { chunkCount: 42, timeToFirstChunk: 0.12 } })
    assert.deepStrictEqual(lines, [
      "0001 ▸ llm answer (gpt-5)",
      "0002   ↻ llm attempt 2",
      "0002   ✗ llm attempt 2  1.50 ms  failed TimeoutError: no answer",
      "0003   ↻ llm attempt 3",
      "0003   ✓ llm attempt 3  1.50 ms",
      "0001 ✓ llm answer  7.50 ms  3 attempts  42 chunks, first after 120 ms"
    ])
  })

  it("shows how serious a mark is", () => {
    const { lines, mark } = terminal()
    mark("quiet", undefined, { severity: "debug" })
    mark("quota.low", undefined, { severity: "warn" })
    mark("quota.out", undefined, { severity: "error" })
    assert.deepStrictEqual(lines, ["0001 • quiet", "0002 ! warn quota.low", "0003 ! error quota.out"])
  })

  it("warns of a gap", () => {
    const { lines, mark } = terminal()
    mark("heddle.gap", undefined, { data: { dropped: 12, firstSequence: 40, lastSequence: 51 } })
    assert.deepStrictEqual(lines, ["···· ! 12 events dropped (sequence 40 to 51): the tree has holes here"])
  })

  it("puts what it has not seen the parent or the start of at the left edge and says so", () => {
    const { end, lines, start } = terminal()
    const elsewhere = terminal().start("agent", "elsewhere", undefined, { uuid: "elsewhere-beef" })
    start("tool", "search", elsewhere)
    end(elsewhere)
    assert.deepStrictEqual(lines, ["0001 ▸ tool search  in beef", "beef ✓ agent elsewhere  start not seen"])
  })

  it("forgets a scope when it ends, and the oldest when too many stay open", () => {
    const state = eventTree.make()
    const options = { color: false, data: false, width: 120 }
    const { end, start } = terminal()
    const open = start("agent", "planner")
    eventTree.render(state, open, options)
    assert.strictEqual(state.open.size, 1)
    eventTree.render(state, end(open), options)
    assert.strictEqual(state.open.size, 0)
    assert.lengthOf(state.latest, 1)
    for (let i = 0; i < 12_000; i++) eventTree.render(state, start("tool", `t${i}`), options)
    assert.strictEqual(state.open.size, 10_000)
  })

  it("shows payloads on request only", () => {
    const quiet = terminal()
    quiet.end(quiet.start("tool", "search", undefined, { data: { query: "effect" } }), success, { data: ["a"] })
    assert.deepStrictEqual(quiet.lines, ["0001 ▸ tool search", "0001 ✓ tool search  1.50 ms"])
    const { end, lines, mark, start } = terminal({ data: true })
    const tool = start("tool", "search", undefined, { data: { query: "effect" } })
    mark("hit", tool, { data: 3 })
    end(tool, success, { data: ["a"] })
    assert.deepStrictEqual(lines, [
      "0001 ▸ tool search  {\"query\":\"effect\"}",
      "0001   • hit  3",
      "0001 ✓ tool search  3.00 ms  [\"a\"]"
    ])
  })

  it("paints only if asked, and never paints what it would not write", () => {
    const write = (color: boolean) => {
      const { end, lines, start } = terminal({ color, width: 60 })
      end(start("tool", "search".repeat(20)), timeout)
      return lines
    }
    const painted = write(true)
    assert.include(painted[1], "\u001b[31m✗ \u001b[0m")
    // oxlint-disable-next-line no-control-regex
    assert.deepStrictEqual(painted.map((line) => line.replaceAll(/\u001b\[\d+m/g, "")), write(false))
  })

  it("cuts long lines at the width, counting wide characters as two columns", () => {
    const { lines, start } = terminal({ width: 40 })
    start("tool", "x".repeat(500))
    start("tool", "織".repeat(500))
    start("tool", "y".repeat(28))
    assert.deepStrictEqual(lines, [
      `0001 ▸ tool ${"x".repeat(27)}…`,
      `0002 ▸ tool ${"織".repeat(13)}…`,
      `0003 ▸ tool ${"y".repeat(28)}`
    ])
  })

  it("stops indenting where too little of the line would be left, and names parents from there on", () => {
    const { lines, start } = terminal({ width: 40 })
    let parent = start("agent", "d0")
    for (let depth = 1; depth < 9; depth++) parent = start("agent", `d${depth}`, parent)
    assert.deepStrictEqual(lines.slice(-3), [
      "0007             ▸ agent d6",
      "0008             ▸ agent d7  in d6 0007",
      "0009             ▸ agent d8  in d7 0008"
    ])
  })

  it("lets nothing through that a terminal could take for a command", () => {
    const { end, lines, mark, start } = terminal({ data: true, width: 400 })
    const evil = "\u001b[2J\u009b31m\u202Eoops\r\n\u0007\ud800"
    const shown = "\\u001b[2J\\u009b31m\\u202eoops\\r\\n\\u0007\\ud800"
    const tool = start(evil, evil, undefined, { profile: { modelName: `m${evil}` }, data: { [evil]: evil } })
    mark(evil, tool, { category: "guardrail", data: { guardrail: evil, verdict: evil, reason: evil } })
    end(tool, { _tag: "Blocked", by: evil, reason: evil })
    assert.include(lines[0], `${shown} ${shown} (m${shown})`)
    // oxlint-disable-next-line no-control-regex
    for (const line of lines) assert.notMatch(line, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\ud800]/)
  })

  it("renders any text as one printable line of at most the width", () => {
    const text = FastCheck.string({ unit: "binary", maxLength: 200 })
    FastCheck.assert(
      FastCheck.property(
        text,
        text,
        FastCheck.anything(),
        FastCheck.integer({ min: 40, max: 100 }),
        (a, b, data, width) => {
          const { end, lines, mark, start } = terminal({ data: true, width })
          const tool = start(a, b, undefined, { data })
          mark(a, tool, { data, category: "guardrail" })
          end(tool, { _tag: "Failure", error: { tag: a, message: b }, isDefect: false })
          for (const line of lines) {
            assert.notMatch(line, /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e]/u)
            assert.isAtMost([...line].length, width)
          }
        }
      ),
      { numRuns: 100 }
    )
  })
})

describe("preview", () => {
  it("shows the beginning of values of any size on one line", () => {
    assert.strictEqual(preview({ a: [1, "x\ny", null], b: {} }, 80), "{\"a\":[1,\"x\\ny\",null],\"b\":{}}")
    assert.strictEqual(preview("z".repeat(1_000_000), 5), "\"zzz…")
    assert.isAtMost(preview(Array.from({ length: 100_000 }, (_, i) => i), 40).length, 40)
  })

  it("never throws", () => {
    const circle: Record<string, unknown> = {}
    circle["self"] = circle
    const fail = () => {
      throw new Error("no")
    }
    let deep: unknown = 0
    for (let i = 0; i < 100_000; i++) deep = [deep]
    const values = [circle, { toJSON: fail }, new Proxy({}, { ownKeys: fail }), deep, 10n, Symbol("s"), fail, undefined]
    for (const value of values) assert.isAtMost(preview(value, 40).length, 40)
  })
})

describe("duration", () => {
  it("reads well at every scale", () => {
    const cases: ReadonlyArray<readonly [number, string]> = [
      [0, "0 µs"],
      [999, "999 µs"],
      [1000, "1.00 ms"],
      [9996, "10.0 ms"],
      [99_960, "100 ms"],
      [999_499, "999 ms"],
      [999_500, "1.00 s"],
      [59_949_000, "59.9 s"],
      [59_950_000, "1 min 0 s"],
      [3_599_499_000, "59 min 59 s"],
      [7_260_000_000, "2 h 1 min"],
      [-1, "?"],
      [Number.NaN, "?"]
    ]
    for (const [micros, expected] of cases) assert.strictEqual(duration(micros), expected)
  })
})
