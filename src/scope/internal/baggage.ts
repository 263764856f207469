/**
 * The header `baggage` by W3C Baggage (Candidate Recommendation), §3. The limits are those that it wants to be passed on
 * at least: 64 members and 8192 bytes.
 */
import { type Baggage, type BaggageEntry, isReservedKey, type Report, trimOws } from "./propagationContext.ts"

const maxMembers = 64

const maxBytes = 8192

/** A longer header is not looked at. */
const maxLength = 65_536

/** `token` of RFC 9110 §5.6.2. */
const tokenForm = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** `baggage-octet`: printable ASCII without space, quote, comma, semicolon and backslash. */
const valueForm = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/

const notOctets = /[^\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+/g

const percentRuns = /(?:%[0-9A-Fa-f]{2})+/g

/** Collects entries within the limits. What does not fit, or may not be said from outside, is reported and left out. */
export class BaggageBuilder {
  private readonly entries = new Map<string, { readonly entry: BaggageEntry; readonly member: string }>()
  private bytes = 0
  private readonly report: Report

  constructor(report: Report) {
    this.report = report
  }

  add(key: string, { properties, value }: BaggageEntry): void {
    if (!tokenForm.test(key)) return this.report("baggage", "has a key that is no token", "a token of RFC 9110")
    if (isReservedKey(key)) {
      return this.report("baggage", `has a reserved key ${shown(key)}`, "keys that do not start with heddle. or otel.")
    }
    const kept = properties.filter(isProperty)
    if (kept.length < properties.length) {
      this.report("baggage", `has a property of ${shown(key)} of another form`, "key or key=value")
    }
    const member = [`${key}=${encode(value)}`, ...kept].join(";")
    // Of duplicates the last one counts, at the place of the first.
    const before = this.entries.get(key)
    const comma = this.entries.size === 0 ? 0 : 1
    const bytes = this.bytes + member.length + (before === undefined ? comma : -before.member.length)
    if (before === undefined && this.entries.size >= maxMembers) {
      return this.report("baggage", `has no room for ${shown(key)}`, `at most ${maxMembers} members`)
    }
    if (bytes > maxBytes) {
      return this.report("baggage", `has no room for ${shown(key)}`, `at most ${maxBytes} bytes`)
    }
    this.bytes = bytes
    this.entries.set(key, { entry: { value, properties: kept }, member })
  }

  get baggage(): Baggage {
    return new Map(Array.from(this.entries, ([key, { entry }]) => [key, entry]))
  }

  get header(): string {
    return Array.from(this.entries.values(), ({ member }) => member).join(",")
  }
}

/** Reads the header. A member of another form is left out; the others stay. */
export const readBaggage = (header: string, report: Report): Baggage => {
  const builder = new BaggageBuilder(report)
  if (header.length > maxLength) {
    report("baggage", `is ${header.length} characters long`, `at most ${maxBytes} bytes`)
    return builder.baggage
  }
  let count = 0
  for (const part of header.split(",")) {
    if (trimOws(part) === "") continue
    count++
    const [pair = "", ...properties] = part.split(";").map(trimOws)
    const at = pair.indexOf("=")
    const value = at < 0 ? undefined : trimOws(pair.slice(at + 1))
    if (value === undefined || !valueForm.test(value)) {
      report("baggage", `has a member ${count} of another form`, "key=value;property, percent-encoded")
    } else builder.add(trimOws(pair.slice(0, at)), { value: decode(value), properties })
  }
  return builder.baggage
}

/** The header that says this, as far as it fits. */
export const writeBaggage = (baggage: Baggage): string => {
  const builder = new BaggageBuilder(() => undefined)
  for (const [key, entry] of baggage) builder.add(key, entry)
  return builder.header
}

const isProperty = (property: string): boolean => {
  const at = property.indexOf("=")
  if (at < 0) return tokenForm.test(property)
  return tokenForm.test(trimOws(property.slice(0, at))) && valueForm.test(trimOws(property.slice(at + 1)))
}

const shown = (key: string): string => JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}…` : key)

/** What is no UTF-8 becomes U+FFFD. */
const decode = (value: string): string =>
  value.replaceAll(percentRuns, (run) => {
    const bytes = Uint8Array.from(run.slice(1).split("%"), (digits) => Number.parseInt(digits, 16))
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
  })

const encode = (value: string): string =>
  value.replaceAll(
    notOctets,
    (run) => Array.from(new TextEncoder().encode(run), (byte) => `%${hex(byte)}`).join("")
  )

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0")
