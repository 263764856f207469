import { assert, describe, it } from "@effect/vitest"
import type * as Atif from "../../src/exporter/Atif.ts"
import { ask, call, line, lines, log, project, say, user } from "./atifSupport.ts"

const agent = () => log().start("agent", "scout", "root", undefined, { data: "Find it." })
const finished = (events: ReturnType<typeof log>, options?: Atif.Options) => project(events.end("root").events, options)
const extraOf = (step: Atif.Step | undefined) => step?.extra ?? {}

describe("Atif.toTrajectory, turns", () => {
  it("makes a step of what the user says, one of each answer, and none of a request that goes on", () => {
    const trajectory = finished(
      agent()
        .llm(
          "l1",
          "root",
          ask({ role: "system", content: "Be brief." }, user("Find x")),
          call(["c1", "search", { q: "x" }])
        )
        .tool("search", "t1", "root", { q: "x" }, "found", "c1")
        .llm(
          "l2",
          "root",
          ask(user("Find x"), { role: "assistant", tool_calls: [] }, { role: "tool", content: "found" }),
          say("Here.")
        )
        .llm("l3", "root", ask(user("Find x"), { role: "assistant", content: "Here." }, user("Thanks")), say("Bye."))
    )
    assert.deepStrictEqual(lines(trajectory), [
      "user: Find x",
      "agent: → c1 search{\"q\":\"x\"} ← c1 \"found\"",
      "agent: Here.",
      "user: Thanks",
      "agent: Bye."
    ])
    assert.deepStrictEqual(trajectory.steps.map((step) => step.llm_call_count), [undefined, 1, 1, undefined, 1])
    assert.deepStrictEqual(trajectory.steps.map((step) => step.model_name), [undefined, "m-1", "m-1", undefined, "m-1"])
  })

  it("keeps the request that goes on with the answer to it, and payloads only if they are wanted", () => {
    const events = agent()
      .llm("l1", "root", ask(user("Find x")), say("1"))
      .llm("l2", "root", ask(user("Find x"), { role: "assistant", content: "1" }), say("2")).end("root").events
    const [first, second, third] = project(events).steps
    assert.deepStrictEqual(extraOf(first).llm_request, ask(user("Find x")))
    assert.deepStrictEqual(extraOf(second).llm_request, undefined)
    assert.deepStrictEqual(extraOf(second).llm_response, say("1"))
    assert.deepStrictEqual(extraOf(third).llm_request, ask(user("Find x"), { role: "assistant", content: "1" }))
    const text = JSON.stringify(project(events, { payloads: false }))
    assert.notInclude(text, "llm_request")
    assert.notInclude(text, "llm_response")
  })

  const answers: ReadonlyArray<readonly [form: string, request: unknown, response: unknown]> = [
    ["chat completions", ask(user("Hi")), say("Hello")],
    ["Messages", { messages: [user([{ type: "text", text: "Hi" }])] }, { content: [{ type: "text", text: "Hello" }] }],
    ["Responses", { input: "Hi" }, {
      output: [{ type: "message", content: [{ type: "output_text", text: "Hello" }] }]
    }],
    ["Responses in items", { input: [{ type: "message", role: "user", content: "Hi" }] }, { output_text: "Hello" }],
    [
      "Gemini",
      { contents: [{ role: "user", parts: [{ text: "Hi" }] }] },
      { candidates: [{ content: { role: "model", parts: [{ text: "Hello" }] } }] }
    ],
    ["a prompt", { prompt: "Hi" }, { answer: "Hello" }],
    ["an assistant message", { prompt: "Hi" }, { assistant_message: { content: "Hello" } }],
    ["a wrapped response", { prompt: "Hi" }, { raw_response: say("Hello") }],
    ["text", { prompt: "Hi" }, "Hello"]
  ]
  for (const [form, request, response] of answers) {
    it(`reads ${form}`, () => {
      assert.deepStrictEqual(lines(finished(agent().llm("l1", "root", request, response))), [
        "user: Hi",
        "agent: Hello"
      ])
    })
  }

  it("reads the annotations of a call before its payloads", () => {
    const trajectory = finished(
      agent()
        .start("llm", "model", "l1", "root", {
          data: { secret: 1 },
          profile: {
            annotatedRequest: {
              model: "m-2",
              messages: [{ role: "user", parts: [{ type: "text", content: "Hi" }] }],
              tools: [{ type: "function", name: "search", parameters: { type: "object" } }],
              reasoning: { effort: "high" },
              unmodelled: []
            }
          }
        })
        .end("l1", {
          data: { other: 1 },
          profile: {
            annotatedResponse: {
              messages: [{
                role: "assistant",
                parts: [
                  { type: "reasoning", content: "Hm." },
                  { type: "text", content: "Hello" },
                  { type: "tool_call", id: "c1", name: "search", arguments: { q: 1 } }
                ]
              }],
              finishReasons: [],
              usage: { inputTokens: 10, outputTokens: 2, cacheReadTokens: 4, cacheWriteTokens: 1, reasoningTokens: 1 },
              cost: { total: "0.25", currency: "USD" },
              unmodelled: []
            }
          }
        })
    )
    assert.deepStrictEqual(lines(trajectory), ["user: Hi", "agent: Hello → c1 search{\"q\":1}"])
    const step = trajectory.steps[1]
    assert.strictEqual(step?.reasoning_content, "Hm.")
    assert.strictEqual(step?.reasoning_effort, "high")
    assert.strictEqual(step?.model_name, "m-2")
    assert.deepStrictEqual(step?.metrics, {
      prompt_tokens: 10,
      completion_tokens: 2,
      cached_tokens: 4,
      cost_usd: 0.25,
      extra: { reasoning_tokens: 1, cache_creation_input_tokens: 1 }
    })
    assert.deepStrictEqual(trajectory.agent, {
      name: "scout",
      version: "unknown",
      model_name: "m-2",
      tool_definitions: [{ type: "function", function: { name: "search", parameters: { type: "object" } } }]
    })
  })

  it("names media that are not in a file, points to those that are, and has audio in version 1.8", () => {
    const content = [
      { type: "text", text: "Look" },
      { type: "image_url", image_url: { url: "https://example.com/a.png" } },
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }
    ]
    const events = agent().llm("l1", "root", ask(user(content)), say("I see.")).end("root").events
    assert.deepStrictEqual(project(events, { payloads: false }).steps[0]?.message, [
      { type: "text", text: "Look" },
      { type: "image", source: { media_type: "image/png", path: "https://example.com/a.png" } },
      { type: "text", text: "[image image/png]" }
    ])
    const audio = agent().start("llm", "model", "l1", "root", {
      profile: {
        annotatedRequest: {
          messages: [{ role: "user", parts: [{ type: "uri", modality: "audio", mimeType: "audio/wav", uri: "a.wav" }] }]
        }
      }
    }).end("l1").end("root").events
    assert.deepStrictEqual(project(audio).steps[0]?.message, "[audio audio/wav a.wav]")
    assert.deepStrictEqual(project(audio, { version: "ATIF-v1.8" }).steps[0]?.message, [
      { type: "audio", source: { media_type: "audio/wav", path: "a.wav" } }
    ])
  })
})

describe("Atif.toTrajectory, tools", () => {
  it("matches scopes with calls by id, then name and arguments as often as they were asked for, then name", () => {
    const trajectory = finished(
      agent()
        .llm(
          "l1",
          "root",
          ask(user("Go")),
          call(["a", "read", { f: 1 }], ["b", "read", { f: 1 }], ["c", "read", { f: 2 }], ["d", "write", { f: 3 }])
        )
        .tool("read", "t1", "root", { f: 9 }, "by id", "c")
        .tool("read", "t2", "root", { f: 1 }, "first")
        .tool("read", "t3", "root", { f: 1 }, "second")
        .tool("write", "t4", "root", { f: 4 }, "by name")
    )
    assert.deepStrictEqual(trajectory.steps[1]?.observation?.results.map((one) => [one.source_call_id, one.content]), [
      ["a", "first"],
      ["b", "second"],
      ["c", "by id"],
      ["d", "by name"]
    ])
    assert.deepStrictEqual(trajectory.steps[1]?.tool_calls?.map((one) => one.extra?.executed_arguments), [
      undefined,
      undefined,
      { f: 9 },
      { f: 4 }
    ])
  })

  it("names calls without an id by their place, and wraps arguments that are no object", () => {
    const trajectory = finished(
      agent().llm(
        "l1",
        "root",
        ask(user("Go")),
        call([undefined, "a", "[1]"], [undefined, "b", "{torn"], ["x", "c", {}], ["x", "c", {}])
      )
        .tool("b", "t1", "root", {}, "ok", "known-elsewhere")
    )
    assert.strictEqual(
      line(trajectory.steps[1]!),
      "agent: → a:0 a{\"value\":[1]} → b:1 b{\"raw\":\"{torn\"} → x c{} → x#2 c{} ← b:1 \"ok\""
    )
  })

  it("adds a call that no model asked for to the step before it, or makes one of its own", () => {
    const trajectory = finished(
      agent()
        .tool("warm-up", "t0", "root", { n: 0 }, "warm")
        .llm("l1", "root", ask(user("Go")), say("On it."))
        .tool("search", "t1", "root", { q: "x" }, "found", "mine")
        .tool("search", "t2", "root", "x", "found")
    )
    assert.deepStrictEqual(lines(trajectory), [
      "agent (no model): → t0 warm-up{\"n\":0} ← t0 \"warm\"",
      "user: Go",
      "agent: On it. → mine search{\"q\":\"x\"} → t2 search{\"raw\":\"x\"} ← mine \"found\" ← t2 \"found\""
    ])
  })

  it("gives a tool that runs during a model call to the step of that call", () => {
    const trajectory = finished(
      agent()
        .start("llm", "model", "l1", "root", { data: ask(user("Go")) })
        .tool("search", "t1", "root", { q: "x" }, "early", "c1")
        .tool("fetch", "t2", "l1", { u: 1 }, "inside")
        .end("l1", { data: call(["c1", "search", { q: "x" }]) })
    )
    assert.deepStrictEqual(lines(trajectory), [
      "user: Go",
      "agent: → c1 search{\"q\":\"x\"} → t2 fetch{\"u\":1} ← c1 \"early\" ← t2 \"inside\""
    ])
  })

  it("keeps a result that is no text beside the content, and how a call ended if it did not succeed", () => {
    const trajectory = finished(
      agent()
        .llm(
          "l1",
          "root",
          ask(user("Go")),
          call(["a", "t", {}], ["b", "t", {}], ["c", "t", {}], ["d", "t", {}], ["e", "t", {}])
        )
        .tool("t", "t1", "root", {}, { rows: [1] }, "a")
        .start("tool", "t", "t2", "root", { profile: { toolCallId: "b" } })
        .end("t2", { outcome: { _tag: "Failure", error: { tag: "Timeout", message: "too slow" }, isDefect: false } })
        .start("tool", "t", "t3", "root", { profile: { toolCallId: "c" } })
        .end("t3", {
          outcome: { _tag: "Blocked", by: "pii", reason: "e-mail" },
          decisions: [
            { guardrail: "size", verdict: "allow", durationMicros: 1 },
            { guardrail: "pii", verdict: "reject", reason: "e-mail", durationMicros: 2 }
          ]
        })
        .start("tool", "t", "t4", "root", { profile: { toolCallId: "d" } })
        .end("t4", { outcome: { _tag: "Interrupted", origin: "shutdown" } })
    )
    const results = trajectory.steps[1]?.observation?.results ?? []
    assert.deepStrictEqual(results.map((one) => [one.source_call_id, one.content, one.extra?.outcome]), [
      ["a", undefined, undefined],
      ["b", "Failed: Timeout: too slow", { status: "failed", error: { type: "Timeout", message: "too slow" } }],
      ["c", "Blocked by pii: e-mail", { status: "blocked", by: "pii", reason: "e-mail" }],
      ["d", "Interrupted by shutdown", { status: "interrupted", origin: "shutdown" }]
    ])
    assert.deepStrictEqual(results[0]?.extra?.tool_result, { rows: [1] })
    assert.deepStrictEqual(results[2]?.extra?.decisions, [
      { guardrail: "pii", verdict: "reject", reason: "e-mail", duration_micros: 2 }
    ])
    assert.deepStrictEqual(trajectory.final_metrics?.extra, { blocked_calls: 1 })
  })

  it("makes a step of the system of an end whose start was lost", () => {
    const events = agent().tool("search", "t1", "root", {}, "found").end("root").events
    const trajectory = project(events.filter((event) => event.uuid !== "t1" || event._tag === "ScopeEnd"))
    assert.deepStrictEqual(lines(trajectory), ["system: ← ? \"found\""])
  })
})
