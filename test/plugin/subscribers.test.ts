import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AgentRuntime, Mark, Subscriber } from "../../src/index.ts"
import * as Plugin from "../../src/plugin/Plugin.ts"
import * as PluginHost from "../../src/plugin/PluginHost.ts"

it.effect("a plugin that subscribes keeps its name over a reload, and each document has its own subscriber", () => {
  const told: Array<string> = []
  const plugin = Plugin.make({
    kind: "watch",
    version: "1",
    config: Schema.Struct({ label: Schema.String }),
    layer: ({ label }) =>
      Subscriber.layer({
        name: "watch",
        handle: (event) => {
          told.push(`${label} ${event.name}`)
        }
      })
  })
  const document = (label: string) => ({ version: 1, components: [{ kind: "watch", config: { label } }] })
  return Effect.gen(function*() {
    const host = yield* PluginHost.PluginHost
    yield* Mark.emit("a")
    yield* host.reload(document("new"))
    yield* Mark.emit("b")
    yield* AgentRuntime.flush
    assert.deepStrictEqual(told, ["old a", "new b"])
  }).pipe(
    Effect.provide(PluginHost.layerRuntime(PluginHost.layer({ plugins: [plugin], document: document("old") })))
  )
})
