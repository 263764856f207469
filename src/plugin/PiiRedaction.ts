/**
 * Personal data and secrets, kept out of what observers see.
 *
 * Redaction works on events only: what a tool or a model gets, and what their callers get back, is never touched. It
 * stands on sanitizers, so it fails closed: if it ever failed, the field would be cleared. Findings are checked wherever
 * there is something to check (Luhn digits, numbering plans, the syntax of addresses), so that hashes, ids and plain
 * numbers stay readable; how well that works is counted in `docs/pii-redaction.md`.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { AgentRuntime } from "../event/internal/runtime.ts"
import type { Json } from "../event/LifecycleEvent.ts"
import * as Middleware from "../middleware/Middleware.ts"
import { Config } from "./internal/piiConfig.ts"
import type { Finding } from "./internal/piiDetect.ts"
import { entriesOf, type Surfaces } from "./internal/piiEntries.ts"
import { type Problem, problemsOf, type RedactOptions, rulesOf } from "./internal/piiOptions.ts"
import { Redaction } from "./internal/piiRedactor.ts"
import * as Plugin from "./Plugin.ts"

export type {
  /**
   * Names of the built-in detectors.
   *
   * | name | what it finds | checked by |
   * |---|---|---|
   * | `email` | addresses, also in URLs | syntax (`validator`) |
   * | `phone` | numbers with a country, and those of `regions` | numbering plans (`libphonenumber-js`) |
   * | `card` | payment cards | issuer, length, Luhn digit |
   * | `iban` | bank accounts | country, form, check digits |
   * | `ip` | addresses of hosts and networks, version 4 and 6 | syntax; loopback and masks are none |
   * | `token` | keys and tokens of some fifty services | their published forms |
   * | `jwt` | signed and encrypted tokens | a header that names an algorithm |
   * | `pem` | private keys | their frame |
   * | `userinfo` | user and password in URLs | position |
   * | `authorization` | what follows `Bearer`, `Basic` | form; `Basic` decodes |
   * | `password` | values of names such as `api_key` | the name; placeholders are none |
   * | `entropy` | words that look drawn at random; off unless asked for | Shannon entropy |
   *
   * Where findings overlap they become one, under the name that comes first in the order of secrets before addresses
   * before numbers.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  DetectorName,
  /**
   * A part of a text, in UTF-16 units, and the detector that names it.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Finding
} from "./internal/piiDetect.ts"

export type {
  /**
   * Parts of events. All are redacted unless one is `false`.
   *
   * **Details**
   *
   * - `request`, `response`: the payload of tool and model calls, folded streams included.
   * - `error`: tag, message and cause of what failed, and the reason of what was blocked.
   * - `mark`: data, profile and metadata of marks.
   * - `scopeStart`, `scopeEnd`: data of other scopes; profile (annotations of model calls too) and metadata of all.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Surfaces
} from "./internal/piiEntries.ts"

export type {
  /**
   * What becomes of a finding.
   *
   * **Details**
   *
   * - `"replace"` (the default): `[REDACTED:email]`, named by the detector; `{ replace }`: a text of your own.
   * - `"remove"`: cut out of its text. A text that is nothing else is left out of its object, and `null` in an array and at
   *   the top.
   * - `"mask"`: an asterisk for each UTF-16 unit.
   * - `"partial"`: `a***@example.com`, the last four digits, the network of an address, four letters at either end of a long
   *   token; other secrets become `****`.
   * - `"hash"`: `[email:9f86d081884c7d659a2f]`, the first 80 bits of HMAC-SHA-256 with `key`, hexadecimal. Equal values have
   *   equal names.
   *
   * A number is found as a text is, and becomes `0`, so that its type stays; `"remove"` leaves it out.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Action,
  /**
   * A detector of your own.
   *
   * **Details**
   *
   * - `name`: up to 32 of `a-z`, `0-9`, `_` and `-`.
   * - `pattern`: a regular expression of JavaScript, read with the flag `u`. Refused is what could take exponential time:
   *   repeated groups that hold a choice, neighbouring repetitions that read the same letters, look-around, references.
   *   Matches of up to 256 characters are found wherever they lie; longer ones may be cut.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  CustomDetector,
  /**
   * Something in options that cannot be obeyed.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  Problem,
  /**
   * How values are redacted.
   *
   * **Details**
   *
   * - `action`: for all detectors that have none of their own. Default `"replace"`.
   * - `detectors`: switches detectors, or gives them an action: `{ ip: false, card: "partial", entropy: true }`.
   * - `custom`: come before the built-in ones where findings overlap.
   * - `regions`: ISO 3166-1, whose telephone numbers are found without a country code. Default `["US"]`.
   * - `entropyBits`: bits for each letter from which `entropy` finds. Default `4`.
   * - `include`, `exclude`: JSON pointers (RFC 6901) with `*` for any part or letters and `**` for any number of parts. With
   *   `include`, only what lies at or below one of them is redacted; what lies at or below one of `exclude` never is. In
   *   events they begin with the field: `/data/…`, `/metadata/…`, `/profile/…`, `/error/message`.
   * - `key`: for `"hash"`, at least 16 characters.
   * - `maxChars`: UTF-16 units of one payload; more is cut away, visibly. Default 4,194,304.
   *
   * @stability experimental
   * @category models
   * @since 0.1.0
   */
  RedactOptions
} from "./internal/piiOptions.ts"

// models

/**
 * Options of the layer.
 *
 * **Details**
 *
 * - `events`: parts of events. Default: all.
 * - `name`: of the sanitizers, unique among those of a runtime. Default `"pii-redaction"`.
 * - `priority`: higher runs later, and sees what others left. Default `100`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options extends RedactOptions {
  readonly events?: Surfaces | undefined
  readonly name?: string | undefined
  readonly priority?: number | undefined
}

/**
 * Redacts by fixed rules. It has no state, and what it is given never makes it throw.
 *
 * **Details**
 *
 * - `find`: what is found in a text, in its order and without overlaps.
 * - `text`: a text without it.
 * - `value`: any value as JSON, redacted: a copy in which types, keys and order of arrays are as they were. Keys that hold
 *   findings are redacted too. What is no JSON becomes what exporters make of it: dates are texts, instances their
 *   properties, cycles `"[Circular]"`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Redactor {
  readonly find: (text: string) => ReadonlyArray<Finding>
  readonly text: (text: string) => string
  readonly value: (value: unknown) => Json
}

// errors

/**
 * Options that cannot be obeyed, with all that is wrong with them.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class PiiRedactionError extends Data.TaggedError("PiiRedactionError")<{
  readonly problems: ReadonlyArray<Problem>
}> {
  override get message(): string {
    const lines = this.problems.map(({ message, path }) => `  at ${path.join(".")}: ${message}`)
    return ["options of redaction were refused:", ...lines].join("\n")
  }
}

// constructors

/**
 * Makes a redactor.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: RedactOptions = {}): Result.Result<Redactor, PiiRedactionError> =>
  Result.map(redactionOf(options), (redaction) => ({
    find: (text) => redaction.find(text),
    text: (text) => redaction.text(text),
    value: (value) => redaction.value(value)
  }))

/**
 * A value as JSON without what the detectors find.
 *
 * **Gotchas**
 *
 * It reads the options each time, and throws a `PiiRedactionError` if they cannot be obeyed. For many values, or options
 * from outside, use `make`.
 *
 * **Example** (Redacting a message)
 *
 * ```ts
 * PiiRedaction.redact({ to: "ada@example.com", text: "Hello" })
 * // => { to: "[REDACTED:email]", text: "Hello" }
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const redact = (value: unknown, options: RedactOptions = {}): Json =>
  Result.getOrThrow(redactionOf(options)).value(value)

// layers

/**
 * Redacts the events of a runtime for as long as the layer lives.
 *
 * **Example** (A policy for an application)
 *
 * ```ts
 * const Runtime = AgentRuntime.layerWith({
 *   policies: PiiRedaction.layer({ regions: ["DE", "FR"], detectors: { card: "partial" } })
 * })
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<never, PiiRedactionError | Middleware.DuplicateEntry, AgentRuntime> =>
  Layer.unwrap(
    Effect.map(Effect.fromResult(redactionOf(options)), (redaction) =>
      Middleware.layer(...entriesOf(redaction, {
        name: options.name ?? "pii-redaction",
        priority: options.priority ?? 100,
        events: options.events ?? {}
      })))
  )

/**
 * The layer as a plugin: kind `pii_redaction`, with the options in snake case.
 *
 * @stability experimental
 * @category plugins
 * @since 0.1.0
 */
export const plugin: Plugin.Plugin = Plugin.make({
  kind: "pii_redaction",
  version: "1.0.0",
  description: "Keeps personal data and secrets out of events.",
  config: Config,
  layer
})

// internal

const redactionOf = (options: RedactOptions): Result.Result<Redaction, PiiRedactionError> => {
  const problems = problemsOf(options)
  return problems.length === 0
    ? Result.succeed(new Redaction(rulesOf(options)))
    : Result.fail(new PiiRedactionError({ problems }))
}
