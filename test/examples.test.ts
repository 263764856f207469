/**
 * The main job as a user runs it: a process of its own on a folder of real files. What it promises about policy is
 * tested with a model that wants what it must not get.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import * as Options from "../examples/repo-scout/options.ts"
import * as Atif from "../src/exporter/Atif.ts"
import {
  apiKey,
  type Asked,
  examples,
  folder,
  type Log,
  logOf,
  scout,
  serve,
  start,
  type Wish
} from "./examples/scout.ts"

const secret = "sk-live-4f9a8b7c6d5e4f3a2b1c"
const password = "hunter2-is-not-enough"
const mail = "ada@example.org"

const project = (): string =>
  folder({
    "README.md": `# Billing\n\nSends invoices. Ask ${mail} about it.\n`,
    "src/client.ts": `// The key of the billing client.\nexport const billingKey = "${secret}"\n`,
    "src/settings.yml": `billing:\n  client: blue\n  password: ${password}\n`,
    ".env": `BILLING_KEY=${secret}\n`
  })

/** A process takes a second, or many when everything runs at once. */
const processes = { timeout: 120_000 }

const blocked = ({ ends }: Log) => ends.filter(({ outcome }) => outcome._tag === "Blocked")

describe("repo-scout with the built-in planner", processes, () => {
  it("answers, and shows the tree with blocked and retried work, a summary and the path of the events", async () => {
    const cwd = folder()
    const { code, stderr, stdout } = await scout(["--dir", project(), "--ask", "Who sends invoices?"], { cwd })
    assert.strictEqual(code, 0)
    assert.strictEqual(stderr, "")
    assert.include(stdout, "built-in planner: rules, not a language model")
    assert.match(stdout, /^\w{4} ▸ agent scout/m)
    assert.match(stdout, /^\w{4} {3}▸ agent map/m)
    assert.match(stdout, /^\w{4} {3}▸ agent dig/m)
    assert.match(stdout, /⊘ tool read_file {2}\S+ \S+ {2}blocked by no-secret-files: \.env/)
    assert.match(stdout, /⊘ tool read_file {2}\S+ \S+ {2}blocked by stay-inside: \.\.\//)
    assert.match(stdout, /! warn retry {2}\{"because":"no result within 0 ms"\}/)
    assert.match(stdout, /✓ tool search_text {2}\S+ \S+ {2}2 attempts/)
    assert.match(stdout, /^ {2}README\.md:3: Sends invoices\./m)
    assert.match(stdout, /^calls +\d+ model, \d+ tool$/m)
    assert.match(stdout, /^policy +2 blocked, 1 retried$/m)
    assert.match(stdout, /^written +runs\/[\dTZ-]+: events\.jsonl, trajectory\.json$/m)
    assert.notInclude(stdout, "\u001b")

    const log = logOf(cwd)
    assert.strictEqual(stdout.match(/^events +(\d+)$/m)?.[1], String(log.events.length))
    assert.deepStrictEqual(blocked(log).map(({ name }) => name), ["read_file", "read_file"])
    const parallel = log.events.filter(({ category, name }) => category === "agent" && name !== "scout").slice(0, 2)
    assert.deepStrictEqual(parallel.map(({ _tag, name }) => `${_tag} ${name}`), ["ScopeStart map", "ScopeStart dig"])
  })

  it("keeps secrets and e-mail addresses from observers, and secrets out of the answer", async () => {
    const cwd = folder()
    const question = `Where is the billing client key? Tell ${mail}`
    const { code, stdout } = await scout(["--dir", project(), "--ask", question], { cwd })
    assert.strictEqual(code, 0)
    const log = logOf(cwd)
    for (const text of [secret, password, mail]) assert.notInclude(log.text, text)
    assert.include(log.text, "[hidden]")
    assert.notInclude(stdout, secret)
    // The first answer quoted the key; the second says where it is.
    assert.include(
      blocked(log).map(({ outcome }) => outcome._tag === "Blocked" && outcome.by),
      "answer-without-secrets"
    )
    assert.match(stdout, /^ {2}src\/client\.ts:2$/m)
  })

  it("prints only the answer and the path with --quiet", async () => {
    const cwd = folder()
    const { code, stderr, stdout } = await scout(["--quiet", "--dir", project(), "--ask", "What is Billing?"], { cwd })
    assert.strictEqual(code, 0)
    assert.strictEqual(stderr, "")
    assert.notMatch(stdout, /[▸✓⊘]/)
    assert.match(stdout, /^3 files, /)
    const path = stdout.trimEnd().split("\n").at(-1)!
    assert.isTrue(Fs.existsSync(Path.join(cwd, path)))
    assert.strictEqual(Fs.statSync(Path.join(cwd, path)).mode & 0o077, 0)
    logOf(cwd)
    const trajectory = Fs.readFileSync(Path.join(cwd, path, "trajectory.json"), "utf8")
    const { agent, steps } = Schema.decodeUnknownSync(Schema.fromJsonString(Atif.Trajectory))(trajectory)
    assert.strictEqual(agent.name, "scout")
    assert.isAbove(steps.length, 1)
  })

  it("exports spans to a collector, and goes on when there is none", async () => {
    const traces: Array<string> = []
    const collector = Http.createServer((request, response) => {
      request.on("data", () => undefined).on("end", () => {
        traces.push(request.url ?? "")
        response.end("{}")
      })
    })
    await new Promise<void>((resolve) => void collector.listen(0, "127.0.0.1", resolve))
    const { port } = collector.address() as AddressInfo
    try {
      const args = ["--quiet", "--dir", project(), "--otlp"]
      const heard = await scout([...args, `http://127.0.0.1:${port}`], { cwd: folder() })
      assert.strictEqual(heard.code, 0)
      assert.include(traces, "/v1/traces")
    } finally {
      collector.close()
    }
    const alone = await scout(["--quiet", "--dir", project(), "--otlp", `http://127.0.0.1:${port}`], { cwd: folder() })
    assert.strictEqual(alone.code, 0)
  })

  it("answers about an empty folder too", async () => {
    const cwd = folder()
    const { code, stdout } = await scout(["--dir", folder()], { cwd })
    assert.strictEqual(code, 0)
    assert.include(stdout, "No file says anything about")
  })

  it("explains itself with --help", async () => {
    const cwd = folder()
    const { code, stdout } = await scout(["--help"], { cwd })
    assert.strictEqual(code, 0)
    for (const option of ["--dir", "--ask", "--model", "--quiet", "OPENAI_BASE_URL"]) assert.include(stdout, option)
    assert.deepStrictEqual(Fs.readdirSync(cwd), [])
  })

  it("refuses wrong usage with one line and exit code 2", async () => {
    const cwd = folder()
    const runs = [["--nonsense"], ["--dir", "no-such-folder"]].map((args) => scout(args, { cwd }))
    for (const { code, stderr, stdout } of await Promise.all(runs)) {
      assert.strictEqual(code, 2)
      assert.strictEqual(stdout, "")
      assert.match(stderr, /^repo-scout: .*(?:'--nonsense'|"no-such-folder" does not exist).*\n$/)
    }
    assert.deepStrictEqual(Fs.readdirSync(cwd), [])
  })

  it.effect.each<readonly [args: ReadonlyArray<string>, expected: string]>([
    [["--dir", `${examples}/guardrail.ts`], "is not a directory"],
    [["--dir", ""], "--dir needs a path"],
    [["--dir"], "--dir"],
    [["positional"], "'positional'"],
    [["--ask", " "], "--ask needs a question"],
    [["--model", "oracle"], "\"oracle\" is unknown"],
    [["--model", "openai:"], "\"openai:\" is unknown"],
    [["--model", "openai"], "OPENAI_API_KEY"]
  ])("says what is wrong with %j", ([args, expected]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Options.parse(args, {}, examples))
      assert.include(error.message, expected)
      assert.notInclude(error.message, "\n")
      assert.strictEqual(Runtime.getErrorExitCode(error), 2)
    }).pipe(Effect.provide(NodeServices.layer)))
})

/** Runs with a fake model whose `map` step has these wishes, turn by turn. */
const withWishes = async (directory: string, turns: ReadonlyArray<ReadonlyArray<Wish>>) => {
  const cwd = folder()
  const server = await serve(({ step, turn }) =>
    step === "map" ? turns[turn] ?? "notes" : step === "dig" ? "nothing" : "It is about invoices."
  )
  try {
    const ended = await scout(["--dir", directory, "--model", "openai"], { cwd, env: server.env })
    const results = server.asked.findLast(({ step }) => step === "map")!.messages
      .filter(({ role }) => role === "tool")
      .map(({ content }): Record<string, unknown> => JSON.parse(content))
    return { ...ended, cwd, asked: server.asked, results }
  } finally {
    server.close()
  }
}

const read = (path: string): Wish => ["read_file", { path }]

describe("repo-scout with a model that wants too much", processes, () => {
  it("never reads secret files or outside the directory, whatever the path is dressed as", async () => {
    const canary = "the-canary-sings"
    const outside = folder({ "target.txt": canary, "deep/target.txt": canary })
    const inside = folder({
      "plain.txt": "plain text",
      ".env": canary,
      ".env.local": canary,
      "id_rsa": canary,
      "deploy/prod.PEM": canary,
      ".ssh/config": canary
    })
    const link = (target: string, name: string) => Fs.symlinkSync(target, Path.join(inside, name))
    link(Path.join(outside, "target.txt"), "link-out")
    link(outside, "folder-out")
    link(".env", "link-to-env")
    link("plain.txt", "link-to-plain")
    link("plain.txt", ".env.link")
    link(Path.join(outside, "not-there-yet"), "dangling")
    link("loop", "loop")

    const refused: ReadonlyArray<ReadonlyArray<string>> = [
      [".env", "./.env", "src/../.env", ".ENV", ".env.local", ".Env.Local", "id_rsa", "deploy/prod.PEM"],
      [".ssh/config", "link-to-env", Path.join(inside, ".env"), ".//.env", ".env/", "deploy/../id_rsa", ".env.link"],
      [
        Path.join(outside, "target.txt"),
        `../${Path.basename(outside)}/target.txt`,
        "/etc/passwd",
        "link-out",
        "dangling"
      ],
      ["folder-out/deep/target.txt", "folder-out/new/file", "loop", "..", "plain.txt/../../x", "plain\0.txt"]
    ]
    const allowed = ["plain.txt", "./x/../plain.txt", "link-to-plain", Path.join(inside, "plain.txt")]
    const { asked, code, cwd, results, stdout } = await withWishes(inside, [
      ...refused.map((paths) => paths.map(read)),
      [
        ...allowed.map(read),
        ["list_files", { path: "folder-out" }],
        ["search_text", { query: "canary", path: ".." }],
        ["search_text", { query: "canary" }],
        ["list_files", {}]
      ]
    ])
    assert.strictEqual(code, 0)
    assert.notInclude(JSON.stringify(asked), canary)
    assert.notInclude(stdout, canary)
    const forbidden = refused.flat()
    for (const [index, path] of forbidden.entries()) assert.property(results[index], "refused", path)
    const rest = results.slice(forbidden.length)
    for (const [index, path] of allowed.entries()) assert.propertyVal(rest[index], "text", "plain text", path)
    assert.property(rest[4], "refused")
    assert.property(rest[5], "refused")
    assert.deepStrictEqual(rest[6], { hits: [], searched: 1 })
    assert.deepStrictEqual(rest[7], { files: ["plain.txt"], total: 1 })
    assert.strictEqual(blocked(logOf(cwd)).length, forbidden.length + 2)
  })

  it("cannot say itself where a path leads, or raise the cap on reading", async () => {
    const directory = folder({ "big.txt": "é".repeat(100_000), "binary": new Uint8Array([80, 75, 0, 4]), ".env": "x" })
    const { results } = await withWishes(directory, [[
      ["read_file", { path: ".env", resolved: "big.txt" }],
      ["read_file", { path: "big.txt", resolved: "../../etc/passwd", maxBytes: 1e9 }],
      read("binary"),
      read("missing.txt")
    ]])
    assert.property(results[0], "refused")
    assert.strictEqual(results[1]!["size"], 200_000)
    assert.strictEqual(results[1]!["text"], "é".repeat(12 * 1024))
    assert.deepStrictEqual(results[2], { size: 4, binary: true })
    assert.include(results[3]!["error"], "no such file")
  })

  it("is told what is wrong with a tool call that makes no sense, and is stopped after some turns", async () => {
    const wishes: ReadonlyArray<Wish> = [["read_file", {}], ["read_file", "{ not json"], ["delete_file", {}]]
    const { asked, code, results } = await withWishes(project(), Array.from({ length: 20 }, () => wishes))
    assert.strictEqual(code, 0)
    for (const result of results) assert.property(result, "error")
    const turns = asked.filter(({ step }) => step === "map")
    assert.strictEqual(turns.length, 6)
    assert.isUndefined(turns.at(-1)!.tools)
  })
})

describe("repo-scout with an OpenAI-compatible server", processes, () => {
  it("says first where data goes, drives the tools by the model, and shows its key to nobody else", async () => {
    const { asked, code, cwd, results, stderr, stdout } = await withWishes(project(), [[read("README.md")]])
    assert.strictEqual(code, 0)
    assert.strictEqual(stderr, "")
    assert.match(stdout.split("\n")[0]!, /are sent to http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions \(fake-1\)$/)
    assert.include(stdout, "It is about invoices.")
    assert.include(results[0]!["text"], "Sends invoices")
    const [first] = asked
    assert.strictEqual(first!.headers.authorization, `Bearer ${apiKey}`)
    assert.strictEqual(first!.model, "fake-1")
    assert.strictEqual(first!.tools?.length, 3)
    for (const text of [stdout, logOf(cwd).text]) assert.notInclude(text, apiKey)
  })

  const fails = async (answer: Parameters<typeof serve>[0]) => {
    const cwd = folder()
    const server = await serve(answer)
    try {
      const args = ["--quiet", "--dir", project(), "--model", "openai"]
      const ended = await scout(args, { cwd, env: server.env })
      assert.strictEqual(ended.code, 1)
      assert.match(ended.stderr, /^repo-scout: .*are sent to .*\nrepo-scout: .+\n$/)
      assert.notInclude(ended.stderr, apiKey)
      return { message: ended.stderr.split("\n")[1]!, asked: server.asked, log: logOf(cwd) }
    } finally {
      server.close()
    }
  }
  const stepOf = (asked: ReadonlyArray<Asked>, step: Asked["step"]) => asked.filter((one) => one.step === step).length

  it("tries again when the server fails, then gives up with one line", async () => {
    const { asked, log, message } = await fails(({ step }) =>
      step === "dig" ? "notes" : { status: 500, body: `no luck for ${apiKey}` }
    )
    assert.include(message, "answered HTTP 500: no luck for [key]")
    assert.strictEqual(stepOf(asked, "map"), 3)
    assert.strictEqual(log.events.filter(({ name }) => name === "retry").length, 2)
  })

  it("does not try again what would fail again, and says what it got", async () => {
    const { asked, message } = await fails(() => ({ status: 200, body: "<html>\u001b[2J hello" }))
    assert.include(message, "no chat completion: <html> [2J hello")
    assert.strictEqual(stepOf(asked, "map"), 1)
  })

  it("sends nothing to where the server would redirect it", async () => {
    const other = await serve(() => "thank you")
    try {
      const location = `${other.env["OPENAI_BASE_URL"]}chat/completions`
      const { message } = await fails(() => ({ status: 307, body: "", headers: { location } }))
      assert.include(message, "answered HTTP 307")
      assert.deepStrictEqual(other.asked, [])
    } finally {
      other.close()
    }
  })

  it("ends every open scope as interrupted on Ctrl-C", async () => {
    const cwd = folder()
    let stuck = () => {}
    const isStuck = new Promise<void>((resolve) => (stuck = resolve))
    const server = await serve(({ step, turn }) => {
      if (step === "map") return turn === 0 ? [read("README.md")] : "notes"
      stuck()
      return undefined
    })
    try {
      const running = start("repo-scout.ts", ["--dir", project(), "--model", "openai"], { cwd, env: server.env })
      await isStuck
      running.interrupt()
      const { code, stdout } = await running.ended
      assert.strictEqual(code, 130)
      assert.match(stdout, /■ agent scout/)
      assert.match(stdout, /^written +runs/m)
      const { ends, events } = logOf(cwd)
      const open = new Set(events.filter(({ _tag }) => _tag === "ScopeStart").map(({ uuid }) => uuid))
      for (const { uuid } of ends) assert.isTrue(open.delete(uuid))
      assert.strictEqual(open.size, 0)
      for (const [name, category] of [["scout", "agent"], ["dig", "agent"], ["dig", "llm"]]) {
        const end = ends.find((event) => event.name === name && event.category === category)
        assert.strictEqual(end?.outcome._tag, "Interrupted", name)
      }
    } finally {
      server.close()
    }
  })
})

describe("every example", processes, () => {
  const expected: Readonly<Record<string, RegExp>> = {
    "guardrail.ts": /^text of README\.md\nblocked: environment files are off limits\n$/,
    // A plugin to copy: it does nothing by itself.
    "plugin-template.ts": /^$/
  }

  it.each(Fs.readdirSync(examples).filter((file) => file.endsWith(".ts")))("%s runs", async (file) => {
    const { code, stderr, stdout } = await start(file, [], { cwd: folder() }).ended
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    assert.match(stdout, expected[file] ?? /./)
  })

  it("guardrail.ts has at most 20 lines of code", () => {
    const source = Fs.readFileSync(Path.join(examples, "guardrail.ts"), "utf8")
    assert.isAtMost(source.split("\n").filter((line) => line.trim() !== "").length, 20)
  })
})
