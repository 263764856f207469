/**
 * `npm run build`: one file for each public module and a few shared ones behind them, because each file more costs whoever
 * imports it about a millisecond. The declarations are written by `tsc`, one for each module.
 */
import { readdirSync } from "node:fs"
import { defineConfig, type Plugin } from "rolldown"
import { Visitor } from "rolldown/utils"

/** Every module that `exports` and `bin` in package.json can lead to, by its path in `dist`. */
const input = Object.fromEntries(
  readdirSync(new URL("src/", import.meta.url), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts") && !file.includes("internal/") && !/^cli\/(?!main\.)/.test(file))
    .map((file) => [file.replace(/\.ts$/, ""), `./src/${file}`])
)

/** Modules of `src`, by a pattern of their path without the extension. */
const modules = (pattern: string): RegExp =>
  new RegExp(`[\\\\/]src[\\\\/](?:${pattern.replaceAll("/", "[\\\\/]")})\\.ts$`)

/**
 * Shared files, each with all that its modules import and that no file above it has. They are cut where something heavy
 * begins: what a file imports of Effect is loaded by all who need any part of it.
 */
const groups = [
  { name: "json", test: modules("event/internal/openRecord|codec/internal/(?:codecError|json)") },
  { name: "core", test: modules("AgentRuntime|event/(?!EventBus)\\w+|middleware/(?!Middleware)\\w+|scope/\\w+") },
  { name: "call", test: modules("call/(?:CallError|ToolCall)") },
  { name: "stream", test: modules("(?:call|event|middleware|subscriber)/\\w+|codec/Codec") },
  { name: "codec", test: modules("codec/(?!Annotated|Pricing)\\w+") },
  { name: "schema", test: modules("codec/\\w+") }
]

/**
 * Marks every value that is computed while a file loads as free of side effects. The package says so of its modules
 * (`sideEffects`), but where many of them are one file, a bundler drops an unused value only if it is told so of the value.
 */
const pure: Plugin = {
  name: "pure",
  renderChunk(code, _chunk, _options, { magicString }) {
    if (magicString === undefined) return null
    // Inside of what runs later, or of a statement that stands there for its effect.
    let depth = 0
    const enter = () => {
      depth++
    }
    const exit = () => {
      depth--
    }
    const mark = ({ start }: { readonly start: number }) => {
      if (depth === 0) magicString.appendLeft(start, "/* @__PURE__ */ ")
    }
    const visitor = new Visitor({
      CallExpression: mark,
      NewExpression: mark,
      ArrowFunctionExpression: enter,
      "ArrowFunctionExpression:exit": exit,
      ClassBody: enter,
      "ClassBody:exit": exit,
      ExpressionStatement: enter,
      "ExpressionStatement:exit": exit,
      FunctionDeclaration: enter,
      "FunctionDeclaration:exit": exit,
      FunctionExpression: enter,
      "FunctionExpression:exit": exit
    })
    visitor.visit(this.parse(code))
    return { code: magicString }
  }
}

export default defineConfig({
  input,
  // Whatever is no file of ours: Node, Effect, the other dependencies.
  external: /^[\w@][^:]/,
  platform: "neutral",
  tsconfig: false,
  transform: { target: "es2022" },
  // Nothing is taken out, `sideEffects` is for users: with it, the command line would lose the statement that runs it.
  treeshake: false,
  plugins: [pure],
  experimental: { nativeMagicString: true },
  output: {
    dir: "dist",
    chunkFileNames: "internal/[name].js",
    codeSplitting: { groups },
    sourcemap: true,
    // `src` is published.
    sourcemapExcludeSources: true
  }
})
