import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Os from "node:os"
import * as Path from "node:path"
import { plugin as template } from "../../examples/plugin-template.ts"
import * as Observability from "../../src/plugin/Observability.ts"
import * as Pricing from "../../src/plugin/Pricing.ts"
import { PluginConformance } from "../../src/testing/index.ts"

describe("the template of a plugin", () => {
  const checks = PluginConformance.suite({
    plugin: template,
    valid: [{ max_characters: 3 }, { max_characters: 1000, tools: ["search"] }],
    invalid: [
      { config: {}, path: "max_characters" },
      { config: { max_characters: 0 }, path: "max_characters" },
      { config: { max_characters: 1, tools: [2] }, path: "tools[0]" }
    ]
  })
  for (const { check, name } of checks) it.effect(name, () => check)
})

describe("the plugin observability", () => {
  const folder = Path.join(Os.tmpdir(), `heddle-conformance-${process.pid}`)
  const checks = PluginConformance.suite({
    plugin: Observability.plugin,
    valid: [
      {},
      {
        atof: [{ type: "file", path: Path.join(folder, "events.jsonl") }],
        atif: [{ directory: folder }],
        opentelemetry: [{ url: "http://127.0.0.1:1", signals: ["logs"], close_timeout_millis: 1 }]
      }
    ],
    invalid: [
      { config: { atof: [{ type: "file" }] }, path: "atof[0].path" },
      { config: { atof: [{ type: "file", path: "a" }, { type: "file", path: "a" }] }, path: "atof" },
      { config: { opentelemetry: [{ url: "localhost" }] }, path: "opentelemetry[0].url" }
    ]
  })
  for (const { check, name } of checks) it.live(name, () => Effect.provide(check, NodeServices.layer))
})

describe("the plugin pricing", () => {
  const catalog = {
    version: 1,
    entries: [{
      provider: "openai",
      model_id: "m",
      rates: { input_per_million: 1, output_per_million: 2 },
      prompt_cache: { read_accounting: "included_in_prompt_tokens" },
      pricing_as_of: "2026-01-01",
      pricing_source: "test"
    }]
  }
  const checks = PluginConformance.suite({
    plugin: Pricing.plugin,
    valid: [{}, { catalogs: [catalog] }],
    invalid: [{ config: { catalogs: [{ ...catalog, version: 2 }] }, path: "catalogs[0].version" }]
  })
  for (const { check, name } of checks) it.effect(name, () => Effect.provide(check, NodeServices.layer))
})
