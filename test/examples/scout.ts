/** Runs repo-scout as a process of its own, on real files, and reads back what it wrote. */
import { afterAll, assert } from "@effect/vitest"
import * as Result from "effect/Result"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { Atof, type LifecycleEvent } from "../../src/index.ts"
import { EventTree } from "../../src/testing/index.ts"

export const examples = fileURLToPath(new URL("../../examples", import.meta.url))

const folders: Array<string> = []

afterAll(() => {
  for (const path of folders) Fs.rmSync(path, { recursive: true, force: true })
})

/** A folder for one test, with these files; real path. It goes when the tests have ended. */
export const folder = (files: Readonly<Record<string, string | Uint8Array>> = {}): string => {
  const root = Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "repo-scout-")))
  folders.push(root)
  for (const [name, content] of Object.entries(files)) {
    Fs.mkdirSync(Path.dirname(Path.join(root, name)), { recursive: true })
    Fs.writeFileSync(Path.join(root, name), content)
  }
  return root
}

/** Spares all processes but the first the time to compile what they load. */
const compiled = folder()

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly ended: Promise<Ended>
  /** What it has printed so far. */
  readonly stdout: () => string
  readonly interrupt: () => void
}

/** Starts an example. Its working directory gets the folder `runs`. */
export const start = (
  file: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> | undefined }
): Running => {
  const env: Record<string, string | undefined> = { ...process.env, NODE_COMPILE_CACHE: compiled, ...options.env }
  if (options.env === undefined) {
    for (const name of ["BASE_URL", "API_KEY", "MODEL"]) {
      for (const provider of ["OPENAI", "ANTHROPIC"]) delete env[`${provider}_${name}`]
    }
  }
  const child = spawn(process.execPath, [Path.join(examples, file), ...args], {
    cwd: options.cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"]
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  return {
    ended: new Promise((resolve, reject) => {
      child.on("error", reject)
      child.on("close", (code) => resolve({ code, stdout, stderr }))
    }),
    stdout: () => stdout,
    interrupt: () => child.kill("SIGINT")
  }
}

export const scout = (args: ReadonlyArray<string>, options: Parameters<typeof start>[2]): Promise<Ended> =>
  start("repo-scout.ts", args, options).ended

export interface Log {
  readonly text: string
  readonly events: ReadonlyArray<LifecycleEvent.LifecycleEvent>
  readonly ends: ReadonlyArray<LifecycleEvent.ScopeEnd>
}

/** The events of the only run below this folder; every line must decode and the whole be well formed. */
export const logOf = (cwd: string): Log => {
  const runs = Fs.readdirSync(Path.join(cwd, "runs"))
  assert.strictEqual(runs.length, 1)
  const text = Fs.readFileSync(Path.join(cwd, "runs", runs[0]!, "events.jsonl"), "utf8")
  assert.isTrue(text.endsWith("\n"))
  const events = text.trimEnd().split("\n").map((line) => Result.getOrThrow(Atof.decodeLine(line)))
  EventTree.assertWellFormed(events)
  return { text, events, ends: events.filter((event) => event._tag === "ScopeEnd") }
}

/** What the model is asked: a body of the chat API. */
export interface Asked {
  readonly headers: Http.IncomingHttpHeaders
  readonly model: string
  readonly tools: ReadonlyArray<unknown> | undefined
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: string; readonly tool_call_id?: string }>
  /** What the agent wants it for. */
  readonly step: "map" | "dig" | "answer"
  /** How often it has answered in this conversation. */
  readonly turn: number
}

/** A tool that the fake model asks for. */
export type Wish = readonly [tool: string, input: unknown]

/** What the fake model answers: a text, tools to run, or a response of any kind; nothing is no answer at all. */
export type Answer = string | ReadonlyArray<Wish> | {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
} | undefined

export interface Server {
  readonly env: Readonly<Record<string, string>>
  readonly asked: ReadonlyArray<Asked>
  readonly close: () => void
}

export const apiKey = "local-key-0123456789abcdef"

/** A server on this machine that speaks the OpenAI chat API. */
export const serve = async (answer: (asked: Asked) => Answer): Promise<Server> => {
  const asked: Array<Asked> = []
  const server = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const body: Asked = JSON.parse(Buffer.concat(chunks).toString("utf8"))
      const instruction = body.messages[0]!.content
      const one: Asked = {
        headers: request.headers,
        model: body.model,
        tools: body.tools,
        messages: body.messages,
        step: /to say what it is/.test(instruction) ? "map" : /look for what/.test(instruction) ? "dig" : "answer",
        turn: body.messages.filter(({ role }) => role === "assistant").length
      }
      asked.push(one)
      assert.strictEqual(`${request.method} ${request.url}`, "POST /v1/chat/completions")
      const reply = answer(one)
      if (reply === undefined) return
      if (typeof reply === "object" && "status" in reply) {
        response.writeHead(reply.status, reply.headers).end(reply.body)
        return
      }
      const tool_calls = typeof reply === "string" ? undefined : reply.map(([name, input], index) => ({
        id: `call-${one.turn}-${index}`,
        type: "function",
        function: { name, arguments: typeof input === "string" ? input : JSON.stringify(input) }
      }))
      const content = typeof reply === "string" ? reply : null
      response.writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ id: "x", choices: [{ index: 0, message: { role: "assistant", content, tool_calls } }] }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    env: { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1/`, OPENAI_API_KEY: apiKey, OPENAI_MODEL: "fake-1" },
    asked,
    close: () => {
      server.closeAllConnections()
      server.close()
    }
  }
}
