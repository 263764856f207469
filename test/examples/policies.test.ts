/** What repo-scout's policies stand on: the fence around the directory, and what counts as secret. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Fence from "../../examples/repo-scout/fence.ts"
import { conceal, isSecretPath, showsSecret } from "../../examples/repo-scout/secrets.ts"
import { folder } from "./scout.ts"

const fenced = <A, E>(root: string, use: (fence: Fence.Fence["Service"]) => Effect.Effect<A, E, never>) =>
  Effect.flatMap(Fence.Fence, use).pipe(Effect.provide(Layer.provide(Fence.layer(root), NodeServices.layer)))

describe("the fence", () => {
  it.effect("opens what it resolved", () =>
    fenced(folder({ "a/notes.txt": "mine" }), (fence) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* fence.resolve("a/../a/notes.txt"), { inside: Path.join("a", "notes.txt") })
        const file = yield* fence.open(Path.join("a", "notes.txt"))
        assert.strictEqual(Number((yield* file.stat).size), 4)
      }).pipe(Effect.scoped)))

  it.effect("does not follow a link that was put in place of a file or a folder after it was resolved", () => {
    const outside = folder({ "notes.txt": "theirs" })
    const root = folder({ "notes.txt": "mine", "a/notes.txt": "mine" })
    return fenced(root, (fence) =>
      Effect.gen(function*() {
        for (
          const [path, swapped, target] of [["notes.txt", "notes.txt", "notes.txt"], ["a/notes.txt", "a", ""]] as const
        ) {
          assert.property(yield* fence.resolve(path), "inside")
          Fs.rmSync(Path.join(root, swapped), { recursive: true })
          Fs.symlinkSync(Path.join(outside, target), Path.join(root, swapped))
          const error = yield* Effect.flip(fence.open(path))
          assert.include(error.message, "was replaced")
        }
        assert.include((yield* Effect.flip(fence.folder("a"))).message, "was replaced")
      }).pipe(Effect.scoped))
  })

  it.effect("opens no folders", () =>
    fenced(folder({ "a/b": "" }), (fence) =>
      Effect.gen(function*() {
        assert.include((yield* Effect.flip(fence.open("a"))).message, "not a file")
        assert.include((yield* Effect.flip(fence.folder("a/b"))).message, "not a folder")
      }).pipe(Effect.scoped)))
})

describe("what counts as secret", () => {
  it("is a file by its name, in any case and below any folder", () => {
    const secret = [
      ".env",
      ".ENV",
      ".env.production",
      "prod.env",
      ".envrc",
      ".env~",
      ".env.",
      ".env ",
      "a/.env/b",
      "a\\.env",
      "．env",
      ".env::$DATA",
      "id_rsa",
      "id_ed25519",
      "keys/tls.KEY",
      "cert.pem",
      ".npmrc",
      ".git/config",
      ".ssh/known_hosts",
      "credentials.json",
      "secrets.yaml"
    ]
    for (const path of secret) assert.isTrue(isSecretPath(path), path)
    const open = [
      "README.md",
      "environment.ts",
      "src/env.ts",
      "id_rsa.pub",
      ".gitignore",
      "secrets.ts",
      "keys.md",
      "a.envelope"
    ]
    for (const path of open) assert.isFalse(isSecretPath(path), path)
  })

  it.each([
    "sk-live-4f9a8b7c6d5e4f3a2b1c",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "AKIAABCDEFGHIJKLMNOP",
    "postgres://app:s3cr3t-pass@db/x",
    "Authorization: Bearer abcdef0123456789",
    "password = \"correct-horse\"",
    JSON.stringify({ text: JSON.stringify({ api_key: "correct-horse" }) }),
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
  ])("is %s in any text", (text) => {
    assert.isTrue(showsSecret(text))
    const shown = String(conceal(text))
    assert.include(shown, "[hidden]")
    for (const part of ["4f9a8b7c", "0123456789", "AKIA", "s3cr3t", "correct-horse", "MIIE"]) {
      assert.notInclude(shown, part)
    }
  })

  it("is, for observers, also what may be one, in every corner of a value", () => {
    const value = { question: "mail ada@example.org", list: [{ password: "x y" }, "DB_PASSWORD=hunter2"], n: 1 }
    assert.deepStrictEqual(conceal(value), {
      question: "mail [hidden]",
      list: [{ password: "[hidden]" }, "DB_PASSWORD=[hidden]"],
      n: 1
    })
  })

  it("is not every word with a sign in it", () => {
    for (
      const text of ["@effect/vitest@4.0.5", "npm install a@latest", "const token = read()", "a: string", "max 10"]
    ) {
      assert.isFalse(showsSecret(text), text)
    }
    assert.strictEqual(
      conceal("@effect/vitest@4.0.5 at https://example.org/a"),
      "@effect/vitest@4.0.5 at https://example.org/a"
    )
  })
})
