/** Guardrails. */
import type { Policy } from "../Policy.ts"
import { scenario } from "../Scenario.ts"
import { attempt, fail, llm, llmStream, tool } from "../Script.ts"
import { agent, answer, at, echo, guard, hello, program, rewrite, search } from "./work.ts"

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
    script: program(() =>
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
    script: program(() =>
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
