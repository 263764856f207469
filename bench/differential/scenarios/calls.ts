/** Managed calls with nothing around them, and marks. */
import { scenario } from "../Scenario.ts"
import { attempt, fail, give, type Json, type JsonObject, llm, llmStream, mark, scope, tool } from "../Script.ts"
import { agent, answer, echo, hello } from "./work.ts"

const chat = {
  headers: {},
  body: { model: "weaver-1", messages: [{ role: "user", content: "hello" }] }
}

const chatResponse = {
  id: "c1",
  object: "chat.completion",
  model: "weaver-1-0101",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hi there" } }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }
}

/** Changes an object in place, as code may that thinks it is its own. */
const change = (value: Json): Json => Object.assign(value as Record<string, Json>, { changed: true })

export const calls = [
  scenario("tool: plain", () => ({
    script: () => scope("planner", { category: "agent" }, () => tool("search", { q: "warp", limit: 3 }, echo))
  })),
  scenario(
    "tool: at the root",
    { differences: ["trace-root"] },
    () => ({ script: () => tool("search", { q: "warp" }, echo) })
  ),
  scenario("tool: call id and metadata", () => ({
    script: () =>
      scope(
        "planner",
        { category: "agent" },
        () => tool("search", { q: "warp" }, echo, { toolCallId: "call_7", metadata: { try: 1, where: { hall: "b" } } })
      )
  })),
  scenario("tool: values of every JSON type", () => ({
    script: agent(function*() {
      for (const value of ["text", 0, 1.5, true, [], [1, [2]], {}, { a: { b: [{}] } }]) {
        yield* tool("echo", value, give)
      }
      return yield* tool("echo", { text: "é\u2028\"\\", none: null }, give)
    })
  })),
  scenario("tool: null as a result", () => ({
    script: agent(() => tool("forget", { q: 1 }, () => give(null)))
  })),
  scenario("tool: throws", { differences: ["errors-of-scopes"] }, () => ({
    script: () => scope("planner", { category: "agent" }, () => tool("search", { q: 1 }, () => fail("no such shelf")))
  })),
  scenario("tool: fails, and the agent goes on", () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        const first = yield* attempt(() => tool("search", { q: 1 }, () => fail("no such shelf")))
        return { first, second: yield* tool("search", { q: 2 }, echo) }
      })
  })),
  scenario("tool: tools in a tool", { differences: ["calls-are-parents"] }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, () =>
        tool("outer", { n: 1 }, function*() {
          yield* tool("inner", { n: 2 }, echo)
          return yield* tool("inner", { n: 3 }, echo)
        }))
  })),
  scenario("tool: a scope and an llm in a tool", { differences: ["trace-root", "calls-are-parents"] }, () => ({
    script: () =>
      scope("planner", {}, () => tool("outer", { n: 1 }, () => scope("step", {}, () => llm("model", hello, answer))))
  })),
  scenario("tool: a stream in a tool", {
    differences: ["trace-root", "streaming-attribute", "chunk-marks", "calls-are-parents"]
  }, () => ({
    script: () =>
      scope(
        "planner",
        {},
        () => tool("ask", { n: 1 }, () => llmStream("model", hello, () => [{ chunk: "a" }, { chunk: "b" }]))
      )
  })),
  scenario("tool: the work changes its input", () => ({
    script: agent(() => tool("search", { q: "warp" }, (input) => give(change(input))))
  })),
  scenario("tool: the work changes its input, further in", { differences: ["shared-payloads"] }, () => ({
    script: agent(() =>
      tool("search", { q: { text: "warp" } }, (input) => {
        change((input as JsonObject).q ?? null)
        return give("done")
      })
    )
  })),
  scenario("tool: the caller changes the result", {}, () => ({
    script: agent(function*() {
      return change(yield* tool("search", { q: "warp" }, echo))
    })
  })),
  scenario("llm: plain", { differences: ["trace-root"] }, () => ({
    script: () => scope("planner", {}, () => llm("model", hello, answer))
  })),
  scenario("llm: at the root", { differences: ["trace-root"] }, () => ({ script: () => llm("model", hello, answer) })),
  scenario("llm: model name and metadata", { differences: ["trace-root"] }, () => ({
    script: () => scope("planner", {}, () => llm("model", hello, answer, { model: "weaver-1", metadata: { turn: 2 } }))
  })),
  scenario("llm: headers", { differences: ["trace-root", "header-allow-list"] }, (seen) => ({
    script: () =>
      scope("planner", {}, () =>
        llm("model", {
          headers: { authorization: "Bearer s3cret", "content-type": "application/json", "x-team": "looms" },
          body: { prompt: "hello" }
        }, (request) => {
          seen("x-team", request.headers["x-team"] ?? null)
          seen("authorization", request.headers.authorization ?? null)
          return answer(request)
        }))
  })),
  scenario("llm: throws", { differences: ["trace-root", "errors-of-scopes"] }, () => ({
    script: () => scope("planner", {}, () => llm("model", hello, () => fail("overloaded")))
  })),
  scenario("llm: with a codec", { differences: ["trace-root", "annotations", "answering-model"] }, () => ({
    script: () =>
      scope(
        "planner",
        {},
        () => llm("openai", chat, () => give(chatResponse), { model: "weaver-1", codec: "openai-chat" })
      )
  })),
  scenario("mark: data and metadata", () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        yield* mark("plain")
        yield* mark("progress", { data: { done: 3, of: 10 }, metadata: { unit: "row" } })
        yield* mark("scalar", { data: 7 })
        return null
      })
  })),
  scenario("mark: severity and schema", () => ({
    script: () =>
      scope("planner", { category: "agent" }, function*() {
        for (const severity of ["trace", "debug", "info", "warn", "error"] as const) {
          yield* mark(`at ${severity}`, { severity, data: { severity } })
        }
        yield* mark("typed", { data: { rows: 3 }, dataSchema: { name: "mill.rows", version: "2" } })
        return null
      })
  })),
  scenario("mark: at the root", { differences: ["trace-root"] }, () => ({
    *script() {
      yield* mark("before", { data: { n: 1 } })
      yield* scope("planner", { category: "agent" }, () => give(null))
      yield* mark("after", { data: { n: 2 } })
      return null
    }
  })),
  scenario("mark: inside a tool", { differences: ["calls-are-parents"] }, () => ({
    script: () =>
      scope("planner", { category: "agent" }, () =>
        tool("search", { q: 1 }, function*() {
          yield* mark("hit", { data: { rank: 1 } })
          return 1
        }))
  })),
  scenario("mark: inside an llm", { differences: ["trace-root", "calls-are-parents"] }, () => ({
    script: () =>
      scope("planner", {}, () =>
        llm("model", hello, function*(request) {
          yield* mark("sent")
          return yield* answer(request)
        }))
  }))
]
