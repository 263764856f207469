/** Execution intercepts, and all kinds of policies together. */
import type { Policy } from "../Policy.ts"
import { scenario } from "../Scenario.ts"
import { attempt, fail, give, mark, next, parallel, type Request, scope, tool } from "../Script.ts"
import { agent, ask, at, echo, extend, guard, program, rewrite, search, withPrompt } from "./work.ts"

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
  scenario("execution: marks and scopes of an intercept", { differences: ["calls-are-parents"] }, () => ({
    policies: [{
      _tag: "Execution",
      on: "tool",
      name: "trace",
      *around() {
        yield* mark("before")
        const result = yield* scope("inside", {}, () => next())
        yield* mark("after")
        return result
      }
    }],
    script: agent(search)
  })),
  scenario("execution: a call of an intercept", { differences: ["calls-are-parents"] }, () => ({
    policies: [{
      _tag: "Execution",
      on: "tool",
      only: "search",
      name: "ask-first",
      *around(input) {
        yield* tool("spell", { of: at(input, "q") }, echo)
        return yield* next()
      }
    }],
    script: agent(search)
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
    script: program(ask)
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
