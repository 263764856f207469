import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as PiiRedaction from "../../src/plugin/PiiRedaction.ts"

const { redact } = PiiRedaction
const key = Redacted.make("a key for tests only")
const mail = "ada@example.com"

const problemsOf = (options: PiiRedaction.RedactOptions): ReadonlyArray<string> =>
  Result.match(PiiRedaction.make(options), {
    onFailure: ({ problems }) => problems.map(({ message, path }) => `${path.join(".")}: ${message}`),
    onSuccess: () => []
  })

describe("actions", () => {
  const text = `to ${mail}, card 4111 1111 1111 1111, from 203.0.113.42`

  it("replace says what was there", () => {
    assert.strictEqual(redact(text), "to [REDACTED:email], card [REDACTED:card], from [REDACTED:ip]")
    assert.strictEqual(redact(text, { action: { replace: "■" } }), "to ■, card ■, from ■")
  })

  it("mask keeps the length", () => {
    assert.strictEqual(
      redact(text, { action: "mask" }),
      `to ${"*".repeat(15)}, card ${"*".repeat(19)}, from ${"*".repeat(12)}`
    )
  })

  it("partial keeps what tells values apart", () => {
    assert.strictEqual(
      redact(text, { action: "partial" }),
      "to a***@example.com, card **** **** **** 1111, from 203.0.113.*"
    )
    assert.deepStrictEqual(
      redact(["+49 30 901820", "DE89370400440532013000", "2001:db8:85a3::8a2e:370:7334", { password: "hunter22" }], {
        action: "partial"
      }),
      ["+** ** **1820", "DE****************3000", "2001:db8:85a3:*", { password: "****" }]
    )
  })

  it("hash gives equal values equal names under one key, and others under another", () => {
    const named = redact([mail, `again ${mail}`, "bob@example.com"], { action: "hash", key })
    // HMAC-SHA-256, computed by OpenSSL: printf ada@example.com | openssl dgst -sha256 -hmac "a key for tests only"
    assert.deepStrictEqual(named, [
      "[email:8287ecff2a00fd312a76]",
      "again [email:8287ecff2a00fd312a76]",
      "[email:358c83703dfcc65b61f4]"
    ])
    assert.notDeepEqual(redact(mail, { action: "hash", key: "another key for tests" }), "[email:8287ecff2a00fd312a76]")
  })

  it("remove cuts a part of a text, and leaves a whole one out", () => {
    assert.deepStrictEqual(
      redact({ note: `write to ${mail}!`, mail, list: [mail, 1], deep: { mail } }, { action: "remove" }),
      { note: "write to !", list: [null, 1], deep: {} }
    )
    assert.strictEqual(redact(mail, { action: "remove" }), null)
  })

  it("a detector may have one of its own, or be off", () => {
    assert.strictEqual(
      redact(text, { action: "mask", detectors: { card: "partial", ip: false, email: { replace: "<mail>" } } }),
      "to <mail>, card **** **** **** 1111, from 203.0.113.42"
    )
  })
})

describe("structure", () => {
  it("keys, types and order stay", () => {
    const value = { z: 1, a: [true, null, "text", { deep: [[mail]] }], n: 1.5, empty: {}, none: [] }
    const shown = redact(value)
    assert.deepStrictEqual(shown, {
      z: 1,
      a: [true, null, "text", { deep: [["[REDACTED:email]"]] }],
      n: 1.5,
      empty: {},
      none: []
    })
    assert.deepStrictEqual(Object.keys(Object(shown)), Object.keys(value))
    assert.deepStrictEqual(value.a[3], { deep: [[mail]] })
  })

  it("JSON in a text stays JSON", () => {
    const inner = JSON.stringify({ to: mail, text: `line\n${mail}\tand "quoted ${mail}"`, card: "\n4111111111111111" })
    const shown = redact({ arguments: inner })
    assert.deepStrictEqual(JSON.parse(String(Object(shown).arguments)), {
      to: "[REDACTED:email]",
      text: "line\n[REDACTED:email]\tand \"quoted [REDACTED:email]\"",
      card: "\n[REDACTED:card]"
    })
  })

  it("a number that is one of a card becomes zero; ids, counts and times stay", () => {
    assert.deepStrictEqual(
      redact({ card: 4111111111111111, time: 1732449300123456, big: 9007199254740991, port: 8080, phone: 4155550132 }),
      { card: 0, time: 1732449300123456, big: 9007199254740991, port: 8080, phone: 0 }
    )
    assert.deepStrictEqual(redact([4111111111111111, 1], { action: "remove" }), [null, 1])
  })

  it("keys that hold findings are redacted, and stay apart", () => {
    assert.deepStrictEqual(redact({ [mail]: 1, "bob@example.com": 2, name: 3 }), {
      "[REDACTED:email]": 1,
      "[REDACTED:email]#2": 2,
      name: 3
    })
    assert.deepStrictEqual(redact({ [mail]: 1 }, { action: "remove" }), { "[REDACTED:email]": 1 })
  })

  it("the key of a value says what it is", () => {
    assert.deepStrictEqual(
      redact({ password: "swordfish", Authorization: "whatever it is", phone: "4155550132", phones: ["030 901820"] }),
      {
        password: "[REDACTED:password]",
        Authorization: "[REDACTED:password]",
        phone: "[REDACTED:phone]",
        phones: ["[REDACTED:phone]"]
      }
    )
    assert.deepStrictEqual(redact({ token: " the", max_tokens: 4096, password: { type: "string" }, secret: "${X}" }), {
      token: " the",
      max_tokens: 4096,
      password: { type: "string" },
      secret: "${X}"
    })
  })

  it("what is no JSON is shown as exporters show it, without its secrets", () => {
    class Person {
      readonly mail = mail
    }
    const cycle: Record<string, unknown> = { mail }
    cycle["self"] = cycle
    assert.deepStrictEqual(
      redact({
        person: new Person(),
        error: new Error(`no ${mail}`),
        map: new Map([[mail, 1]]),
        date: new Date(0),
        cycle
      }),
      {
        person: { mail: "[REDACTED:email]" },
        error: { name: "Error", message: "no [REDACTED:email]" },
        map: [["[REDACTED:email]", 1]],
        date: "1970-01-01T00:00:00.000Z",
        cycle: { mail: "[REDACTED:email]", self: "[Circular]" }
      }
    )
  })

  it("what is too long is cut, and no piece of a secret is left where it was", () => {
    const shown = String(redact(`${"word ".repeat(204)}${mail} more`, { maxChars: 1024 }))
    assert.match(shown, /word …\[\+\d+ chars\]$/)
    assert.notInclude(shown, "ada")
    const deep = Array.from({ length: 200 }).reduce((inner) => [inner], mail)
    assert.notInclude(JSON.stringify(redact(deep)), "ada")
  })

  it("pictures in a text stay whole", () => {
    const picture = `data:image/png;base64,${"iVBORw0KGgo".repeat(200)}`
    assert.strictEqual(redact(picture), picture)
  })
})

describe("paths", () => {
  const message = { role: "user", content: mail }
  const value = { to: mail, messages: [message, message], "a/b": mail }
  const hidden = "[REDACTED:email]"

  it("include limits redaction to what lies at or below them", () => {
    assert.deepStrictEqual(redact(value, { include: ["/messages/1"] }), {
      ...value,
      messages: [message, { role: "user", content: hidden }]
    })
    assert.deepStrictEqual(redact(value, { include: ["/messages/*/content", "/a~1b"] }), {
      to: mail,
      messages: [{ role: "user", content: hidden }, { role: "user", content: hidden }],
      "a/b": hidden
    })
    assert.deepStrictEqual(redact(value, { include: ["/**/con*t"] }), {
      ...value,
      messages: [{ role: "user", content: hidden }, { role: "user", content: hidden }]
    })
  })

  it("exclude leaves out, also within what is included", () => {
    assert.deepStrictEqual(redact(value, { exclude: ["/messages/0", "/to"] }), {
      to: mail,
      messages: [message, { role: "user", content: hidden }],
      "a/b": hidden
    })
    assert.deepStrictEqual(redact(value, { include: ["/messages"], exclude: ["/**/0/**"] }), {
      ...value,
      messages: [message, { role: "user", content: hidden }]
    })
  })

  it("the empty pointer means all of it", () => {
    assert.deepStrictEqual(redact(value, { exclude: [""] }), value)
  })
})

describe("detectors of one's own", () => {
  it("find what they match, before the built-in ones", () => {
    assert.strictEqual(
      redact("EMP-123456 and emp-1, PRJ-1@example.com", {
        custom: [{ name: "employee", pattern: "EMP-\\d{1,8}", ignoreCase: true }, {
          name: "project",
          pattern: "PRJ-\\d+@"
        }]
      }),
      "[REDACTED:employee] and [REDACTED:employee], [REDACTED:project]"
    )
  })

  it("find matches of up to 256 characters wherever they lie in a long text", () => {
    const { find } = Result.getOrThrow(PiiRedaction.make({ custom: [{ name: "long", pattern: "<[a-z]{200,250}>" }] }))
    for (const before of [0, 700, 767, 768, 769, 900, 1023, 1024, 5000]) {
      const text = `${" ".repeat(before)}<${"x".repeat(250)}> end`
      assert.deepStrictEqual(find(text), [{ start: before, end: before + 252, detector: "long" }])
    }
  })

  const refused: ReadonlyArray<readonly [what: string, pattern: string, why: RegExp]> = [
    ["nested repetition", "(a+)+$", /repeated/],
    ["nested bounded repetition", "((?:a{1,8}){1,8}){1,8}", /repeated/],
    ["repeated alternatives", "(?:a|aa)+$", /repeated/],
    ["neighbours that read the same", "\\d+\\d+x", /same letters/],
    ["neighbours in alternatives", "(?:a+|x)a+b", /same letters/],
    ["a wide repetition over another", ".*foo.*bar", /same letters/],
    ["many optional letters", "a?".repeat(30) + "a".repeat(30), /ways/],
    ["a reference back", "(a)\\1", /refers back/],
    ["looking ahead", "a(?=b)", /looks ahead/],
    ["the empty text", "a*", /empty/],
    ["no expression", "(", /Unterminated group|Invalid regular expression/],
    ["too long", "a".repeat(1001), /1000/]
  ]
  for (const [what, pattern, why] of refused) {
    it(`are refused for ${what}`, () => {
      const [problem, ...others] = problemsOf({ custom: [{ name: "mine", pattern }] })
      assert.match(String(problem), why)
      assert.match(String(problem), /^custom\.0\.pattern: /)
      assert.deepStrictEqual(others, [])
    })
  }

  it("may be written in many ways that are safe", () => {
    const patterns = [
      "\\d{3}-\\d{2}-\\d{4}",
      "[A-Z]{2,10}-\\d{3,8}",
      "\\w+@\\w+\\.example",
      "(?:\\d{2}\\.){3}\\d{2}",
      "(?<area>\\d+)/\\d+",
      "\\bMRN[ :]?[0-9]{6,10}\\b",
      "(?:foo|bar)-\\d+",
      "\\p{Lu}\\p{Ll}+ \\p{Lu}\\p{Ll}{1,20}",
      "[^<>]+>"
    ]
    assert.deepStrictEqual(problemsOf({ custom: patterns.map((pattern, i) => ({ name: `p${i}`, pattern })) }), [])
  })

  it("take no long time over what would be the worst text for others", () => {
    const { text } = Result.getOrThrow(PiiRedaction.make({ custom: [{ name: "x", pattern: "\\w+@\\w+\\.example" }] }))
    const worst = "a".repeat(200_000)
    assert.strictEqual(text(worst), worst)
  }, 5000)
})

describe("options that cannot be obeyed", () => {
  it("are told all at once", () => {
    assert.deepStrictEqual(
      problemsOf({
        action: "hash",
        regions: ["US", "us", "Germany"],
        include: ["data"],
        exclude: ["/a~2b"],
        custom: [{ name: "email", pattern: "x" }, { name: "Upper", pattern: "y" }]
      }).map((problem) => problem.slice(0, problem.indexOf(":"))),
      ["key", "regions.1", "regions.2", "include.0", "exclude.0", "custom.0.name", "custom.1.name"]
    )
    assert.deepStrictEqual(problemsOf({ detectors: { card: "hash" } }), ["key: the action hash needs a key"])
    assert.deepStrictEqual(problemsOf({ key: "short" }), ["key: expected a key of at least 16 characters"])
  })

  it("make redact throw their error", () => {
    assert.throws(() => redact(1, { action: "hash" }), PiiRedaction.PiiRedactionError, /at key: the action hash/)
  })
})
