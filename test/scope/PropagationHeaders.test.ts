/** Headers in and out, by W3C Trace Context level 2 and W3C Baggage. The vectors are constructed after their grammars. */
import { assert, describe, it } from "@effect/vitest"
import * as Propagation from "../../src/scope/Propagation.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const spanId = "00f067aa0ba902b7"
const traceparent = `00-${traceId}-${spanId}-01`
const root = "01a20d59-c3d3-7333-b031-90d000000001"
const scope = "01a20d59-c3d3-7333-b031-90d000000007"

const fieldsOf = ({ diagnostics }: Propagation.Received) => diagnostics.map(({ field }) => field)

describe("traceparent", () => {
  const read = (value: string) => Propagation.fromHeaders({ traceparent: value })

  it.each<readonly [what: string, value: string, sampled: boolean, random: boolean]>([
    ["version 00, sampled", traceparent, true, false],
    ["version 00, not sampled", `00-${traceId}-${spanId}-00`, false, false],
    ["a random trace id", `00-${traceId}-${spanId}-03`, true, true],
    ["flags that nobody knows", `00-${traceId}-${spanId}-f9`, true, false],
    ["flags in hexadecimal letters", `00-${traceId}-${spanId}-fe`, false, true],
    ["optional white space around it", `\t ${traceparent} \t`, true, false],
    ["a later version of the same length", `cc-${traceId}-${spanId}-01`, true, false],
    ["a later version with more fields", `01-${traceId}-${spanId}-01-what-the-future-brings`, true, false],
    ["a later version that ends in a dash", `01-${traceId}-${spanId}-01-`, true, false],
    ["a later version, of whose flags only one is known", `fe-${traceId}-${spanId}-02`, false, false]
  ])("is read: %s", (_, value, sampled, random) => {
    const context = read(value)
    assert.deepStrictEqual(context.diagnostics, [])
    assert.deepStrictEqual(context.trace, { traceId, spanId, sampled, random, state: "" })
    assert.isUndefined(context.scope)
  })

  it.each([
    ["empty", ""],
    ["version ff", `ff-${traceId}-${spanId}-01`],
    ["version ff with more", `ff-${traceId}-${spanId}-01-more`],
    ["more than the fields of version 00", `${traceparent}-more`],
    ["a dash at the end of version 00", `${traceparent}-`],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
    ["a parent id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["upper case in the trace id", traceparent.toUpperCase()],
    ["upper case in the parent id", `00-${traceId}-${spanId.toUpperCase()}-01`],
    ["upper case in the flags", `00-${traceId}-${spanId}-0A`],
    ["upper case in the version", `CC-${traceId}-${spanId}-01`],
    ["a trace id that is too short", `00-${traceId.slice(1)}-${spanId}-01`],
    ["a trace id that is too long", `00-0${traceId}-${spanId}-01`],
    ["a parent id that is too short", `00-${traceId}-${spanId.slice(1)}-01`],
    ["no flags", `00-${traceId}-${spanId}`],
    ["flags of one digit", `00-${traceId}-${spanId}-1`],
    ["flags of three digits", `00-${traceId}-${spanId}-001`],
    ["a later version with more, not set off by a dash", `cc-${traceId}-${spanId}-01.what`],
    ["letters that are no digits", `00-${traceId.replace("4", "g")}-${spanId}-01`],
    ["no dashes", traceparent.replaceAll("-", "_")],
    ["a line break at its end", `${traceparent}\n`],
    ["spaces inside", traceparent.replaceAll("-", " - ")],
    ["two of them in one", `${traceparent},${traceparent}`],
    ["a version of one digit", traceparent.slice(1)],
    ["far too much", `01-${traceId}-${spanId}-01-${"x".repeat(10_000)}`]
  ])("is ignored with its tracestate: %s", (_, value) => {
    const context = Propagation.fromHeaders({ traceparent: value, tracestate: "a=1" })
    assert.isUndefined(context.trace)
    assert.isUndefined(context.scope)
    assert.deepStrictEqual(fieldsOf(context), ["traceparent", "tracestate"])
    assert.isNotEmpty(context.diagnostics[0]!.problem)
    assert.isNotEmpty(context.diagnostics[0]!.expected)
  })

  it("is found under a name in any case, in each form that headers have", () => {
    const forms: ReadonlyArray<Propagation.HeadersInput> = [
      { TraceParent: traceparent },
      { TRACEPARENT: [traceparent] },
      { traceparent: [], Traceparent: traceparent },
      new Headers({ TraceParent: traceparent }),
      [["traceParent", traceparent]],
      new Map([["traceparent", traceparent]])
    ]
    for (const form of forms) assert.strictEqual(Propagation.fromHeaders(form).trace?.traceId, traceId)
  })

  it("is ignored where there are two of it", () => {
    const two = new Headers({ traceparent })
    two.append("traceparent", traceparent)
    for (
      const headers of [two, { traceparent: [traceparent, traceparent] }, { traceparent, Traceparent: traceparent }]
    ) {
      assert.isUndefined(Propagation.fromHeaders(headers).trace)
    }
  })

  it("goes out as version 00, and not if its ids are invalid", () => {
    const trace = { traceId, spanId, sampled: true, random: true, state: "" }
    const out = (more: Partial<typeof trace>) =>
      Propagation.toHeaders({ ...Propagation.empty, trace: { ...trace, ...more } })
    assert.deepStrictEqual(out({}), { traceparent: `00-${traceId}-${spanId}-03` })
    assert.deepStrictEqual(out({ sampled: false, random: false }), { traceparent: `00-${traceId}-${spanId}-00` })
    for (const more of [{ traceId: "0".repeat(32) }, { traceId: "x" }, { spanId: "0".repeat(16) }, { spanId: "é" }]) {
      assert.deepStrictEqual(out({ ...more, state: "a=1" }), {})
    }
    assert.deepStrictEqual(
      Propagation.toHeaders(Propagation.fromHeaders({ traceparent: `cc-${traceId}-${spanId}-01-x` })),
      {
        traceparent
      }
    )
  })
})

describe("tracestate", () => {
  const read = (...tracestate: ReadonlyArray<string>) => Propagation.fromHeaders({ traceparent, tracestate })
  const member = (index: number) => `k${index}=v`

  it.each([
    ["one member", "congo=t61rcWkgMzE", "congo=t61rcWkgMzE"],
    ["several, in their order", "rojo=1,congo=2", "rojo=1,congo=2"],
    ["optional white space around members", " rojo=1 ,\tcongo=2\t", "rojo=1,congo=2"],
    ["empty members", ",rojo=1,, ,congo=2,", "rojo=1,congo=2"],
    ["a key that begins with a digit", "0rojo=1", "0rojo=1"],
    ["every character of keys", "az09_-*/@x=1", "az09_-*/@x=1"],
    ["a key of 256 characters", `${"k".repeat(256)}=1`, `${"k".repeat(256)}=1`],
    ["a value of 256 characters", `k=${"v".repeat(256)}`, `k=${"v".repeat(256)}`],
    ["spaces before and in a value", "k=  a b", "k=  a b"],
    ["every other character of values", "k=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~", "k=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"],
    ["nothing", "", ""]
  ])("is kept: %s", (_, value, expected) => {
    const context = read(value)
    assert.deepStrictEqual(context.diagnostics, [])
    assert.strictEqual(context.trace?.state, expected)
  })

  it.each([
    ["a key without value", "rojo"],
    ["an empty value", "rojo="],
    ["an empty key", "=1"],
    ["upper case in a key", "Rojo=1"],
    ["a key that begins with another sign", "_rojo=1"],
    ["a key of 257 characters", `${"k".repeat(257)}=1`],
    ["a value of 257 characters", `k=${"v".repeat(257)}`],
    ["an equals sign in a value", "k=a=b"],
    ["space before the equals sign", "k =a"],
    ["a tab in a value", "k=a\tb"],
    ["letters beyond ASCII", "k=é"],
    ["a good member beside a bad one", "rojo=1,congo"],
    ["33 members", Array.from({ length: 33 }, (_, index) => member(index)).join(",")],
    ["far too much", `k=1,${" ".repeat(100_000)}`]
  ])("is ignored as a whole, and nothing else is: %s", (_, value) => {
    const context = Propagation.fromHeaders({ traceparent, tracestate: value, baggage: "a=1" })
    assert.strictEqual(context.trace?.traceId, traceId)
    assert.strictEqual(context.trace?.state, "")
    assert.strictEqual(context.baggage.get("a")?.value, "1")
    assert.deepStrictEqual(fieldsOf(context), ["tracestate"])
  })

  it("keeps 32 members, and the first of those with one key", () => {
    const all = Array.from({ length: 32 }, (_, index) => member(index)).join(",")
    assert.strictEqual(read(all).trace?.state, all)
    const twice = read("a=1,b=2,a=3")
    assert.strictEqual(twice.trace?.state, "a=1,b=2")
    assert.deepStrictEqual(fieldsOf(twice), ["tracestate"])
  })

  it("joins several headers in their order", () => {
    assert.strictEqual(read("a=1", "b=2", "", "c=3").trace?.state, "a=1,b=2,c=3")
  })

  it("carries the scope of a heddle, in front, and replaces the one before", () => {
    const context: Propagation.PropagationContext = {
      version: 1,
      scope: { uuid: scope, rootUuid: root },
      trace: { traceId, spanId, sampled: true, random: false, state: "rojo=1,heddle=1:old:older,congo=2" },
      baggage: new Map()
    }
    const headers = Propagation.toHeaders(context)
    assert.strictEqual(headers["tracestate"], `heddle=1:${root}:${scope},rojo=1,congo=2`)
    assert.deepStrictEqual(Propagation.fromHeaders(headers).scope, context.scope)
  })

  it("keeps its order where nothing changed", () => {
    const state = `rojo=1,heddle=1:${root}:${scope}`
    assert.strictEqual(Propagation.toHeaders(read(state))["tracestate"], state)
  })

  it("knows scopes of a later heddle, and ignores what is no scope", () => {
    const expected = { uuid: scope, rootUuid: root }
    assert.deepStrictEqual(read(`heddle=2:${root}:${scope}:more:of:it`).scope, expected)
    for (
      const value of [root, `1:${root}`, `1::${scope}`, `x:${root}:${scope}`, `1:${root}:<b>`, `0:${root}:${scope}`]
    ) {
      const context = read(`rojo=1,heddle=${value}`)
      assert.isUndefined(context.scope, value)
      assert.strictEqual(context.trace?.state, "rojo=1")
      assert.deepStrictEqual(fieldsOf(context), ["tracestate"])
    }
    assert.isUndefined(read(`heddle=1:${root}:${"x".repeat(65)}`).scope)
  })

  it("does not say ids of scopes that fit into no header", () => {
    const scope = { uuid: "an id, with = and ü", rootUuid: root }
    assert.deepStrictEqual(Object.keys(Propagation.toHeaders({ ...Propagation.empty, scope })), ["traceparent"])
  })

  it("goes out in 512 characters and 32 members at most: whole members go, long ones first, then the last", () => {
    const out = (state: string) =>
      Propagation.toHeaders({
        version: 1,
        scope: { uuid: scope, rootUuid: root },
        trace: { traceId, spanId, sampled: true, random: false, state },
        baggage: new Map()
      })["tracestate"]!
    const own = `heddle=1:${root}:${scope}`
    const full = Array.from({ length: 32 }, (_, index) => member(index))
    assert.strictEqual(out(full.join(",")), [own, ...full.slice(0, 31)].join(","))
    const long = `long=${"x".repeat(125)}`
    const short = Array.from({ length: 4 }, (_, index) => `s${index}=${"y".repeat(80)}`)
    const [first, second, third, fourth] = short
    assert.strictEqual(out([first, long, second, third, fourth].join(",")), [own, ...short].join(","))
    const more = [...short, "t=1", `u=${"z".repeat(100)}`, "v=2"]
    const sent = out(more.join(","))
    assert.isAtMost(sent.length, 512)
    assert.strictEqual(sent, [own, ...short, "t=1"].join(","))
  })
})

describe("baggage", () => {
  const read = (...baggage: ReadonlyArray<string>) => Propagation.fromHeaders({ baggage })
  const entry = (value: string, ...properties: ReadonlyArray<string>) => ({ value, properties })

  it.each<readonly [what: string, header: string, expected: Record<string, Propagation.BaggageEntry>]>([
    ["keys and values", "userId=alice,isProduction=false", { userId: entry("alice"), isProduction: entry("false") }],
    ["optional white space", " a = 1 ;\tp ; q = 2 ,\tb=2 ", { a: entry("1", "p", "q = 2"), b: entry("2") }],
    ["properties", "k=v;p1;p2=x%20y;p3=", { k: entry("v", "p1", "p2=x%20y", "p3=") }],
    ["what is percent-encoded", "k=DF%2028%2C%3B%22", { k: entry("DF 28,;\"") }],
    ["UTF-8", "k=%C3%BC%e2%82%ac", { k: entry("ü€") }],
    ["what is no UTF-8, as a replacement", "k=%FFa%C3", { k: entry("\uFFFDa\uFFFD") }],
    ["a percent sign that encodes nothing", "k=100%,l=%zz", { k: entry("100%"), l: entry("%zz") }],
    ["equals signs in a value", "k=a==", { k: entry("a==") }],
    ["an empty value", "k=", { k: entry("") }],
    ["every character of a token", "!#$%&'*+-.^_`|~0Az=1", { "!#$%&'*+-.^_`|~0Az": entry("1") }],
    ["empty members", ",a=1,, ,b=2,", { a: entry("1"), b: entry("2") }],
    ["the last of one key, in the first place", "a=1,b=2,a=3;p", { a: entry("3", "p"), b: entry("2") }],
    [
      "a key that objects have",
      "__proto__=1,constructor=2",
      Object.fromEntries([
        ["__proto__", entry("1")],
        ["constructor", entry("2")]
      ])
    ]
  ])("is read: %s", (_, header, expected) => {
    const context = read(header)
    assert.deepStrictEqual(context.diagnostics, [])
    assert.deepStrictEqual([...context.baggage], Object.entries(expected))
  })

  it.each([
    ["no value", "k"],
    ["no key", "=v"],
    ["a key that is no token", "k y=v"],
    ["a quote", "k=\"v\""],
    ["a space in a value", "k=a b"],
    ["a backslash", "k=a\\b"],
    ["letters beyond ASCII", "k=ü"],
    ["a control character", "k=a\u0001"],
    ["a reserved key", "heddle.root=x"],
    ["a reserved key in another case", "Heddle.Root=x"],
    ["a reserved key of OpenTelemetry", "otel.trace_id=x"]
  ])("leaves a member out, and nothing else: %s", (_, member) => {
    const context = read(`a=1,${member},b=2`)
    assert.deepStrictEqual([...context.baggage.keys()], ["a", "b"])
    assert.deepStrictEqual(fieldsOf(context), ["baggage"])
  })

  it("shows no values in its diagnostics", () => {
    const context = Propagation.fromHeaders({
      traceparent: `${traceparent}-s3cret`,
      tracestate: "a=s3cret",
      baggage: ["k=s3cret value", "heddle.k=s3cret", "l=1;s3 cret=s3cret"]
    })
    assert.strictEqual(context.diagnostics.length, 5)
    assert.notInclude(JSON.stringify(context.diagnostics), "s3cret")
  })

  it("leaves a property out that has another form", () => {
    const context = read("a=1;good;b ad;=x;c=d")
    assert.deepStrictEqual(context.baggage.get("a"), entry("1", "good", "c=d"))
    assert.deepStrictEqual(fieldsOf(context), ["baggage"])
  })

  it("is not part of a trace: it is read without a traceparent, and joined of several headers", () => {
    assert.deepStrictEqual([...read("a=1", "b=2,c=3").baggage.keys()], ["a", "b", "c"])
  })

  it("keeps 64 members and 8192 bytes, and what fits after what does not", () => {
    const many = Array.from({ length: 66 }, (_, index) => `k${index}=${index}`)
    const context = read(many.join(","))
    assert.deepStrictEqual([...context.baggage.keys()], many.slice(0, 64).map((one) => one.split("=")[0]))
    assert.strictEqual(context.diagnostics.length, 2)
    const exact = `a=${"x".repeat(4000)},b=${"y".repeat(8192 - 4002 - 1 - 2)}`
    assert.strictEqual(exact.length, 8192)
    assert.deepStrictEqual(read(exact).diagnostics, [])
    assert.strictEqual(Propagation.toHeaders(read(exact))["baggage"], exact)
    const over = read(`a=${"x".repeat(4000)},b=${"y".repeat(8192 - 4002 - 1 - 1)},c=1`)
    assert.deepStrictEqual([...over.baggage.keys()], ["a", "c"])
    assert.deepStrictEqual(fieldsOf(over), ["baggage"])
    const huge = read(`a=1,b=${"x".repeat(100_000)}`)
    assert.strictEqual(huge.baggage.size, 0)
    assert.include(huge.diagnostics[0]?.problem, "100006 characters")
    assert.strictEqual(read(Array.from({ length: 100 }, () => "bad").join(",")).diagnostics.length, 32)
  })

  it("goes out encoded, without what may not be said", () => {
    const baggage = new Map([
      ["k", entry(" a,b;\"\\%ü🧵 ", "p", "q=1", "no good")],
      ["heddle.x", entry("1")],
      ["no token", entry("1")],
      ["", entry("1")]
    ])
    const out = Propagation.toHeaders({ ...Propagation.empty, baggage })["baggage"]
    assert.strictEqual(out, "k=%20a%2Cb%3B%22%5C%25%C3%BC%F0%9F%A7%B5%20;p;q=1")
    assert.deepStrictEqual(read(out!).baggage.get("k"), entry(" a,b;\"\\%ü🧵 ", "p", "q=1"))
  })
})

it("an empty context has no headers, and headers of others say nothing", () => {
  assert.deepStrictEqual(Propagation.toHeaders(Propagation.empty), {})
  const context = Propagation.fromHeaders({ accept: "*/*", b3: "0", cookie: undefined })
  assert.deepStrictEqual(context, { ...Propagation.empty, diagnostics: [] })
})
