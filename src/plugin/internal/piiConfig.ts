import * as Schema from "effect/Schema"
import { secret } from "../PluginConfig.ts"
import { problemsOf } from "./piiOptions.ts"

const Action = Schema.Union([
  Schema.Literals(["remove", "mask", "hash", "partial", "replace"]),
  Schema.Struct({ replace: Schema.String.annotate({ description: "Text that stands for each finding" }) })
]).annotate({ description: "What becomes of a finding" })

const Setting = Schema.optionalKey(Schema.Union([Schema.Boolean, Action]))

const Detectors = Schema.Struct({
  email: Setting,
  phone: Setting,
  card: Setting,
  iban: Setting,
  ip: Setting,
  token: Setting,
  jwt: Setting,
  pem: Setting,
  userinfo: Setting,
  authorization: Setting,
  password: Setting,
  entropy: Setting
}).annotate({ description: "Detectors that are switched on or off, or have an action of their own; entropy is off" })

const Custom = Schema.Struct({
  name: Schema.String.annotate({ description: "Names the detector in what stands for its findings" }),
  pattern: Schema.String.annotate({ description: "Regular expression, without look-around and references back" }),
  ignoreCase: Schema.optionalKey(Schema.Boolean),
  action: Schema.optionalKey(Action)
}).pipe(Schema.encodeKeys({ ignoreCase: "ignore_case" }))

const Surface = Schema.optionalKey(Schema.Boolean)

const Events = Schema.Struct({
  request: Surface,
  response: Surface,
  error: Surface,
  mark: Surface,
  scopeStart: Surface,
  scopeEnd: Surface
}).annotate({ description: "Parts of events that are redacted; all, unless switched off" })
  .pipe(Schema.encodeKeys({ scopeStart: "scope_start", scopeEnd: "scope_end" }))

const Paths = Schema.Array(Schema.String)

/** Configuration of the plugin, as documents write it and as options of the layer. */
export const Config = Schema.Struct({
  action: Schema.optionalKey(Action),
  detectors: Schema.optionalKey(Detectors),
  custom: Schema.optionalKey(Schema.Array(Custom)),
  regions: Schema.optionalKey(
    Schema.Array(Schema.String).annotate({
      description: "Regions (ISO 3166-1) whose telephone numbers are found without a country code; US unless given"
    })
  ),
  entropyBits: Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 2, maximum: 6 })).annotate({
      description: "Bits for each letter from which a word looks random; 4 unless given"
    })
  ),
  include: Schema.optionalKey(
    Paths.annotate({
      description: "JSON pointers with * and **, such as /data/messages/**; only what they mean is redacted"
    })
  ),
  exclude: Schema.optionalKey(Paths.annotate({ description: "JSON pointers with * and **; what they mean stays" })),
  key: Schema.optionalKey(secret),
  maxChars: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1024, maximum: 16_777_216 })).annotate({
      description: "Characters of one payload that are read; what is longer is cut. 4194304 unless given"
    })
  ),
  events: Schema.optionalKey(Events),
  priority: Schema.optionalKey(Schema.Finite)
}).check(
  Schema.makeFilter((options) => problemsOf(options).map(({ message, path }) => ({ path, issue: message })))
).pipe(Schema.encodeKeys({ entropyBits: "entropy_bits", maxChars: "max_chars" }))
