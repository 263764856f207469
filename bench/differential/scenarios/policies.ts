/** Policies that block, rewrite and wrap calls. */
import type { Policy } from "../Policy.ts"
import { scenario } from "../Scenario.ts"
import { attempt, fail, give, type Json, llm, llmStream, next, parallel, type Request, scope, tool } from "../Script.ts"
import { answer, at, echo, extend, hello, withPrompt } from "./work.ts"

const agent = (body: Parameters<typeof scope>[2]) => () => scope("planner", { category: "agent" }, body)

const model = (body: Parameters<typeof scope>[2]) => () => scope("planner", {}, body)

const search = () => tool("search", { q: "warp" }, echo)
const ask = () => llm("model", hello, answer)

const guard = (name: string, reason: string | undefined, priority = 0): Policy => ({
  _tag: "Guardrail",
  on: "tool",
  name,
  priority,
  check: () => reason
})

/** Adds its name to the list of those that were there. */
const pass = (input: Json, name: string): Json => {
  const by = at(input, "by")
  return extend(input, { by: Array.isArray(by) ? [...by, name] : [name] })
}

const rewrite = (name: string, priority = 0, breakChain = false): Policy => ({
  _tag: "Request",
  on: "tool",
  name,
  priority,
  breakChain,
  transform: (input) => pass(input, name)
})

export const blocks = [
  scenario(
    "guardrail: lets a tool through",
    { differences: ["guardrail-scopes"] },
    () => ({ policies: [guard("pass", undefined)], script: agent(search) })
  ),
  scenario("guardrail: several, in order of priority", { differences: ["guardrail-scopes"] }, (seen) => ({
    policies: [3, 1, 2].map((priority): Policy => ({
      _tag: "Guardrail",
      on: "tool",
      name: `g${priority}`,
      priority,
      check: () => {
        seen(`g${priority}`)
        return undefined
      }
    })),
    script: agent(search)
  })),
  scenario("block: a tool", { differences: ["guardrail-scopes", "block-is-a-call"] }, (seen) => ({
    policies: [guard("strict", "not today")],
    script: agent(() =>
      attempt(() =>
        tool("search", { q: 1 }, (input) => {
          seen("the work ran")
          return echo(input)
        }, { metadata: { turn: 1 } })
      )
    )
  })),
  scenario("block: the scope around it fails", {
    differences: ["guardrail-scopes", "block-is-a-call", "errors-of-scopes"]
  }, () => ({
    policies: [guard("strict", "not today")],
    script: agent(search)
  })),
  scenario("block: the first of three says no", {
    differences: ["guardrail-scopes", "block-is-a-call", "skipped-guardrails"]
  }, (seen) => ({
    policies: [guard("a", undefined, 1), guard("b", "not today", 2), {
      _tag: "Guardrail",
      on: "tool",
      name: "c",
      priority: 3,
      check: () => {
        seen("c was asked")
        return "never"
      }
    }],
    script: agent(() => attempt(search))
  })),
  scenario("block: an llm", { differences: ["trace-root", "guardrail-scopes", "block-is-a-call"] }, (seen) => ({
    policies: [{
      _tag: "Guardrail",
      on: "llm",
      name: "strict",
      check: (request) => `no ${String(request.body.prompt)}`
    }],
    script: model(() =>
      attempt(() =>
        llm("model", hello, (request) => {
          seen("the work ran")
          return answer(request)
        }, { model: "weaver-1" })
      )
    )
  })),
  scenario("block: a stream", { differences: ["trace-root", "guardrail-scopes", "block-is-a-call"] }, (seen) => ({
    policies: [{ _tag: "Guardrail", on: "llm", name: "strict", check: () => "not today" }],
    script: model(() =>
      attempt(() =>
        llmStream("model", hello, () => {
          seen("the work ran")
          return [{ chunk: "a" }]
        })
      )
    )
  })),
  scenario("block: one tool of two", { differences: ["guardrail-scopes", "applies", "block-is-a-call"] }, () => ({
    policies: [{ _tag: "Guardrail", on: "tool", only: "rm", name: "no-rm", check: () => "too sharp" }],
    script: agent(function*() {
      yield* tool("ls", { at: "." }, echo)
      return yield* attempt(() => tool("rm", { at: "." }, echo))
    })
  })),
  scenario(
    "guardrail: judges what was rewritten",
    { differences: ["guardrail-scopes", "judged-after-rewrites"] },
    () => ({
      policies: [rewrite("rename"), {
        _tag: "Guardrail",
        on: "tool",
        name: "no-rewrite",
        check: (input) => at(input, "by") === null ? undefined : "was rewritten"
      }],
      script: agent(() => attempt(search))
    })
  ),
  scenario("guardrail: throws", { differences: ["guardrail-scopes", "refusal-is-a-call"] }, () => ({
    policies: [{ _tag: "Guardrail", on: "tool", name: "broken", check: () => fail("no rules found") }],
    script: agent(() => attempt(search))
  }))
]

export const rewrites = [
  scenario("request: one rewrite", () => ({ policies: [rewrite("one")], script: agent(search) })),
  scenario("request: a chain by priority", () => ({
    policies: [rewrite("late", 10), rewrite("early", -5), rewrite("mid", 0)],
    script: agent(search)
  })),
  scenario("request: equal priorities by name", () => ({
    policies: [rewrite("m"), rewrite("z"), rewrite("a")],
    script: agent(search)
  })),
  scenario("request: breakChain", () => ({
    policies: [rewrite("a", 1), rewrite("b", 2, true), rewrite("c", 3)],
    script: agent(search)
  })),
  scenario("request: for one tool only", () => ({
    policies: [{
      _tag: "Request",
      on: "tool",
      only: "ls",
      name: "cap",
      transform: (input) => extend(input, { cap: 1 })
    }],
    script: agent(function*() {
      yield* tool("ls", { at: "." }, echo)
      return yield* tool("cat", { at: "." }, echo)
    })
  })),
  scenario("request: of an llm", { differences: ["trace-root"] }, () => ({
    policies: [{
      _tag: "Request",
      on: "llm",
      name: "shout",
      transform: (request) => withPrompt(request, String(request.body.prompt).toUpperCase())
    }],
    script: model(ask)
  })),
  scenario("request: throws", { differences: ["refusal-is-a-call"] }, (seen) => ({
    policies: [{ _tag: "Request", on: "tool", name: "broken", transform: () => fail("no rules found") }],
    script: agent(() =>
      attempt(() =>
        tool("search", { q: 1 }, (input) => {
          seen("the work ran")
          return echo(input)
        })
      )
    )
  }))
]

export const executions = [
  scenario("execution: passes through", () => ({
    policies: [{ _tag: "Execution", on: "tool", name: "pass", around: () => next() }],
    script: agent(search)
  })),
  scenario("execution: onion by priority", (seen) => ({
    policies: [2, 1].map((priority): Policy => ({
      _tag: "Execution",
      on: "tool",
      name: `e${priority}`,
      priority,
      *around() {
        seen(`into e${priority}`)
        const result = yield* next()
        seen(`out of e${priority}`)
        return extend(result, { [`e${priority}`]: true })
      }
    })),
    script: agent(search)
  })),
  scenario("execution: replaces the result", () => ({
    policies: [{
      _tag: "Execution",
      on: "tool",
      name: "replace",
      *around() {
        yield* next()
        return { replaced: true }
      }
    }],
    script: agent(search)
  })),
  scenario("execution: another request for the work", () => ({
    policies: [{ _tag: "Execution", on: "tool", name: "route", around: (input) => next(extend(input, { routed: 1 })) }],
    script: agent(search)
  })),
  scenario("execution: short cut", (seen) => ({
    policies: [{ _tag: "Execution", on: "tool", name: "cache", around: () => give({ cached: true }) }],
    script: agent(() =>
      tool("search", { q: 1 }, (input) => {
        seen("the work ran")
        return echo(input)
      })
    )
  })),
  scenario("execution: retries", { differences: ["attempt-scopes"] }, () => {
    let tries = 0
    return {
      policies: [{
        _tag: "Execution",
        on: "tool",
        name: "retry",
        *around() {
          for (let left = 2; left > 0; left--) {
            const settled = yield* attempt(() => next())
            if ("ok" in settled) return settled.ok
          }
          return yield* next()
        }
      }],
      script: agent(() => tool("flaky", { q: 1 }, () => ++tries < 3 ? fail(`try ${tries}`) : give({ tries })))
    }
  }),
  scenario("execution: runs the work twice at once", { differences: ["attempt-scopes"] }, () => ({
    policies: [{
      _tag: "Execution",
      on: "tool",
      name: "hedge",
      *around() {
        const [first] = yield* parallel(() => next(), () => next())
        return first ?? null
      }
    }],
    script: agent(search)
  })),
  scenario("execution: handles a failure", () => ({
    policies: [{
      _tag: "Execution",
      on: "tool",
      name: "fallback",
      *around() {
        const settled = yield* attempt(() => next())
        return { fallback: settled }
      }
    }],
    script: agent(() => tool("search", { q: 1 }, () => fail("no such shelf")))
  })),
  scenario("execution: throws", { differences: ["errors-of-intercepts"] }, () => ({
    policies: [{ _tag: "Execution", on: "tool", name: "broken", around: () => fail("no route") }],
    script: agent(() => attempt(search))
  })),
  scenario("execution: of an llm", { differences: ["trace-root"] }, () => ({
    policies: [{
      _tag: "Execution",
      on: "llm",
      name: "route",
      *around(request) {
        const routed: Request = withPrompt(request, "routed")
        return extend(yield* next({ ...routed }), { by: "route" })
      }
    }],
    script: model(ask)
  })),
  scenario("policies: all kinds around one tool", { differences: ["guardrail-scopes"] }, (seen) => ({
    policies: [
      rewrite("rewrite", 1),
      guard("pass", undefined, 2),
      {
        _tag: "Execution",
        on: "tool",
        name: "wrap",
        *around(input) {
          seen("wrap", input)
          return extend(yield* next(), { wrapped: true })
        }
      },
      {
        _tag: "SanitizeRequest",
        on: "tool",
        name: "hide-in",
        sanitize: (input) => extend(input, { q: "***" })
      },
      { _tag: "SanitizeResponse", on: "tool", name: "hide-out", sanitize: (result) => extend(result, { got: "***" }) },
      { _tag: "Inject", name: "release", inject: () => ({ "app.release": "1" }) }
    ],
    script: agent(search)
  }))
]
