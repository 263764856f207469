/** repo-scout asks a model of either provider, as a process of its own. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folder, logOf, scout } from "../examples/scout.ts"
import { json, key, serve } from "./languageModelServer.ts"

const anthropic = (content: ReadonlyArray<object>, stop_reason: string) =>
  json({ id: "m", type: "message", role: "assistant", model: "claude-x-1", content, stop_reason, usage: {} })

const openAi = (message: object, finish_reason: string) =>
  json({ id: "c", model: "gpt-x-1", choices: [{ index: 0, message, finish_reason }] })

const cases = {
  anthropic: {
    env: { ANTHROPIC_API_KEY: key },
    wish: anthropic([{ type: "tool_use", id: "t1", name: "read_file", input: { path: "README.md" } }], "tool_use"),
    said: anthropic([{ type: "text", text: "It is about looms." }], "end_turn"),
    path: "/v1/messages"
  },
  openai: {
    env: { OPENAI_API_KEY: key },
    wish: openAi({
      content: null,
      tool_calls: [{
        id: "t1",
        type: "function",
        function: { name: "read_file", arguments: "{\"path\":\"README.md\"}" }
      }]
    }, "tool_calls"),
    said: openAi({ content: "It is about looms." }, "stop"),
    path: "/v1/chat/completions"
  }
} as const

it.live.each(["openai", "anthropic"] as const)(
  "repo-scout works with --model %s:MODEL and --base-url",
  (provider) =>
    Effect.gen(function*() {
      const { env, path, said, wish } = cases[provider]
      // Both sub-agents ask at the same time, so the first two answers are theirs.
      const server = yield* serve(wish, wish, said)
      const cwd = folder()
      const directory = folder({ "README.md": "# Looms" })
      const args = ["--dir", directory, "--ask", "What?", "--model", `${provider}:model-x`, "--base-url", server.url]
      const { code, stderr, stdout } = yield* Effect.promise(() => scout(args, { cwd, env }))
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      assert.include(stdout, "It is about looms.")
      assert.match(
        stdout.split("\n")[0]!,
        new RegExp(`are sent to ${server.url.replace("/v1", "")}${path} \\(model-x\\)$`)
      )
      assert.strictEqual(server.asked.length, 5)
      for (const { body, headers, url } of server.asked) {
        assert.strictEqual(url, path)
        assert.strictEqual(body.model, "model-x")
        assert.include(JSON.stringify(headers), key)
      }
      // What the tool read went back to the model.
      assert.include(JSON.stringify(server.asked.slice(2).map(({ body }) => body.messages)), "# Looms")
      for (const text of [stdout, logOf(cwd).text]) assert.notInclude(text, key)
    }),
  120_000
)
