/** Streamed calls. */
import type { Policy } from "../Policy.ts"
import { scenario } from "../Scenario.ts"
import { attempt, type Json, llmStream, mark, type Piece } from "../Script.ts"
import { hello, program } from "./work.ts"

const chunks = (...values: ReadonlyArray<Json>): ReadonlyArray<Piece> => values.map((chunk) => ({ chunk }))

const each = (name: string, f: (chunk: Json) => ReadonlyArray<Json>, priority = 0): Policy => ({
  _tag: "Stream",
  name,
  priority,
  each: f
})

export const streams = [
  scenario("stream: of texts", { differences: ["trace-root", "streaming-attribute", "chunk-marks"] }, () => ({
    script: program(() => llmStream("model", hello, () => chunks("one ", "two ", "three"), { model: "weaver-1" }))
  })),
  scenario("stream: of objects", { differences: ["trace-root", "streaming-attribute", "chunk-marks"] }, () => ({
    script: program(() => llmStream("model", hello, () => chunks({ delta: "a" }, { delta: "b" })))
  })),
  scenario(
    "stream: at the root",
    { differences: ["trace-root", "streaming-attribute", "chunk-marks"] },
    () => ({ script: () => llmStream("model", hello, () => chunks("a")) })
  ),
  scenario(
    "stream: empty",
    { differences: ["trace-root", "streaming-attribute", "chunk-marks"] },
    () => ({ script: program(() => llmStream("model", hello, () => [])) })
  ),
  scenario("stream: the producer fails at once", {
    differences: ["trace-root", "streaming-attribute", "chunk-marks", "producer-failure"]
  }, () => ({
    script: program(() => attempt(() => llmStream("model", hello, () => [{ fail: "overloaded" }])))
  })),
  scenario("stream: the producer fails midway", {
    differences: ["trace-root", "streaming-attribute", "chunk-marks", "producer-failure"]
  }, () => ({
    script: program(() =>
      attempt(() => llmStream("model", hello, () => [...chunks("one ", "two "), { fail: "connection lost" }]))
    )
  })),
  scenario("stream: the consumer stops early", {
    differences: ["trace-root", "streaming-attribute", "abandoned-stream"]
  }, () => ({
    script: program(() => llmStream("model", hello, () => chunks("one ", "two ", "three "), { take: 1 }))
  })),
  scenario("stream: marks of the producer", {
    differences: ["trace-root", "streaming-attribute", "chunk-marks", "calls-are-parents"]
  }, () => ({
    script: program(() => llmStream("model", hello, () => [{ mark: "connected" }, ...chunks("a", "b")]))
  })),
  scenario("stream: the consumer goes on after it", {
    differences: ["trace-root", "streaming-attribute", "chunk-marks"]
  }, () => ({
    script: program(function*() {
      const read = yield* llmStream("model", hello, () => chunks("a", "b"))
      yield* mark("read", { data: read })
      return read
    })
  })),
  scenario(
    "stream: an intercept transforms",
    { differences: ["trace-root", "streaming-attribute", "chunk-marks"] },
    () => ({
      policies: [each("shout", (chunk) => [String(chunk).toUpperCase()])],
      script: program(() => llmStream("model", hello, () => chunks("a", "b")))
    })
  ),
  scenario("stream: an intercept filters and adds", {
    differences: ["trace-root", "streaming-attribute", "chunk-marks"]
  }, () => ({
    policies: [each("stutter", (chunk) => chunk === "b" ? [] : [chunk, chunk])],
    script: program(() => llmStream("model", hello, () => chunks("a", "b", "c")))
  })),
  scenario(
    "stream: intercepts by priority",
    { differences: ["trace-root", "streaming-attribute", "chunk-marks"] },
    () => ({
      policies: [
        each("outer", (chunk) => [`(${String(chunk)})`], 1),
        each("inner", (chunk) => [`[${String(chunk)}]`], 2)
      ],
      script: program(() => llmStream("model", hello, () => chunks("a", "b")))
    })
  ),
  scenario(
    "stream: an intercept replaces it",
    { differences: ["trace-root", "streaming-attribute", "chunk-marks"] },
    (seen) => ({
      policies: [{ _tag: "Stream", name: "cache", instead: ["from ", "cache"] }],
      script: program(() =>
        llmStream("model", hello, () => {
          seen("the work ran")
          return chunks("a")
        })
      )
    })
  ),
  scenario("stream: sanitized for observers only", {
    differences: ["trace-root", "streaming-attribute", "chunk-marks"]
  }, () => ({
    policies: [{ _tag: "SanitizeResponse", on: "llm", name: "hide", sanitize: () => "***" }],
    script: program(() => llmStream("model", hello, () => chunks("a", "b")))
  }))
]
