/** Policies for observers only: sanitizers and injectors. */
import type { Policy } from "../Policy.ts"
import { scenario } from "../Scenario.ts"
import { fail, give, llm, mark, scope, tool } from "../Script.ts"
import { agent, answer, at, echo, extend, hello, withPrompt } from "./work.ts"

const search = () => tool("search", { q: "warp", key: "s3cret" }, echo)

export const observers = [
  scenario("sanitizer: the request of a tool", () => ({
    policies: [{
      _tag: "SanitizeRequest",
      on: "tool",
      name: "hide",
      sanitize: (input) => extend(input, { key: "***" })
    }],
    script: agent(search)
  })),
  scenario("sanitizer: the response of a tool", () => ({
    policies: [{ _tag: "SanitizeResponse", on: "tool", name: "hide", sanitize: () => ({ hidden: true }) }],
    script: agent(search)
  })),
  scenario("sanitizer: both, and a tool that throws", { differences: ["errors-of-scopes"] }, () => ({
    policies: [
      { _tag: "SanitizeRequest", on: "tool", name: "hide", sanitize: (input) => extend(input, { key: "***" }) },
      { _tag: "SanitizeResponse", on: "tool", name: "hide", sanitize: () => ({ hidden: true }) }
    ],
    script: agent(() => tool("search", { key: "s3cret" }, () => fail("no such shelf")))
  })),
  scenario("sanitizer: several by priority", () => ({
    policies: [["late", 9], ["early", -1], ["mid", 0]].map(([name, priority]): Policy => ({
      _tag: "SanitizeRequest",
      on: "tool",
      name: String(name),
      priority: Number(priority),
      sanitize: (input) => extend(input, { trail: `${String(at(input, "trail") ?? "")}${String(name)};` })
    })),
    script: agent(search)
  })),
  scenario("sanitizer: for one tool only", () => ({
    policies: [{
      _tag: "SanitizeRequest",
      on: "tool",
      only: "login",
      name: "hide",
      sanitize: () => ({ hidden: true })
    }],
    script: agent(function*() {
      yield* tool("login", { key: "s3cret" }, echo)
      return yield* search()
    })
  })),
  scenario("sanitizer: request and response of an llm", { differences: ["trace-root"] }, () => ({
    policies: [
      { _tag: "SanitizeRequest", on: "llm", name: "hide", sanitize: (request) => withPrompt(request, "***") },
      { _tag: "SanitizeResponse", on: "llm", name: "hide", sanitize: () => ({ text: "***" }) }
    ],
    script: () => scope("planner", {}, () => llm("model", hello, answer))
  })),
  scenario("sanitizer: throws", { differences: ["cleared-fields"] }, () => ({
    policies: [{ _tag: "SanitizeRequest", on: "tool", name: "broken", sanitize: () => fail("no rules found") }],
    script: agent(search)
  })),
  scenario("sanitizer: marks", () => ({
    policies: [{
      _tag: "SanitizeMark",
      name: "hide",
      sanitize: ({ data, metadata }) => ({
        data: extend(data, { key: "***" }),
        metadata: { ...metadata, checked: true }
      })
    }],
    script: agent(function*() {
      yield* mark("login", { data: { key: "s3cret", user: "ada" }, metadata: { n: 1 } })
      return null
    })
  })),
  scenario("sanitizer: starts", () => ({
    policies: [{
      _tag: "SanitizeStart",
      name: "hide",
      sanitize: ({ metadata }) => ({ data: { hidden: true }, metadata: { ...metadata, checked: true } })
    }],
    script: () => scope("planner", { category: "agent", input: { goal: "s3cret" } }, () => give(null))
  })),
  scenario("sanitizer: ends", { differences: ["manual-scopes"] }, () => ({
    policies: [{
      _tag: "SanitizeEnd",
      name: "hide",
      sanitize: ({ metadata }) => ({ data: { hidden: true }, metadata: { ...metadata, checked: true } })
    }],
    script: () => scope("planner", { category: "agent", reports: true }, () => give({ key: "s3cret" }))
  })),
  scenario("sanitizer: starts of calls, after those of requests", () => ({
    policies: [
      { _tag: "SanitizeRequest", on: "tool", name: "hide", sanitize: (input) => extend(input, { key: "***" }) },
      {
        _tag: "SanitizeStart",
        name: "count",
        sanitize: ({ data, metadata }) => ({ data: { last: data }, metadata })
      }
    ],
    script: agent(() => tool("search", { key: "s3cret" }, echo))
  })),
  scenario("injector: adds to every event", () => ({
    policies: [{ _tag: "Inject", name: "release", inject: ({ name }) => ({ "app.release": "7", "app.event": name }) }],
    script: agent(function*() {
      yield* mark("begin")
      return yield* tool("search", { q: 1 }, echo, { metadata: { turn: 1 } })
    })
  })),
  scenario("injector: never replaces", () => ({
    policies: [
      { _tag: "Inject", name: "a", priority: 1, inject: () => ({ turn: "injected", who: "a" }) },
      { _tag: "Inject", name: "b", priority: 2, inject: () => ({ who: "b", also: true }) }
    ],
    script: agent(() => tool("search", { q: 1 }, echo, { metadata: { turn: 1 } }))
  })),
  scenario("injector: throws", () => ({
    policies: [
      { _tag: "Inject", name: "broken", priority: 1, inject: () => fail("no release") },
      { _tag: "Inject", name: "works", priority: 2, inject: () => ({ ok: true }) }
    ],
    script: agent(search)
  })),
  scenario("injector: before sanitizers of marks", () => ({
    policies: [
      { _tag: "Inject", name: "release", inject: () => ({ release: "7" }) },
      {
        _tag: "SanitizeMark",
        name: "see",
        sanitize: ({ data, metadata }) => ({ data: { saw: metadata.release ?? null, data }, metadata })
      }
    ],
    script: agent(function*() {
      yield* mark("begin", { data: 1 })
      return null
    })
  }))
]
