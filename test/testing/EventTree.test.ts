import { assert, describe, it } from "@effect/vitest"
import type { LifecycleEvent, Mark, Outcome, ScopeEnd, ScopeStart } from "../../src/event/LifecycleEvent.ts"
import * as EventTree from "../../src/testing/EventTree.ts"

const success: Outcome = { _tag: "Success" }
const pii: Outcome = { _tag: "Blocked", by: "pii", reason: "contains e-mail" }

/** Builds events as a runtime would: ids count up, a microsecond passes between any two. */
const recorder = () => {
  const events: Array<LifecycleEvent> = []
  const fields = (name: string, uuid: string, parent: ScopeStart | undefined) => ({
    uuid,
    parentUuid: parent?.uuid,
    rootUuid: parent?.rootUuid ?? uuid,
    sequence: events.length + 1,
    timestamp: 1_000_000 + events.length,
    name,
    profile: undefined,
    data: undefined,
    dataSchema: undefined,
    metadata: undefined
  })
  const push = <E extends LifecycleEvent>(event: E): E => {
    events.push(event)
    return event
  }
  const uuid = () => `00000000-0000-7000-8000-${(events.length + 1).toString().padStart(12, "0")}`
  return {
    events,
    start: (category: string, name: string, parent?: ScopeStart, more?: Partial<ScopeStart>) =>
      push<ScopeStart>({ _tag: "ScopeStart", ...fields(name, uuid(), parent), category, attributes: [], ...more }),
    end: (start: ScopeStart, outcome: Outcome = success, more?: Partial<ScopeEnd>) =>
      push<ScopeEnd>({
        _tag: "ScopeEnd",
        ...fields(start.name, start.uuid, undefined),
        parentUuid: start.parentUuid,
        rootUuid: start.rootUuid,
        category: start.category,
        attributes: [],
        outcome,
        decisions: [],
        ...more
      }),
    mark: (name: string, parent?: ScopeStart, more?: Partial<Mark>) =>
      push<Mark>({ _tag: "Mark", ...fields(name, uuid(), parent), category: undefined, ...more })
  }
}

const planner = () => {
  const { end, events, mark, start } = recorder()
  const agent = start("agent", "planner")
  const tool = start("tool", "search", agent)
  const llm = start("llm", "gpt", agent)
  mark("hit", tool)
  end(tool)
  end(llm, pii)
  end(agent)
  return events
}

const messageOf = (f: () => void): string => {
  try {
    f()
  } catch (error) {
    assert.instanceOf(error, EventTree.AssertionError)
    return error.message
  }
  return assert.fail("nothing was thrown")
}

describe("EventTree.fromEvents", () => {
  it("gives every scope its marks and children, also when branches interleave", () => {
    const [agent, ...others] = EventTree.fromEvents(planner())
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual(agent?.children.map((node) => node.name), ["search", "gpt"])
    assert.deepStrictEqual(agent?.children[0]?.marks.map((mark) => mark.name), ["hit"])
    assert.deepStrictEqual(agent?.children[1]?.outcome, pii)
    assert.strictEqual(agent?.children[1]?.end?._tag, "ScopeEnd")
  })

  it("keeps events whose parent was not recorded as roots", () => {
    const { end, events, mark, start } = recorder()
    const agent = start("agent", "planner")
    const tool = start("tool", "search", agent)
    mark("late", agent)
    end(tool)
    assert.strictEqual(EventTree.render(events.slice(1)), "tool search → Success\nmark late")
  })

  it("keeps a second end of one scope as a node of its own", () => {
    const { end, events, start } = recorder()
    const tool = start("tool", "search")
    end(tool)
    end(tool, pii)
    assert.strictEqual(
      EventTree.render(events),
      "tool search → Success\ntool search → Blocked by pii: contains e-mail (start not recorded)"
    )
  })
})

describe("EventTree.render", () => {
  it("writes a line for each scope and mark, indented by depth", () => {
    const expected = [
      "agent planner → Success",
      "  tool search → Success",
      "    mark hit",
      "  llm gpt → Blocked by pii: contains e-mail"
    ].join("\n")
    assert.strictEqual(EventTree.render(planner()), expected)
    assert.strictEqual(EventTree.render(EventTree.fromEvents(planner())), expected)
  })

  it("tells failures, defects, interruptions and open scopes apart", () => {
    const { end, events, start } = recorder()
    const error = { tag: "TimeoutError", message: "line 1\nline 2" }
    end(start("tool", "a"), { _tag: "Failure", error, isDefect: false })
    end(start("tool", "b"), { _tag: "Failure", error: { tag: "TypeError", message: "" }, isDefect: true })
    end(start("tool", "c"), { _tag: "Interrupted", origin: "fiber:12" })
    end(start("tool", "d"), { _tag: "Interrupted", origin: "consumer" })
    end(start("tool", "e"), { _tag: "Interrupted" })
    start("tool", "f")
    assert.deepStrictEqual(EventTree.render(events).split("\n"), [
      "tool a → Failure TimeoutError: line 1\\nline 2",
      "tool b → Defect TypeError",
      "tool c → Interrupted by fiber",
      "tool d → Interrupted by consumer",
      "tool e → Interrupted",
      "tool f → (open)"
    ])
  })

  it("shows payloads and decisions on request", () => {
    const { end, events, mark, start } = recorder()
    const tool = start("tool", "search", undefined, { data: { query: "effect" } })
    mark("quota", tool, { severity: "warn", data: 3 })
    end(tool, success, {
      data: ["a"],
      decisions: [
        { guardrail: "pii", verdict: "allow", durationMicros: 12 },
        { guardrail: "size", verdict: "wouldBlock", reason: "too long", durationMicros: 3 }
      ]
    })
    assert.deepStrictEqual(EventTree.render(events, { data: true, decisions: true }).split("\n"), [
      "tool search → Success",
      "  input {\"query\":\"effect\"}",
      "  output [\"a\"]",
      "  decision pii allow",
      "  decision size wouldBlock: too long",
      "  mark quota [warn]",
      "    data 3"
    ])
  })

  it("gives the same text for every order of concurrent siblings when sorted", () => {
    const run = (names: ReadonlyArray<string>) => {
      const { end, events, mark, start } = recorder()
      const agent = start("agent", "planner")
      const tools = names.map((name) => start("tool", name, agent))
      for (const tool of tools) mark(`found ${tool.name}`, agent)
      for (const tool of tools.toReversed()) end(tool, tool.name === "b" ? pii : success)
      end(agent)
      return events
    }
    const text = EventTree.render(run(["b", "a", "c"]), { sort: true })
    assert.strictEqual(text, EventTree.render(run(["c", "b", "a"]), { sort: true }))
    assert.deepStrictEqual(text.split("\n").slice(1, 5), [
      "  mark found a",
      "  mark found b",
      "  mark found c",
      "  tool a → Success"
    ])
    assert.notStrictEqual(EventTree.render(run(["b", "a", "c"])), EventTree.render(run(["c", "b", "a"])))
  })
})

describe("EventTree.assertTree", () => {
  it("takes text that is indented with the test", () => {
    EventTree.assertTree(
      planner(),
      `
        agent planner → Success
          tool search → Success
            mark hit

          llm gpt → Blocked by pii: contains e-mail
      `
    )
  })

  it("throws a line diff", () => {
    const message = messageOf(() =>
      EventTree.assertTree(
        planner(),
        `
        agent planner → Success
          tool search → Success
          llm gpt → Success
          tool save → Success
        `
      )
    )
    assert.deepStrictEqual(message.split("\n").slice(2), [
      "  agent planner → Success",
      "    tool search → Success",
      "-   llm gpt → Success",
      "-   tool save → Success",
      "+     mark hit",
      "+   llm gpt → Blocked by pii: contains e-mail",
      ""
    ])
  })

  it("compares only what a shape gives", () => {
    EventTree.assertTree(planner(), { name: "planner" })
    EventTree.assertTree(planner(), [{
      name: "planner",
      outcome: "Success",
      children: [{ name: "search", category: "tool", marks: ["hit"] }, { name: "gpt", outcome: "Blocked" }]
    }])
  })

  it("shows what a shape misses and what it did not expect", () => {
    const message = messageOf(() =>
      EventTree.assertTree(planner(), {
        name: "planner",
        children: [{ name: "gpt", outcome: "Success" }, { name: "save" }]
      })
    )
    const lines = message.split("\n")
    for (
      const line of [
        "  planner",
        "-   gpt → Success",
        "-   save",
        "+   tool search → Success",
        "+     mark hit",
        "+   gpt → Blocked"
      ]
    ) assert.include(lines, line)
  })

  it("requires the children that a shape lists to be complete", () => {
    const message = messageOf(() => EventTree.assertTree(planner(), { name: "planner", children: [] }))
    assert.include(message, "+   tool search → Success")
  })

  it("compares siblings without their order when sorted", () => {
    const shape = { name: "planner", children: [{ name: "gpt" }, { name: "search" }] }
    EventTree.assertTree(planner(), shape, { sort: true })
    assert.throws(() => EventTree.assertTree(planner(), shape))
  })

  it("diffs no more than the lines that changed in a large tree", () => {
    const { end, events, start } = recorder()
    const agent = start("agent", "planner")
    for (let i = 0; i < 5000; i++) end(start("tool", `t${i}`, agent))
    end(agent)
    const message = messageOf(() =>
      EventTree.assertTree(events, EventTree.render(events).replace("tool t2500 →", "tool other →"))
    )
    assert.deepStrictEqual(message.split("\n").filter((line) => /^[+-] /.test(line)), [
      "-   tool other → Success",
      "+   tool t2500 → Success"
    ])
  })
})

describe("EventTree.assertWellFormed", () => {
  const violate = (
    build: (recorder: ReturnType<typeof makeRecorder>) => void,
    options?: EventTree.WellFormedOptions
  ): ReadonlyArray<string> => {
    const recorded = makeRecorder()
    build(recorded)
    return EventTree.violations(recorded.events, options)
  }
  const makeRecorder = recorder
  const only = (found: ReadonlyArray<string>, problem: string) => {
    assert.lengthOf(found, 1, found.join("\n"))
    assert.include(found[0], problem)
  }

  it("accepts what a runtime emits", () => {
    EventTree.assertWellFormed(planner(), { contiguous: true })
    EventTree.assertWellFormed([])
  })

  it("accepts a child that starts and ends after its parent's end", () => {
    assert.deepStrictEqual(
      violate(({ end, start }) => {
        const agent = start("agent", "planner")
        end(agent)
        end(start("tool", "detached", agent))
      }),
      []
    )
  })

  it("reports a scope that never ended", () => {
    only(violate(({ start }) => start("tool", "search")), "ScopeStart tool search (sequence 1")
    only(violate(({ start }) => start("tool", "search")), "never ended")
  })

  it("reports a second end", () => {
    only(
      violate(({ end, start }) => {
        const tool = start("tool", "search")
        end(tool)
        end(tool)
      }),
      "had ended before"
    )
  })

  it("reports a second start under one uuid", () => {
    only(
      violate(({ end, start }) => {
        const tool = start("tool", "search")
        start("tool", "search", undefined, { uuid: tool.uuid, rootUuid: tool.uuid })
        end(tool)
      }),
      "started before"
    )
  })

  it("reports an end without a start", () => {
    const { end, events, start } = recorder()
    end(start("tool", "search"))
    only(EventTree.violations(events.slice(1)), "never started")
  })

  it("reports an end that is not later than its start", () => {
    only(
      violate(({ end, start }) => {
        const tool = start("tool", "search")
        end(tool, success, { timestamp: tool.timestamp })
      }),
      "not later than its start"
    )
  })

  it("reports an end that contradicts its start", () => {
    only(
      violate(({ end, start }) => end(start("tool", "search"), success, { name: "other" })),
      "name is other, but was search"
    )
  })

  it("reports a parent that did not start before, unless parents may be remote", () => {
    const orphan = ({ end, start }: ReturnType<typeof recorder>) => {
      const remote = makeRecorder().start("agent", "elsewhere", undefined, { uuid: "remote", rootUuid: "remote" })
      end(start("tool", "search", remote))
    }
    only(violate(orphan), "its parent remote had not started before")
    assert.deepStrictEqual(violate(orphan, { remoteParents: true }), [])
  })

  it("reports a root uuid that is not the parent's, or on a root not its own", () => {
    only(
      violate(({ end, mark, start }) => {
        const agent = start("agent", "planner")
        mark("hit", agent, { rootUuid: "other" })
        end(agent)
      }),
      "rootUuid other is not that of its parent"
    )
    only(violate(({ mark }) => mark("hit", undefined, { rootUuid: "other" })), "rootUuid other is another's")
  })

  it("lets a fiber that outlives its scope emit marks under it", () => {
    assert.deepEqual(
      violate(({ end, mark, start }) => {
        const tool = start("tool", "search")
        end(tool)
        mark("late", tool)
      }),
      []
    )
  })

  it("reports sequence numbers that do not rise", () => {
    only(
      violate(({ mark }) => {
        mark("a")
        mark("b", undefined, { sequence: 1 })
      }),
      "sequence does not rise"
    )
    only(
      violate(({ mark }) => {
        mark("a", undefined, { sequence: 0 })
        mark("b")
      }),
      "not a positive integer"
    )
  })

  it("exempts foreign lists without sequence numbers", () => {
    assert.deepStrictEqual(
      violate(({ mark }) => {
        mark("a", undefined, { sequence: 0 })
        mark("b", undefined, { sequence: 0 })
      }),
      []
    )
  })

  it("reports holes in the sequence only if it must be contiguous", () => {
    const holed = ({ mark }: ReturnType<typeof recorder>) => {
      mark("a")
      mark("b", undefined, { sequence: 5 })
    }
    assert.deepStrictEqual(violate(holed), [])
    only(violate(holed, { contiguous: true }), "hole after 1")
  })

  it("reports timestamps that go backwards, except on the announcement of a gap", () => {
    only(
      violate(({ mark }) => {
        mark("a", undefined, { timestamp: 50 })
        mark("b", undefined, { timestamp: 20 })
      }),
      "timestamp goes back by 30 µs"
    )
    assert.deepStrictEqual(
      violate(({ mark }) => {
        mark("heddle.gap", undefined, { timestamp: 50 })
        mark("b", undefined, { timestamp: 20 })
      }),
      []
    )
  })

  it("lists all violations at once", () => {
    const { end, events, start } = recorder()
    start("tool", "open")
    end(start("tool", "search"), success, { sequence: 2, timestamp: 0 })
    const message = messageOf(() => EventTree.assertWellFormed(events))
    assert.include(message, "4 violations")
    for (const problem of ["never ended", "does not rise", "goes back", "not later"]) assert.include(message, problem)
  })
})
