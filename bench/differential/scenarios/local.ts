/** Policies of one scope. */
import type { Policy } from "../Policy.ts"
import { scenario } from "../Scenario.ts"
import { attempt, give, isolated, llmStream, mark, meeting, scope, tool } from "../Script.ts"
import { at, echo, extend, hello } from "./work.ts"

const rewrite = (name: string, priority = 0, breakChain = false): Policy => ({
  _tag: "Request",
  on: "tool",
  name,
  priority,
  breakChain,
  transform: (input) => extend(input, { trail: `${String(at(input, "trail") ?? "")}${name};` })
})

const search = () => tool("search", { q: 1 }, echo)

export const local = [
  scenario("local: holds inside only", () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        yield* search()
        yield* scope("step", { policies: [rewrite("local")] }, search)
        return yield* search()
      })
  })),
  scenario("local: holds for scopes further in", () => ({
    script: () =>
      scope(
        "planner",
        { category: "agent", policies: [rewrite("local")] },
        () => scope("step", {}, () => scope("deeper", {}, search))
      )
  })),
  scenario("local: order with the runtime's, at equal priority", () => ({
    policies: [rewrite("global")],
    script: () =>
      scope(
        "planner",
        { category: "agent", policies: [rewrite("a-outer")] },
        () => scope("step", { policies: [rewrite("a-inner")] }, search)
      )
  })),
  scenario("local: priority before level", () => ({
    policies: [rewrite("global", 5)],
    script: () =>
      scope(
        "planner",
        { category: "agent", policies: [rewrite("outer", 9)] },
        () => scope("step", { policies: [rewrite("inner", 1)] }, search)
      )
  })),
  scenario("local: one name at two levels", () => ({
    policies: [rewrite("same")],
    script: () => scope("planner", { category: "agent", policies: [rewrite("same")] }, search)
  })),
  scenario("local: a guardrail", { differences: ["guardrail-scopes", "block-is-a-call"] }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        const inside = yield* scope("step", {
          policies: [{ _tag: "Guardrail", on: "tool", name: "strict", check: () => "not here" }]
        }, () => attempt(search))
        return { inside, outside: yield* search() }
      })
  })),
  scenario("local: branches do not see each other's", {
    differences: ["trace-root", "local-on-branches"],
    concurrent: true
  }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        const meet = meeting(2)
        const branch = (name: string) => () =>
          scope(name, { category: "agent", policies: [rewrite(name)] }, function*() {
            yield* meet()
            return yield* tool(`search ${name}`, { q: 1 }, echo)
          })
        return yield* isolated(branch("left"), branch("right"))
      })
  })),
  scenario("local: an execution intercept", () => ({
    script: () =>
      scope("planner", {
        category: "agent",
        policies: [{ _tag: "Execution", on: "tool", name: "cache", around: () => give({ cached: true }) }]
      }, search)
  })),
  scenario("local: a stream intercept", { differences: ["trace-root", "streaming-attribute", "chunk-marks"] }, () => ({
    script: () =>
      scope("planner", {
        policies: [{ _tag: "Stream", name: "shout", each: (chunk) => [String(chunk).toUpperCase()] }]
      }, () => llmStream("model", hello, () => [{ chunk: "a" }, { chunk: "b" }]))
  })),
  scenario("local: a sanitizer", () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        yield* scope("step", {
          policies: [{ _tag: "SanitizeRequest", on: "tool", name: "hide", sanitize: () => ({ hidden: true }) }]
        }, search)
        return yield* search()
      })
  })),
  scenario("local: an injector", { differences: ["own-end"] }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        yield* scope("step", { policies: [{ _tag: "Inject", name: "tag", inject: () => ({ inside: true }) }] }, () =>
          scope("deeper", {}, search))
        yield* mark("outside")
        return null
      })
  })),
  scenario("local: breakChain and the levels around it", { differences: ["break-chain"] }, () => ({
    policies: [rewrite("global", 1, true), rewrite("global-late", 3)],
    script: () => scope("planner", { category: "agent", policies: [rewrite("local", 2)] }, search)
  }))
]
