/** Request intercepts. */
import { scenario } from "../Scenario.ts"
import { attempt, fail, llm, tool } from "../Script.ts"
import { agent, answer, ask, echo, extend, hello, program, rewrite, search, withPrompt } from "./work.ts"

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
    script: program(ask)
  })),
  scenario("request: headers of an llm", { differences: ["trace-root", "header-allow-list"] }, (seen) => ({
    policies: [{
      _tag: "Request",
      on: "llm",
      name: "tag",
      transform: (request) => ({ ...request, headers: { ...request.headers, "x-team": "looms" } })
    }],
    script: program(() =>
      llm("model", hello, (request) => {
        seen("x-team", request.headers["x-team"] ?? null)
        return answer(request)
      })
    )
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
