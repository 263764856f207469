/** Scopes: where work belongs. */
import { scenario } from "../Scenario.ts"
import { attempt, type Category, fail, give, isolated, llm, mark, meeting, parallel, scope, tool } from "../Script.ts"
import { answer, echo, hello } from "./work.ts"

const categories: ReadonlyArray<Category> = [
  "agent",
  "function",
  "tool",
  "llm",
  "retriever",
  "embedder",
  "reranker",
  "guardrail",
  "evaluator",
  "custom",
  "unknown"
]

export const scopes = [
  scenario("scope: nesting", () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        yield* scope("plan", {}, () => give("planned"))
        return yield* scope("act", {}, () => tool("search", { q: "warp" }, echo))
      })
  })),
  scenario("scope: depth of forty", () => ({
    *script() {
      const deeper = (level: number): ReturnType<typeof scope> =>
        scope(
          `level ${level}`,
          { category: level === 1 ? "agent" : "function" },
          () => level === 40 ? give("bottom") : deeper(level + 1)
        )
      return yield* deeper(1)
    }
  })),
  scenario("scope: one after the other at the root", () => ({
    *script() {
      yield* scope("first", { category: "agent" }, () => give(1))
      yield* scope("second", { category: "agent" }, () => tool("search", { q: "weft" }, echo))
      return yield* scope("third", { category: "agent" }, () => give(3))
    }
  })),
  scenario("scope: every category", { differences: ["trace-root"] }, () => ({
    *script() {
      for (const category of categories) yield* scope(`a ${category}`, { category }, () => give(null))
      return null
    }
  })),
  scenario("scope: input, metadata and attributes", () => ({
    script: () =>
      scope("planner", {
        category: "agent",
        input: { goal: "cloth", steps: [1, 2, { deep: true }] },
        metadata: { tenant: "mill", nested: { a: [1] } },
        attributes: ["relocatable", "parallel"]
      }, () => give("done"))
  })),
  scenario("scope: output", { differences: ["manual-scopes"] }, () => ({
    script: () =>
      scope(
        "planner",
        { category: "agent", input: "goal", reports: true },
        () => scope("step", { reports: true }, () => give({ cloth: 3 }))
      )
  })),
  scenario("scope: a failure inside ends those around it", { differences: ["errors-of-scopes"] }, () => ({
    script: () => scope("planner", { category: "agent" }, () => scope("step", {}, () => fail("the thread broke")))
  })),
  scenario("scope: a failure that is handled stays inside", { differences: ["errors-of-scopes"] }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        const settled = yield* attempt(() => scope("step", {}, () => fail("the thread broke")))
        yield* mark("mended")
        return settled
      })
  })),
  scenario("concurrent: branches on one scope", { concurrent: true, differences: ["branches-mix"] }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        const open = meeting(2)
        const close = meeting(2)
        const branch = (name: string) => () =>
          scope(name, {}, function*() {
            yield* open()
            yield* mark(`in ${name}`)
            yield* close()
            return name
          })
        return yield* parallel(branch("left"), branch("right"))
      })
  })),
  scenario("concurrent: tools on one scope", { concurrent: true }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        const meet = meeting(3)
        const branch = (name: string) => () =>
          tool(name, { of: name }, function*(input) {
            yield* meet()
            return input
          })
        return yield* parallel(branch("a"), branch("b"), branch("c"))
      })
  })),
  scenario("concurrent: branches kept apart", { concurrent: true, differences: ["trace-root"] }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        const open = meeting(2)
        const close = meeting(2)
        const branch = (name: string) => () =>
          scope(name, {}, function*() {
            yield* open()
            const found = yield* tool(`search ${name}`, { q: name }, echo)
            yield* close()
            return found
          })
        return yield* isolated(branch("left"), branch("right"))
      })
  })),
  scenario("concurrent: agents that know nothing of each other", { concurrent: true }, () => ({
    *script() {
      const meet = meeting(3)
      const agent = (name: string) => () =>
        scope(name, { category: "agent", input: name }, function*() {
          yield* meet()
          yield* scope("plan", {}, () => tool("search", { by: name }, echo))
          yield* meet()
          return yield* tool("report", { by: name }, echo)
        })
      return yield* isolated(agent("ada"), agent("bob"), agent("cy"))
    }
  })),
  scenario("scope: an agent in a function", { differences: ["trace-root"] }, () => ({
    script: () => scope("main", {}, () => scope("planner", { category: "agent" }, () => tool("search", { q: 1 }, echo)))
  })),
  scenario("scope: an agent in an agent", { differences: ["lineage-headers"] }, () => ({
    script: () =>
      scope("lead", { category: "agent" }, function*() {
        yield* llm("model", hello, answer)
        return yield* scope("helper", { category: "agent" }, function*() {
          yield* llm("model", hello, answer)
          return yield* tool("search", { q: 1 }, echo)
        })
      })
  }))
]
